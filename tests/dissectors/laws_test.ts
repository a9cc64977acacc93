/**
 * What holds for every recorded flow of DNS, ICMP and Redis, however its bytes
 * come, wherever its parser is saved, and whatever of it is lost.
 */
import { deepEqual, ok } from "node:assert/strict";
import type { AnyDissector } from "../../dissectors/dissector.ts";
import { dns } from "../../dissectors/dns/dns.ts";
import { icmp } from "../../dissectors/icmp/icmp.ts";
import { redis } from "../../dissectors/redis/redis.ts";
import { Random } from "../fuzz/random.ts";
import { type Chunk, START } from "./dissect.ts";
import { parse, type ParseOptions } from "./parse.ts";
import { readRecordings, type Recorded, type Segment } from "./recordings.ts";

/** Bytes of a flow after which it is saved, about; all in small flows. */
const SAVES = 500;

/** Stretches lost of each flow. */
const LOSSES = 40;

/** The segment in pieces, all captured at its time. */
function cut(segment: Segment, size: () => number): Segment[] {
  const pieces: Segment[] = [];
  for (let at = 0; at < segment.bytes.length;) {
    const end = at + size();
    pieces.push({ ...segment, bytes: segment.bytes.slice(at, end) });
    at = end;
  }
  return pieces;
}

const sizeOf = ({ segments }: Recorded) =>
  segments.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** The flow without a stretch of one of its directions. */
function* lose(segments: readonly Segment[], random: Random): Generator<Chunk> {
  const { side } = random.pick(segments);
  const sent = segments.filter((segment) => segment.side === side)
    .reduce((sum, { bytes }) => sum + bytes.length, 0);
  const from = random.int(0, sent - 1);
  const to = from + random.int(1, random.pick([10, 100, 3000]));
  let at = 0;
  let lost = 0;
  for (const segment of segments) {
    const { bytes } = segment;
    const isWhole = segment.side !== side;
    const within = (place: number) =>
      isWhole ? 0 : Math.max(0, Math.min(bytes.length, place - at));
    const before = bytes.subarray(0, within(from));
    const after = bytes.subarray(within(to));
    if (before.length > 0) yield { ...segment, bytes: before };
    lost += bytes.length - before.length - after.length;
    // That bytes are missing is known once the other end answers them.
    if (lost > 0 && after.length > 0) {
      yield { side, gap: lost };
      lost = 0;
    }
    if (after.length > 0) yield { ...segment, bytes: after };
    if (!isWhole) at += bytes.length;
  }
  if (lost > 0) yield { side, gap: lost };
}

for (const dissector of [dns, icmp, redis] as AnyDissector[]) {
  const flows = readRecordings(dissector.name)
    .filter(({ transport }) => dissector.transports.includes(transport));
  const streams = flows.filter(({ transport }) => transport === "tcp");
  const read = (
    { transport, ipVersion, client, server }: Recorded,
    chunks: Iterable<Chunk>,
    more: ParseOptions = {},
  ) => {
    const context = { transport, ipVersion, client, server };
    return parse(dissector, chunks, { ...context, ...more });
  };

  Deno.test(`${dissector.name}: flows saved after each packet go on the same`, () => {
    ok(flows.length > 0);
    for (const flow of flows) {
      deepEqual(
        read(flow, flow.segments, { resumed: true }),
        read(flow, flow.segments),
        flow.name,
      );
    }
  });

  if (streams.length === 0) continue;

  Deno.test(`${dissector.name}: streams saved after any byte go on the same`, () => {
    const random = new Random(20);
    for (const flow of streams) {
      const bytewise = flow.segments.flatMap((s) => cut(s, () => 1));
      const resumed = () => random.chance(SAVES / sizeOf(flow));
      deepEqual(
        read(flow, bytewise, { resumed }),
        read(flow, flow.segments),
        flow.name,
      );
    }
  });

  Deno.test(`${dissector.name}: streams are the same however they are cut`, () => {
    const random = new Random(21);
    for (const flow of streams) {
      const expected = read(flow, flow.segments);
      for (let i = 0; i < 5; i++) {
        const most = random.pick([2, 7, 60, 1000]);
        const chunks = flow.segments
          .flatMap((s) => cut(s, () => random.int(1, most)));
        deepEqual(read(flow, chunks), expected, flow.name);
      }
    }
  });

  Deno.test(`${dissector.name}: streams that lost bytes tell nothing untrue`, () => {
    const random = new Random(22);
    let lost = 0;
    for (const flow of streams) {
      const whole = new Set(
        read(flow, flow.segments).map((it) => JSON.stringify(it)),
      );
      for (let i = 0; i < LOSSES; i++) {
        const chunks = [...lose(flow.segments, random)];
        const found = read(flow, chunks);
        for (const exchange of found) {
          if (exchange.incomplete) continue;
          ok(
            whole.has(JSON.stringify(exchange)),
            `${flow.name}: ${JSON.stringify(exchange).slice(0, 500)}`,
          );
        }
        if (found.length < whole.size) lost++;
      }
    }
    ok(lost > 0, "something was lost");
  });
}

Deno.test("a stretch that is lost leaves all other bytes", () => {
  const random = new Random(23);
  for (let i = 0; i < 300; i++) {
    const segments: Segment[] = Array.from(
      { length: random.int(1, 6) },
      (_, n) => ({
        side: random.pick(["client", "server"] as const),
        bytes: random.bytes(random.int(1, 40)),
        time: START + n,
      }),
    );
    const count = (side: string, chunks: Iterable<Chunk>) => {
      let sum = 0;
      for (const chunk of chunks) {
        if (!("side" in chunk) || chunk.side !== side) continue;
        if ("gap" in chunk) sum += chunk.gap;
        else if ("bytes" in chunk) sum += chunk.bytes.length;
      }
      return sum;
    };
    const chunks = [...lose(segments, random)];
    for (const side of ["client", "server"]) {
      deepEqual(count(side, chunks), count(side, segments));
    }
  }
});
