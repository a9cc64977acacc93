/**
 * Walks through a savefile, batch by batch, without keeping other events of
 * the process waiting.
 */
import { setImmediate } from "node:timers/promises";
import { FrameBatch } from "../../packet/frame.ts";
import type { OpenSavefile } from "../capture/savefile.ts";

/** How long to work before other events get their turn, ms. */
const SLICE = 50;

/** Frames to look at in one go. */
const BATCH = 4096;

/** How a walk is watched and stopped. */
export interface WalkOptions {
  /** Called now and then with the bytes of the file read so far. */
  readonly onProgress?: ((position: number) => void) | undefined;
  /** Its reason is thrown when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives every batch to `visit`, with the number of its first frame in the
 * file. Batches are borrowed until `visit` returns.
 *
 * @returns how many frames there were
 */
export async function walk(
  file: OpenSavefile,
  options: WalkOptions,
  visit: (batch: FrameBatch, first: number) => void,
): Promise<number> {
  const batch = new FrameBatch(BATCH);
  const { reader } = file;
  let frames = 0;
  let sliceEnds = performance.now() + SLICE;
  while (reader.next(batch)) {
    visit(batch, frames);
    frames += batch.count;
    if (performance.now() < sliceEnds) continue;
    options.onProgress?.(file.position);
    await setImmediate();
    options.signal?.throwIfAborted();
    sliceEnds = performance.now() + SLICE;
  }
  return frames;
}
