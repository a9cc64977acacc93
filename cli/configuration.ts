/**
 * What options are when they are not given: the configuration file, and before
 * it the environment (DESIGN §8: defaults < file < environment < flags).
 *
 * Every option of every command can be configured, by its own name; nothing is
 * declared twice. Misspelt names are refused, wherever they stand.
 */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { CommandError, EXIT, exitCodeFor, reasonOf } from "./exit.ts";
import {
  OTHER_VARIABLES,
  PREFIX,
  usualFile,
  variablesIn,
} from "./configured.ts";
import { BadConfigFile, isSection, type Setting } from "./setting.ts";
import { closest } from "../kfl/diagnostic.ts";

/** Commands that no configuration is for. */
const UNCONFIGURED = ["completion", "config", "help", "version"];

/** Where an option's value comes from. */
export type Source = "default" | "file" | "environment" | "flag";

/** An option's value as somebody wrote it, and where. */
interface Written {
  readonly texts: readonly string[];
  readonly source: "file" | "environment";
  /** For people: `line 4 of "…"`, or the variable's name. */
  readonly place: string;
  /** In the file, from 1. */
  readonly line?: number;
}

/** What file and environment say. */
export interface Configuration {
  /** The file that is, or would be, read; absent without a home folder. */
  readonly file: string | undefined;
  /** Whether it is there. */
  readonly isThere: boolean;
  readonly settings: readonly Setting[];
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Reads file and environment, for all commands of a program.
 *
 * @throws CommandError that says where what is wrong
 */
export async function readConfiguration(
  program: Command,
  env: Readonly<Record<string, string>>,
): Promise<Configuration> {
  const file = env.THRESHER_CONFIG || usualFile(env);
  const text = file && readFile(file, Boolean(env.THRESHER_CONFIG));
  const variables = variablesIn(env);
  const settings = text === undefined
    ? []
    : await readSettings(program, file!, text);
  checkVariables(program, variables);
  return { file, isThere: text !== undefined, settings, variables };
}

function readFile(file: string, isNamed: boolean): string | undefined {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !isNamed) return undefined;
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : reasonOf(error);
    if (reason === undefined) throw error;
    throw new CommandError(
      exitCodeFor(error),
      `Cannot read the configuration "${file}": ${reason}`,
      error,
    );
  }
}

/** @throws CommandError in place of BadConfigFile */
async function readSettings(
  program: Command,
  file: string,
  text: string,
): Promise<Setting[]> {
  // Most have no file, and need not wait for what reads YAML.
  const { readConfigFile } = await import("./config_file.ts");
  try {
    const settings = readConfigFile(text);
    checkSettings(program, settings);
    return settings;
  } catch (error) {
    if (!(error instanceof BadConfigFile)) throw error;
    throw new CommandError(
      EXIT.MISUSED,
      `${placeIn(file, error.line)}: ${error.message}`,
      error,
    );
  }
}

const placeIn = (file: string, line: number): string =>
  `line ${line} of "${file}"`;

/** Commands whose options can be configured. */
export const configurable = (program: Command): Command[] =>
  program.commands.filter((command) => !UNCONFIGURED.includes(command.name()));

/** An option's name in the file: `browser` for `--no-browser`. */
export const keyOf = (option: Option): string =>
  option.name().replace(/^no-/, "");

/** An option's variable: `THRESHER_DATA_DIR` for `--data-dir`. */
export const variableOf = (option: Option): string =>
  PREFIX + keyOf(option).replaceAll("-", "_").toUpperCase();

/** A command's options that can be configured. */
export const optionsOf = (command: Command): Option[] =>
  command.options.filter((option) => option.long !== "--help");

/** @throws BadConfigFile for a name that there is not */
function checkSettings(program: Command, settings: readonly Setting[]): void {
  const commands = configurable(program);
  const everywhere = commands.flatMap(optionsOf).map(keyOf);
  const names = commands.map((command) => command.name());
  for (const { key, line, value } of settings) {
    const command = commands.find((one) => one.name() === key);
    // A section without options in it may be that of any command.
    if (isSection(value) || value === undefined && command) {
      if (!command) {
        throw unknown(`command \`${key}\``, line, closest(key, names));
      }
      const own = optionsOf(command).map(keyOf);
      for (const { key: option, line } of isSection(value) ? value : []) {
        if (!own.includes(option)) {
          const guess = closest(option, own);
          throw unknown(`option \`${option}\` of ${key}`, line, guess);
        }
      }
    } else if (!everywhere.includes(key)) {
      const guess = closest(key, [...everywhere, ...names]);
      throw unknown(`option \`${key}\``, line, guess);
    }
  }
}

const unknown = (
  what: string,
  line: number,
  guess: string | undefined,
): BadConfigFile =>
  new BadConfigFile(
    line,
    `there is no ${what}` +
      (guess === undefined ? "" : `: did you mean \`${guess}\`?`),
  );

/** @throws CommandError for a variable of no option */
function checkVariables(
  program: Command,
  variables: Readonly<Record<string, string>>,
): void {
  const known = configurable(program).flatMap(optionsOf).map(variableOf);
  for (const name of Object.keys(variables)) {
    if (known.includes(name)) continue;
    const guess = closest(name, [...known, ...OTHER_VARIABLES]);
    throw new CommandError(
      EXIT.MISUSED,
      `The environment has ${name}, which is no option` +
        (guess === undefined ? "" : `: did you mean ${guess}?`),
    );
  }
}

