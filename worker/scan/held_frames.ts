/**
 * Frames that wait: an IP fragment belongs to whichever flow its packet belongs
 * to, and that is known when the last fragment has come.
 */
import { FrameBatch, RECORDS } from "../../packet/frame.ts";

/** Frames that may wait; beyond, the oldest is let go. */
const MAX_HELD = 8192;

/** Copies of frames, by their places. */
export class HeldFrames {
  readonly #frames = new Map<number, FrameBatch>();

  /** Copies row i of a batch, which lies at `place`. */
  hold(batch: FrameBatch, i: number, place: number): void {
    if (this.#frames.size >= MAX_HELD) {
      for (const oldest of this.#frames.keys()) {
        this.#frames.delete(oldest);
        break;
      }
    }
    const start = batch.start[i]!;
    const copy = new FrameBatch(1);
    copy.count = 1;
    copy.records = RECORDS.NONE;
    copy.bytes = batch.bytes.slice(start, start + batch.captured[i]!);
    copy.captured[0] = batch.captured[i]!;
    copy.original[0] = batch.original[i]!;
    copy.time[0] = batch.time[i]!;
    copy.nanos[0] = batch.nanos[i]!;
    copy.interface[0] = batch.interface[i]!;
    this.#frames.set(place, copy);
  }

  /** Gives frames that waited to whoever keeps them, or forgets them. */
  release(
    places: readonly number[],
    keeper: { held(frame: FrameBatch): void } | undefined,
  ): void {
    for (const place of places) {
      const frame = this.#frames.get(place);
      if (!frame) continue;
      this.#frames.delete(place);
      keeper?.held(frame);
    }
  }
}
