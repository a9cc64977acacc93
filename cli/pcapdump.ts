/** `pcapdump`: the packets of all nodes, as one file. */
import { type Command } from "commander";
import { addWindow } from "./common_options.ts";
import { addFormat } from "./export.ts";
import { addCluster } from "./cluster/options.ts";
import type { PcapdumpOptions } from "./cluster/pcapdump.ts";
import { finish } from "./finish.ts";

/** Adds the command to the program. */
export function describePcapdump(program: Command): void {
  const command = program.command("pcapdump")
    .summary("write the packets of all nodes as one file")
    .description(
      "Writes the stored packets of all nodes, in order of their times, as " +
        "one savefile that any tool opens. Without a window, all that is kept.",
    );
  addCluster(command);
  command
    .requiredOption("-o, --output <file>", "the savefile; - is standard output")
    .option("--filter <KFL>", "only conversations with a matching entry", "");
  addFormat(command);
  addWindow(command, "packets");
  command
    .addHelpText(
      "after",
      `
Examples:
  thresher pcapdump -o all.pcap
  thresher pcapdump --from 10m -o last-ten-minutes.pcap
  thresher pcapdump --filter 'dst.service == "carts"' -o - | tshark -r -
`,
    )
    .action(finish(async (options: PcapdumpOptions) => {
      const { runPcapdump } = await import("./cluster/pcapdump.ts");
      return await runPcapdump(options);
    }));
}
