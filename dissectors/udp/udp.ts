/**
 * UDP flows on which nothing else was dissected.
 */
import {
  bytes,
  duration,
  type Fields,
  number,
  toBytes,
} from "../../entry/field.ts";
import type { DatagramAnalysis } from "../../stream/analysis.ts";
import type { DirectionCounts } from "../../stream/direction.ts";
import type { Flow } from "../../stream/flow.ts";
import type { FlowDissector } from "../dissector.ts";
import {
  countsOf,
  durationOf,
  FLOW_DOCS,
  toExchange,
} from "../flow_exchange.ts";

const half = {
  packets: number(FLOW_DOCS.packets),
  bytes: number(FLOW_DOCS.bytes),
  body: bytes(FLOW_DOCS.body),
};

const fields = {
  request: half,
  response: { ...half, duration: duration(FLOW_DOCS.duration) },
} satisfies Fields;

/** Datagrams between the same ends, until five minutes of silence. */
export const udp: FlowDissector<typeof fields> = {
  name: "udp",
  doc: "UDP flow on which nothing else was dissected",
  spec: "https://www.rfc-editor.org/rfc/rfc768",
  transports: ["udp"],
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

function analysisOf({ analysis }: Flow<unknown>): DatagramAnalysis {
  if (analysis?.transport !== "udp") throw new Error("Nobody counted the flow");
  return analysis;
}

function toHalf(counts: DirectionCounts) {
  const head = counts.headBytes;
  return {
    packets: counts.packets,
    bytes: counts.bytes,
    body: head && toBytes(head),
  };
}
