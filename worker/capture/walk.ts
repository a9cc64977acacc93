/**
 * Walks through a savefile, batch by batch, without keeping other events of
 * the process waiting.
 */
import { setTimeout } from "node:timers/promises";
import { FrameBatch } from "../../packet/frame.ts";
import { collectIfDue } from "./collection.ts";
import type { OpenSavefile } from "./savefile.ts";

/** How long to work before other events get their turn, ms. */
const SLICE = 50;

/** Frames to look at in one go. */
export const BATCH = 4096;

/** How a walk is watched and stopped. */
export interface WalkOptions {
  /** Called now and then with the bytes of the file read so far. */
  readonly onProgress?: ((position: number) => void) | undefined;
  /** Its reason is thrown when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Asked after each batch of shards: where it gives a promise, the walk stands
   * still until that is kept, so that what comes of it need not be held.
   */
  readonly ready?: (() => Promise<void> | undefined) | undefined;
}

/** Lets other events have their turn during long work. */
export class Pauses {
  readonly #options: WalkOptions;
  #sliceEnds = performance.now() + SLICE;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Whether it is time to {@link take} one. */
  get isDue(): boolean {
    return performance.now() >= this.#sliceEnds;
  }

  /**
   * Pauses.
   *
   * @param position bytes of work that are done
   * @throws what the signal was aborted with
   */
  async take(position: number): Promise<void> {
    this.#options.onProgress?.(position);
    collectIfDue();
    // After an immediate, signals would wait for many more turns.
    await setTimeout(0);
    this.#options.signal?.throwIfAborted();
    this.#sliceEnds = performance.now() + SLICE;
  }
}

/**
 * Gives every batch to `visit`, with the number of its first frame in the
 * file. Batches are borrowed until `visit` returns; it may give `false` to end
 * the walk.
 *
 * @returns how many frames there were
 */
export async function walk(
  file: OpenSavefile,
  options: WalkOptions,
  visit: (batch: FrameBatch, first: number) => void | boolean,
): Promise<number> {
  const batch = new FrameBatch(BATCH);
  const { reader } = file;
  let frames = 0;
  const pauses = new Pauses(options);
  while (reader.next(batch)) {
    const goesOn = visit(batch, frames);
    frames += batch.count;
    if (goesOn === false) break;
    if (pauses.isDue) await pauses.take(file.position);
  }
  return frames;
}
