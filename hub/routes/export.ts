/** `POST /api/v1/export`: what matches, as a file. */
import type { ExportFormat } from "../../api/hub.ts";
import type { PacketsAsk, QueryRequest } from "../../api/messages.ts";
import { HUB, LOST_HEADER, WORKER } from "../../api/paths.ts";
import { ask, isBatch } from "../ask.ts";
import { CSV_HEAD, toCsv } from "../export/csv.ts";
import { HAR_TAIL, harHead, type PlainEntry, toHar } from "../export/har.ts";
import { compileNode, NO } from "../../kfl/evaluator.ts";
import { PlanNames } from "../names.ts";
import { fittingFormat, mergePackets } from "../export/merged_packets.ts";
import { PacketStream } from "../export/packet_stream.ts";
import { Refused } from "../../net/failure.ts";
import { type Call, type Hub, readObject, type Route } from "../route.ts";
import { type HubWorker, reasonOf } from "../workers.ts";
import { cannotRedact } from "./entries.ts";
import { entryLines } from "./query.ts";
import { planOrRefuse } from "../planned_query.ts";
import { readQuestion, requireRoom, WINDOW_PROPERTIES } from "./request.ts";

const FORMATS: readonly ExportFormat[] = [
  "pcap",
  "pcapng",
  "har",
  "jsonl",
  "csv",
];

/** Names the nodes that an export lacks. */
export const MISSING_HEADER = "x-thresher-missing";

const TYPES: { readonly [format in ExportFormat]: string } = {
  pcap: "application/vnd.tcpdump.pcap",
  pcapng: "application/x-pcapng",
  har: "application/json",
  jsonl: "application/x-ndjson",
  csv: "text/csv; charset=utf-8",
};

export const exportRoute: Route = {
  method: "POST",
  path: HUB.export,
  summary: "What matches, as a file",
  description:
    "Packets of several link types come as pcapng, whatever was asked. The " +
    `header \`${MISSING_HEADER}\` names nodes that could not be asked; if one ` +
    "is lost later on, the transfer breaks off.",
  takes: {
    type: "application/json",
    schema: {
      type: "object",
      required: ["format"],
      properties: {
        ...WINDOW_PROPERTIES,
        format: { enum: FORMATS },
        exact: {
          type: "boolean",
          description: "Of packets: only those of the matching exchanges",
        },
      },
    },
  },
  gives: { type: "application/octet-stream", doc: "The file" },
  handle: exportTraffic,
};

async function exportTraffic(call: Call): Promise<Response> {
  const { format, exact = false, kfl = "", ...window } = await readObject(
    call.request,
  );
  const known = FORMATS.find((each) => each === format);
  if (!known) {
    throw new Refused("message", `"format" must be one of ${FORMATS.join()}`);
  }
  if (typeof exact !== "boolean") {
    throw new Refused("message", '"exact" must be true or false');
  }
  const question = readQuestion({ ...window, kfl });
  if (question.follow) {
    throw new Refused("message", "A file cannot follow what is captured");
  }
  requireRoom(call.hub);
  if (known === "pcap" || known === "pcapng") {
    return await exportPackets(call, question, known, exact);
  }
  return exportEntries(call, question, known);
}

/** Packets, as each worker sends them, by their times. */
async function exportPackets(
  { hub, request }: Call,
  question: QueryRequest,
  wanted: "pcap" | "pcapng",
  exact: boolean,
): Promise<Response> {
  const { plan } = planOrRefuse({ ...question, output: "count" });
  if (plan.redact.length > 0) throw cannotRedact();
  using names = PlanNames.of(hub, plan);
  const parts = await names?.parts;
  const body: PacketsAsk = {
    ...{ plan, exact },
    names: parts?.map((part) => part.toBase64()),
  };
  const judge = compileNode(plan);
  const asked = hub.workers.all.filter(({ state }) =>
    !state || judge({ name: state.node }) !== NO
  );
  const opened = await Promise.all(
    asked.map((worker) => open(worker, body, request.signal)),
  );
  const streams = opened.filter((each) => each instanceof PacketStream);
  const missing = opened.filter((each) => typeof each === "string");
  if (streams.length === 0 && missing.length > 0) {
    throw new Refused("worker", missing.join("; "));
  }
  const format = fittingFormat(wanted, streams);
  const pieces = mergePackets(streams, format, missing);
  return file(ReadableStream.from(pieces), format, missing);
}

