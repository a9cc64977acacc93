/**
 * Any bytes: a packet within its bytes, an outcome without one, or damage that
 * is told. Never an error, never more than bounded time and memory.
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { PacketColumns } from "../../packet/columns.ts";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet, PROTOCOL } from "../../packet/packet.ts";
import {
  NotASavefile,
  ofBytes,
  SavefileReader,
  SavefileWriter,
} from "../../packet/savefile.ts";
import * as f from "../packet/frames.ts";
import { Blocks, inPieces, pcap } from "../packet/savefiles.ts";
import { SEEDS } from "../packet/seeds.ts";
import { cpuTime } from "./cpu_time.ts";
import { concat, Random } from "./random.ts";

const LINK_TYPES = Object.values(LINKTYPE);
const PROTOCOLS: readonly number[] = Object.values(PROTOCOL);

/** Holds a packet to what it promises of its bytes. */
function check(packet: Packet): void {
  const { bytes, src, dst, start, end, ipVersion } = packet;
  ok(PROTOCOLS.includes(packet.protocol));
  ok(ipVersion === 4 || ipVersion === 6);
  const size = ipVersion === 4 ? 4 : 16;
  ok(src >= 0 && dst === src + size && dst + size <= bytes.length);
  ok(start >= dst + size && start <= end && end <= bytes.length);
  ok(Number.isInteger(packet.missing) && packet.missing >= 0);
  ok(Number.isInteger(packet.srcPort) && packet.srcPort <= 0xffff);
  ok(Number.isInteger(packet.dstPort) && packet.dstPort <= 0xffff);
  if (packet.protocol !== PROTOCOL.TCP) return;
  ok(Number.isInteger(packet.seq) && packet.seq >= 0);
  ok(Number.isInteger(packet.ack) && packet.ack >= 0);
  ok(packet.options > dst && packet.options <= start + 40);
}

/** Decodes one frame, which lies between bytes that are not its own. */
function decode(
  decoder: Decoder,
  packet: Packet,
  linkType: number,
  frame: Uint8Array,
  random: Random,
): number {
  const before = random.int(0, 20);
  const captured = random.chance(0.8)
    ? frame.length
    : random.int(0, frame.length);
  const around = concat(
    new Uint8Array(before).fill(0x45),
    frame.subarray(0, captured),
    new Uint8Array(8).fill(0xff),
  );
  const outcome = decoder.decode(
    around,
    before,
    captured,
    random.chance(0.1) ? 0 : frame.length,
    linkType,
    random.int(0, 100) * 1e6,
    0,
    packet,
  );
  if (outcome !== OUTCOME.PACKET) return outcome;
  check(packet);
  // What lies in the frame ends with it; the defragmenter's has its own end.
  if (packet.bytes === around) ok(packet.end <= before + captured);
  return outcome;
}

Deno.test("every seed of the fuzz is a packet, or a fragment of one", () => {
  const fates = SEEDS.map(([linkType, frame]) => {
    const size = frame.length;
    const decoder = new Decoder();
    return decoder.decode(frame, 0, size, size, linkType, 0, 0, new Packet());
  });
  const fragments = fates.filter((fate) => fate === OUTCOME.FRAGMENT);
  const packets = fates.filter((fate) => fate === OUTCOME.PACKET);
  equal(fragments.length, 4);
  equal(packets.length, SEEDS.length - 4);
});

