/** Which flows are kept whole, and how packets get to whom finds out. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { FrameBatch } from "../../../packet/frame.ts";
import {
  closeQueue,
  makeQueueMemory,
  ProbeQueueReader,
  ProbeQueueWriter,
} from "../../../worker/live/probe_queue.ts";
import { Prober } from "../../../worker/live/prober.ts";
import { makeSlotMemory, Sifter } from "../../../worker/live/sifter.ts";
import { concat, Random } from "../../fuzz/random.ts";
import {
  bytes,
  ethernet,
  ipv4,
  ipv6,
  sll2,
  tcp,
  text,
  udp,
} from "../../packet/frames.ts";

/** Both threads' work, one after the other. */
class Line {
  readonly #slots = makeSlotMemory();
  readonly #memory = makeQueueMemory();
  readonly queue = new ProbeQueueWriter(this.#memory);
  readonly sifter = new Sifter({ slots: this.#slots, queue: this.queue });
  readonly #reader = new ProbeQueueReader(this.#memory);
  readonly #prober = new Prober(new Uint32Array(this.#slots));
  #time = 1_700_000_000_000;

  constructor() {
    this.sifter.setInterfaces([7]);
    // So that reading does not wait for more.
    closeQueue(this.#memory);
  }

  /** Sifts a frame; gives how many of its bytes are kept. */
  sift(frame: Uint8Array, after = 1): number {
    this.#time += after;
    const batch = new FrameBatch(1);
    batch.bytes = frame;
    batch.captured[0] = batch.original[0] = frame.length;
    batch.time[0] = this.#time * 1000;
    batch.count = 1;
    this.sifter.sift(batch);
    this.sifter.tell();
    equal(batch.original[0], frame.length);
    return batch.captured[0]!;
  }

  /** Lets the other thread do what it has to. */
  probe(): void {
    while (this.#reader.next()) this.#prober.add(this.#reader);
  }
}

type Wrap = (payload: Uint8Array) => Uint8Array;

const plain: Wrap = (segment) => sll2(0x0800, ipv4(6, segment));
const inIpv6: Wrap = (segment) => sll2(0x86dd, ipv6(6, segment));
const inVxlan: Wrap = (segment) =>
  sll2(
    0x0800,
    ipv4(
      17,
      udp(4789, bytes("0800000000002a00", ethernet(0x0800, ipv4(6, segment)))),
    ),
  );

/** Segments of the client, of which the first opens the flow. */
function* client(payload: Uint8Array, wrap: Wrap) {
  yield wrap(tcp(bytes(), { seq: 999, flags: 2 }));
  for (let n = 0;; n++) {
    yield wrap(tcp(payload, { seq: 1000 + n * payload.length }));
  }
}

const noise = new Random(3).bytes(1000).fill(0xfe, 0, 4);

for (const [name, wrap] of Object.entries({ plain, inIpv6, inVxlan })) {
  Deno.test(`of what nobody speaks headers are kept, with their options (${name})`, () => {
    const line = new Line();
    const segments = client(noise, wrap);
    let whole = 0;
    let frame = segments.next().value!;
    while (line.sift(frame) === frame.length) {
      line.probe();
      frame = segments.next().value!;
      ok(++whole < 70, "it is known after a while");
    }
    ok(whole > 1);
    equal(line.sift(frame), frame.length - noise.length);
    equal(line.sifter.headersOnly, 2);
    const options = wrap(
      tcp(noise, { seq: 90_000, options: bytes("0101080a0000000000000000") }),
    );
    equal(line.sift(options), options.length - noise.length);
    const empty = wrap(tcp(bytes(), { seq: 91_000 }));
    equal(line.sift(empty), empty.length);
  });

  Deno.test(`what a dissector speaks for is kept whole (${name})`, () => {
    const line = new Line();
    const request = text("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const segments = client(concat(request), wrap);
    for (let n = 0; n < 200; n++) {
      const frame = segments.next().value!;
      equal(line.sift(frame), frame.length);
      line.probe();
    }
    const after = wrap(tcp(noise, { seq: 1000 + 199 * request.length }));
    equal(line.sift(after), after.length);
  });
}

Deno.test("a connection of the same ends is another flow", () => {
  const line = new Line();
  for (let round = 0; round < 2; round++) {
    const segments = client(noise, plain);
    for (let n = 0; n < 80; n++) {
      const frame = segments.next().value!;
      const kept = line.sift(frame);
      if (n < 2) equal(kept, frame.length, `round ${round}, segment ${n}`);
      if (n === 79) equal(kept, frame.length - noise.length);
      line.probe();
    }
  }
});

Deno.test("a flow that repeats itself is probed no more after a while", () => {
  const line = new Line();
  const again = plain(tcp(bytes("feff"), { seq: 1000 }));
  const idle = plain(tcp(bytes("00"), { seq: 999 }));
  for (let n = 0; n < 1000; n++) {
    equal(line.sift(idle), idle.length);
    line.probe();
  }
  for (let n = 0; n < 256; n++) {
    equal(line.sift(again), again.length);
    line.probe();
  }
  equal(line.sift(again), again.length - 2);
});

Deno.test("datagrams are kept by what they are, and probed anew after a silence", () => {
  const line = new Line();
  const datagram = (port: number, payload: Uint8Array) =>
    sll2(0x0800, ipv4(17, udp(port, payload)));
  const query = datagram(53, bytes("12340100000100000000000001610000010001"));
  const unknown = datagram(9999, noise);
  for (let n = 0; n < 80; n++) {
    for (const frame of [query, unknown]) line.sift(frame);
    line.probe();
  }
  equal(line.sift(query), query.length);
  equal(line.sift(unknown), unknown.length - noise.length);
  equal(line.sift(unknown, 301_000), unknown.length);
});

Deno.test("nothing is known before it was probed, and all is kept", () => {
  const line = new Line();
  const segments = client(noise, plain);
  for (let n = 0; n < 3000; n++) {
    const frame = segments.next().value!;
    equal(line.sift(frame), frame.length);
  }
  ok(line.queue.leftOut > 0, "the queue is bounded");
});

Deno.test("a queue gives what was put in, in order, however it wraps", () => {
  const memory = makeQueueMemory();
  const writer = new ProbeQueueWriter(memory);
  const reader = new ProbeQueueReader(memory);
  closeQueue(memory);
  const random = new Random(4);
  const waiting: Uint8Array[] = [];
  let passed = 0;
  for (let i = 0; i < 20_000; i++) {
    const frame = random.bytes(random.int(0, random.chance(0.5) ? 6000 : 200));
    const before = writer.leftOut;
    writer.add(i, i * 2, frame, 0, frame.length, frame.length + 1, i);
    if (writer.leftOut === before) waiting.push(frame);
    if (!random.chance(0.01)) continue;
    writer.tell();
    for (let n = random.int(0, 150); n > 0 && waiting.length > 0; n--) {
      ok(reader.next());
      deepEqual(reader.bytes.slice(0, reader.captured), waiting.shift());
      equal(reader.original, reader.captured + 1);
      equal(reader.stamp, reader.slot * 2);
      equal(reader.time, reader.slot);
      passed++;
    }
  }
  ok(passed > 5000 && writer.leftOut > 100, `${passed}, ${writer.leftOut}`);
});
