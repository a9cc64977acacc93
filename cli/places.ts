/** What there is at the paths that somebody names. */
import { reasonOf } from "./exit.ts";

/** Whether reading may wait for another program, as it does for pipes. */
export function mayWait(paths: readonly string[]): boolean {
  return paths.some((path) => {
    const info = path === "-" ? undefined : statOf(path);
    return path === "-" || info && !info.isFile && !info.isDirectory;
  });
}

/** What there is at a path; `undefined` where opening it will say what is wrong. */
export function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (reasonOf(error) === undefined) throw error;
    return undefined;
  }
}