Deno.test("60,000 mutated frames are decoded", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  for (let seed = 0; seed < 60_000; seed++) {
    const random = new Random(seed);
    const [linkType, frame] = random.pick(SEEDS);
    const mutated = random.mutate(frame);
    const type = random.chance(0.95) ? linkType : random.pick(LINK_TYPES);
    try {
      decode(decoder, packet, type, mutated, random);
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
  const { packets, fragments, others, malformed, defragmenter } = decoder;
  equal(packets + fragments + others + malformed, 60_000);
  ok(Math.min(packets, others, malformed) > 6000 && fragments > 500);
  ok(defragmenter.cost <= 8 * 1024 * 1024 && defragmenter.waiting <= 4096);
});

Deno.test("20,000 frames of random bytes are decoded", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  for (let seed = 0; seed < 20_000; seed++) {
    const random = new Random(seed);
    const frame = random.bytes(random.int(0, 120));
    // Random bytes seldom are an IP header; so begin like one.
    if (random.chance(0.7) && frame.length > 0) {
      frame[0] = random.pick([0x45, 0x46, 0x60]);
    }
    const linkType = random.chance(0.5)
      ? LINKTYPE.RAW
      : random.pick(LINK_TYPES);
    try {
      decode(decoder, packet, linkType, frame, random);
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
});

/** A savefile of a few frames of every format. */
const SAVEFILES: readonly Uint8Array[] = [
  ...[true, false].flatMap((little) =>
    [0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34].map((magic) =>
      pcap(SEEDS.slice(0, 4).map(([, frame]) => ({ frame })), { little, magic })
    )
  ),
  ...[true, false].map((little) => pcapng(new Blocks(little))),
  concat(pcapng(new Blocks(true)), pcapng(new Blocks(false))),
  // What is none, and too short for one.
  f.bytes("1f8b0800", new Uint8Array(40)),
  f.bytes("d4c3b2a1"),
  f.bytes(),
];

function pcapng(blocks: Blocks): Uint8Array {
  const frame = SEEDS[0]![1];
  return concat(
    blocks.section(),
    blocks.interface(1, { name: "eth0", resolution: 9, offset: 3600n }),
    blocks.interface(101, { resolution: 0x8a, snapLength: 96 }),
    blocks.secrets(1, f.text("secret")),
    blocks.packet(0, 1_700_000_000_000_000_000n, frame),
    blocks.simplePacket(frame),
    blocks.block(0x0bad, f.text("unknown")),
    blocks.oldPacket(1, 1_700_000_000n, frame),
    blocks.statistics(0, 5n, 6n),
    blocks.packet(1, 1_700_000_000n, frame),
  );
}

Deno.test("20,000 mutated savefiles are read", () => {
  const batch = new FrameBatch(3);
  const columns = new PacketColumns(3);
  const rows = Uint32Array.of(0, 1, 2);
  const packet = new Packet();
  const tally = { whole: 0, damaged: 0, strange: 0 };
  const discard = { write: () => {} };
  for (let seed = 0; seed < 20_000; seed++) {
    const random = new Random(seed);
    const file = random.mutate(random.pick(SAVEFILES), 3);
    const source = inPieces(ofBytes(file), random.pick([5, 64, 4096]));
    let reader: SavefileReader;
    try {
      reader = new SavefileReader(
        source,
        seed % 500 === 0 ? {} : { bufferSize: 256 },
      );
    } catch (error) {
      if (!(error instanceof NotASavefile)) throw error;
      tally.strange++;
      continue;
    }
    const decoder = new Decoder();
    const writer = new SavefileWriter(
      discard,
      random.pick(["pcap", "pcap-micro", "pcapng"]),
      { linkType: 1, snapLength: 0 },
    );
    try {
      while (reader.next(batch)) {
        ok(batch.count <= 3);
        columns.fill(batch, reader.interfaces);
        for (let row = 0; row < batch.count; row++) {
          const start = batch.start[row]!;
          const captured = batch.captured[row]!;
          const position = batch.position[row]!;
          ok(start + captured <= batch.bytes.length);
          ok(position + captured <= file.length);
          ok(Number.isSafeInteger(batch.time[row]) && batch.time[row]! >= 0);
          ok(batch.nanos[row]! < 1000);
          const { linkType } = reader.interfaces[batch.interface[row]!]!;
          const outcome = decoder.decode(
            batch.bytes,
            start,
            captured,
            batch.original[row]!,
            linkType,
            batch.time[row]!,
            row,
            packet,
          );
          if (outcome === OUTCOME.PACKET) check(packet);
        }
        writer.copyRows(batch, rows, batch.count);
      }
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
    writer.flush();
    ok(reader.dropped >= 0 && reader.secrets.length <= 8);
    ok(reader.position <= file.length);
    if (reader.damage === undefined) tally.whole++;
    else tally.damaged++;
    equal(reader.recordSize === undefined, reader.format === "pcapng");
    if (reader.format === "pcap") {
      reader.resumeAt(0); // wherever the source stands now
      while (reader.next(batch)) ok(batch.count <= 3);
    }
  }
  ok(Math.min(tally.whole, tally.damaged, tally.strange) > 200);
});

/** 64 KB that make decoding go on for as long as it can. */
const ENDLESS: readonly [string, number, Uint8Array][] = [
  ["tags", LINKTYPE.ETHERNET, repeat("02".repeat(12), "81000000")],
  ["labels", LINKTYPE.MPLS, repeat("", "00010040")],
  [
    "labels over control words",
    LINKTYPE.MPLS,
    repeat("", "00011140 00000000 020000000000 020000000000 8847"),
  ],
  [
    "extension headers",
    LINKTYPE.IPV6,
    repeat(`60000000 ffff 3c40 ${f.SRC6} ${f.DST6}`, "3c00000000000000"),
  ],
  [
    "packets in packets",
    LINKTYPE.IPV4,
    repeat("", "45000000 00000000 40040000 0a000001 0a000002"),
  ],
  [
    "GRE in GRE",
    LINKTYPE.IPV4,
    repeat("", "45000000 00000000 402f0000 0a000001 0a000002 00000800"),
  ],
  [
    "GRE with Ethernet",
    LINKTYPE.IPV4,
    repeat(
      "45000000 00000000 402f0000 0a000001 0a000002",
      "00006558 020000000000 020000000000 6558 ",
    ),
  ],
  ["NFLOG attributes", LINKTYPE.NFLOG, repeat("02000000", "04000100")],
  [
    "radiotap bitmaps",
    LINKTYPE.IEEE802_11_RADIOTAP,
    repeat("0000ffff", "ffffffff"),
  ],
  ["per-packet information", LINKTYPE.PPI, repeat("", "00000800c0000000")],
  [
    "GTP-U extensions",
    LINKTYPE.IPV4,
    repeat(
      "45000000 00000000 40110000 0a000001 0a000002 08680868 00000000 34fffff0 00000000 00000085",
      "01000085",
    ),
  ],
  ["VXLAN in VXLAN", LINKTYPE.ETHERNET, nestedVxlan()],
];

function repeat(head: string, hex: string): Uint8Array {
  const unit = f.bytes(hex);
  const times = Math.floor(65_000 / unit.length);
  return f.bytes(head, ...Array.from({ length: times }, () => unit));
}

function nestedVxlan(): Uint8Array {
  let frame = f.ethernet(0x0800, f.ipv4(6, f.tcp(f.text("hi"))));
  while (frame.length < 64_000) {
    frame = f.ethernet(0x0800, f.ipv4(17, f.vxlan(frame)));
  }
  return frame;
}

for (const [name, linkType, frame] of ENDLESS) {
  Deno.test(`64 KB of ${name} are given up in time`, () => {
    const decoder = new Decoder();
    const packet = new Packet();
    const size = frame.length;
    const begun = cpuTime();
    const times = 100;
    for (let n = 0; n < times; n++) {
      decoder.decode(frame, 0, size, size, linkType, n, 0, packet);
    }
    const each = (cpuTime() - begun) / times;
    ok(each < 50, `${each} ms`);
  });
}

Deno.test("64 KB cut into the smallest fragments are joined in time", () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const begun = cpuTime();
  const payload = new Uint8Array(8);
  // Every other one first, so that as many pieces as can be lie apart.
  for (const first of [8, 0]) {
    for (let offset = first; offset < 65_000; offset += 16) {
      const frame = f.ipv4(17, payload, { offset, more: true });
      const size = frame.length;
      decoder.decode(frame, 0, size, size, LINKTYPE.RAW, 0, 0, packet);
    }
  }
  const took = cpuTime() - begun;
  ok(took < 2000, `${took} ms for 8,125 frames`);
  ok(decoder.defragmenter.cost < 8 * 1024 * 1024);
});

/** Frames of any size, up to what makes a run of its own. */
function randomFrames(random: Random): Uint8Array[] {
  const most = random.pick([60, 1500, 1500, 100_000]);
  return Array.from(
    { length: random.int(0, 30) },
    () => random.bytes(random.int(0, most)),
  );
}

/** What a file holds, whatever it is written as. */
function framesIn(file: Uint8Array): Uint8Array[] {
  const reader = new SavefileReader(ofBytes(file));
  const batch = new FrameBatch(7);
  const frames: Uint8Array[] = [];
  while (reader.next(batch)) {
    for (let row = 0; row < batch.count; row++) {
      const start = batch.start[row]!;
      frames.push(batch.bytes.slice(start, start + batch.captured[row]!));
    }
  }
  equal(reader.damage, undefined);
  return frames;
}

/** A file into which every frame of another was copied, in some order. */
function copied(file: Uint8Array, random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  const sink = { write: (bytes: Uint8Array) => void parts.push(bytes.slice()) };
  const format = random.pick(["pcap", "pcap-micro", "pcapng"] as const);
  const name = random.pick([undefined, "eth0", "é", "x".repeat(70_000)]);
  const ethernet = { linkType: 1, snapLength: random.int(0, 9), name };
  const writer = new SavefileWriter(sink, format, ethernet);
  const data = random.bytes(random.int(0, 9));
  if (format !== "pcapng") {
    throws(() => writer.addInterface(ethernet), /no place/);
    throws(() => writer.addSecrets({ type: 1, data }), /no place/);
  } else {
    equal(writer.addInterface(ethernet), 1);
    writer.addSecrets({ type: 1, data });
  }
  const reader = new SavefileReader(ofBytes(file));
  const batch = new FrameBatch(random.int(1, 40));
  const numbers = random.chance(0.5) ? Uint32Array.of(1) : undefined;
  while (reader.next(batch)) {
    const rows = Uint32Array.from({ length: batch.count }, (_, row) => row);
    if (format === "pcapng" && random.chance(0.1)) {
      throws(() => writer.copy(batch, 0, 2), /no interface 2/);
    }
    writer.copyRows(batch, rows, batch.count, numbers);
    if (random.chance(0.2)) writer.flush();
  }
  writer.flush();
  writer.flush();
  const written = concat(...parts);
  equal(writer.size, written.length);
  return written;
}

Deno.test("a copy of a copy holds the same frames", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed);
    const frames = randomFrames(random);
    const file = pcap(frames.map((frame) => ({ frame })), {
      little: random.chance(0.7),
    });
    try {
      const copy = copied(file, random);
      deepEqual(framesIn(copy), frames);
      deepEqual(framesIn(copied(copy, random)), frames);
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
});
