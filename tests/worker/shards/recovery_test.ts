import { deepEqual, equal, ok } from "node:assert/strict";
import { isClean, recover } from "../../../worker/shards/recovery.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { Killed, MemoryFolder } from "./memory_folder.ts";
import { allFrames } from "./stored.ts";
import {
  ETHERNET,
  type Frame,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
} from "./traffic.ts";

const OPTIONS = { node: "n", storageLimit: 2 ** 30, shardBytes: 9000 };

/** Three shards, whole. */
function made(): { folder: MemoryFolder; frames: Frame[] } {
  const folder = new MemoryFolder();
  const frames = makeTraffic(1, 100);
  using writer = StoreWriter.open(folder, { ...OPTIONS });
  const batch = toBatch(frames);
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  return { folder, frames };
}

Deno.test("a folder that was closed is found as it should be", () => {
  const { folder } = made();
  const before = new Map(
    folder.list().map(({ name }) => [name, folder.bytes(name)] as const),
  );
  const report = recover(folder);
  ok(isClean(report));
  equal(report.shards, Store.open(folder).numbers().length);
  for (const [name, bytes] of before) deepEqual(folder.bytes(name), bytes);
});

Deno.test("a torn record is cut, and it is said how much that was", () => {
  const { folder, frames } = made();
  const sidecar = folder.bytes("2.idx");
  const file = folder.open("2.pcap", "append")!;
  const size = file.size();
  file.append(new Uint8Array(13));
  const report = recover(folder);
  deepEqual(report.cut, [{ shard: 2, bytes: 13 }]);
  deepEqual(report.rebuilt.map(({ shard }) => shard), [2]);
  equal(file.size(), size);
  deepEqual(folder.bytes("2.idx"), sidecar);
  deepEqual(allFrames(folder), frames);
  using shard = Store.open(folder).shard(2)!;
  equal(shard.facts.tornBytes, 13);
  ok(isClean(recover(folder)));
});

Deno.test("a writer that was killed is said to be, in the shard it had open", () => {
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, { ...OPTIONS });
  const batch = toBatch(makeTraffic(1, 100));
  const shards = writer.writer(LINKTYPE_ETHERNET);
  shards.append(batch, ETHERNET, 0, batch.count);
  shards.flush();
  const survived = folder.survived();
  writer.close();
  const tornOf = (of: MemoryFolder) =>
    Array.from(
      Store.open(of).shards("oldest first"),
      ({ number, facts }) => facts.isTorn ? number : [],
    ).flat();
  StoreWriter.open(survived, { ...OPTIONS }).close();
  const newest = Store.open(survived).numbers().at(-1)!;
  deepEqual(tornOf(survived), [newest]);
  // Who ends by itself says nothing of the kind.
  StoreWriter.open(folder, { ...OPTIONS }).close();
  deepEqual(tornOf(folder), []);
  // Nor does a sidecar that somebody has deleted.
  folder.remove("1.idx");
  StoreWriter.open(folder, { ...OPTIONS }).close();
  deepEqual(tornOf(folder), []);
});

Deno.test("a sidecar that is missing or damaged is built again, the same", () => {
  for (const damage of ["missing", "empty", "changed", "of another shard"]) {
    const { folder, frames } = made();
    const sidecar = folder.bytes("1.idx");
    const changed = sidecar.slice();
    changed[100]! ^= 1;
    if (damage === "missing") folder.remove("1.idx");
    if (damage === "empty") folder.put("1.idx", new Uint8Array(0));
    if (damage === "changed") folder.put("1.idx", changed);
    if (damage === "of another shard") {
      folder.put("1.idx", folder.bytes("2.idx"));
    }
    // Readers need no recovery.
    deepEqual(allFrames(folder), frames, damage);
    const report = recover(folder);
    deepEqual(report.rebuilt.map(({ shard }) => shard), [1], damage);
    deepEqual(folder.bytes("1.idx"), sidecar);
  }
});

