/** `clean`: takes every installation out of a cluster. */
import { type Command } from "commander";
import { addCluster } from "./cluster/options.ts";
import type { CleanOptions } from "./cluster/clean.ts";
import { finish } from "./finish.ts";

/** Adds the command to the program. */
export function describeClean(program: Command): void {
  const command = program.command("clean")
    .summary("remove Thresher from a cluster")
    .description(
      "Removes everything that Thresher has made in a cluster, of whatever " +
        "version and by whichever run, also what an interrupted one left. " +
        "Nothing else is touched.",
    );
  addCluster(command);
  command.option("--dry-run", "say what would be removed, and remove nothing");
  command
    .addHelpText(
      "after",
      `
Examples:
  thresher clean
  thresher clean --dry-run
  thresher clean --install-namespace capture --context staging
`,
    )
    .action(finish(async (options: CleanOptions) => {
      const { runClean } = await import("./cluster/clean.ts");
      return await runClean(options);
    }));
}
