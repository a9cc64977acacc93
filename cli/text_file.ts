/** Files that options name. */
import { BadSecret } from "../hub/remote_worker.ts";
import { CommandError, EXIT, exitCodeFor, reasonOf } from "./exit.ts";

/**
 * Reads a text.
 *
 * @param read by default all of it, as it is
 * @throws CommandError
 */
export const readTextFile = (
  path: string,
  read: (path: string) => Promise<string> = (path) => Deno.readTextFile(path),
): Promise<string> => orCommandError(path, read);

/** Reads bytes. @throws CommandError */
export const readFile = (path: string): Promise<Uint8Array<ArrayBuffer>> =>
  orCommandError(path, (path) => Deno.readFile(path));

async function orCommandError<T>(
  path: string,
  read: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || reasonOf(error)) {
      throw new CommandError(
        exitCodeFor(error),
        `Cannot read "${path}": ${reasonOf(error) ?? "no such file"}`,
        error,
      );
    }
    if (!(error instanceof BadSecret)) throw error;
    throw new CommandError(EXIT.MISUSED, error.message, error);
  }
}