/** A worker's packets, or why there are none, with its name. */
async function open(
  worker: HubWorker,
  body: PacketsAsk,
  signal: AbortSignal,
): Promise<PacketStream | string> {
  try {
    const response = await worker.link.fetch(WORKER.packets, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    if (response.ok && response.body) {
      const lost = Number(response.headers.get(LOST_HEADER) ?? 0);
      return await PacketStream.open(worker.name, response.body, lost);
    }
    await response.body?.cancel();
    return `${worker.name}: it answers ${response.status}`;
  } catch (error) {
    if (signal.aborted) throw error;
    return `${worker.name}: ${reasonOf(error)}`;
  }
}

/** Entries, in one of the forms that tools read. */
function exportEntries(
  { hub, request }: Call,
  question: QueryRequest,
  format: "har" | "jsonl" | "csv",
): Response {
  const output = format === "csv" ? "row" : "entry";
  const asked = { ...question, output } as const;
  planOrRefuse(asked);
  const missing = hub.workers.all.flatMap(({ name, missing }) =>
    missing ? [`${name}: ${missing.reason}`] : []
  );
  const known = hub.workers.all.filter(({ missing }) => missing).length;
  const answers = ask(hub.queries.open(), asked, request.signal);
  const pieces = {
    har: () => toHarFile(hub, entriesOf(answers, known)),
    jsonl: () => textsOf(answers, known, entryLines),
    csv: () => withHead(CSV_HEAD, textsOf(answers, known, toCsv)),
  }[format]();
  return file(ReadableStream.from(toBytes(pieces)), format, missing);
}

type Answers = ReturnType<typeof ask>;

/** The transfer breaks off, so that nobody takes a part for the whole. */
class Incomplete extends Error {
  override name = "Incomplete";
}

/**
 * What is made of each batch.
 *
 * @param known nodes of which was said that they are missing
 * @throws Incomplete
 */
async function* textsOf<T>(
  answers: Answers,
  known: number,
  toText: (batch: Parameters<typeof toCsv>[0]) => T,
): AsyncGenerator<T> {
  for await (const part of answers) {
    if (isBatch(part)) yield toText(part);
    else if ("error" in part) throw new Incomplete(part.error.message);
    else if ("done" in part) {
      const lost = part.coverage.filter(({ missing }) => missing).length;
      if (lost > known) throw new Incomplete("A worker was lost");
    }
  }
}

function entriesOf(
  answers: Answers,
  known: number,
): AsyncGenerator<PlainEntry[]> {
  return textsOf(answers, known, (batch) =>
    Array.from(
      { length: batch.count },
      (_, row): PlainEntry => JSON.parse(batch.text(row)),
    ));
}

async function* toHarFile(
  { version }: Hub,
  batches: AsyncIterable<PlainEntry[]>,
): AsyncGenerator<string> {
  yield harHead(version);
  let separator = "";
  for await (const entries of batches) {
    let text = "";
    for (const entry of entries) {
      const exchange = toHar(entry);
      if (!exchange) continue;
      text += separator + JSON.stringify(exchange);
      separator = ",\n";
    }
    yield text;
  }
  yield HAR_TAIL;
}

async function* withHead(
  head: string,
  rest: AsyncIterable<string>,
): AsyncGenerator<string> {
  yield head;
  yield* rest;
}

async function* toBytes(
  pieces: AsyncIterable<string | Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  for await (const piece of pieces) {
    if (piece.length === 0) continue;
    yield typeof piece === "string" ? encoder.encode(piece) : piece;
  }
}

function file(
  body: ReadableStream<Uint8Array>,
  format: ExportFormat,
  missing: readonly string[],
): Response {
  return new Response(body, {
    headers: {
      "content-type": TYPES[format],
      "content-disposition": `attachment; filename="thresher.${format}"`,
      ...missing.length > 0 &&
        { [MISSING_HEADER]: encodeURIComponent(missing.join("; ")) },
    },
  });
}
