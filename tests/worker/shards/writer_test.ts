import { deepEqual, equal, ok } from "node:assert/strict";
import { FrameBatch, RECORDS } from "../../../packet/frame.ts";
import { ofBytes, SavefileReader } from "../../../packet/savefile.ts";
import { parseName } from "../../../worker/shards/shard.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { allFrames, framesOf } from "./stored.ts";
import {
  BEGIN,
  ETHERNET,
  type Frame,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
} from "./traffic.ts";

const ROOM = { node: "n", storageLimit: 2 ** 30 };

function readPcap(bytes: Uint8Array): Frame[] {
  const reader = new SavefileReader(ofBytes(bytes));
  const batch = new FrameBatch(100);
  const frames: Frame[] = [];
  while (reader.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i]!;
      frames.push({
        time: batch.time[i]!,
        nanos: batch.nanos[i]!,
        bytes: batch.bytes.slice(start, start + batch.captured[i]!),
        original: batch.original[i]!,
        interface: 0,
      });
    }
  }
  equal(reader.damage, undefined);
  return frames;
}

Deno.test("frames come back as they were taken, to the nanosecond", () => {
  const frames = makeTraffic(1, 2000);
  const folder = new MemoryFolder();
  {
    using writer = StoreWriter.open(folder, ROOM);
    const batch = toBatch(frames);
    writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  }
  deepEqual(allFrames(folder), frames);
  deepEqual(readPcap(folder.bytes("1.pcap")), frames);
});

Deno.test("runs of records are taken as bare frames are, of any format", () => {
  const random = new Random(1);
  const frames = makeTraffic(2, 3000);
  const pcap = new MemoryFolder();
  {
    using writer = StoreWriter.open(pcap, ROOM);
    const batch = toBatch(frames);
    writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  }
  const folder = new MemoryFolder();
  const batch = new FrameBatch(500);
  const reader = new SavefileReader(ofBytes(pcap.bytes("1.pcap")));
  {
    using writer = StoreWriter.open(folder, { ...ROOM, shardBytes: 40_000 });
    const target = writer.writer(LINKTYPE_ETHERNET);
    while (reader.next(batch)) {
      equal(batch.records, RECORDS.NANO_LE);
      // Rows are left out here and there, so that runs break.
      for (let from = 0; from < batch.count;) {
        const to = Math.min(batch.count, from + random.int(1, 90));
        target.append(batch, reader.interfaces, from, to);
        from = to;
      }
    }
  }
  ok(Store.open(folder).numbers().length > 5);
  deepEqual(allFrames(folder), frames);
});

Deno.test("a PCAP is whole records after every write", () => {
  class Watched extends MemoryFolder {
    writes = 0;
    override write(
      ...[content, bytes]: Parameters<MemoryFolder["write"]>
    ): void {
      super.write(content, bytes);
      for (const { name } of this.list()) {
        if (parseName(name)?.part !== "pcap") continue;
        if (this.bytes(name).length === 0) continue;
        readPcap(this.bytes(name));
        this.writes++;
      }
    }
  }
  const folder = new Watched();
  {
    using writer = StoreWriter.open(folder, { ...ROOM, shardBytes: 30_000 });
    const target = writer.writer(LINKTYPE_ETHERNET);
    const batch = toBatch(makeTraffic(3, 900));
    for (let row = 0; row < batch.count; row += 30) {
      target.append(batch, ETHERNET, row, row + 30);
      target.flush();
    }
  }
  ok(folder.writes > 30);
});

Deno.test("what was flushed can be asked about while the shard is written", () => {
  const frames = makeTraffic(4, 600, { interfaces: 2 });
  const interfaces = [ETHERNET[0]!, { ...ETHERNET[0]!, name: "eth1" }];
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, ROOM);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(frames);
  target.append(batch, interfaces, 0, 200);
  equal(target.counters.packets, 0);
  target.flush();
  equal(target.counters.packets, 200);
  using shard = writer.store.shard(1)!;
  equal(shard.isSealed, false);
  deepEqual(framesOf(shard), frames.slice(0, 200));
  equal(shard.refresh(), false);
  target.append(batch, interfaces, 200, 600);
  target.flush();
  equal(shard.refresh(), true);
  deepEqual(framesOf(shard), frames);
});

