/** `check`: what a cluster would let Thresher do. */
import { type Command } from "commander";
import { addCluster } from "./cluster/options.ts";
import type { CheckOptions } from "./cluster/check.ts";
import { finish } from "./finish.ts";

/** Adds the command to the program. */
export function describeCheck(program: Command): void {
  const command = program.command("check")
    .summary("look whether a cluster takes Thresher")
    .description(
      "Looks at a cluster and changes nothing: whether it answers, its " +
        "version, every right that installing and removing takes, what it " +
        "would refuse, and whether an installation that is there works. It " +
        "ends with 0 if all is well.",
    );
  addCluster(command);
  command
    .addHelpText(
      "after",
      `
Examples:
  thresher check
  thresher check --context production
`,
    )
    .action(finish(async (options: CheckOptions) => {
      const { runCheck } = await import("./cluster/check.ts");
      return await runCheck(options);
    }));
}
