/** `proxy`: opens the dashboard of an installation that is there. */
import { type Command } from "commander";
import { addCluster, toPort } from "./cluster/options.ts";
import type { ProxyOptions } from "./cluster/proxy.ts";
import { finish } from "./finish.ts";

/** Adds the command to the program. */
export function describeProxy(program: Command): void {
  const command = program.command("proxy")
    .summary("open the dashboard of an installation in a cluster")
    .description(
      "Opens the way to an installation that is there, and its dashboard, " +
        "until Ctrl-C. Meanwhile `thresher query` and `thresher export` on " +
        "this machine ask that installation. When the hub moves or the " +
        "cluster is away for a while, it connects again by itself.",
    );
  addCluster(command);
  command
    .option(
      "--port <port>",
      "of the dashboard; 0: any. 8899, or the next free",
      toPort,
    )
    .option("--no-browser", "print the address, and open nothing");
  command
    .addHelpText(
      "after",
      `
Examples:
  thresher proxy
  thresher proxy --port 9000 --no-browser
`,
    )
    .action(finish(async (options: ProxyOptions) => {
      const { runProxy } = await import("./cluster/proxy.ts");
      return await runProxy(options);
    }));
}
