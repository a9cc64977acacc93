/** Batches: what goes in comes out, however often it is copied. */
import { deepEqual, equal, throws } from "node:assert/strict";
import {
  BadMessage,
  Batch,
  BatchWriter,
  FLAG,
  type Head,
  MAX_ROWS,
} from "../../api/batch.ts";
import { Random } from "../fuzz/random.ts";

/** An entry of which any part may be missing. */
function someHead(random: Random): Head {
  const end = (ip: string) => ({
    ip,
    ...random.chance(0.8) && { port: random.int(1, 65535) },
    ...random.chance(0.3) && { name: `carts-${random.int(0, 9)}.shop` },
  });
  const timestamp = random.int(0, 2e15);
  return {
    timestamp,
    completed: timestamp + random.int(0, 1e6),
    elapsed: random.chance(0.8) ? random.int(0, 1e6) * 1000 : undefined,
    requestSize: random.chance(0.8) ? random.int(0, 1e6) : undefined,
    responseSize: random.chance(0.8) ? random.int(0, 1e6) : undefined,
    protocol: random.pick(["http", "dns", "redis"]),
    status: random.pick([200, "NXDOMAIN", undefined]),
    failed: random.chance(0.5),
    decrypted: random.chance(0.5),
    incomplete: random.chance(0.2) ? ["no response"] : undefined,
    node: { name: `node-${random.int(0, 3)}` },
    src: end(`10.1.0.${random.int(0, 255)}`),
    dst: end("fe80::1"),
  };
}

const texts = ["", "GET /", "Grüße 🦈", "x".repeat(70_000)];

/** A row as plain values, to compare. */
function rowOf(batch: Batch, row: number): unknown {
  return {
    id: batch.id(row),
    timestamp: batch.timestamp[row],
    completed: batch.completed[row],
    elapsed: batch.elapsed[row],
    sizes: [batch.requestSizeOf(row), batch.responseSizeOf(row)],
    words: [batch.protocol, batch.status, batch.src, batch.dst]
      .map((column) => batch.word(column[row]!)),
    ports: [batch.srcPort[row], batch.dstPort[row]],
    flags: batch.flags[row],
    text: batch.text(row),
  };
}

/** What {@link rowOf} must give. */
function expected(head: Head, place: number, n: number, text: string): unknown {
  const { elapsed } = head;
  return {
    id: `${head.node.name}~${Math.floor(place / 2 ** 24)}~${
      place % 2 ** 24
    }~${n}`,
    timestamp: head.timestamp,
    completed: head.completed,
    elapsed: elapsed === undefined ? NaN : Math.fround(elapsed / 1000),
    sizes: [head.requestSize, head.responseSize],
    words: [
      ...[head.protocol, String(head.status ?? "")],
      ...[head.src.name ?? head.src.ip, head.dst.name ?? head.dst.ip],
    ],
    ports: [head.src.port ?? 0, head.dst.port ?? 0],
    flags: (head.failed ? FLAG.FAILED : 0) |
      (head.decrypted ? FLAG.DECRYPTED : 0) |
      (head.incomplete ? FLAG.INCOMPLETE | FLAG.NO_RESPONSE : 0),
    text,
  };
}

Deno.test("batches give back what they were given, and so do copies", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const writer = new BatchWriter("row");
    const copier = new BatchWriter("row");
    const rows: unknown[] = [];
    for (let i = random.int(0, 30); i > 0; i--) {
      const head = someHead(random);
      const place = random.int(0, 2 ** 40);
      const n = random.int(0, 5);
      const text = random.pick(texts);
      writer.add(head, { place, n }, text);
      rows.push(expected(head, place, n, text));
    }
    const watermark = random.chance(0.5) ? random.int(0, 2e15) : undefined;
    const batch = new Batch(writer.take(watermark));
    equal(batch.watermark, watermark);
    deepEqual(rows.map((_, row) => rowOf(batch, row)), rows);
    for (let row = 0; row < batch.count; row++) copier.copy(batch, row);
    const copied = new Batch(copier.take());
    deepEqual(rows.map((_, row) => rowOf(copied, row)), rows);
    equal(writer.count, 0);
  }
});

Deno.test("a batch lies anywhere in the bytes that it came in", () => {
  const writer = new BatchWriter("entry");
  const head = someHead(new Random(1));
  writer.add(head, { place: 5, n: 0 }, "{}");
  const message = writer.take();
  const shifted = new Uint8Array(message.length + 3);
  shifted.set(message, 3);
  deepEqual(
    rowOf(new Batch(shifted.subarray(3)), 0),
    expected(head, 5, 0, "{}"),
  );
});

Deno.test("a full batch can be made, and says that it is full", () => {
  const writer = new BatchWriter("row");
  const random = new Random(3);
  while (!writer.isFull) writer.add(someHead(random), { place: 0, n: 0 }, "");
  equal(new Batch(writer.take()).count, MAX_ROWS);
});

Deno.test("damaged batches are refused, or read without harm", () => {
  const random = new Random(7);
  const writer = new BatchWriter("row");
  for (let i = 0; i < 5; i++) {
    writer.add(someHead(random), { place: i, n: 0 }, "GET /");
  }
  const sound = writer.take(1);
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const message = sound.slice(0, random.int(0, sound.length));
    const damaged = random.chance(0.5) ? message : sound.slice();
    const at = random.int(0, 200);
    if (at < damaged.length) damaged[at] = random.int(0, 255);
    try {
      const batch = new Batch(damaged);
      for (let row = 0; row < batch.count; row++) rowOf(batch, row);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      refused++;
    }
  }
  equal(refused > 10_000, true, `${refused} were refused`);
  throws(() => new Batch(new Uint8Array(0)), BadMessage);
});
