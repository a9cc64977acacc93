import { deepEqual, equal, ok } from "node:assert/strict";
import { appendFacts, encodeFact } from "../../../worker/shards/facts.ts";
import { Shard, toName } from "../../../worker/shards/shard.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { allFrames } from "./stored.ts";
import {
  ETHERNET,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
} from "./traffic.ts";

const LIMIT = 200_000;
const OPTIONS = { node: "n", storageLimit: LIMIT, shardBytes: 10_000 };

/** A folder that notes the most bytes it ever held. */
class Measured extends MemoryFolder {
  most = 0;

  override write(...args: Parameters<MemoryFolder["write"]>): void {
    super.write(...args);
    this.most = Math.max(this.most, this.used);
  }

  override replace(name: string, bytes: Uint8Array): void {
    super.replace(name, bytes);
    this.most = Math.max(this.most, this.used);
  }
}

Deno.test("all files together stay below the limit, and the newest packets stay", () => {
  for (let seed = 0; seed < 10; seed++) {
    const random = new Random(seed);
    const frames = makeTraffic(seed, 4000);
    const folder = new Measured();
    const writer = StoreWriter.open(folder, OPTIONS);
    const target = writer.writer(LINKTYPE_ETHERNET);
    const batch = toBatch(frames);
    for (let from = 0; from < batch.count;) {
      const to = Math.min(batch.count, from + random.int(1, 60));
      target.append(batch, ETHERNET, from, to);
      if (random.chance(0.5)) target.flush();
      from = to;
    }
    writer.close();
    equal(target.counters.droppedPackets, 0);
    ok(folder.most <= LIMIT, `${folder.most}`);
    ok(folder.used > LIMIT * 0.85, `${folder.used}`);
    const kept = allFrames(folder);
    deepEqual(kept, frames.slice(-kept.length));
    ok(writer.retention.deleted.shards > 10);
    const deleted = frames.slice(0, -kept.length);
    const until = Math.max(...deleted.map(({ time }) => time));
    equal(Store.open(folder).deletedUntil, until);
  }
});

Deno.test("a full folder has room for message tables", () => {
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, OPTIONS);
  const batch = toBatch(makeTraffic(6, 3000));
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  writer.close();
  ok(writer.retention.deleted.shards > 0);
  const store = Store.open(folder);
  const column = new Uint8Array(100);
  for (const shard of store.shards("oldest first")) {
    equal(store.putMessageTable(shard, "k", { column }), true);
  }
  ok(folder.used <= LIMIT);
});

Deno.test("message tables count too, and push out the oldest shard", () => {
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, OPTIONS);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(1, 800));
  target.append(batch, ETHERNET, 0, batch.count);
  writer.rotate();
  const before = writer.store.numbers();
  const column = new Uint8Array(LIMIT - folder.used - 500);
  const newest = before.at(-1)!;
  {
    using shard = writer.store.shard(newest)!;
    equal(writer.store.putMessageTable(shard, "k", { column }), true);
    equal(shard.messageTable("k")?.names.length, 1);
    equal(shard.messageTable("other"), undefined);
    const larger = new Uint8Array(LIMIT);
    equal(
      writer.store.putMessageTable(shard, "k", { larger }),
      false,
    );
  }
  writer.retention.count();
  ok(writer.retention.makeRoom(5000));
  ok(writer.store.numbers().length < before.length);
  equal(writer.store.numbers().at(-1), newest);
  ok(folder.used + 5000 <= LIMIT);
});

Deno.test("a shard that is read is passed over until it no longer is", () => {
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, OPTIONS);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(2, 3000));
  const write = (from: number, to: number) => {
    for (let row = from; row < to; row += 20) {
      target.append(batch, ETHERNET, row, row + 20);
      target.flush();
    }
  };
  write(0, 100);
  const leased = writer.store.shard(1)!;
  write(100, 2000);
  deepEqual(writer.store.numbers()[0], 1);
  ok(writer.store.numbers()[1]! > 5);
  ok(leased.columns().count > 0);
  leased.close();
  write(2000, 3000);
  ok(writer.store.numbers()[0]! > 5);
  writer.close();
  ok(folder.used <= LIMIT);
});

Deno.test("when every shard is in use, packets are dropped and counted", () => {
  const folder = new Measured();
  const writer = StoreWriter.open(folder, OPTIONS);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(3, 4000));
  const leases: Shard[] = [];
  const leased = new Set<number>();
  for (let row = 0; row < 3000; row += 20) {
    target.append(batch, ETHERNET, row, row + 20);
    target.flush();
    for (const number of writer.store.numbers()) {
      if (leased.has(number)) continue;
      leased.add(number);
      leases.push(writer.store.shard(number)!);
    }
  }
  equal(target.stopped, "storage limit");
  ok(target.counters.droppedPackets > 0);
  ok(folder.most <= LIMIT);
  for (const lease of leases) lease.close();
  target.append(batch, ETHERNET, 3000, 3100);
  target.flush();
  equal(target.stopped, undefined);
  writer.close();
  const drops = Array.from(
    Store.open(folder).shards("oldest first"),
    ({ facts }) => facts.drops,
  ).flat();
  for (const { cause } of drops) equal(cause, "storage limit");
  const dropped = drops.reduce((sum, { packets }) => sum + packets, 0);
  equal(dropped, target.counters.droppedPackets);
});

Deno.test("what the oldest shard alone knows can be moved before it goes", () => {
  const moved: [number, number | undefined][] = [];
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, {
    ...OPTIONS,
    beforeDelete(oldest, next) {
      moved.push([oldest.number, next]);
      ok(oldest.columns().count > 0);
      if (next === undefined) return;
      const text = `state after ${oldest.number}`;
      appendFacts(
        folder,
        toName(next, "facts"),
        encodeFact({
          kind: "checkpoint",
          name: "scan",
          key: "v1",
          bytes: new TextEncoder().encode(text),
        }),
      );
    },
  });
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(4, 3000));
  for (let row = 0; row < batch.count; row += 20) {
    target.append(batch, ETHERNET, row, row + 20);
    target.flush();
  }
  writer.close();
  ok(moved.length > 5);
  for (const [oldest, next] of moved) equal(next, oldest + 1);
  const store = Store.open(folder);
  using oldest = store.shard(store.numbers()[0]!)!;
  const bytes = oldest.checkpoint("scan", "v1");
  equal(
    new TextDecoder().decode(bytes),
    `state after ${oldest.number - 1}`,
  );
  ok(folder.used <= LIMIT);
});

Deno.test("a lower limit takes effect at once", () => {
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, OPTIONS);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(5, 3000));
  target.append(batch, ETHERNET, 0, batch.count);
  writer.rotate();
  writer.setStorageLimit(50_000);
  ok(folder.used <= 50_000);
  ok(writer.store.numbers().length > 1);
});
