/** Every savefile that the arguments name, searched one after the other. */
import type { DissectedEntry } from "../dissectors/dissected.ts";
import { PROTOCOLS } from "../dissectors/registry.ts";
import {
  CannotOpen,
  findSavefiles,
  nameSources,
  type OpenSavefile,
  openSavefile,
  type SavefilePath,
} from "../worker/capture/savefile.ts";
import { searchSavefile } from "../worker/scan/search_savefile.ts";
import { answeredFor, type Coverage } from "../worker/scan/source_scan.ts";
import type { Plan } from "../kfl/plan.ts";
import { CommandError, EXIT } from "./exit.ts";
import { say } from "./output.ts";
import { statOf } from "./places.ts";
import { Progress } from "./progress.ts";

/** An entry with the rank of its source's name, by which equal times are ordered. */
export type OnMatch = (entry: DissectedEntry, rank: number) => void;

/** What was seen of every source. */
export interface SearchOutcome {
  readonly coverages: readonly Coverage[];
  /** What the answer lacks beyond that; one line each. */
  readonly missing: readonly string[];
}

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
): Promise<SearchOutcome> {
  const files = orCommandError(() => findSavefiles(args));
  const ranks = rank(nameSources(files.map(({ path }) => path)));
  const coverages: Coverage[] = [];
  // A capture may go on from file to file.
  const answered = answeredFor(plan);
  for (const { name, file, onProgress } of openEach(files)) {
    const rank = ranks.get(name)!;
    coverages.push(
      await searchSavefile(file, name, {
        plan,
        protocols: PROTOCOLS,
        answered,
        onMatch: (entry) => onMatch(entry, rank),
        onProgress,
        signal,
      }),
    );
  }
  return { coverages, missing: [] };
}

/** A savefile whose turn it is: open until the next one is asked for. */
export interface Turn {
  readonly path: string;
  /** Of its node: no two files share one. */
  readonly name: string;
  readonly file: OpenSavefile;
  /** Takes how many of its bytes are done, for the bar. */
  readonly onProgress: (position: number) => void;
  /** Takes the bar away, before something is said. */
  readonly endProgress: () => void;
}

/**
 * Opens savefiles one after the other, under one bar of progress.
 *
 * @throws CommandError if one that was named cannot be opened; others are
 *   passed over
 */
export function* openEach(files: readonly SavefilePath[]): Generator<Turn> {
  const paths = files.map(({ path }) => path);
  const names = nameSources(paths);
  const progress = new Progress(() => totalSize(paths));
  using opening = new Opening();
  let done = 0;
  try {
    for (const [i, found] of files.entries()) {
      using file = opening.open(found);
      if (!file) continue;
      yield {
        path: found.path,
        name: names[i]!,
        file,
        onProgress: (position) => progress.update(done + position),
        endProgress: () => progress.end(),
      };
      done += file.size ?? 0;
    }
  } finally {
    progress.end();
  }
}

/** Files that were passed over of which each is named. */
const MAX_NAMED = 3;

/** Opens savefiles one by one, and says at last which it passed over. */
class Opening implements Disposable {
  readonly #passedOver: CannotOpen[] = [];

  /**
   * Opens a savefile; one that was not named may be none.
   *
   * @throws CommandError
   */
  open({ path, named }: SavefilePath): OpenSavefile | undefined {
    if (path === "-" && Deno.stdin.isTerminal()) {
      throw new CommandError(
        EXIT.MISUSED,
        "Standard input is a terminal: pipe a savefile into it, or name one with --pcap",
      );
    }
    if (named) return orCommandError(() => openSavefile(path));
    try {
      return openSavefile(path);
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error;
      this.#passedOver.push(error);
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    const complaints = this.#passedOver.map(({ message }) => message);
    if (complaints.length > MAX_NAMED) {
      const example = `the first one: ${complaints[0]}`;
      say(`thresher: passed over: ${complaints.length} files; ${example}`);
    } else {
      for (const message of complaints) {
        say(`thresher: passed over: ${message}`);
      }
    }
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
function rank(names: readonly string[]): Map<string, number> {
  const order = [...names].sort((a, b) => a < b ? -1 : 1);
  return new Map(order.map((name, i) => [name, i]));
}

/** Bytes of the files together; 0 where that is not known. */
function totalSize(paths: readonly string[]): number {
  if (paths.includes("-")) return 0;
  return paths.reduce((sum, path) => sum + (statOf(path)?.size ?? 0), 0);
}
