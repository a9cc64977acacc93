/** `export KFL`: writes the matching traffic to a savefile. */
import type { Command } from "commander";
import { toFormat, toMoment } from "./arguments.ts";
import { finish } from "./finish.ts";

/** What `export` was told. */
export interface ExportCommandOptions {
  readonly pcap?: readonly string[];
  readonly dataDir?: string;
  readonly output: string;
  readonly format?: "pcap" | "pcapng";
  readonly exact?: true;
  readonly from?: number;
  readonly to?: number;
}

/** Adds the command to the program. */
export function describeExport(program: Command): void {
  const now = Date.now() * 1000;
  program.command("export")
    .summary("write the matching traffic to a savefile")
    .description(
      "Writes the packets of every conversation with a matching entry. A " +
        "filter that tests only ends, transport, sizes and time is a test of " +
        "the conversation itself (src is its client), and dissects nothing.",
    )
    .argument("[KFL]", "the filter; '' matches everything", "")
    .option(
      "--pcap <path...>",
      "take from these savefiles, or all in these folders; - is standard input",
    )
    .option(
      "--data-dir <folder>",
      "take from what is kept in this folder, without --pcap",
    )
    .requiredOption("-o, --output <file>", "the savefile; - is standard output")
    .option(
      "--format <format>",
      "pcap or pcapng; by default pcap, unless the file's name or several " +
        "link types ask for pcapng",
      toFormat,
    )
    .option("--exact", "only the packets of the matching exchanges")
    .option(
      "--from <time>",
      "only what began at this time or later",
      (text: string) => toMoment(text, now),
    )
    .option(
      "--to <time>",
      "only what began at this time or before",
      (text: string) => toMoment(text, now),
    )
    .addHelpText(
      "after",
      `
Examples:
  thresher export 'port == 8080' --pcap big.pcap -o web.pcap
  thresher export 'http and response.status >= 500' --pcap big.pcap -o errors.pcap
  thresher export 'dns' --exact --pcap captures/ -o - | tshark -r -
`,
    )
    .action(finish(async (kfl: string, options: ExportCommandOptions) => {
      const { runExport } = await import("./run_export.ts");
      return await runExport(kfl, options);
    }));
}
