/** Traffic of many fixtures at once, as a capture that goes on would see it. */
import { FrameBatch, type Interface } from "../../../packet/frame.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import type { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";
import { concat, type Random } from "../../fuzz/random.ts";

/** When it begins, µs since 1970. */
export const BEGIN = 1_700_000_000_000_000;

/** A captured frame. */
export interface TimedFrame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** µs since 1970. */
  readonly time: number;
}

const TRANSLATED = new URL("translated/", import.meta.url);

/**
 * Frames of some fixtures, those of each in their order, with new times: most
 * are close to each other, and some so far apart that requests time out. Some
 * are cut into fragments.
 *
 * @param mayRepeat whether a fixture may be there twice
 */
export function interleaved(
  random: Random,
  fixtures: number,
  mayRepeat = true,
): TimedFrame[] {
  const all = [
    ...findFixtures().filter(({ name }) => !name.startsWith("tls/")),
    // As many again whose addresses are translated on the way.
    ...Array.from(Deno.readDirSync(TRANSLATED), ({ name }) => ({
      path: new URL(name, TRANSLATED).pathname,
    })).filter(({ path }) => path.endsWith(".pcap"))
      .sort((a, b) => a.path < b.path ? -1 : 1),
  ];
  // Twice the same is two connections of the same ends, one within the other.
  const sources = Array.from(
    { length: fixtures },
    () => {
      const fixture = random.pick(all);
      if (!mayRepeat) all.splice(all.indexOf(fixture), 1);
      return framesOf(fixture.path).slice(0, 200);
    },
  );
  const frames: TimedFrame[] = [];
  let time = BEGIN;
  while (sources.some(({ length }) => length > 0)) {
    const source = random.pick(sources.filter(({ length }) => length > 0));
    for (let n = random.int(1, 5); n > 0 && source.length > 0; n--) {
      time += random.chance(0.03)
        ? random.int(1e6, 20e6)
        : random.int(1, 30_000);
      const frame = source.shift()!;
      const parts = random.chance(0.05)
        ? fragmented(frame, frames.length, random)
        : [frame];
      for (const part of parts) frames.push({ ...part, time: time++ });
    }
  }
  return frames;
}

/** Where IPv4 begins in frames of these link types, behind its number. */
const IPV4_AT = new Map([[1, { type: 12, header: 14 }], [276, {
  type: 0,
  header: 20,
}]]);

/**
 * A frame in two or three pieces, if it is a packet that a router would cut.
 *
 * @param id tells the packet from others
 */
function fragmented(
  frame: Omit<TimedFrame, "time">,
  id: number,
  random: Random,
): Omit<TimedFrame, "time">[] {
  const { linkType, bytes } = frame;
  const at = IPV4_AT.get(linkType);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isPlain = at && bytes.length > at.header + 60 &&
    view.getUint16(at.type) === 0x0800 && bytes[at.header] === 0x45 &&
    (view.getUint16(at.header + 6) & 0x3fff) === 0;
  if (!isPlain) return [frame];
  const start = at.header + 20;
  const end = at.header + view.getUint16(at.header + 2);
  const units = Math.floor((end - start - 1) / 8);
  const cuts = [...new Set([random.int(1, units), random.int(1, units)])];
  const edges = [0, ...cuts.sort((a, b) => a - b).map((cut) => 8 * cut)];
  return edges.map((from, i) => {
    const to = edges[i + 1] ?? end - start;
    const piece = concat(
      bytes.subarray(0, start),
      bytes.subarray(start + from, start + to),
    );
    const header = new DataView(piece.buffer, at.header);
    header.setUint16(2, 20 + to - from);
    header.setUint16(4, id & 0xffff);
    header.setUint16(6, (start + to < end ? 0x2000 : 0) | from / 8);
    return { linkType, bytes: piece };
  });
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