Deno.test("a shard ends before it exceeds its size, and after its time", () => {
  const frames = makeTraffic(5, 3000);
  const bySize = new MemoryFolder();
  const options = { ...ROOM, shardBytes: 50_000 };
  {
    using writer = StoreWriter.open(bySize, options);
    const batch = toBatch(frames);
    writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  }
  const sizes = Store.open(bySize).survey().map(({ bytes }) => bytes);
  for (const size of sizes) ok(size <= 50_000);
  for (const size of sizes.slice(0, -1)) ok(size > 49_000);

  const byTime = new MemoryFolder();
  const shardDuration = 60e6;
  {
    const options = { ...ROOM, shardBytes: 2 ** 20, shardDuration };
    using writer = StoreWriter.open(byTime, options);
    const batch = toBatch(frames);
    writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  }
  const shards = Store.open(byTime).survey();
  ok(shards.length > 3);
  for (const { first, last, bytes } of shards) {
    ok(last - first < shardDuration || bytes < 2 ** 20 / 64 + 400);
  }
  for (const { bytes } of shards.slice(0, -1)) ok(bytes >= 2 ** 20 / 64);
  deepEqual(allFrames(byTime), frames);
});

Deno.test("a shard of a quiet interface ends when it is told the time", () => {
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, {
    ...ROOM,
    shardBytes: 4096,
    shardDuration: 10e6,
  });
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(6, 1));
  target.append(batch, ETHERNET, 0, 1);
  target.rotateIfDue(batch.time[0]! + 9e6);
  equal(target.shard, undefined);
  target.flush();
  equal(target.shard, 1);
  target.rotateIfDue(batch.time[0]! + 10e6);
  equal(target.shard, undefined);
  equal(writer.store.survey()[0]!.packets, 1);
});

Deno.test("the interface of each packet is kept", () => {
  const frames = makeTraffic(7, 2000, { interfaces: 3 });
  const interfaces = ["eth0", "eth1", undefined].map((name) => ({
    linkType: LINKTYPE_ETHERNET,
    snapLength: 1500,
    name,
  }));
  const folder = new MemoryFolder();
  {
    using writer = StoreWriter.open(folder, { ...ROOM, shardBytes: 90_000 });
    const batch = toBatch(frames);
    const target = writer.writer(LINKTYPE_ETHERNET);
    for (let row = 0; row < batch.count; row += 100) {
      target.append(batch, interfaces, row, row + 100);
      if (row % 300 === 0) target.flush();
    }
  }
  deepEqual(allFrames(folder), frames);
  for (const shard of Store.open(folder).shards("newest first")) {
    deepEqual(
      shard.interfaces.map(({ name }) => name),
      ["eth0", "eth1", undefined],
    );
  }
});

Deno.test("a frame longer than tools accept keeps its beginning and its size", () => {
  const long = new Uint8Array(300_000).fill(7);
  const frames: Frame[] = [
    ...makeTraffic(8, 2),
    {
      time: BEGIN,
      nanos: 1,
      bytes: long,
      original: 400_000,
      interface: 0,
    },
    ...makeTraffic(9, 2),
  ];
  const folder = new MemoryFolder();
  {
    using writer = StoreWriter.open(folder, ROOM);
    const batch = toBatch(frames);
    const target = writer.writer(LINKTYPE_ETHERNET);
    target.append(batch, ETHERNET, 0, batch.count);
    target.flush();
    equal(target.counters.cut, 1);
  }
  const stored = readPcap(folder.bytes("1.pcap"));
  equal(stored.length, 5);
  equal(stored[2]!.bytes.length, 262_144);
  equal(stored[2]!.original, 400_000);
});

Deno.test("times that a PCAP cannot hold become the nearest it can", () => {
  const times = [-5, 2 ** 32 * 1e6 + 7, BEGIN];
  const frames = times.map((time, n) => ({
    ...makeTraffic(n, 1)[0]!,
    time,
    nanos: 0,
  }));
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, {
    ...ROOM,
    shardDuration: Infinity,
  });
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(frames);
  target.append(batch, ETHERNET, 0, batch.count);
  target.flush();
  equal(target.counters.clamped, 2);
  deepEqual(
    readPcap(folder.bytes("1.pcap")).map(({ time }) => time),
    [0, 2 ** 32 * 1e6 - 1, BEGIN],
  );
});

