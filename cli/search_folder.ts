/** A data folder, searched. */
import { PROTOCOLS } from "../dissectors/registry.ts";
import type { Plan } from "../kfl/plan.ts";
import { searchStore } from "../worker/scan/search_store.ts";
import { answeredFor } from "../worker/scan/source_scan.ts";
import { UnusableFolder } from "../worker/shards/meta.ts";
import { Store } from "../worker/shards/store.ts";
import { toRfc3339 } from "../entry/json.ts";
import { CommandError, EXIT } from "./exit.ts";
import { Progress } from "./progress.ts";
import type { OnMatch, SearchOutcome } from "./savefiles.ts";

/**
 * Searches what is kept in a folder.
 *
 * @throws CommandError
 */
export async function searchFolder(
  folder: string,
  plan: Plan,
  onMatch: OnMatch,
  signal: AbortSignal,
): Promise<SearchOutcome> {
  const store = openFolder(folder);
  const progress = new Progress(() => store.bytes);
  try {
    const coverages = await searchStore(store, {
      plan,
      protocols: PROTOCOLS,
      answered: answeredFor(plan),
      onMatch: (entry) => onMatch(entry, 0),
      onProgress: (position) => progress.update(position),
      signal,
    });
    return { coverages, missing: missingFrom(store, plan) };
  } finally {
    progress.end();
  }
}

/** What the folder had, and does not give any more; one line each. */
export function missingFrom(store: Store, plan: Plan): string[] {
  const lines: string[] = [];
  const until = store.deletedUntil;
  if (until !== undefined && until >= (plan.window.from ?? -Infinity)) {
    lines.push(
      `${store.node}: packets until ${toRfc3339(until)} were deleted to stay ` +
        "below the storage limit",
    );
  }
  for (const number of store.unreadable) {
    lines.push(`${store.node}: shard ${number} cannot be read`);
  }
  return lines;
}

/**
 * Opens a folder to read it.
 *
 * @throws CommandError
 */
export function openFolder(folder: string): Store {
  try {
    return Store.open(folder);
  } catch (error) {
    throw toCommandError(error);
  }
}

/** A folder that cannot be used ends the command. */
export function toCommandError(error: unknown): unknown {
  if (!(error instanceof UnusableFolder)) return error;
  const code = error.denied ? EXIT.NO_RIGHT : EXIT.FAILED;
  return new CommandError(code, error.message, error);
}
