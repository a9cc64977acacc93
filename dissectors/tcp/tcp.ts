/**
 * TCP connections on which nothing else was dissected.
 */
import {
  bool,
  bytes,
  duration,
  type Fields,
  number,
  text,
  toBytes,
} from "../../entry/field.ts";
import type { Incomplete } from "../../entry/entry.ts";
import type { Flow } from "../../stream/flow.ts";
import type { TcpAnalysis, TcpDirection } from "../../stream/tcp_analysis.ts";
import type { Exchange, FlowDissector } from "../dissector.ts";
import {
  countsOf,
  durationOf,
  FLOW_DOCS,
  toExchange,
} from "../flow_exchange.ts";

const half = {
  packets: number(FLOW_DOCS.packets),
  bytes: number(FLOW_DOCS.bytes),
  streamBytes: number("Distinct payload bytes, by sequence number"),
  gaps: number("Holes that remain in the stream"),
  retransmissions: number("Segments sent again"),
  outOfOrder: number("Segments that were overtaken by later ones"),
  duplicateAcks: number("Acknowledgements repeated without a change"),
  zeroWindows: number("Segments that forbid the other end to send"),
  keepAlives: number("Segments sent to see if the other end is there"),
  body: bytes(FLOW_DOCS.body),
};

const fields = {
  request: half,
  response: {
    ...half,
    handshake: text(
      "How it was opened: SYN, SYN+ACK and ACK; an RST to the SYN; no answer; or not all of it was captured",
    ).oneOf("complete", "refused", "unanswered", "partial"),
    reset: bool("Whether an RST was seen"),
    resetBy: text("Who sent the first RST").oneOf("client", "server"),
    closed: bool("Whether both ends sent FIN"),
    rtt: duration(
      "From the SYN to the ACK of its SYN+ACK, else the least time from data to its ACK",
    ),
    duration: duration(FLOW_DOCS.duration),
  },
} satisfies Fields;

type TcpExchange = Exchange<typeof fields>;

/** A connection, with what Wireshark's analysis would count of it. */
export const tcp: FlowDissector<typeof fields> = {
  name: "tcp",
  doc: "TCP connection on which nothing else was dissected",
  spec: "https://www.rfc-editor.org/rfc/rfc9293",
  transports: ["tcp"],
  fields,
  ofFlows: true,

  describe(flow) {
    const analysis = analysisOf(flow);
    const { client, server } = countsOf(flow, analysis);
    const { resetByLow, rtt } = analysis;
    const response = {
      ...toHalf(server),
      handshake: analysis.handshake(flow.clientIsLow),
      reset: resetByLow !== undefined,
      resetBy: resetByLow === undefined
        ? undefined
        : resetByLow === flow.clientIsLow
        ? "client"
        : "server",
      closed: client.hasFin && server.hasFin,
      rtt: rtt === undefined ? undefined : rtt / 1000,
      duration: durationOf(flow),
    };
    const incomplete: Incomplete[] = [];
    if (flow.midStream) incomplete.push("mid-stream");
    if (client.coverage.holes + server.coverage.holes > 0) {
      incomplete.push("gap");
    }
    return toExchange(flow, toHalf(client), response, incomplete);
  },

  summarize({ request, response }) {
    const { handshake, reset, resetBy, closed } = response!.values;
    const end = reset ? `, reset by ${resetBy}` : closed ? ", closed" : "";
    const sent = request!.values.bytes;
    return `${handshake}${end}, ${sent} → ${response!.values.bytes} bytes`;
  },

  status: ({ response }) => response!.values.handshake,

  failed({ request, response }: TcpExchange) {
    const { handshake, reset, streamBytes } = response!.values;
    return handshake === "refused" || handshake === "unanswered" ||
      reset === true && request!.values.streamBytes === 0 && streamBytes === 0;
  },
};

function analysisOf({ analysis }: Flow<unknown>): TcpAnalysis {
  if (analysis?.transport !== "tcp") throw new Error("Nobody counted the flow");
  return analysis;
}

function toHalf(counts: TcpDirection) {
  const head = counts.headBytes;
  return {
    packets: counts.packets,
    bytes: counts.bytes,
    streamBytes: counts.coverage.size,
    gaps: counts.coverage.holes,
    retransmissions: counts.retransmissions,
    outOfOrder: counts.outOfOrder,
    duplicateAcks: counts.duplicateAcks,
    zeroWindows: counts.zeroWindows,
    keepAlives: counts.keepAlives,
    body: head && toBytes(head),
  };
}
