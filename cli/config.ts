/** `config`: what options are when they are not given. */
import { Argument, type Command, Option } from "commander";
import { finish } from "./finish.ts";
import type { ConfigOptions } from "./run_config.ts";

/** Adds the command to the program. */
export function describeConfig(program: Command): void {
  program.command("config")
    .summary("print what is configured, and where")
    .description(
      "Prints what every option is when it is not given, and where that " +
        "comes from: the environment (THRESHER_DATA_DIR for --data-dir), the " +
        "configuration file, or the program. Every option can be configured. " +
        "The file is config.yaml in the folder thresher of $XDG_CONFIG_HOME " +
        "(or ~/.config), or the one that THRESHER_CONFIG names.",
    )
    .addArgument(new Argument("[command]", "only this command's options"))
    .option("--json", "print a line of JSON for each option")
    .addOption(
      new Option("--init", "write a file in which every option is explained")
        .conflicts("json"),
    )
    .addHelpText(
      "after",
      `
Examples:
  thresher config
  thresher config tap
  thresher config --init
  THRESHER_STORAGE_LIMIT=2GB thresher tap
`,
    )
    .action(finish(async (name: string | undefined, options: ConfigOptions) => {
      const { runConfig } = await import("./run_config.ts");
      return await runConfig(program, name, options);
    }));
}
