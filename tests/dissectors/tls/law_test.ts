/** What holds for every recorded flow, however its bytes come. */
import { deepEqual, ok } from "node:assert/strict";
import { tls } from "../../../dissectors/tls/tls.ts";
import { Random } from "../../fuzz/random.ts";
import { type Chunk, dissect, type JsonEntry } from "../dissect.ts";
import { readRecordings, type Recorded, type Segment } from "../recordings.ts";

const recordings = readRecordings("tls");

const read = (
  { transport }: Recorded,
  chunks: readonly Chunk[],
  resumed = false,
) => dissect(tls, chunks, { transport, resumed }).map(withoutId);

/** Ids count packets, and the tests cut them anew. */
function withoutId({ id: _, ...entry }: JsonEntry): JsonEntry {
  return entry;
}

/** The segment in pieces, all captured at its time. */
function cut(segment: Segment, sizes: () => number): Segment[] {
  const pieces: Segment[] = [];
  for (let at = 0; at < segment.bytes.length;) {
    const end = at + sizes();
    pieces.push({ ...segment, bytes: segment.bytes.slice(at, end) });
    at = end;
  }
  return pieces;
}

// What is no TLS is identified anew at each chunk, and so depends on the cuts.
const streams = recordings.filter(({ name, transport }) =>
  transport === "tcp" && !name.startsWith("not_tls")
);

Deno.test("recorded flows saved and restored after every byte give the same", () => {
  for (const flow of streams) {
    const bytewise = flow.segments.flatMap((s) => cut(s, () => 1));
    deepEqual(read(flow, bytewise, true), read(flow, flow.segments), flow.name);
  }
});

Deno.test("recorded flows give the same however they are cut", () => {
  const random = new Random(11);
  for (const flow of streams) {
    const expected = read(flow, flow.segments);
    for (let i = 0; i < 10; i++) {
      const most = random.pick([2, 7, 60, 1000]);
      const chunks = flow.segments
        .flatMap((s) => cut(s, () => random.int(1, most)));
      deepEqual(read(flow, chunks), expected, flow.name);
    }
  }
});

Deno.test("recorded datagrams saved and restored after each give the same", () => {
  for (const flow of recordings.filter((f) => f.transport === "udp")) {
    deepEqual(
      read(flow, flow.segments, true),
      read(flow, flow.segments),
      flow.name,
    );
  }
});

Deno.test("recorded flows of which any bytes are lost tell nothing untrue", () => {
  const random = new Random(12);
  for (const flow of streams) {
    const [whole] = read(flow, flow.segments);
    for (let i = 0; i < 60; i++) {
      for (const entry of read(flow, lose(flow.segments, random))) {
        if (!entry["incomplete"]) expectSame(entry, whole, flow.name);
        else expectPart(entry, whole, flow.name);
      }
    }
  }
});

/** The segments with a stretch of one direction replaced by a gap. */
function lose(segments: readonly Segment[], random: Random): Chunk[] {
  const at = random.int(0, segments.length - 1);
  const { side, bytes } = segments[at]!;
  const from = random.int(0, bytes.length - 1);
  const to = random.int(from + 1, bytes.length);
  return segments.flatMap((segment, i): Chunk[] =>
    i !== at ? [segment] : [
      { ...segment, bytes: bytes.slice(0, from) },
      { side, gap: to - from },
      { ...segment, bytes: bytes.slice(to) },
    ].filter((chunk) => !("bytes" in chunk) || chunk.bytes.length > 0)
  );
}

function expectSame(
  entry: JsonEntry,
  whole: JsonEntry | undefined,
  name: string,
) {
  deepEqual(
    [entry["request"], entry["response"]],
    [whole?.["request"], whole?.["response"]],
    name,
  );
}

/** Whatever a broken flow still tells must be what the whole one tells. */
function expectPart(
  entry: JsonEntry,
  whole: JsonEntry | undefined,
  name: string,
) {
  for (const half of ["request", "response"]) {
    const told = Object.entries(entry[half] ?? {});
    const all = (whole?.[half] ?? {}) as Record<string, unknown>;
    for (const [field, value] of told) {
      // A second hello stands for the first where that was lost.
      if (half === "request" && isRetried(whole)) continue;
      ok(field in all, `${name}: ${half}.${field}`);
      deepEqual(value, all[field], `${name}: ${half}.${field}`);
    }
  }
}

function isRetried(whole: JsonEntry | undefined): boolean {
  const response = whole?.["response"] as Record<string, unknown> | undefined;
  return response?.["helloRetry"] === true;
}
