/** What is seen at a glance before packets are stored changes nothing. */
import { deepEqual, ok } from "node:assert/strict";
import type { Interface } from "../../../packet/frame.ts";
import { LINKTYPE } from "../../../packet/link.ts";
import {
  makeQueueMemory,
  ProbeQueueWriter,
} from "../../../worker/live/probe_queue.ts";
import { makeSlotMemory, Sifter } from "../../../worker/live/sifter.ts";
import { VERDICT } from "../../../worker/live/verdict.ts";
import { SLOT, SLOT_WORDS } from "../../../worker/shards/flow_slots.ts";
import { Glances } from "../../../worker/shards/glances.ts";
import { buildSidecar } from "../../../worker/shards/recovery.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { ethernet, ipv4, sll2, tag, udp, vxlan } from "../../packet/frames.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import {
  BEGIN,
  type Frame,
  makeBusyServer,
  makeTraffic,
  toBatch,
} from "../shards/traffic.ts";

const SLL2: readonly Interface[] = [
  { linkType: LINKTYPE.LINUX_SLL2, snapLength: 262_144 },
];

/** A frame behind a cooked header, some with a tag or in a tunnel. */
function cooked(frame: Frame, random: Random): Frame {
  const { bytes } = frame;
  const type = bytes.length < 14 ? 0x0806 : bytes[12]! << 8 | bytes[13]!;
  const packet = bytes.subarray(14);
  const tunnelled = random.chance(0.02)
    ? ipv4(17, udp(4789, vxlan(ethernet(type, packet))))
    : undefined;
  const made = tunnelled
    ? sll2(0x0800, tunnelled)
    : random.chance(0.1)
    ? sll2(0x8100, tag(type, packet))
    : sll2(type, packet);
  // Of the interface 7, and now and then of another: then it is a copy.
  if (random.chance(0.05)) made[7] = 8;
  const more = frame.original - bytes.length;
  return { ...frame, bytes: made, original: made.length + more };
}

/** Makes a flow that is remembered one of which headers alone are kept. */
function refuse(slots: Uint32Array, random: Random): void {
  // They are given out in turn.
  const isTaken = (slot: number) => slots[slot * SLOT_WORDS + SLOT.KIND] !== 0;
  let end = 1;
  while (2 * end * SLOT_WORDS < slots.length && isTaken(end)) end *= 2;
  const slot = random.int(0, end - 1);
  if (!isTaken(slot)) return;
  slots[slot * SLOT_WORDS + SLOT.STAMP]! |= VERDICT.HEADERS_ONLY;
}

/** Stores frames as live capture does; gives how many were known at a glance. */
function record(
  folder: MemoryFolder,
  frames: readonly Frame[],
  random: Random,
  shardBytes = random.int(20_000, 2_000_000),
): number {
  const options = { node: "n", storageLimit: 2 ** 30, shardBytes };
  using store = StoreWriter.open(folder, options);
  const memory = makeSlotMemory();
  const slots = new Uint32Array(memory);
  const queue = new ProbeQueueWriter(makeQueueMemory());
  const sifter = new Sifter({ slots: memory, queue });
  sifter.setInterfaces([7, 8]);
  const writer = store.writer(LINKTYPE.LINUX_SLL2);
  let seen = 0;
  for (let from = 0; from < frames.length;) {
    const to = Math.min(frames.length, from + random.int(1, 200));
    const batch = toBatch(frames.slice(from, to));
    const glances = new Glances(batch.count);
    sifter.sift(batch, glances);
    writer.append(batch, SLL2, 0, batch.count, glances);
    seen += glances.flow.subarray(0, batch.count).filter(Boolean).length;
    if (random.chance(0.05)) writer.flush();
    if (random.chance(0.2)) refuse(slots, random);
    from = to;
  }
  return seen;
}

function checkSidecars(folder: MemoryFolder, what: string): void {
  const sidecars = folder.names().filter((name) => name.endsWith(".idx"));
  ok(sidecars.length > 0);
  for (const name of sidecars) {
    const pcap = folder.open(name.replace("idx", "pcap"), "read")!;
    deepEqual(buildSidecar(pcap).sidecar, folder.bytes(name), what);
  }
}

Deno.test("law: a sidecar written with glances is the one that the PCAP gives", () => {
  const random = new Random(21);
  let seen = 0;
  for (let seed = 0; seed < 20; seed++) {
    // Few flows that do everything; many, of which some are at hand no longer.
    const plain = seed % 10 === 0
      ? makeBusyServer(30_000, 12_000)
      : makeTraffic(seed, random.int(1000, 4000), { most: 120 });
    const frames = plain.map((frame) => cooked(frame, random));
    const folder = new MemoryFolder();
    seen += record(folder, frames, random);
    checkSidecars(folder, `seed ${seed}`);
  }
  ok(seen > 30_000, `${seen} packets were known at a glance`);
});

Deno.test("law: more flows than can be known give the sidecar that the PCAP gives", () => {
  const random = new Random(22);
  const frames = Array.from({ length: 100_000 }, (_, n): Frame => {
    const bytes = sll2(0x0800, ipv4(17, udp(53, new Uint8Array(0))));
    const flow = n % 70_000;
    bytes.set([1, flow >> 16, flow >> 8, flow], 20 + 12);
    const original = bytes.length;
    return { time: BEGIN + n, nanos: 0, bytes, original, interface: 0 };
  });
  const folder = new MemoryFolder();
  ok(record(folder, frames, random, 2 ** 26) > 80_000);
  checkSidecars(folder, "all of them");
});
