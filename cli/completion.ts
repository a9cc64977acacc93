/** `completion`: what a shell needs to complete this program's arguments. */
import { Argument, type Command } from "commander";
import { EXIT } from "./exit.ts";
import { finish } from "./finish.ts";
import { print } from "./output.ts";
import { SHELLS, toScript } from "./completion_script.ts";

/** Adds the command to the program. */
export function describeCompletion(program: Command): void {
  program.command("completion")
    .summary("print a script that completes arguments in a shell")
    .description("Prints a script that completes arguments in a shell.")
    .addArgument(
      new Argument("<shell>", "the shell, or kubectl for its plugin").choices(
        SHELLS,
      ),
    )
    .addHelpText(
      "after",
      `
Examples:
  source <(thresher completion bash)
  thresher completion zsh > "\${fpath[1]}/_thresher"
  thresher completion fish > ~/.config/fish/completions/thresher.fish
  thresher completion kubectl > ~/.local/bin/kubectl_complete-thresher`,
    )
    .action(finish((shell: typeof SHELLS[number]) => {
      print(toScript(shell, program));
      return Promise.resolve(EXIT.DONE);
    }));
}
