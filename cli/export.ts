/** `export KFL`: writes the matching traffic to a savefile. */
import { type Command, Option } from "commander";
import { addSource, addWindow } from "./common_options.ts";
import { finish } from "./finish.ts";
import type { ExportCommandOptions } from "./run_export.ts";

/** Adds the command to the program. */
export function describeExport(program: Command): void {
  const command = program.command("export")
    .summary("write the matching traffic to a savefile")
    .description(
      "Writes the packets of every conversation with a matching entry. A " +
        "filter that tests only ends, transport, sizes and time is a test of " +
        "the conversation itself (src is its client), and dissects nothing.",
    )
    .argument("[KFL]", "the filter; '' matches everything", "");
  addSource(command, "take from");
  command
    .addOption(
      new Option(
        "--hub <url>",
        "take from this hub; without --pcap, --data-dir and --hub, from the " +
          "one that runs on this machine",
      ).conflicts(["pcap", "dataDir"]),
    )
    .option("--token-file <file>", "the token of that hub")
    .requiredOption("-o, --output <file>", "the savefile; - is standard output")
    .option("--exact", "only the packets of the matching exchanges");
  addFormat(command);
  addWindow(command, "conversations or entries");
  command
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

/** Adds what kind of savefile is written. */
export const addFormat = (command: Command): Command =>
  command.addOption(
    new Option(
      "--format <format>",
      "by default pcap, unless the file's name or several link types ask " +
        "for pcapng",
    ).choices(["pcap", "pcapng"]),
  );
