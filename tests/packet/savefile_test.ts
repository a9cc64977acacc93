/**
 * Reading savefiles: formats, byte orders, clocks, sizes, damage.
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { FrameBatch, RECORDS } from "../../packet/frame.ts";
import {
  NotASavefile,
  ofBytes,
  PCAP_RECORD,
  SavefileReader,
  SECRETS,
} from "../../packet/savefile.ts";
import { concat, Random } from "../fuzz/random.ts";
import { bytes, text } from "./frames.ts";
import {
  Blocks,
  inPieces,
  pcap,
  type PcapOptions,
  readAll,
  readRest,
} from "./savefiles.ts";

const SECOND = 1_700_000_000;
const TIME = SECOND * 1e6;
const one = text("one");
const two = text("second frame");

const CLASSIC: readonly [string, PcapOptions, number, number][] = [
  ["microseconds, little endian", { little: true }, 123_456, 0],
  ["microseconds, big endian", { little: false }, 123_456, 0],
  ["nanoseconds, little endian", { magic: 0xa1b23c4d }, 123, 456],
  [
    "nanoseconds, big endian",
    { magic: 0xa1b23c4d, little: false },
    123,
    456,
  ],
  ["Kuznetzov's records", { magic: 0xa1b2cd34 }, 123_456, 0],
];

for (const [name, options, micros, nanos] of CLASSIC) {
  Deno.test(`a classic file in ${name} is read`, () => {
    const file = pcap([
      { seconds: SECOND, fraction: 123_456, frame: one },
      { seconds: SECOND + 1, fraction: 0, original: 1500, frame: two },
    ], { ...options, linkType: 276, snapLength: 96 });
    const { frames, reader } = readAll(ofBytes(file));
    deepEqual(
      frames.map(({ time, nanos, original, frame }) => ({
        time,
        nanos,
        original,
        frame,
      })),
      [
        { time: TIME + micros, nanos, original: 3, frame: one },
        { time: TIME + 1e6, nanos: 0, original: 1500, frame: two },
      ],
    );
    for (const { position, frame } of frames) {
      deepEqual(file.subarray(position, position + frame.length), frame);
    }
    deepEqual(reader.interfaces, [{ linkType: 276, snapLength: 96 }]);
    equal(reader.damage, undefined);
    equal(reader.format, "pcap");
  });
}

Deno.test("the checksum bits beside a link type are no part of it", () => {
  const { reader } = readAll(ofBytes(pcap([], { linkType: 0x24000001 })));
  equal(reader.interfaces[0]!.linkType, 1);
});

Deno.test("a classic file of many batches is read whole", () => {
  const random = new Random(1);
  const records = Array.from({ length: 5000 }, (_, n) => ({
    fraction: n,
    frame: random.bytes(random.int(0, 600)),
  }));
  const file = pcap(records);
  for (const size of [1_000_000, 65_536, 7]) {
    const { frames } = readAll(inPieces(ofBytes(file), size), 100);
    deepEqual(
      frames.map(({ frame }) => frame),
      records.map(({ frame }) => frame),
    );
    equal(frames.every(({ time }, n) => time === TIME + n), true);
  }
});

Deno.test("a frame larger than the buffer is read", () => {
  const large = new Random(2).bytes(3_000_000);
  const options = { snapLength: 4_000_000 };
  const file = pcap(
    [{ frame: one }, { frame: large }, { frame: two }],
    options,
  );
  const { frames, reader } = readAll(ofBytes(file));
  deepEqual(frames.map(({ frame }) => frame), [one, large, two]);
  equal(reader.damage, undefined);
});

Deno.test("a batch tells in which records its frames lie", () => {
  const batch = new FrameBatch(4);
  const file = pcap([{ frame: one }], { little: false });
  new SavefileReader(ofBytes(file)).next(batch);
  equal(batch.records, RECORDS.MICRO_BE);
  const header = batch.bytes.subarray(
    batch.start[0]! - PCAP_RECORD,
    batch.start[0]!,
  );
  deepEqual(header, file.subarray(24, 24 + PCAP_RECORD));
});

Deno.test("a classic file can be resumed at any record", () => {
  const records = Array.from({ length: 50 }, (_, n) => ({
    fraction: n,
    frame: new Uint8Array(n).fill(n),
  }));
  const file = pcap(records);
  let at = 0;
  const source = {
    read(into: Uint8Array) {
      const size = Math.min(into.length, file.length - at);
      into.set(file.subarray(at, at + size));
      at += size;
      return size === 0 ? null : size;
    },
  };
  const reader = new SavefileReader(source);
  const frames = readRest(reader);
  for (const n of [49, 0, 20]) {
    at = frames[n]!.position - reader.recordSize!;
    reader.resumeAt(at);
    deepEqual(readRest(reader), frames.slice(n));
  }
});

Deno.test("a growing file goes on where it was torn", () => {
  const file = pcap([{ frame: one }, { frame: two }]);
  let end = file.length - 5;
  let at = 0;
  const source = {
    read(into: Uint8Array) {
      const size = Math.min(into.length, end - at);
      into.set(file.subarray(at, at + size));
      at += size;
      return size === 0 ? null : size;
    },
  };
  const reader = new SavefileReader(source);
  deepEqual(readRest(reader).map(({ frame }) => frame), [one]);
  equal(reader.damage, "a record that is cut off at byte 43");
  end = file.length;
  at = reader.position;
  reader.resumeAt(at);
  deepEqual(readRest(reader).map(({ frame }) => frame), [two]);
  equal(reader.damage, undefined);
});

for (const little of [true, false]) {
  const order = little ? "little" : "big";
  const blocks = new Blocks(little);

  Deno.test(`a pcapng file, ${order} endian, is read`, () => {
    const file = concat(
      blocks.section(),
      blocks.interface(1, { name: "eth0", snapLength: 96 }),
      blocks.interface(276, { resolution: 9 }),
      blocks.block(0x0bad, text("of unknown use")),
      blocks.packet(0, BigInt(TIME) + 5n, one),
      blocks.packet(1, BigInt(TIME) * 1000n + 5678n, two),
      blocks.simplePacket(one),
      blocks.oldPacket(1, BigInt(TIME) * 1000n + 9n, two),
    );
    const { frames, reader } = readAll(ofBytes(file));
    deepEqual(
      frames.map(({ time, nanos, linkType, frame }) => ({
        time: time - TIME,
        nanos,
        linkType,
        frame,
      })),
      [
        { time: 5, nanos: 0, linkType: 1, frame: one },
        { time: 5, nanos: 678, linkType: 276, frame: two },
        // A simple packet has no time: that of the frame before it holds.
        { time: 5, nanos: 678, linkType: 1, frame: one },
        { time: 0, nanos: 9, linkType: 276, frame: two },
      ],
    );
    for (const { position, frame } of frames) {
      deepEqual(file.subarray(position, position + frame.length), frame);
    }
    deepEqual(reader.interfaces, [
      { linkType: 1, snapLength: 96, name: "eth0" },
      { linkType: 276, snapLength: 0, name: undefined },
    ]);
    equal(reader.format, "pcapng");
    equal(reader.damage, undefined);
  });
}

Deno.test("sections of either byte order have interfaces of their own", () => {
  const [little, big] = [new Blocks(true), new Blocks(false)];
  const { frames, reader } = readAll(ofBytes(concat(
    little.section(),
    little.interface(1),
    little.packet(0, BigInt(TIME), one),
    big.section(),
    big.interface(101),
    big.interface(113),
    big.packet(1, BigInt(TIME), two),
    big.packet(0, BigInt(TIME), one),
  )));
  deepEqual(frames.map(({ linkType }) => linkType), [1, 113, 101]);
  equal(reader.interfaces.length, 3);
});

/** A resolution, a count of its ticks, and the time that they mean. */
const RESOLUTIONS: readonly [number, bigint, number, number][] = [
  [0, 1_700_000_000n, TIME, 0],
  [3, 1_700_000_000_123n, TIME + 123_000, 0],
  [6, 1_700_000_000_123_456n, TIME + 123_456, 0],
  [7, 17_000_000_001_234_567n, TIME + 123_456, 700],
  [8, 170_000_000_012_345_678n, TIME + 123_456, 780],
  [9, 1_700_000_000_123_456_789n, TIME + 123_456, 789],
  // 64 bits of picoseconds end in July 1970.
  [12, 170_000_000_012_345_678n, 170_000_000_012, 345],
  [0x80, 1_700_000_000n, TIME, 0],
  [0x80 | 10, 1_700_000_000n * 1024n + 512n, TIME + 500_000, 0],
  [0x80 | 32, (1_700_000_000n << 32n) + (1n << 31n), TIME + 500_000, 0],
];