Deno.test("a full disk stops writing, says so, and heals by itself", () => {
  const frames = makeTraffic(10, 300);
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, ROOM);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(frames);
  const store = (from: number, to: number) => {
    target.append(batch, ETHERNET, from, to);
    target.flush();
  };
  store(0, 100);
  folder.capacity = folder.used + 100;
  store(100, 150);
  equal(target.stopped, "disk full");
  equal(writer.stopped, "disk full");
  store(150, 200);
  equal(target.counters.packets, 100);
  equal(target.counters.droppedPackets, 100);
  folder.capacity = Infinity;
  store(200, 300);
  equal(target.stopped, undefined);
  writer.close();
  const stored = [...frames.slice(0, 100), ...frames.slice(200)];
  deepEqual(allFrames(folder), stored);
  using shard = Store.open(folder).shard(1)!;
  equal(shard.isSealed, true);
  const dropped = frames.slice(100, 200);
  deepEqual(shard.facts.drops, [{
    kind: "drop",
    packet: 100,
    time: frames[100]!.time,
    cause: "disk full",
    packets: 100,
    bytes: dropped.reduce((sum, { bytes }) => sum + bytes.length, 0),
  }]);
});

Deno.test("law: on a disk that is full at times, every packet is stored or counted", () => {
  const random = new Random(21);
  for (let seed = 0; seed < 50; seed++) {
    const frames = makeTraffic(seed, 400, { interfaces: 2 });
    const folder = new MemoryFolder();
    const interfaces = [ETHERNET[0]!, ETHERNET[0]!];
    const writer = StoreWriter.open(folder, { ...ROOM, shardBytes: 20_000 });
    const target = writer.writer(LINKTYPE_ETHERNET);
    const batch = toBatch(frames);
    const stored: Frame[] = [];
    for (let from = 0; from < batch.count;) {
      const to = Math.min(batch.count, from + random.int(1, 40));
      folder.capacity = random.chance(0.5)
        ? Infinity
        : folder.used + random.int(0, 6000);
      const before = { ...target.counters };
      target.append(batch, interfaces, from, to);
      target.flush();
      const packets = target.counters.packets - before.packets;
      const dropped = target.counters.droppedPackets - before.droppedPackets;
      equal(packets + dropped, to - from);
      // A shard may have ended in between: what was dropped is at one end.
      const kept = allFrames(folder).slice(stored.length);
      equal(kept.length, packets, `seed ${seed}`);
      for (const frame of kept) ok(frames.slice(from, to).some(sameAs(frame)));
      stored.push(...kept);
      from = to;
    }
    folder.capacity = Infinity;
    writer.close();
    deepEqual(
      allFrames(folder).map(({ bytes }) => bytes),
      stored.map(({ bytes }) => bytes),
    );
  }
});

function sameAs(a: Frame): (b: Frame) => boolean {
  return (b) => a.time === b.time && a.nanos === b.nanos;
}

Deno.test("a sidecar that a full disk prevented is written when there is room", () => {
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, ROOM);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(1, 20));
  target.append(batch, ETHERNET, 0, 10);
  target.flush();
  folder.capacity = folder.used;
  target.rotate();
  const names = () => folder.list().map(({ name }) => name);
  equal(names().includes("1.idx"), false);
  folder.capacity = Infinity;
  target.append(batch, ETHERNET, 10, 20);
  target.flush();
  equal(names().includes("1.idx"), true);
});

Deno.test("a shard that is being written is locked, so nobody deletes it", () => {
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, ROOM);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const batch = toBatch(makeTraffic(1, 5));
  target.append(batch, ETHERNET, 0, 5);
  target.flush();
  const file = folder.open("1.pcap", "read")!;
  equal(file.lock("exclusive"), false);
  writer.rotate();
  equal(file.lock("exclusive"), true);
  file.close();
});
