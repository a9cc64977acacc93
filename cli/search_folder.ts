/** A data folder, searched. */
import { PROTOCOLS } from "../dissectors/registry.ts";
import type { Plan } from "../kfl/plan.ts";
import { searchStore } from "../worker/scan/search_store.ts";
import type { Coverage } from "../worker/scan/source_scan.ts";
import { UnusableFolder } from "../worker/shards/meta.ts";
import { Store } from "../worker/shards/store.ts";
import { CommandError, EXIT } from "./exit.ts";
import { Progress } from "./progress.ts";
import type { OnMatch } from "./savefiles.ts";

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
): Promise<Coverage[]> {
  const store = open(folder);
  const total = store.survey().reduce((sum, { bytes }) => sum + bytes, 0);
  const progress = new Progress(total);
  try {
    return await searchStore(store, {
      plan,
      protocols: PROTOCOLS,
      onMatch: (entry) => onMatch(entry, 0),
      onProgress: (position) => progress.update(position),
      signal,
    });
  } finally {
    progress.end();
  }
}

function open(folder: string): Store {
  try {
    return Store.open(folder);
  } catch (error) {
    if (!(error instanceof UnusableFolder)) throw error;
    throw new CommandError(EXIT.FAILED, error.message, error);
  }
}
