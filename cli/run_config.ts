/** Runs `config`. */
import { dirname } from "node:path";
import type { Command, Option } from "commander";
import { dump } from "js-yaml";
import {
  configurable,
  type Configuration,
  defaultOf,
  type Effective,
  effective,
  keyOf,
  optionsOf,
  readConfiguration,
} from "./configuration.ts";
import { usualFile } from "./configured.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { print, say } from "./output.ts";

/** What `config` was told. */
export interface ConfigOptions {
  readonly json?: true;
  readonly init?: true;
}

/** Prints what is in force, or writes a file to begin with. */
export async function runConfig(
  program: Command,
  name: string | undefined,
  options: ConfigOptions,
): Promise<ExitCode> {
  if (options.init) return await writeFirst(program);
  const configuration = await readConfiguration(program, Deno.env.toObject());
  const print = options.json ? printJson : printYaml;
  print(commandsCalled(program, name), configuration);
  return EXIT.DONE;
}

/** @throws CommandError if there is no such command */
function commandsCalled(program: Command, name: string | undefined): Command[] {
  const all = configurable(program).filter((one) => optionsOf(one).length > 0);
  if (name === undefined) return all;
  const found = all.filter((command) => command.name() === name);
  if (found.length > 0) return found;
  const names = all.map((command) => command.name()).join(", ");
  throw new CommandError(
    EXIT.MISUSED,
    `"${name}" has nothing to configure; these have: ${names}`,
  );
}

function printJson(
  commands: readonly Command[],
  configuration: Configuration,
): void {
  for (const command of commands) {
    for (const one of effective(command, configuration)) {
      const { option, text, source, line } = one;
      print(
        JSON.stringify({
          command: command.name(),
          option: keyOf(option),
          value: text ?? null,
          source,
          ...(line !== undefined && { line }),
        }) + "\n",
      );
    }
  }
}

/** As a configuration file that would say the same. */
function printYaml(
  commands: readonly Command[],
  configuration: Configuration,
): void {
  const { file, isThere } = configuration;
  const hint = isThere
    ? ""
    : ", which is not there: `thresher config --init` writes one";
  if (file !== undefined) print(`# ${file}${hint}\n`);
  for (const command of commands) {
    const set = effective(command, configuration)
      .filter(({ text }) => text !== undefined);
    if (set.length === 0) continue;
    print(`${command.name()}:\n`);
    const lines = set.map((one) => [toLine(one), toSource(one)] as const);
    const width = Math.max(...lines.map(([line]) => line.length));
    for (const [line, source] of lines) {
      print(`  ${line.padEnd(width)}  # ${source}\n`);
    }
  }
}

function toLine({ option, text }: Effective): string {
  return `${keyOf(option)}: ${toYaml(text!)}`;
}

/** A value on one line; what stands there as a text may also be a number. */
function toYaml(value: string | readonly string[]): string {
  if (typeof value === "string" && /^(true|false|\d+)$/.test(value)) {
    return value;
  }
  return dump(value, { flowLevel: 0, lineWidth: -1 }).trimEnd();
}

function toSource({ option, source, line }: Effective): string {
  switch (source) {
    case "file":
      return `file, line ${line}`;
    case "environment":
      return `environment`;
    default:
      return option.mandatory ? "has to be given" : source;
  }
}

/** @throws CommandError if there is one already */
async function writeFirst(program: Command): Promise<ExitCode> {
  const env = Deno.env.toObject();
  const file = env.THRESHER_CONFIG || usualFile(env);
  if (file === undefined) {
    throw new CommandError(
      EXIT.FAILED,
      "There is no home folder to write to: name a file by THRESHER_CONFIG",
    );
  }
  await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await Deno.writeTextFile(file, firstFile(program), {
      createNew: true,
      mode: 0o600,
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new CommandError(
      EXIT.FAILED,
      `"${file}" is there already, and left as it is`,
      error,
    );
  }
  say(`thresher: wrote ${file}; nothing in it is in force yet`);
  return EXIT.DONE;
}

/** A file that configures nothing, and says all that could be. */
export function firstFile(program: Command): string {
  const sections = configurable(program)
    .filter((command) => optionsOf(command).length > 0)
    .map(toSection);
  return `# What Thresher does unless it is told otherwise. Take the # from a line to
# put it in force; flags and the environment (THRESHER_STORAGE_LIMIT=2GB) come
# first. An option may also stand outside of the sections, for every command
# that has it. \`thresher config\` prints what is in force.

${sections.join("\n")}`;
}

function toSection(command: Command): string {
  const options = optionsOf(command).map((option) =>
    `${wrap(option.description)}  #${keyOf(option)}: ${example(option)}\n`
  );
  return `# ${command.summary()}\n${command.name()}:\n${options.join("")}`;
}

/** What might stand there: the default, or what kind of value it takes. */
function example(option: Option): string {
  const usual = defaultOf(option);
  if (usual !== undefined) return toYaml(usual);
  const [, name = "value"] = /[<[]([^>\]]*)/.exec(option.flags) ?? [];
  return option.variadic
    ? `[<${name.replace("...", "")}>]`
    : toYaml(`<${name}>`);
}

/** A text as comment, in lines that fit. */
function wrap(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length > 74) {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  return [...lines, line].map((each) => `  #${each}\n`).join("");
}
