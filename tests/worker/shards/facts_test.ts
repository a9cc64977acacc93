import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  appendFacts,
  encodeFact,
  encodeFacts,
  type Fact,
  Facts,
  MAX_FACT,
  readSource,
} from "../../../worker/shards/facts.ts";
import { toChecksum } from "../../../worker/shards/encoding.ts";
import { MemoryFolder } from "./memory_folder.ts";

const FACTS: readonly Fact[] = [
  { kind: "source", name: "captured-é.pcapng" },
  { kind: "interface", id: 0, snapLength: 262_144, name: "eth0" },
  { kind: "interface", id: 3, snapLength: 0, name: undefined },
  { kind: "interfaceRuns", packet: [0, 7, 9], interface: [3, 0, 3] },
  {
    kind: "drop",
    packet: 12,
    time: 1_700_000_000_000_001,
    cause: "kernel",
    packets: 5,
    bytes: 0,
  },
  { kind: "clockStep", packet: 9, before: 1_700_000_000_000_000, after: -5 },
  {
    kind: "continued",
    row: [0, 2, 70_000],
    shard: [4, 4, 2],
    shardRow: [9, 1, 0],
    known: [0, 1, 3],
  },
  {
    kind: "checkpoint",
    name: "scan",
    key: "http 1, dns 2",
    bytes: Uint8Array.of(1, 2, 3),
  },
  { kind: "secrets", type: 0x544c534b, data: Uint8Array.of(9, 8) },
  { kind: "interfaceRuns", packet: [20], interface: [0] },
  { kind: "torn", bytes: 17 },
];

function written(facts: readonly Fact[]): MemoryFolder {
  const folder = new MemoryFolder();
  for (const fact of facts) appendFacts(folder, "1.facts", encodeFact(fact));
  return folder;
}

function read(folder: MemoryFolder): Facts {
  return Facts.read(folder.open("1.facts", "read")!);
}

Deno.test("facts are read as they were written", () => {
  const folder = written(FACTS);
  const facts = read(folder);
  equal(facts.damage, undefined);
  equal(facts.end, folder.bytes("1.facts").length);
  equal(facts.source, "captured-é.pcapng");
  deepEqual([...facts.interfaces.values()], FACTS.slice(1, 3));
  deepEqual(facts.interfaceRuns, {
    packet: [0, 7, 9, 20],
    interface: [3, 0, 3, 0],
  });
  deepEqual(facts.drops, [FACTS[4]]);
  deepEqual(facts.clockSteps, [FACTS[5]]);
  deepEqual({ kind: "continued", ...facts.continued }, FACTS[6]);
  deepEqual(facts.secrets, [FACTS[8]]);
  equal(facts.tornBytes, 17);
  deepEqual(facts.checkpoints, [{ name: "scan", key: "http 1, dns 2" }]);
  const runs = [0, 6, 7, 8, 9, 19, 20, 99].map((row) => facts.runOf(row));
  deepEqual(runs, [0, 0, 1, 1, 2, 2, 3, 3]);
});

Deno.test("a packet before the first run has no interface of its own", () => {
  const facts = read(
    written([{ kind: "interfaceRuns", packet: [5], interface: [1] }]),
  );
  equal(facts.runOf(4), -1);
  equal(facts.runOf(5), 0);
});

Deno.test("a checkpoint is given for its key alone, and the last one counts", () => {
  const checkpoint = (key: string, ...bytes: number[]): Fact => ({
    kind: "checkpoint",
    name: "scan",
    key,
    bytes: Uint8Array.from(bytes),
  });
  const folder = written([checkpoint("a", 1), checkpoint("b", 2, 3)]);
  const facts = read(folder);
  const file = folder.open("1.facts", "read")!;
  equal(facts.checkpoint(file, "scan", "a"), undefined);
  equal(facts.checkpoint(file, "other", "b"), undefined);
  deepEqual(
    facts.checkpoint(file, "scan", "b"),
    Uint8Array.of(2, 3),
  );
});

