/** `status`: how far an installation is. */
import { type Command } from "commander";
import { addCluster, addTimeout } from "./cluster/options.ts";
import type { StatusOptions } from "./cluster/status.ts";
import { finish } from "./finish.ts";

/** Adds the command to the program. */
export function describeStatus(program: Command): void {
  const command = program.command("status")
    .summary("say how an installation in a cluster is")
    .description(
      "Says what is installed, which nodes have a worker, and what keeps " +
        "those that have not. It ends with 0 if all is ready, with 1 if " +
        "nothing is installed, and with 4 if something is not ready.",
    );
  addCluster(command);
  command
    .option("--wait", "wait until all is ready")
    .option("--json", "print it as JSON");
  addTimeout(command);
  command
    .addHelpText(
      "after",
      `
Examples:
  thresher status
  thresher status --wait --timeout 5m
`,
    )
    .action(finish(async (options: StatusOptions) => {
      const { runStatus } = await import("./cluster/status.ts");
      return await runStatus(options);
    }));
}