for (const [resolution, ticks, time, nanos] of RESOLUTIONS) {
  Deno.test(`a resolution of ${resolution} counts right`, () => {
    const blocks = new Blocks();
    const { frames } = readAll(ofBytes(concat(
      blocks.section(),
      blocks.interface(1, { resolution }),
      blocks.packet(0, ticks, one),
    )));
    deepEqual([frames[0]!.time, frames[0]!.nanos], [time, nanos]);
  });
}

Deno.test("an interface's offset is added to its times", () => {
  const blocks = new Blocks();
  const { frames } = readAll(ofBytes(concat(
    blocks.section(),
    blocks.interface(1, { offset: BigInt(SECOND) }),
    blocks.interface(1, { offset: -5n }),
    blocks.packet(0, 7n, one),
    blocks.packet(1, BigInt(TIME), one),
    blocks.packet(1, 0n, one),
  )));
  deepEqual(
    frames.map(({ time }) => time),
    [TIME + 7, TIME - 5_000_000, 0],
  );
});

Deno.test("an impossible time is the last possible one", () => {
  const blocks = new Blocks();
  const { frames } = readAll(ofBytes(concat(
    blocks.section(),
    blocks.interface(1, { resolution: 0 }),
    blocks.packet(0, (1n << 63n) - 1n, one),
  )));
  equal(frames[0]!.time, Number.MAX_SAFE_INTEGER);
});

