/** What the entries of whole flows have in common. */
import type { Fields, ValuesOf } from "../entry/field.ts";
import type { Incomplete } from "../entry/entry.ts";
import type { Flow } from "../stream/flow.ts";
import type { Exchange } from "./dissector.ts";

/** Field declarations of the two halves. */
export const FLOW_DOCS = {
  packets: "Packets sent, after IP reassembly",
  bytes: "Payload bytes sent, retransmissions included",
  body: "The first 4 KiB of the payload",
  duration: "From the first to the last packet",
} as const;

/** What was counted of the two ends of a flow. */
export function countsOf<T>(
  flow: Flow<unknown>,
  analysis: { readonly low: T; readonly high: T },
): { readonly client: T; readonly server: T } {
  const { low, high } = analysis;
  return flow.clientIsLow
    ? { client: low, server: high }
    : { client: high, server: low };
}

/** From the first to the last packet, ms. */
export function durationOf(flow: Flow<unknown>): number {
  return (flow.last - flow.first) / 1000;
}

/** A flow's exchange: both halves last as long as the flow. */
export function toExchange<F extends Fields>(
  flow: Flow<unknown>,
  request: ValuesOf<F["request"]>,
  response: ValuesOf<F["response"]>,
  incomplete: readonly Incomplete[] = [],
): Exchange<F> {
  const first = { time: flow.first, place: flow.firstPlace, n: 0, offset: 0 };
  const last = { time: flow.last, place: flow.lastPlace, n: 0, offset: 0 };
  return {
    asker: "client",
    request: { values: request, first, last, size: 0 },
    response: { values: response, first, last, size: 0 },
    incomplete,
  };
}
