/**
 * Other people's programs, to compare with: tshark and tcpdump.
 */

/** Whether a program is installed; says so once where it is not. */
export function hasProgram(name: string): boolean {
  const known = found.get(name);
  if (known !== undefined) return known;
  let isThere = true;
  try {
    new Deno.Command(name, { args: ["--version"], stdout: "null" })
      .outputSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    isThere = false;
    console.log(`ignore: ${name} is not installed`);
  }
  found.set(name, isThere);
  return isThere;
}

const found = new Map<string, boolean>();

/** What a program prints, and whether it was content. */
export async function run(
  name: string,
  args: readonly string[],
): Promise<{ output: string; success: boolean }> {
  const command = new Deno.Command(name, {
    args: [...args],
    stdout: "piped",
    stderr: "null",
  });
  const { stdout, success } = await command.output();
  return { output: new TextDecoder().decode(stdout), success };
}
