/**
 * Files of shards, changed at random: whatever they then hold, they are read
 * or said to be damaged, and what lies beside them is not harmed.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  appendFacts,
  encodeFacts,
  type Fact,
} from "../../worker/shards/facts.ts";
import { toChecksum } from "../../worker/shards/encoding.ts";
import type { MessageTable } from "../../worker/shards/message_table.ts";
import { recover } from "../../worker/shards/recovery.ts";
import { parseName, type Part, Shard } from "../../worker/shards/shard.ts";
import { Store } from "../../worker/shards/store.ts";
import { StoreWriter } from "../../worker/shards/store_writer.ts";
import { MemoryFolder } from "../worker/shards/memory_folder.ts";
import { framesOf } from "../worker/shards/stored.ts";
import {
  ETHERNET,
  type Frame,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
} from "../worker/shards/traffic.ts";
import { cpuTime } from "./cpu_time.ts";
import { Random } from "./random.ts";

const CASES = 20_000;

/** No file here takes long to read; a hang takes longer. */
const PATIENCE_MS = 2000;

const OPTIONS = { node: "n", storageLimit: 2 ** 24, shardBytes: 2 ** 20 };

const FACTS: readonly Fact[] = [
  { kind: "source", name: "a.pcap" },
  { kind: "drop", packet: 3, time: 5, cause: "kernel", packets: 1, bytes: 2 },
  { kind: "clockStep", packet: 4, before: 10, after: 5 },
  {
    kind: "continued",
    row: [0, 1],
    shard: [1, 1],
    shardRow: [0, 5],
    known: [0, 3],
  },
  {
    kind: "checkpoint",
    name: "scan",
    key: "v1",
    bytes: Uint8Array.of(1, 2, 3, 4),
  },
  { kind: "secrets", type: 1, data: Uint8Array.of(5) },
  { kind: "torn", bytes: 3 },
];

const COLUMNS = {
  status: Uint16Array.of(200, 404),
  place: Float64Array.of(1, 2),
  paths: ["/", "/api"],
};

/** A folder with one shard that has all of the files. */
function makeFolder(frames: readonly Frame[]): MemoryFolder {
  const folder = new MemoryFolder();
  using writer = StoreWriter.open(folder, OPTIONS);
  const batch = toBatch(frames);
  const interfaces = [ETHERNET[0]!, ETHERNET[0]!];
  const target = writer.writer(LINKTYPE_ETHERNET);
  target.append(batch, interfaces, 0, batch.count);
  writer.rotate();
  appendFacts(folder, "1.facts", encodeFacts(FACTS));
  using shard = writer.store.shard(1)!;
  writer.store.putMessageTable(shard, "k", COLUMNS);
  return folder;
}

/**
 * Makes the checksums of a changed file right again, as far as they are where
 * they were: so that what is behind them is met.
 */
function reseal(part: Part, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (part === "idx" && bytes.length >= 80) {
    view.setUint32(72, toChecksum(bytes.subarray(80)), true);
    view.setUint32(76, toChecksum(bytes.subarray(0, 76)), true);
  } else if (part === "facts") {
    for (let at = 12; at + 12 <= bytes.length;) {
      const size = view.getUint32(at, true);
      if (size > bytes.length - at - 12) return;
      const content = bytes.subarray(at + 12, at + 12 + size);
      const head = toChecksum(bytes.subarray(at, at + 8));
      view.setUint32(at + 8, toChecksum(content, head), true);
      at += 12 + size;
    }
  } else if (part === "msg" && bytes.length >= 24) {
    const size = view.getUint32(12, true);
    if (size > bytes.length - 24) return;
    view.setUint32(16, toChecksum(bytes.subarray(24, 24 + size)), true);
  }
}

/** Reads all there is of a shard. Gives its frames. */
function readAll(shard: Shard): Frame[] {
  const { header, index, facts } = shard;
  ok(header.packets >= 0);
  const { flows } = index;
  for (let row = 0; row < flows.count; row++) {
    ok(flows.clientIp(row).length > 1 && flows.serverIp(row).length > 1);
  }
  ok(facts.end <= 1e6);
  for (const { name, key } of facts.checkpoints) shard.checkpoint(name, key);
  readTable(shard.messageTable("k"));
  return framesOf(shard);
}

function readTable(table: MessageTable | undefined): void {
  for (const name of table?.names ?? []) {
    table!.numbers(name, Uint16Array);
    table!.numbers(name, Float64Array);
    table!.texts(name);
  }
}

/** Opens the folder to write to it, as a worker does that starts again. */
function writeOne(folder: MemoryFolder, frames: readonly Frame[]): number {
  using writer = StoreWriter.open(folder, OPTIONS);
  const target = writer.writer(LINKTYPE_ETHERNET);
  target.append(toBatch(frames), [ETHERNET[0]!, ETHERNET[0]!], 0, 1);
  return 1;
}

/** Reads every shard that can be read. */
function readStore(folder: MemoryFolder): Frame[] {
  return Array.from(Store.open(folder).shards("oldest first"), readAll).flat();
}

/** What cannot change where only files beside the PCAP were changed. */
const withoutInterface = (frames: readonly Frame[]) =>
  frames.map((frame) => ({ ...frame, interface: 0 }));

Deno.test(`fuzz: ${CASES} changed shards are read, or said to be damaged`, () => {
  const folders = [1, 2, 3].map((seed) => {
    const frames = makeTraffic(seed, 8 * seed, { interfaces: 2, most: 40 });
    return { folder: makeFolder(frames), frames };
  });
  // One with more than one block, seldom met for it takes longer.
  const frames = makeTraffic(4, 1100, { interfaces: 2, most: 20 });
  const large = { folder: makeFolder(frames), frames };
  let changedPcaps = 0;
  for (let seed = 0; seed < CASES; seed++) {
    const random = new Random(seed);
    const made = random.chance(0.01) ? large : random.pick(folders);
    const part = random.pick(["pcap", "idx", "facts", "msg"] as const);
    const folder = made.folder.survived();
    const name = `1.${part}`;
    const changed = random.mutate(folder.bytes(name));
    const isResealed = random.chance(0.6);
    if (isResealed) reseal(part, changed);
    folder.put(name, changed);
    const begin = cpuTime();
    try {
      const read = readStore(folder);
      const isTrue = part !== "pcap" && !(isResealed && part === "idx");
      if (isTrue) {
        deepEqual(withoutInterface(read), withoutInterface(made.frames));
      }
      const added = random.chance(0.1) ? writeOne(folder, made.frames) : 0;
      if (added === 0) recover(folder);
      const recovered = readStore(folder);
      if (isTrue) equal(recovered.length, made.frames.length + added);
      if (part === "pcap") changedPcaps++;
      for (const { name } of folder.list()) {
        ok(parseName(name) || name === "store.json" || name === "writer.lock");
      }
    } catch (cause) {
      throw new Error(`Seed ${seed}, ${name}`, { cause });
    }
    const took = cpuTime() - begin;
    ok(took < PATIENCE_MS, `Seed ${seed} took ${took} ms`);
  }
  ok(changedPcaps > CASES / 5);
});
