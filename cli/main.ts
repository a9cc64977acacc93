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
import { describeCheck } from "./check.ts";
import { describeClean } from "./clean.ts";
import { describeLogs } from "./logs.ts";
import { describePcapdump } from "./pcapdump.ts";
import { describeProxy } from "./proxy.ts";
import { describeStatus } from "./status.ts";
import { describeCompletion } from "./completion.ts";
import { describeConfig } from "./config.ts";
import { configure } from "./configuration.ts";
import { describeExport } from "./export.ts";
import { describeHub } from "./hub.ts";
import { describeImages } from "./images.ts";
import { describeImport } from "./import.ts";
import { describeManifests } from "./manifests.ts";
import { asCalled, PROGRAM } from "./program_name.ts";
import { describeQuery } from "./query.ts";
import { describeTap } from "./tap.ts";
import { describeVersion, VERSION } from "./version.ts";
import { describeWorker } from "./worker.ts";

/** Runs the program. Never throws what a user could have caused. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const program = describe();
  if (!asksForHelp(args)) configure(program);
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

function describe(): Command {
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
  describeTap(program);
  describeQuery(program);
  describeExport(program);
  describeImport(program);
  describeProxy(program);
  describeStatus(program);
  describeCheck(program);
  describeLogs(program);
  describePcapdump(program);
  describeClean(program);
  describeManifests(program);
  describeImages(program);
  describeWorker(program);
  describeHub(program);
  describeConfig(program);
  describeCompletion(program);
  describeVersion(program);
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