Deno.test("damaged facts are cut to what holds, damaged tables thrown away", () => {
  const { folder, frames } = made();
  const facts = folder.bytes("1.facts");
  const file = folder.open("1.facts", "append")!;
  file.append(Uint8Array.of(1, 2, 3));
  folder.put("2.facts", new Uint8Array(50));
  folder.put("3.msg", new Uint8Array(50));
  const report = recover(folder);
  deepEqual(report.facts.map(({ shard }) => shard), [1, 2]);
  deepEqual(report.tables.map(({ shard }) => shard), [3]);
  deepEqual(folder.bytes("1.facts"), facts);
  const names = folder.list().map(({ name }) => name);
  equal(names.includes("2.facts"), false);
  equal(names.includes("3.msg"), false);
  deepEqual(allFrames(folder), frames);
});

Deno.test("what belongs to nothing is removed, what cannot be read is named", () => {
  const { folder } = made();
  folder.put("77.idx", new Uint8Array(9));
  folder.put("78.facts", new Uint8Array(9));
  folder.put("1.msg.0123abcd.unfinished", new Uint8Array(9));
  folder.put("79.pcap", new Uint8Array(24));
  folder.put("80.pcap", new Uint8Array(2000));
  const report = recover(folder);
  deepEqual(report.removed.toSorted(), [
    "1.msg.0123abcd.unfinished",
    "77.idx",
    "78.facts",
    "79.pcap",
  ]);
  deepEqual(report.unreadable, [80]);
  const store = Store.open(folder);
  const read = Array.from(store.shards("oldest first"), (s) => s.number);
  equal(read.includes(80), false);
  deepEqual([...store.unreadable], [80]);
});

Deno.test("law: a process may die at any byte; all that was stored is there", () => {
  const frames = makeTraffic(3, 60, { most: 120 });
  const batch = toBatch(frames);
  const options = { ...OPTIONS, shardBytes: 3000 };
  /** Writes until all is written or the process dies. Gives what was stored. */
  const live = (folder: MemoryFolder, random: Random): number => {
    let stored = 0;
    try {
      const writer = StoreWriter.open(folder, options);
      const target = writer.writer(LINKTYPE_ETHERNET);
      for (let from = 0; from < batch.count;) {
        const to = Math.min(batch.count, from + random.int(1, 12));
        target.append(batch, ETHERNET, from, to);
        target.flush();
        stored = to;
        from = to;
      }
      writer.close();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    return stored;
  };
  const whole = new MemoryFolder();
  live(whole, new Random(1));
  ok(whole.written > 8000);
  for (let at = 0; at < whole.written; at += 7) {
    const folder = new MemoryFolder();
    folder.diesAfter = at;
    const stored = live(folder, new Random(1));
    const after = folder.survived();
    // Whole records of a torn write may be there as well.
    const found = allFramesOf(after);
    ok(found.length >= stored, `died at ${at}: ${found.length} < ${stored}`);
    deepEqual(found, frames.slice(0, found.length));
    const again = StoreWriter.open(after, options);
    const recovered = allFrames(after);
    deepEqual(recovered, found);
    again.close();
    const second = recover(after);
    ok(isClean(second), `died at ${at}: ${JSON.stringify(second)}`);
  }
});

/** As {@link allFrames}, also of a folder that says nothing of itself yet. */
function allFramesOf(folder: MemoryFolder): Frame[] {
  const isStore = folder.list().some(({ name }) => name === "store.json");
  return isStore ? allFrames(folder) : [];
}

Deno.test("recovery on a full disk does what it can, and the rest next time", () => {
  const { folder, frames } = made();
  const sidecar = folder.bytes("1.idx");
  folder.remove("1.idx");
  folder.open("2.pcap", "append")!.append(new Uint8Array(5));
  folder.capacity = folder.used - 5;
  const first = recover(folder);
  deepEqual(first.cut, [{ shard: 2, bytes: 5 }]);
  deepEqual(allFrames(folder), frames);
  folder.capacity = Infinity;
  const second = recover(folder);
  ok(second.rebuilt.some(({ shard }) => shard === 1));
  deepEqual(folder.bytes("1.idx"), sidecar);
});
