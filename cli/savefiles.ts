/** Every savefile that the arguments name, searched one after the other. */
import type { DissectedEntry } from "../dissectors/dissected.ts";
import { PROTOCOLS } from "../dissectors/registry.ts";
import {
  CannotOpen,
  findSavefiles,
  nameSources,
  type OpenSavefile,
  openSavefile,
} from "../worker/capture/savefile.ts";
import { searchSavefile } from "../worker/scan/search_savefile.ts";
import type { Coverage } from "../worker/scan/source_scan.ts";
import type { Plan } from "../kfl/plan.ts";
import { CommandError, EXIT } from "./exit.ts";
import { say } from "./output.ts";
import { Progress } from "./progress.ts";

/** An entry with the rank of its source's name, by which equal times are ordered. */
export type OnMatch = (entry: DissectedEntry, rank: number) => void;

/**
 * Searches the savefiles.
 *
 * A file that was named and cannot be read ends the command; one that merely
 * lies in a named folder is passed over with a warning.
 *
 * @throws CommandError
 */
export async function searchSavefiles(
  args: readonly string[],
  plan: Plan,
  onMatch: OnMatch,
  signal: AbortSignal,
): Promise<Coverage[]> {
  const files = orCommandError(() => findSavefiles(args));
  const names = nameSources(files.map((file) => file.path));
  const ranks = rank(names);
  const progress = new Progress(totalSize(files.map((file) => file.path)));
  const coverages: Coverage[] = [];
  let done = 0;
  try {
    for (const [i, { path, named }] of files.entries()) {
      using file = openOrSkip(path, named);
      if (!file) continue;
      coverages.push(
        await searchSavefile(file, names[i]!, {
          plan,
          protocols: PROTOCOLS,
          onMatch: (entry) => onMatch(entry, ranks[i]!),
          onProgress: (position) => progress.update(done + position),
          signal,
        }),
      );
      done += file.size ?? 0;
    }
  } finally {
    progress.end();
  }
  return coverages;
}

/** Opens a savefile; one that was not named may be none. */
export function openOrSkip(
  path: string,
  named: boolean,
): OpenSavefile | undefined {
  if (named) return orCommandError(() => openSavefile(path));
  try {
    return openSavefile(path);
  } catch (error) {
    if (!(error instanceof CannotOpen)) throw error;
    say(`thresher: passed over: ${error.message}`);
    return undefined;
  }
}

/** Runs a call; what cannot be opened ends the command. */
export function orCommandError<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof CannotOpen)) throw error;
    const code = error.denied ? EXIT.NO_RIGHT : EXIT.FAILED;
    throw new CommandError(code, error.message, error);
  }
}

/** Each name's place among all names in order. */
function rank(names: readonly string[]): number[] {
  const order = [...names].sort((a, b) => a < b ? -1 : 1);
  const ranks = new Map(order.map((name, i) => [name, i]));
  return names.map((name) => ranks.get(name)!);
}

/** Bytes of the files together; 0 where that is not known. */
export function totalSize(paths: readonly string[]): number {
  let total = 0;
  for (const path of paths) {
    if (path === "-") return 0;
    try {
      total += Deno.statSync(path).size;
    } catch (error) {
      // Opening it will say what is wrong.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return total;
}
