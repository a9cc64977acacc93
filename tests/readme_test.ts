/**
 * What the README shows is what happens: its commands are run, and print what
 * stands below them. `deno task update` writes that anew.
 */
import { equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const path = `${root}README.md`;

/** A command in the README: all of its block, and what is typed. */
const SHOWN = /```console\n\$ npx -y deno@\S+ (.*)\n([^]*?)```/g;

/** What a command prints, in the order of its two outputs. */
async function run(command: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", `"$DENO" ${command}`],
    cwd: root,
    env: { DENO: Deno.execPath(), NO_COLOR: "1", TZ: "UTC" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  // Deno tells what it fetches when it runs a program for the first time.
  return said.replace(/^(Download|Initialize) .*\n/gm, "");
}

Deno.test("the README shows what its commands print", async () => {
  let readme = await Deno.readTextFile(path);
  const commands = [...readme.matchAll(SHOWN)];
  ok(commands.length > 0);
  for (const [block, command, shown] of commands) {
    const printed = await run(command!);
    if (Deno.env.get("UPDATE")) {
      readme = readme.replace(
        block,
        () => block.replace(shown!, () => printed),
      );
    } else {
      equal(shown, printed);
    }
  }
  if (Deno.env.get("UPDATE")) await Deno.writeTextFile(path, readme);
});
