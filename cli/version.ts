/** `version`: prints the program's version. */
import type { Command } from "commander";
import config from "../deno.json" with { type: "json" };
import { EXIT } from "./exit.ts";
import { finish } from "./finish.ts";
import { print } from "./output.ts";

/** The program's version. */
export const VERSION: string = config.version;

/** Adds the command to the program. */
export function describeVersion(program: Command): void {
  program.command("version")
    .summary("print the version")
    .description("Prints the version of the program, and of what runs it.")
    .addHelpText("after", "\nExample:\n  thresher version")
    .action(finish(() => {
      const { deno, v8 } = Deno.version;
      const { os, arch } = Deno.build;
      print(`thresher ${VERSION} (Deno ${deno}, V8 ${v8}, ${os} ${arch})\n`);
      return Promise.resolve(EXIT.DONE);
    }));
}
