import { deepEqual, equal, throws } from "node:assert/strict";
import {
  ByteReader,
  ByteWriter,
  Damaged,
} from "../../../worker/shards/encoding.ts";
import { Random } from "../../fuzz/random.ts";

Deno.test("numbers are read as they were written, in as few bytes as hold them", () => {
  const sizes: readonly [value: number, bytes: number][] = [
    [0, 1],
    [127, 1],
    [128, 2],
    [16_383, 2],
    [2 ** 31 - 1, 5],
    [2 ** 31, 5],
    [2 ** 32, 5],
    [2 ** 35, 6],
    [Number.MAX_SAFE_INTEGER, 8],
  ];
  for (const [value, bytes] of sizes) {
    const writer = new ByteWriter();
    writer.varint(value);
    equal(writer.size, bytes, `${value}`);
    const reader = new ByteReader(writer.bytes);
    equal(reader.varint(), value);
    reader.finish();
  }
});

Deno.test("any values are read as they were written", () => {
  const random = new Random(1);
  for (let n = 0; n < 2000; n++) {
    const exponent = random.int(0, 52);
    const value = random.int(0, 2 ** exponent - 1);
    const writer = new ByteWriter();
    writer.varint(value);
    writer.signed(value >= 2 ** 51 ? 0 : -value);
    writer.u8(value & 255);
    writer.u16(value & 65535);
    writer.u32(value >>> 0);
    writer.f64(-value / 3);
    writer.text(`\ufeffé ${value}`);
    writer.align(8);
    equal(writer.size % 8, 0);
    const reader = new ByteReader(writer.bytes);
    equal(reader.varint(), value);
    equal(reader.signed() + (value >= 2 ** 51 ? 0 : value), 0);
    equal(reader.u8(), value & 255);
    equal(reader.u16(), value & 65535);
    equal(reader.u32(), value >>> 0);
    equal(reader.f64(), -value / 3);
    equal(reader.text(100), `\ufeffé ${value}`);
  }
});

Deno.test("nothing is read beyond the bytes, and no number above 2^53", () => {
  const cases: readonly [bytes: number[], read: (r: ByteReader) => unknown][] =
    [
      [[], (r) => r.u8()],
      [[1], (r) => r.u16()],
      [[1, 2, 3], (r) => r.u32()],
      [[1, 2, 3], (r) => r.f64()],
      [[0x80], (r) => r.varint()],
      [[255, 255, 255, 255, 255, 255, 255, 255], (r) => r.varint()],
      [[255, 255, 255, 255, 255, 255, 255, 127], (r) => r.varint()],
      [[5, 1, 2], (r) => r.text(10)],
      [[5, 1, 2, 3, 4, 5], (r) => r.text(4)],
      [[1, 2], (r) => r.raw(3)],
      [[1, 2], (r) => r.raw(-1)],
      [[1, 2], (r) => r.seek(1, 3)],
      [[1, 2], (r) => r.finish()],
    ];
  for (const [bytes, read] of cases) {
    throws(() => read(new ByteReader(Uint8Array.from(bytes))), Damaged);
  }
});

Deno.test("random bytes give values or are damaged", () => {
  const random = new Random(2);
  for (let n = 0; n < 5000; n++) {
    const reader = new ByteReader(random.bytes(random.int(0, 40)));
    try {
      while (reader.left > 0) {
        const value = random.pick([
          () => reader.varint(),
          () => reader.signed(),
          () => reader.u16(),
          () => reader.text(20).length,
        ])();
        deepEqual(Number.isSafeInteger(value), true);
      }
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
    }
  }
});
