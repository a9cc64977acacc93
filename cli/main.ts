/**
 * Arguments -> a command, and its outcome -> an exit code.
 *
 * Each command is a file that is loaded only when it is called.
 */
import { Command, CommanderError } from "commander";
import { ClusterError } from "../k8s/cluster_error.ts";
import { exitCodeOfCluster } from "./cluster/exit_code.ts";
import {
  CommandError,
  EXIT,
  type ExitCode,
  exitCodeFor,
  reasonOf,
} from "./exit.ts";
import { exitCodeOf } from "./finish.ts";
import { Interrupted } from "./interruption.ts";
import { OutputClosed, print, say } from "./output.ts";
import { COMMANDS, NEEDS_ALL } from "./commands.ts";
import { isAnythingConfigured } from "./configured.ts";
import { asCalled, PROGRAM } from "./program_name.ts";
import { VERSION } from "./version.ts";

/** Runs the program. Never throws what a user could have caused. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const program = await describe(commandsFor(args));
  if (program.commands.length > 1 && !asksForHelp(args)) {
    const { configure } = await import("./configuration.ts");
    configure(program);
  }
  let code: ExitCode = EXIT.DONE;
  program.hook("postAction", (_, action) => {
    code = exitCodeOf(action) ?? code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    return toExitCode(error);
  }
}

/** Help is there even where the configuration is wrong. */
const asksForHelp = (args: readonly string[]): boolean =>
  args.some((arg) => arg === "--help" || arg === "-h");

/**
 * The commands that have to be known: the one that is called, if it is called
 * first and by name; all of them where help, or what is configured, may be
 * about any.
 */
function commandsFor([name = ""]: readonly string[]): readonly string[] {
  const isAlone = Object.hasOwn(COMMANDS, name) && !NEEDS_ALL.includes(name) &&
    !isAnythingConfigured(Deno.env.toObject());
  return isAlone ? [name] : Object.keys(COMMANDS);
}

async function describe(names: readonly string[]): Promise<Command> {
  const program = new Command(PROGRAM)
    .description("Shows what services say to each other.")
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("Run `thresher --help` for what there is.")
    .configureOutput({
      writeOut: (text) => print(asCalled(text)),
      writeErr: (text) => say(text.trimEnd()),
      outputError: (text, write) =>
        write(text.replace(/^error: /, "thresher: ")),
    });
  for (
    const describe of await Promise.all(names.map((name) => COMMANDS[name]!()))
  ) {
    describe(program);
  }
  for (const command of program.commands) {
    const name = command.name();
    command.showHelpAfterError(
      `Run \`thresher ${name} --help\` for what it takes.`,
    );
  }
  return program;
}

function toExitCode(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.DONE : EXIT.MISUSED;
  }
  if (error instanceof CommandError) {
    say(`thresher: ${error.message}`);
    return error.code;
  }
  if (error instanceof ClusterError) {
    say(`thresher: ${error.message}`);
    return exitCodeOfCluster(error);
  }
  if (error instanceof OutputClosed) return EXIT.DONE;
  if (error instanceof Interrupted) return EXIT.INTERRUPTED;
  const text = describeRefusal(error);
  // Anything else is a mistake of ours, and shows where it was made.
  if (text === undefined) throw error;
  say(`thresher: ${text}`);
  return exitCodeFor(error);
}

/** A call that the operating system refused, in words; of any other nothing. */
function describeRefusal(error: unknown): string | undefined {
  const reason = reasonOf(error, "with its place");
  if (reason !== undefined) return reason;
  if (!(error instanceof Error)) return undefined;
  const cause = reasonOf(error.cause);
  return cause === undefined ? undefined : `${error.message}: ${cause}`;
}
