/** Programs that a task runs. */

/** What an image is made of cannot be had here and now. */
export class Unavailable extends Error {
  override name = "Unavailable";
}

/**
 * Runs one.
 *
 * @returns what it wrote to its standard output
 * @throws Error with what it complained of, if it is not there or fails
 */
export async function output(
  program: string,
  args: readonly string[],
  { cwd, env }: Pick<Deno.CommandOptions, "cwd" | "env"> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const command = new Deno.Command(program, {
    args: [...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    ...(cwd !== undefined && { cwd }),
  });
  const { success, stdout, stderr } = await orMissing(program, command);
  if (success) return stdout;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`${program} ${args.at(-1)}: ${said}`);
}

async function orMissing(
  program: string,
  command: Deno.Command,
): Promise<Deno.CommandOutput> {
  try {
    return await command.output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `${program} is not here: this takes a Debian-like system. Elsewhere ` +
        "the Dockerfile makes the same of a base image",
      { cause: error },
    );
  }
}
