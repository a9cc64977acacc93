/**
 * Writing savefiles: what is written is read back the same, by us and by
 * tcpdump and tshark.
 */
import { deepEqual, equal, throws } from "node:assert/strict";
import { FrameBatch, type Interface } from "../../packet/frame.ts";
import {
  ofBytes,
  type SavefileFormat,
  SavefileReader,
  SavefileWriter,
  SECRETS,
} from "../../packet/savefile.ts";
import { concat, Random } from "../fuzz/random.ts";
import * as f from "./frames.ts";
import { Blocks, pcap, type Read, readAll } from "./savefiles.ts";
import { hasProgram, run } from "./programs.ts";

const FORMATS: readonly SavefileFormat[] = ["pcap", "pcap-micro", "pcapng"];

/** Collects what a writer writes. */
class Collected {
  readonly #parts: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
  }

  get bytes(): Uint8Array {
    return concat(...this.#parts);
  }
}

/** Which rows of each batch to keep. */
type Choice = (row: number) => boolean;

/** Copies chosen frames of a file into another. */
function copied(file: Uint8Array, format: SavefileFormat, keep: Choice) {
  const sink = new Collected();
  const reader = new SavefileReader(ofBytes(file));
  const batch = new FrameBatch(333);
  const rows = new Uint32Array(333);
  const first = reader.next(batch) ? reader.interfaces[0]! : NO_INTERFACE;
  const writer = new SavefileWriter(sink, format, first);
  do {
    const numbers = Uint32Array.from(
      reader.interfaces,
      (one, n) => n === 0 || format !== "pcapng" ? 0 : writer.addInterface(one),
    );
    let count = 0;
    for (let row = 0; row < batch.count; row++) {
      if (keep(row)) rows[count++] = row;
    }
    writer.copyRows(batch, rows, count, numbers);
  } while (reader.next(batch));
  writer.flush();
  equal(sink.bytes.length, writer.size);
  return { bytes: sink.bytes, frames: writer.frames };
}

const NO_INTERFACE: Interface = { linkType: 1, snapLength: 0 };

/** What of a frame must survive; microsecond files have no nanoseconds. */
function essence(frames: readonly Read[], format: SavefileFormat) {
  return frames.map(({ time, nanos, original, linkType, frame }) => ({
    time,
    nanos: format === "pcap-micro" ? 0 : nanos,
    original,
    linkType,
    frame,
  }));
}

const random = new Random(11);
const records = Array.from({ length: 3000 }, (_, n) => ({
  seconds: 1_700_000_000 + n,
  fraction: random.int(0, 999_999_999),
  original: 65_000,
  frame: random.bytes(random.pick([0, 1, 60, 100, 1500])),
}));
const micros = records.map((one) => ({
  ...one,
  fraction: one.fraction % 1_000_000,
}));
const blocks = new Blocks(false);

const SOURCES: readonly [string, Uint8Array][] = [
  ["microseconds", pcap(micros, { linkType: 101 })],
  ["big-endian microseconds", pcap(micros, { little: false, linkType: 101 })],
  ["nanoseconds", pcap(records, { magic: 0xa1b23c4d, linkType: 101 })],
  [
    "pcapng",
    concat(
      blocks.section(),
      blocks.interface(101, { resolution: 9 }),
      ...records.map(({ seconds, fraction, frame }) =>
        blocks.packet(0, BigInt(seconds) * 10n ** 9n + BigInt(fraction), frame)
      ),
    ),
  ],
];

const CHOICES: readonly [string, Choice][] = [
  ["all", () => true],
  ["every other one", (row) => row % 2 === 0],
  ["long runs", (row) => row % 200 < 150],
  ["none", () => false],
];

for (const [source, file] of SOURCES) {
  for (const format of FORMATS) {
    for (const [choice, keep] of CHOICES) {
      Deno.test(`frames of ${source} are copied to ${format}: ${choice}`, () => {
        const read = readAll(ofBytes(file), 333).frames;
        const wanted = rowsOf(file).filter(([row]) => keep(row))
          .map(([, n]) => read[n]!);
        const copy = copied(file, format, keep);
        const { frames, reader } = readAll(ofBytes(copy.bytes));
        deepEqual(essence(frames, format), essence(wanted, format));
        equal(copy.frames, wanted.length);
        equal(reader.damage, undefined);
      });
    }
  }
}

