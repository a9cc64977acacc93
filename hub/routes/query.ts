/** `GET /api/v1/query`: entries as lines of JSON. */
import type { Batch } from "../../api/batch.ts";
import { FLAG } from "../../api/batch.ts";
import type { Answer, QueryRequest } from "../../api/messages.ts";
import { HUB } from "../../api/paths.ts";
import { toRfc3339 } from "../../entry/json.ts";
import { ask, ChannelLost, isBatch } from "../ask.ts";
import type { Call, Route } from "../route.ts";
import { planOrRefuse } from "../planned_query.ts";
import { questionIn, requireRoom, WINDOW_PARAMETERS } from "./request.ts";

const PARAMETERS = [
  ...WINDOW_PARAMETERS,
  {
    name: "order",
    doc: "asc: the oldest first",
    schema: { enum: ["asc", "desc"], default: "asc" },
  },
  {
    name: "limit",
    doc: "Most entries of the answer",
    schema: { type: "integer", minimum: 0 },
  },
  {
    name: "follow",
    doc: "Whether it goes on with what is captured from now on",
    schema: { type: "boolean", default: false },
  },
  {
    name: "last",
    doc: "Of a query that follows: stored entries that it begins with",
    schema: { type: "integer", minimum: 0, default: 0 },
  },
  {
    name: "output",
    doc: "entry: all of it; row: what the feed shows; count: only how many",
    schema: { enum: ["entry", "row", "count"], default: "entry" },
  },
];

export const queryRoute: Route = {
  method: "GET",
  path: HUB.query,
  summary: "Entries that match a filter",
  description:
    "Without an upgrade: one entry a line, and a last line with `done` and " +
    "`coverage`, or with `error`. As a WebSocket: the first message is the " +
    "question as JSON, or the filter itself; then entries come in batches, " +
    "for which the client grants credit. Without a cookie, a message " +
    '`{"token": "…"}` comes first.',
  parameters: PARAMETERS,
  gives: {
    type: "application/x-ndjson",
    doc: "Entries, a line each",
  },
  handle: handleQuery,
};

function handleQuery({ hub, request, query }: Call): Response {
  const names = PARAMETERS.map(({ name }) => name);
  const question = questionIn(query, names);
  planOrRefuse(question);
  requireRoom(hub);
  const answers = ask(hub.queries.open(), question, request.signal);
  return new Response(ReadableStream.from(toLines(answers, question)), {
    headers: { "content-type": "application/x-ndjson" },
  });
}

const LINE_FEED = 0x0a;

/** What a query answers, as lines of JSON. */
export async function* toLines(
  answers: AsyncIterable<Batch | Answer>,
  { output = "entry" }: QueryRequest,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    for await (const part of answers) {
      if (!isBatch(part)) {
        if ("progress" in part || "live" in part) continue;
        yield lineOf(part);
      } else {
        yield output === "entry" ? entryLines(part) : rowLines(part);
      }
    }
  } catch (error) {
    if (!(error instanceof ChannelLost)) throw error;
    yield lineOf({ error: { code: "internal", message: error.message } });
  }
}

/** The texts of a batch are JSON already. */
export function entryLines(batch: Batch): Uint8Array<ArrayBuffer> {
  let size = batch.count;
  for (let row = 0; row < batch.count; row++) {
    size += batch.textBytes(row).length;
  }
  const lines = new Uint8Array(size);
  let at = 0;
  for (let row = 0; row < batch.count; row++) {
    const text = batch.textBytes(row);
    lines.set(text, at);
    at += text.length;
    lines[at++] = LINE_FEED;
  }
  return lines;
}

function rowLines(batch: Batch): Uint8Array<ArrayBuffer> {
  let text = "";
  for (let row = 0; row < batch.count; row++) {
    text += JSON.stringify(rowOf(batch, row)) + "\n";
  }
  return new TextEncoder().encode(text);
}

/** A row of the feed, named as in an entry. */
function rowOf(batch: Batch, row: number): object {
  const flags = batch.flags[row]!;
  const elapsed = batch.elapsed[row]!;
  return {
    id: batch.id(row),
    protocol: batch.word(batch.protocol[row]!),
    timestamp: toRfc3339(batch.timestamp[row]!),
    ...!Number.isNaN(elapsed) && { elapsedTime: elapsed },
    src: endOf(batch, row, "src"),
    dst: endOf(batch, row, "dst"),
    summary: batch.text(row),
    status: batch.word(batch.status[row]!) || undefined,
    failed: (flags & FLAG.FAILED) !== 0,
    ...mergedOf(batch, row),
    requestSize: batch.requestSizeOf(row),
    responseSize: batch.responseSizeOf(row),
    ...(flags & FLAG.LATE) !== 0 && { late: true },
  };
}

/** What is known of a row once answers are merged (`MERGED_FIELDS`). */
function mergedOf(batch: Batch, row: number): object {
  const flags = batch.flags[row]!;
  const legs = [
    ...(flags & FLAG.OUTBOUND) !== 0 ? ["outbound"] : [],
    ...(flags & FLAG.INBOUND) !== 0 ? ["inbound"] : [],
  ];
  const seenBy = batch.seenBy(row);
  return {
    ...legs.length > 0 && { legs },
    ...seenBy.length > 0 && { seenBy },
  };
}

/** What it is shown as is its name, though that may be its address. */
function endOf(batch: Batch, row: number, side: "src" | "dst"): object {
  const end = batch.endOf(row, side);
  return { ...end, name: end.name ?? end.ip };
}

const lineOf = (value: object): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(value) + "\n");
