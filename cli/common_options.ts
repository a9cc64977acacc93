/** Options that several commands have, and what must hold among them. */
import { type Command, Option } from "commander";
import { toMoment } from "./arguments.ts";
import { CommandError, EXIT } from "./exit.ts";

/** Options that {@link addSource} and {@link addWindow} read. */
export interface CommonOptions {
  readonly pcap?: readonly string[];
  readonly dataDir?: string;
  /** µs since 1970. */
  readonly from?: number;
  readonly to?: number;
}

/** Adds what names the packets: savefiles, or a folder of shards. */
export function addSource(command: Command, verb: string): Command {
  return command
    .option(
      "--pcap <path...>",
      `${verb} these savefiles, or all in these folders; - is standard input`,
    )
    .addOption(
      new Option(
        "--data-dir <folder>",
        `${verb} what is kept in this folder; without --pcap and --data-dir, ` +
          "in the one that import writes to",
      ).conflicts("pcap"),
    );
}

/** Adds the stretch of time that is asked about. */
export function addWindow(command: Command, what: string): Command {
  const now = Date.now() * 1000;
  const parse = (text: string) => toMoment(text, now);
  return command
    .option("--from <time>", `only ${what} that began then or later`, parse)
    .option("--to <time>", `only ${what} that began then or before`, parse)
    .hook("preAction", (_, action) => checkWindow(action.opts()));
}

function checkWindow({ from, to }: CommonOptions): void {
  if (from !== undefined && to !== undefined && from > to) {
    throw new CommandError(
      EXIT.MISUSED,
      "--from is later than --to, so nothing could match: exchange them",
    );
  }
}
