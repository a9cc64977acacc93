/** `logs`: everything that explains what an installation does. */
import { type Command } from "commander";
import { addCluster } from "./cluster/options.ts";
import type { LogsOptions } from "./cluster/logs.ts";
import { finish } from "./finish.ts";

/** Adds the command to the program. */
export function describeLogs(program: Command): void {
  const command = program.command("logs")
    .summary("gather what explains an installation, as one ZIP")
    .description(
      "Writes the logs of all containers, the events, and the state of hub, " +
        "workers and objects into one ZIP, to look into or to send to " +
        "whoever helps. It holds no packets, no secrets and no tokens.",
    );
  addCluster(command);
  command.option(
    "-o, --output <file>",
    "the file; - is standard output",
    "thresher-logs.zip",
  );
  command
    .addHelpText(
      "after",
      `
Examples:
  thresher logs
  thresher logs -o - > trouble.zip
`,
    )
    .action(finish(async (options: LogsOptions) => {
      const { runLogs } = await import("./cluster/logs.ts");
      return await runLogs(options);
    }));
}
