/**
 * SCTP associations on which nothing else was dissected.
 */
import { duration, type Fields, json, number } from "../../entry/field.ts";
import type { ChunkAnalysis, ChunkCounts } from "../../stream/analysis.ts";
import type { Flow } from "../../stream/flow.ts";
import type { FlowDissector } from "../dissector.ts";
import {
  countsOf,
  durationOf,
  FLOW_DOCS,
  toExchange,
} from "../flow_exchange.ts";
import { CHUNK_NAMES } from "./chunks.ts";

const half = {
  packets: number(FLOW_DOCS.packets),
  bytes: number(FLOW_DOCS.bytes),
  chunks: json("How often each chunk type was sent, by its name or number"),
};

const fields = {
  request: half,
  response: { ...half, duration: duration(FLOW_DOCS.duration) },
} satisfies Fields;

/** An association, with the chunks that each end sent. */
export const sctp: FlowDissector<typeof fields> = {
  name: "sctp",
  doc: "SCTP association on which nothing else was dissected",
  spec: "https://www.rfc-editor.org/rfc/rfc9260",
  transports: ["sctp"],
  fields,
  ofFlows: true,

  describe(flow) {
    const { client, server } = countsOf(flow, analysisOf(flow));
    return toExchange(flow, toHalf(client), {
      ...toHalf(server),
      duration: durationOf(flow),
    });
  },

  summarize({ request, response }) {
    const sent = request!.values;
    const received = response!.values;
    return `${sent.packets} → ${received.packets} packets, ` +
      `${sent.bytes} → ${received.bytes} bytes`;
  },

  status: () => undefined,
  failed: () => false,
};

function analysisOf({ analysis }: Flow<unknown>): ChunkAnalysis {
  if (analysis?.transport !== "sctp") {
    throw new Error("Nobody counted the flow");
  }
  return analysis;
}

function toHalf(counts: ChunkCounts) {
  return {
    packets: counts.packets,
    bytes: counts.bytes,
    chunks: toNames(counts.types),
  };
}

/** Counts by name; absent if there are none. */
function toNames(types: ChunkCounts["types"]) {
  const named = Object.entries(types).map(([type, count]) =>
    [CHUNK_NAMES[Number(type)] ?? type, count] as const
  );
  return named.length > 0 ? Object.fromEntries(named) : undefined;
}
