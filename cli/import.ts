/** `import`: keeps the packets of savefiles in a data folder. */
import type { Command } from "commander";
import { toSize } from "./arguments.ts";
import { finish } from "./finish.ts";
import type { ImportOptions } from "./run_import.ts";

/** Adds the command to the program. */
export function describeImport(program: Command): void {
  program.command("import")
    .summary("keep the packets of savefiles in a data folder")
    .description(
      "Keeps the packets of savefiles in a data folder, where queries over " +
        "them begin without reading everything again. The oldest packets go " +
        "when the limit is reached.",
    )
    .requiredOption(
      "--pcap <path...>",
      "import these savefiles, or all in these folders; - is standard input",
    )
    .option("--data-dir <folder>", "where packets are kept")
    .option(
      "--storage-limit <size>",
      "bytes that all files of the folder may have, such as 2GB",
      toSize,
    )
    .addHelpText(
      "after",
      `
Example:
  thresher import --pcap capture.pcap --data-dir ./packets --storage-limit 2GB
  thresher query 'http' --data-dir ./packets --order desc --limit 100
`,
    )
    .action(finish(async (options: ImportOptions) => {
      const { runImport } = await import("./run_import.ts");
      return await runImport(options);
    }));
}
