/** Traffic of many fixtures at once, as a capture that goes on would see it. */
import { FrameBatch, type Interface } from "../../../packet/frame.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import type { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";
import type { Random } from "../../fuzz/random.ts";

/** When it begins, µs since 1970. */
export const BEGIN = 1_700_000_000_000_000;

/** A captured frame. */
export interface TimedFrame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** µs since 1970. */
  readonly time: number;
}

/**
 * Frames of some fixtures, those of each in their order, with new times: most
 * are close to each other, and some so far apart that requests time out.
 */
export function interleaved(random: Random, fixtures: number): TimedFrame[] {
  const all = findFixtures().filter(({ name }) => !name.startsWith("tls/"));
  // Twice the same is two connections of the same ends, one within the other.
  const sources = Array.from(
    { length: fixtures },
    () => framesOf(random.pick(all).path).slice(0, 200),
  );
  const frames: TimedFrame[] = [];
  let time = BEGIN;
  while (sources.some(({ length }) => length > 0)) {
    const source = random.pick(sources.filter(({ length }) => length > 0));
    for (let n = random.int(1, 5); n > 0 && source.length > 0; n--) {
      time += random.chance(0.03)
        ? random.int(1e6, 20e6)
        : random.int(1, 30_000);
      frames.push({ ...source.shift()!, time });
    }
  }
  return frames;
}

/** Frames of a savefile, without their times. */
export function framesOf(path: string): Omit<TimedFrame, "time">[] {
  using file = openSavefile(path);
  const batch = new FrameBatch(64);
  const frames: Omit<TimedFrame, "time">[] = [];
  while (file.reader.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const { linkType } = file.reader.interfaces[batch.interface[i]!]!;
      const start = batch.start[i]!;
      const bytes = batch.bytes.slice(start, start + batch.captured[i]!);
      frames.push({ linkType, bytes });
    }
  }
  return frames;
}

/** Stores frames: they can be read when it returns. */
export function store(
  writer: StoreWriter,
  frames: readonly TimedFrame[],
): void {
  for (const { linkType, bytes, time } of frames) {
    const batch = new FrameBatch(1);
    batch.bytes = bytes;
    batch.count = 1;
    batch.captured[0] = batch.original[0] = bytes.length;
    batch.time[0] = time;
    const interfaces: Interface[] = [{ linkType, snapLength: 262_144 }];
    const shards = writer.writer(linkType);
    shards.append(batch, interfaces, 0, 1);
    shards.flush();
  }
}
