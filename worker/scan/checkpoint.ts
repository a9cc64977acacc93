/**
 * Checkpoint: what was known between two packets of a line, so that another
 * reading goes on there as if it had begun at the line's beginning.
 */
import type { Defragmenter, SavedFragments } from "../../packet/defragment.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import { type Replay, StaleState } from "./replay.ts";

/** What {@link saveCheckpoint} writes. */
interface SavedCheckpoint {
  readonly replay: Uint8Array;
  readonly fragments: readonly SavedFragments[];
}

/** Only the replay of every flow, with bodies, can be saved. */
export function saveCheckpoint(
  replay: Replay,
  defragmenter: Defragmenter,
): Uint8Array {
  const saved: SavedCheckpoint = {
    replay: replay.save(),
    fragments: defragmenter.save(),
  };
  return encodeState(saved);
}

/**
 * Goes on from a checkpoint; to be called before any packet comes.
 *
 * @throws StaleState if the bytes are damaged, or another version's; neither
 *   the replay nor the defragmenter is then of any more use
 */
export function resumeCheckpoint(
  saved: Uint8Array,
  replay: Replay,
  defragmenter: Defragmenter,
): void {
  try {
    const state = decodeState(saved) as SavedCheckpoint;
    defragmenter.resume(state.fragments);
    replay.resume(state.replay);
  } catch (cause) {
    if (cause instanceof StaleState) throw cause;
    // What other code wrote can be wrong in any way.
    throw new StaleState("The checkpoint cannot be gone on with", { cause });
  }
}