Deno.test("a simple packet is cut by the interface's snap length", () => {
  const blocks = new Blocks();
  const { frames } = readAll(ofBytes(concat(
    blocks.section(),
    blocks.interface(1, { snapLength: 3 }),
    blocks.simplePacket(text("one"), 1500),
  )));
  deepEqual([frames[0]!.frame, frames[0]!.original], [one, 1500]);
});

Deno.test("secrets and counts of lost frames are kept", () => {
  const blocks = new Blocks(false);
  const log = text("CLIENT_RANDOM 01 02\n");
  const { reader } = readAll(ofBytes(concat(
    blocks.section(),
    blocks.interface(),
    blocks.interface(),
    blocks.secrets(SECRETS.TLS_KEY_LOG, log),
    blocks.statistics(0, 1n, 2n),
    blocks.statistics(0, 10n, 20n),
    blocks.statistics(1, 3n, 0n),
    blocks.statistics(9, 100n, 0n),
  )));
  deepEqual(reader.secrets, [{ type: SECRETS.TLS_KEY_LOG, data: log }]);
  equal(reader.dropped, 33);
});

Deno.test("a block larger than the buffer is passed over", () => {
  const blocks = new Blocks();
  const { frames } = readAll(ofBytes(concat(
    blocks.section(),
    blocks.interface(),
    blocks.packet(0, 1n, one),
    blocks.block(0x0bad, new Uint8Array(2_000_000)),
    blocks.packet(0, 2n, two),
  )));
  deepEqual(frames.map(({ frame }) => frame), [one, two]);
});

Deno.test("a pcapng file in small pieces is read the same", () => {
  const blocks = new Blocks();
  const file = concat(
    blocks.section(),
    blocks.interface(),
    ...Array.from(
      { length: 200 },
      (_, n) => blocks.packet(0, BigInt(n), new Uint8Array(n)),
    ),
  );
  const whole = readAll(ofBytes(file)).frames;
  equal(whole.length, 200);
  deepEqual(readAll(inPieces(ofBytes(file), 5), 7).frames, whole);
});

Deno.test("a length without its padding is understood", () => {
  const blocks = new Blocks();
  const packet = blocks.packet(0, 1n, one);
  const view = new DataView(packet.buffer);
  view.setUint32(4, packet.length - 1, true);
  view.setUint32(packet.length - 4, packet.length - 1, true);
  const file = concat(
    blocks.section(),
    blocks.interface(),
    packet,
    blocks.packet(0, 2n, two),
  );
  equal(readAll(ofBytes(file)).frames.length, 2);
});

const blocks = new Blocks();
const start = concat(
  blocks.section(),
  blocks.interface(),
  blocks.packet(0, 1n, one),
);
const classic = pcap([{ frame: one }]);

