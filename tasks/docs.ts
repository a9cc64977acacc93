/**
 * `deno task docs`: writes the references in `docs/` anew from what dissectors
 * and operators declare. A test fails when they are not up to date.
 */
import { fileURLToPath } from "node:url";
import { SCHEMA } from "../dissectors/registry.ts";
import { kflReference } from "./kfl_reference.ts";
import { protocolsReference } from "./protocols_reference.ts";

/** What is generated: from the repository's root, and how. */
const REFERENCES: Readonly<Record<string, () => string>> = {
  "docs/kfl.md": () =>
    kflReference(Deno.readTextFileSync(pathOf("tasks/kfl_guide.md"))),
  "docs/protocols.md": () => protocolsReference(SCHEMA),
};

/** Every generated file by its path, formatted as it is committed. */
export async function references(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [path, write] of Object.entries(REFERENCES)) {
    files.set(path, await format(write()));
  }
  return files;
}

/** As `deno fmt` wants it, for its check covers generated files too. */
async function format(markdown: string): Promise<string> {
  const deno = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = deno.stdin.getWriter();
  await writer.write(new TextEncoder().encode(markdown));
  await writer.close();
  const { success, stdout } = await deno.output();
  if (!success) throw new Error("deno fmt refuses what was generated");
  return new TextDecoder().decode(stdout);
}

/** Where a file of the repository is. */
export const pathOf = (path: string): string =>
  fileURLToPath(new URL(`../${path}`, import.meta.url));

if (import.meta.main) {
  for (const [path, text] of await references()) {
    await Deno.writeTextFile(pathOf(path), text);
    console.log(path);
  }
}
