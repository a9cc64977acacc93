/** Frames of clients: whole messages however they are cut, or a refusal. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { FrameReader, MAX_CLIENT_MESSAGE } from "../../net/websocket.ts";
import { concat, Random } from "../fuzz/random.ts";

/** A frame as clients send them. */
function frame(
  opcode: number,
  payload: Uint8Array,
  random: Random,
  isFinal = true,
): Uint8Array {
  const { length } = payload;
  const wide = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const head = new Uint8Array(2 + wide);
  const view = new DataView(head.buffer);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (wide === 8 ? 127 : wide === 2 ? 126 : length);
  if (wide === 2) view.setUint16(2, length);
  if (wide === 8) view.setBigUint64(2, BigInt(length));
  const mask = random.bytes(4);
  return concat(head, mask, payload.map((byte, i) => byte ^ mask[i & 3]!));
}

type Heard = [opcode: number, payload: Uint8Array];

function reading(): { reader: FrameReader; heard: Heard[] } {
  const heard: Heard[] = [];
  const reader = new FrameReader((opcode, payload) =>
    heard.push([opcode, payload])
  );
  return { reader, heard };
}

Deno.test("messages come whole, however their frames and bytes are cut", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const expected: Heard[] = [];
    const bytes: Uint8Array[] = [];
    for (let n = random.int(1, 5); n > 0; n--) {
      const opcode = random.pick([1, 2]);
      const parts = Array.from(
        { length: random.int(1, 4) },
        () => random.bytes(random.pick([0, 1, 125, 126, 300, 70_000])),
      );
      for (const [i, part] of parts.entries()) {
        const isLast = i === parts.length - 1;
        bytes.push(frame(i === 0 ? opcode : 0, part, random, isLast));
        if (!random.chance(0.2)) continue;
        const ping = random.bytes(random.int(0, 125));
        bytes.push(frame(9, ping, random));
        if (isLast) expected.push([opcode, concat(...parts)]);
        expected.push([9, ping]);
        if (isLast) parts.length = 0;
      }
      if (parts.length > 0) expected.push([opcode, concat(...parts)]);
    }
    const whole = concat(...bytes);
    const { reader, heard } = reading();
    for (let at = 0; at < whole.length;) {
      const size = random.pick([1, 2, 7, 1000, 100_000]);
      reader.read(whole.subarray(at, at + size));
      at += size;
    }
    deepEqual(heard, expected, `seed ${seed}`);
  }
});

Deno.test("frames that break the protocol are refused", () => {
  const random = new Random(1);
  const small = new Uint8Array(1);
  const unmasked = frame(1, small, random);
  unmasked[1]! &= 0x7f;
  const compressed = frame(1, small, random);
  compressed[0]! |= 0x40;
  const wrong: [string, Uint8Array[]][] = [
    ["not masked", [unmasked]],
    ["of an extension", [compressed]],
    ["of an unknown kind", [frame(3, small, random)]],
    ["of an unknown control", [frame(11, small, random)]],
    ["goes on with nothing", [frame(0, small, random)]],
    ["a message within a message", [
      frame(1, small, random, false),
      frame(1, small, random),
    ]],
    ["a ping in parts", [frame(9, small, random, false)]],
    ["a long ping", [frame(9, new Uint8Array(126), random)]],
    ["too long", [frame(2, new Uint8Array(MAX_CLIENT_MESSAGE + 1), random)]],
    ["too long in parts", [
      frame(2, new Uint8Array(MAX_CLIENT_MESSAGE), random, false),
      frame(0, small, random),
    ]],
    ["too many parts", [
      frame(2, small, random, false),
      ...Array.from({ length: 64 }, () => frame(0, small, random, false)),
    ]],
  ];
  for (const [name, frames] of wrong) {
    const { reader } = reading();
    throws(() => frames.forEach((each) => reader.read(each)), Error, name);
  }
});

Deno.test("a length is refused before anything of that length came", () => {
  const { reader } = reading();
  const head = new Uint8Array(14);
  head.set([0x82, 0xff, 0x7f]);
  throws(() => reader.read(head), /too long/);
});

Deno.test("any bytes are messages, patience or a refusal", () => {
  const random = new Random(2);
  const sound = concat(
    frame(1, random.bytes(20), random, false),
    frame(0, random.bytes(200), random),
    frame(8, random.bytes(4), random),
  );
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const { reader, heard } = reading();
    const bytes = random.chance(0.7) ? random.mutate(sound) : random.bytes(64);
    try {
      for (let at = 0; at < bytes.length; at += 16) {
        reader.read(bytes.subarray(at, at + 16));
      }
    } catch (error) {
      ok(error instanceof Error && "code" in error, String(error));
      refused++;
    }
    ok(heard.length <= 40);
  }
  equal(refused > 3000, true, `${refused} were refused`);
});