/** What comes after one good frame, and what is said of it. */
const DAMAGE: readonly [string, Uint8Array, Uint8Array, string][] = [
  [
    "a torn record header",
    classic,
    bytes("00000000 00"),
    "a record that is cut off at byte 43",
  ],
  [
    "a torn frame",
    classic,
    pcap([{ frame: two }]).subarray(24, 45),
    "a record that is cut off at byte 43",
  ],
  [
    "a frame of impossible length",
    classic,
    bytes("00000000 00000000 ffffff7f ffffff7f", new Uint8Array(100)),
    "a frame of 2147483647 bytes at byte 43",
  ],
  [
    "a tail of zeros",
    classic,
    new Uint8Array(1000),
    "a record of zeros at byte 43",
  ],
  [
    "a torn block",
    start,
    blocks.packet(0, 1n, two).subarray(0, 30),
    "a record that is cut off at byte 84",
  ],
  [
    "a torn block of an unknown kind",
    start,
    blocks.block(0x0bad, two).subarray(0, 20),
    "a block that is cut off at byte 84",
  ],
  [
    "a block of impossible length",
    start,
    bytes("06000000 0b000000 00000000"),
    "a block of 11 bytes at byte 84",
  ],
  [
    "a packet block of impossible length",
    start,
    bytes("06000000 00000070 00000000"),
    "a block of 1879048192 bytes at byte 84",
  ],
  [
    "a block with two lengths",
    start,
    blocks.packet(0, 1n, two).with(-4, 99),
    "a block with two lengths at byte 84",
  ],
  [
    "a frame longer than its block",
    start,
    blocks.packet(0, 1n, two).with(20, 200),
    "a frame of 200 bytes at byte 84",
  ],
  [
    "a frame of an unknown interface",
    start,
    blocks.packet(1, 1n, two),
    "a frame of the unknown interface 1 at byte 84",
  ],
  [
    "a packet block without a body",
    start,
    blocks.block(6),
    "a block with a body of 0 bytes at byte 84",
  ],
  [
    "a section of no byte order",
    start,
    blocks.section().with(8, 0),
    "a section of no known byte order at byte 84",
  ],
  [
    "a section of an unknown version",
    start,
    blocks.section().with(12, 2),
    "a section of the unknown version 2 at byte 84",
  ],
  [
    "secrets longer than their block",
    start,
    blocks.secrets(1, two).with(12, 200),
    "secrets of 200 bytes at byte 84",
  ],
];

for (const [name, before, after, damage] of DAMAGE) {
  Deno.test(`${name} ends the reading and is told`, () => {
    for (const size of [1_000_000, 3]) {
      const source = inPieces(ofBytes(concat(before, after)), size);
      const { frames, reader } = readAll(source);
      deepEqual(frames.map(({ frame }) => frame), [one]);
      equal(reader.damage, damage);
    }
  });
}

Deno.test("an empty frame is a frame", () => {
  const { frames } = readAll(ofBytes(pcap([{ frame: bytes() }])));
  equal(frames.length, 1);
});

Deno.test("a pcapng file cannot be resumed", () => {
  const reader = new SavefileReader(ofBytes(start));
  equal(reader.recordSize, undefined);
  throws(() => reader.resumeAt(84), /classic/);
});

Deno.test("a frame after the damage is not made up", () => {
  const reader = new SavefileReader(ofBytes(concat(start, blocks.block(6))));
  const batch = new FrameBatch(4);
  equal(reader.next(batch), true);
  equal(reader.next(batch), false);
  equal(reader.next(batch), false);
  equal(batch.count, 0);
});

const STRANGERS: readonly [string, Uint8Array, RegExp][] = [
  ["an empty file", bytes(), /^The file is empty$/],
  ["a short text", text("hello"), /5 bytes.*68656c6c/],
  ["a long text", text("hello, ".repeat(9)), /begins with .*68656c6c/],
  ["a header that is cut", classic.subarray(0, 20), /20 bytes/],
  ["gzip", bytes("1f8b0800", new Uint8Array(30)), /compressed with gzip/],
  ["zstd", bytes("28b52ffd", new Uint8Array(30)), /compressed with zstd/],
  ["a ZIP archive", bytes("504b0304", new Uint8Array(30)), /ZIP/],
  [
    "a section of no byte order",
    blocks.section().with(8, 0),
    /Neither pcap nor pcapng/,
  ],
];

for (const [name, file, message] of STRANGERS) {
  Deno.test(`${name} is no savefile, and the error says what it is`, () => {
    throws(
      () => new SavefileReader(ofBytes(file)),
      (error) => error instanceof NotASavefile && message.test(error.message),
    );
  });
}

Deno.test("a savefile without frames is none the worse", () => {
  for (const file of [pcap([]), blocks.section()]) {
    const { frames, reader } = readAll(ofBytes(file));
    deepEqual([frames, reader.damage], [[], undefined]);
  }
});

Deno.test("a file of interfaces without end is damage", () => {
  const many = concat(
    blocks.section(),
    ...Array.from({ length: 65_537 }, () => blocks.interface()),
  );
  const { reader } = readAll(ofBytes(many));
  ok(reader.damage?.startsWith("more than 65536 interfaces"));
});