Deno.test("a damaged checkpoint is none, and does not hide what follows it", () => {
  const folder = written([FACTS[7]!, FACTS[10]!]);
  const bytes = folder.bytes("1.facts");
  const at = bytes.length - 12 - 1 - 1;
  equal(bytes[at], 3);
  bytes[at] = 4;
  folder.put("1.facts", bytes);
  const facts = read(folder);
  equal(facts.damage, undefined);
  equal(facts.tornBytes, 17);
  const file = folder.open("1.facts", "read")!;
  equal(facts.checkpoint(file, "scan", "http 1, dns 2"), undefined);
});

Deno.test("of torn facts all before the torn record holds", () => {
  const whole = written(FACTS).bytes("1.facts");
  const ends = FACTS.map((_, n) =>
    written(FACTS.slice(0, n)).list()[0]?.size ?? 12
  );
  for (let size = 0; size < whole.length; size++) {
    const folder = new MemoryFolder();
    folder.put("1.facts", whole.slice(0, size));
    const facts = read(folder);
    const holds = ends.findLast((end) => end <= size) ?? 0;
    equal(facts.end, holds, `${size}`);
    equal(facts.damage === undefined, holds === size, `${size}`);
  }
});

Deno.test("of facts changed anywhere nothing false is read", () => {
  const whole = written(FACTS).bytes("1.facts");
  for (let at = 0; at < whole.length; at++) {
    const folder = new MemoryFolder();
    const changed = whole.slice();
    changed[at]! ^= 1 << at % 8;
    folder.put("1.facts", changed);
    const facts = read(folder);
    for (const fact of facts.drops) deepEqual(fact, FACTS[4], `byte ${at}`);
    for (const fact of facts.clockSteps) deepEqual(fact, FACTS[5]);
    ok([undefined, "captured-é.pcapng"].includes(facts.source));
    ok([0, 17].includes(facts.tornBytes));
  }
});

Deno.test("records of a later version's kinds are passed over", () => {
  const later = encodeFact({ kind: "torn", bytes: 3 });
  const view = new DataView(later.buffer, later.byteOffset);
  view.setUint32(4, 77, true);
  const head = toChecksum(later.subarray(0, 8));
  view.setUint32(8, toChecksum(later.subarray(12), head), true);
  const folder = new MemoryFolder();
  appendFacts(folder, "1.facts", encodeFacts([FACTS[0]!]));
  const rest = encodeFacts([FACTS[10]!]);
  appendFacts(folder, "1.facts", later);
  appendFacts(folder, "1.facts", rest);
  const facts = read(folder);
  equal(facts.damage, undefined);
  equal(facts.tornBytes, 17);
});

Deno.test("a fact that is too large is refused before it is written", () => {
  throws(
    () =>
      encodeFact({
        kind: "checkpoint",
        name: "scan",
        key: "",
        bytes: new Uint8Array(MAX_FACT),
      }),
    RangeError,
  );
});

Deno.test("a name that a savefile made too long is cut between characters", () => {
  const folder = written([
    { kind: "source", name: "é".repeat(5000) },
    FACTS[10]!,
  ]);
  const facts = read(folder);
  equal(facts.source, "é".repeat(2048));
  equal(facts.tornBytes, 17);
});

Deno.test("where packets came from is read as with all facts", () => {
  const [source, ...others] = FACTS;
  for (const facts of [FACTS, [source!], others, []]) {
    const folder = written(facts);
    const file = folder.open("1.facts", "read") ??
      folder.open("1.facts", "create")!;
    equal(readSource(file), Facts.read(file).source);
  }
});

Deno.test("where packets came from is not read from damaged bytes", () => {
  const folder = written([FACTS[0]!]);
  const bytes = folder.bytes("1.facts");
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at]! ^= 0x55;
    folder.put("1.facts", damaged);
    const file = folder.open("1.facts", "read")!;
    equal(readSource(file), Facts.read(file).source);
    folder.put("1.facts", bytes.slice(0, at));
    equal(readSource(folder.open("1.facts", "read")!), undefined);
  }
});
