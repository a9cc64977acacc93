/**
 * Law: what the stored packets complete, and what later ones do, are together
 * what one reading of all packets gives; each entry once, wherever it is cut.
 */
import { deepEqual, ok } from "node:assert/strict";
import { FrameBatch } from "../../../packet/frame.ts";
import { toPlace } from "../../../stream/reader.ts";
import { PROTOCOLS } from "../../../dissectors/registry.ts";
import { Follower } from "../../../worker/scan/follow.ts";
import { Pin } from "../../../worker/scan/pin.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { lineOf } from "../../../worker/scan/shard_line.ts";
import { SourceScan } from "../../../worker/scan/source_scan.ts";
import type { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import { planOf } from "../serve/asker.ts";
import { interleaved, store, type TimedFrame } from "./interleaved.ts";

const QUERIES = [
  ...["", "http", "redis or dns", "not tcp", "failed", "icmp"],
  ...["dst.ip == 10.1.0.9", "dst.serviceIp == 10.96.0.80", "port == 53"],
];

/** An entry as it is told apart, with when it was completed. */
const toText = (entry: { id: string; completed: number; summary: string }) =>
  `${entry.id} ${entry.completed} ${entry.summary}`;

/** What one reading of all packets gives, without what is open at the end. */
function replayed(from: Store, kfl: string): string[] {
  const found: string[] = [];
  const scans = new Map<string, SourceScan>();
  for (const shard of from.shards("oldest first")) {
    const key = lineOf(shard);
    const scan = scans.get(key) ?? new SourceScan(from.node, {
      plan: planOf(kfl),
      protocols: PROTOCOLS,
      isWhole: true,
      onMatch: (entry) => found.push(toText(entry)),
    });
    scans.set(key, scan);
    const columns = shard.columns();
    const rows = Uint32Array.from({ length: columns.count }, (_, row) => row);
    const batch = new FrameBatch(64);
    for (let at = 0; at < rows.length;) {
      const loaded = shard.load(columns, rows, at, rows.length, batch);
      for (let i = 0; i < loaded; i++) {
        scan.frame(batch, i, shard.linkType, toPlace(shard.number, at + i));
      }
      at += loaded;
    }
  }
  return found;
}

function openWriter(folder: MemoryFolder, random: Random): StoreWriter {
  return StoreWriter.open(folder, {
    node: "test",
    storageLimit: 2 ** 30,
    shardBytes: random.pick([2000, 8000, 100_000]),
  });
}

/** Takes the next few frames off a list. */
function take(frames: TimedFrame[], random: Random): TimedFrame[] {
  return frames.splice(0, random.int(1, random.pick([3, 50, 400])));
}

async function history(
  from: Store,
  kfl: string,
  pin: Pin,
): Promise<string[]> {
  const found: string[] = [];
  await searchStore(from, {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    until: pin,
    onMatch: (entry) => found.push(toText(entry)),
  });
  return found;
}

for (let seed = 0; seed < 60; seed++) {
  Deno.test(`nothing is lost or doubled where history ends, seed ${seed}`, async () => {
    const random = new Random(seed);
    const frames = interleaved(random, random.int(1, 8));
    using writer = openWriter(new MemoryFolder(), random);
    const from = writer.store;
    store(writer, frames.splice(0, random.int(0, frames.length)));
    // What earlier queries left behind must change nothing.
    if (random.chance(0.5)) {
      await history(from, random.pick(QUERIES), Pin.of(from));
    }
    const kfl = random.pick(QUERIES);
    const pin = Pin.of(from);
    if (random.chance(0.5)) store(writer, take(frames, random));
    const found = await history(from, kfl, pin);
    if (random.chance(0.5)) store(writer, take(frames, random));
    const follower = new Follower(from, {
      plan: planOf(kfl),
      protocols: PROTOCOLS,
      pin,
      onMatch: (entry) => found.push(toText(entry)),
    });
    while (frames.length > 0) {
      store(writer, take(frames, random));
      let patience = random.pick([1, 5, 100, Infinity]);
      follower.read(() => patience-- > 0);
      if (random.chance(0.2)) follower.release();
      if (random.chance(0.1)) writer.rotate();
    }
    while (!follower.read(() => true));
    follower.release();
    deepEqual(found.sort(), replayed(from, kfl).sort(), kfl);
  });
}

for (let seed = 0; seed < 20; seed++) {
  Deno.test(`whoever was lost goes on behind what it has, seed ${seed}`, async () => {
    const random = new Random(seed);
    const frames = interleaved(random, random.int(2, 8));
    using writer = openWriter(new MemoryFolder(), random);
    const from = writer.store;
    store(writer, frames);
    if (random.chance(0.5)) await history(from, "http", Pin.of(from));
    const all: { completed: number; place: number; n: number; text: string }[] =
      [];
    const whole = new Follower(from, {
      plan: planOf(""),
      protocols: PROTOCOLS,
      onMatch: (entry) => {
        const { completed, place, n } = entry;
        all.push({ completed, place, n, text: toText(entry) });
      },
    });
    ok(whole.read(() => true));
    const after = random.pick(all);
    const rest: string[] = [];
    const follower = new Follower(from, {
      plan: planOf(""),
      protocols: PROTOCOLS,
      after,
      onMatch: (entry) => rest.push(toText(entry)),
    });
    ok(follower.read(() => true));
    const isBehind = (one: typeof after) =>
      (one.completed - after.completed || one.place - after.place ||
        one.n - after.n) > 0;
    deepEqual(
      rest.sort(),
      all.filter(isBehind).map(({ text }) => text).sort(),
    );
    whole.release();
    follower.release();
  });
}