/** What is written of an option, if anything is: first in the environment. */
function writtenOf(
  { variables, settings, file }: Configuration,
  command: Command,
  option: Option,
): Written | undefined {
  const name = variableOf(option);
  const variable = variables[name];
  if (variable !== undefined) {
    const texts = option.variadic
      ? variable.split(",").map((text) => text.trim())
      : [variable];
    return { texts, source: "environment", place: name };
  }
  const section = settings.find(({ key, value }) =>
    key === command.name() && isSection(value)
  )?.value;
  const key = keyOf(option);
  for (const among of [isSection(section) ? section : [], settings]) {
    const found = among.find((one) => one.key === key && !isSection(one.value));
    if (found?.value === undefined) continue;
    const { value, line } = found as Setting & { value: string | string[] };
    const texts = typeof value === "string" ? [value] : value;
    return { texts, source: "file", place: placeIn(file!, line), line };
  }
  return undefined;
}

/** One option as it is in force. */
export interface Effective {
  readonly option: Option;
  /** As it would be written; absent where it has none. */
  readonly text: string | readonly string[] | undefined;
  readonly source: Source;
  readonly line?: number;
}

/** Where options came from, for those who must know; by what actions get. */
const sources = new WeakMap<object, ReadonlyMap<string, Source>>();

/** Whether an option's value is configured, and was not given by a flag. */
export function isConfigured(options: object, name: string): boolean {
  const source = sources.get(options)?.get(name);
  return source === "file" || source === "environment";
}

/** Has a program's commands take what is configured for what is not given. */
export function configure(program: Command): void {
  let configuration: Promise<Configuration> | undefined;
  const read = () =>
    configuration ??= readConfiguration(program, Deno.env.toObject());
  program.hook("preSubcommand", async (_, command) => {
    if (UNCONFIGURED.includes(command.name())) return;
    for (const option of optionsOf(command).filter((one) => one.mandatory)) {
      option.mandatory = !writtenOf(await read(), command, option);
    }
  });
  program.hook("preAction", async (_, command) => {
    if (!UNCONFIGURED.includes(command.name())) apply(command, await read());
  });
}

function apply(command: Command, configuration: Configuration): void {
  const from = new Map<string, Source>();
  const options = optionsOf(command);
  for (const option of options) {
    const name = option.attributeName();
    const isGiven = command.getOptionValueSource(name) === "cli";
    if (isGiven || !from.has(name)) {
      from.set(name, isGiven ? "flag" : "default");
    }
  }
  // What stands in the file yields to the environment, both to flags.
  for (const source of ["environment", "file"] as const) {
    const written = options.flatMap((option) => {
      const found = writtenOf(configuration, command, option);
      return found?.source === source ? [{ option, found }] : [];
    });
    const fitting = written.filter(({ option }) =>
      from.get(option.attributeName()) === "default" &&
      !options.some((other) =>
        from.get(other.attributeName()) !== "default" &&
        doConflict(option, other)
      )
    );
    for (const { option, found } of fitting) {
      const name = option.attributeName();
      const value = toValue(option, found);
      from.set(name, source);
      if (value === undefined) continue;
      command.setOptionValueWithSource(
        name,
        value,
        source === "file" ? "config" : "env",
      );
    }
  }
  sources.set(command.opts(), from);
}

const doConflict = (one: Option, other: Option): boolean =>
  conflictsOf(one).includes(other.attributeName()) ||
  conflictsOf(other).includes(one.attributeName());

/** Names of what an option cannot stand with. */
function conflictsOf(option: Option): readonly string[] {
  // Its types leave out what commander itself reads there.
  const { conflictsWith } = option as unknown as Record<string, string[]>;
  return conflictsWith ?? [];
}

/** Words for yes and no, as YAML 1.1 and shells have them. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

/**
 * What the same text would be as a flag; `undefined` for a flag left out.
 *
 * @throws CommandError
 */
function toValue(option: Option, { texts, place }: Written): unknown {
  const refuse = (why: string): never => {
    const key = keyOf(option);
    throw new CommandError(EXIT.MISUSED, `${place}: \`${key}\` ${why}`);
  };
  if (!option.required && !option.optional) {
    const is = texts.length === 1
      ? BOOLEANS[texts[0]!.toLowerCase()]
      : undefined;
    if (is === undefined) return refuse("must be true or false");
    // `--no-browser` is there to say false, `--json` to say true.
    return is === option.negate ? undefined : is;
  }
  const words = option.variadic ? texts : [texts.join(",")];
  if (texts.length > 1 && !option.variadic && !/<\w+s>/.test(option.flags)) {
    return refuse("takes one value");
  }
  try {
    return words.reduce<unknown>(
      (before, text) =>
        option.parseArg
          ? option.parseArg(text, before)
          : option.variadic
          ? [...(before as string[] | undefined ?? []), text]
          : text,
      undefined,
    );
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return refuse(`cannot be "${words.join(", ")}". ${error.message}`);
  }
}

/**
 * Every option of a command, as it is in force without flags.
 *
 * @throws CommandError for a value that the option does not take
 */
export function effective(
  command: Command,
  configuration: Configuration,
): Effective[] {
  return optionsOf(command).map((option) => {
    const written = writtenOf(configuration, command, option);
    if (written) {
      toValue(option, written);
      const { texts, source, line } = written;
      const text = option.variadic ? texts : texts.join(",");
      return { option, text, source, ...(line !== undefined && { line }) };
    }
    return { option, text: defaultOf(option), source: "default" };
  });
}

/** An option's default as it would be written, if it has one. */
export function defaultOf(option: Option): string | undefined {
  const { defaultValue, defaultValueDescription } = option;
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  if (option.negate) return "true";
  if (typeof defaultValue === "string" || typeof defaultValue === "number") {
    return String(defaultValue);
  }
  return option.required || option.optional ? undefined : "false";
}
