/** What a storage limit means: how far back it reaches, and what it deletes. */
import type { WorkerStatus } from "../../api/hub.ts";
import type { StorageState } from "../../api/worker.ts";
import { formatSize, formatSpan } from "./format.ts";

/** Of less, µs, nobody can tell how fast a node fills. */
const LEAST_SPAN = 60e6;

/** What the nodes keep that have a limit, which are those that capture. */
export function storesOf(workers: readonly WorkerStatus[]): StorageState[] {
  return workers.flatMap(({ state }) => state?.capture ? [state.storage] : []);
}

/** The limit that all of them have; `undefined` if they differ. */
export function commonLimit(
  stores: readonly StorageState[],
): number | undefined {
  const [limit, ...more] = new Set(stores.map((store) => store.limit));
  return more.length === 0 ? limit : undefined;
}

/** What is so now, in a sentence. */
export function reachText(stores: readonly StorageState[]): string {
  const reaches = stores.flatMap((store) => spanOf(store) ?? []);
  if (reaches.length === 0) return "Nothing is stored yet.";
  const [least, most] = [Math.min(...reaches), Math.max(...reaches)]
    .map(formatSpan);
  return least === most
    ? `It reaches back ${least} now.`
    : `It reaches back ${least} to ${most} now.`;
}

/** What another limit would do, in a sentence. */
export function changeText(
  stores: readonly StorageState[],
  limit: number,
): string {
  const excess = stores.map(({ used }) => Math.max(0, used - limit));
  const deleted = excess.reduce((sum, bytes) => sum + bytes, 0);
  if (deleted > 0) return `Deletes the oldest ${formatSize(deleted)} at once.`;
  const reaches = stores.flatMap((store) => {
    const span = spanOf(store) ?? 0;
    return span < LEAST_SPAN || store.used === 0
      ? []
      : [limit / store.used * span];
  });
  return reaches.length === 0
    ? "The oldest packets go when it is full."
    : `Would reach back about ${formatSpan(Math.min(...reaches))}, ` +
      "at the rate so far.";
}

/** µs from the first packet to the last. */
function spanOf({ first, last }: StorageState): number | undefined {
  return first === undefined || last === undefined ? undefined : last - first;
}