/** The row in its batch of each frame of a file, beside its number. */
function rowsOf(file: Uint8Array): [row: number, number: number][] {
  const reader = new SavefileReader(ofBytes(file));
  const batch = new FrameBatch(333);
  const rows: [number, number][] = [];
  while (reader.next(batch)) {
    for (let row = 0; row < batch.count; row++) rows.push([row, rows.length]);
  }
  return rows;
}

Deno.test("pcapng keeps interfaces, their names, and secrets", () => {
  const sink = new Collected();
  const writer = new SavefileWriter(sink, "pcapng", {
    linkType: 1,
    snapLength: 96,
    name: "eth0",
  });
  const added = { linkType: 276, snapLength: 0, name: "köln-1" };
  const log = f.text("CLIENT_RANDOM 01 02\n");
  equal(writer.addInterface(added), 1);
  writer.addSecrets({ type: SECRETS.TLS_KEY_LOG, data: log });
  writer.flush();
  const { reader } = readAll(ofBytes(sink.bytes));
  deepEqual(reader.interfaces, [
    { linkType: 1, snapLength: 96, name: "eth0" },
    added,
  ]);
  deepEqual(reader.secrets, [{ type: SECRETS.TLS_KEY_LOG, data: log }]);
});

Deno.test("the last nanosecond of 2255 is written exactly", () => {
  const batch = new FrameBatch(1);
  batch.count = 1;
  batch.time[0] = Number.MAX_SAFE_INTEGER;
  batch.nanos[0] = 999;
  const sink = new Collected();
  const writer = new SavefileWriter(sink, "pcapng", NO_INTERFACE);
  writer.copy(batch, 0);
  writer.flush();
  const [frame] = readAll(ofBytes(sink.bytes)).frames;
  deepEqual([frame!.time, frame!.nanos], [Number.MAX_SAFE_INTEGER, 999]);
});

Deno.test("a frame larger than the buffer is written", () => {
  const large = random.bytes(1_000_000);
  const file = pcap([{ frame: large }, { frame: large }], {
    snapLength: 1_000_000,
  });
  for (const format of FORMATS) {
    const { bytes } = copied(file, format, () => true);
    const { frames } = readAll(ofBytes(bytes));
    deepEqual(frames.map(({ frame }) => frame), [large, large]);
  }
});

Deno.test("a classic file refuses what it cannot hold", () => {
  const writer = new SavefileWriter(new Collected(), "pcap", NO_INTERFACE);
  throws(() => writer.addInterface(NO_INTERFACE), /no place for/);
  throws(
    () => writer.addSecrets({ type: 1, data: new Uint8Array(1) }),
    /no place for secrets/,
  );
});

Deno.test("a frame of an interface that was not described is our fault", () => {
  const writer = new SavefileWriter(new Collected(), "pcapng", NO_INTERFACE);
  throws(() => writer.copy(new FrameBatch(1), 0, 1), /no interface 1/);
});

/** A file with an SLL2 frame or an Ethernet frame, to be opened by others. */
function forOthers(format: SavefileFormat): Uint8Array {
  const frame = f.ethernet(0x0800, f.ipv4(17, f.udp(9999, f.text("hi"))));
  const file = pcap(
    Array.from({ length: 50 }, (_, n) => ({ fraction: n, frame })),
  );
  return copied(file, format, () => true).bytes;
}

for (const format of FORMATS) {
  for (const program of ["tcpdump", "tshark"]) {
    Deno.test({
      name: `${program} opens ${format}`,
      ignore: !hasProgram(program),
      fn: async () => {
        const path = Deno.makeTempFileSync({ suffix: ".pcap" });
        try {
          Deno.writeFileSync(path, forOthers(format));
          const { output } = await run(
            program,
            ["-n", "-t", "-r", path]
              .filter((argument) => program === "tcpdump" || argument !== "-t"),
          );
          const lines = output.trim().split("\n");
          equal(lines.length, 50);
          equal(lines.every((line) => line.includes("9999")), true);
        } finally {
          Deno.removeSync(path);
        }
      },
    });
  }
}
