/**
 * What is counted of a flow: the entry of a flow that nothing dissected.
 *
 * A flow's directions are called by their senders, its low and its high end,
 * because which of them is the client may be found out late.
 */
import type { Packet } from "../packet/packet.ts";
import { TcpAnalysis } from "./tcp_analysis.ts";
import { restoreFrom, type State, toState } from "./state.ts";
import { DirectionCounts, MAX_HEAD } from "./direction.ts";

/** What carries a flow. */
export type FlowTransport = "tcp" | "udp" | "icmp" | "sctp";

/** Counts a flow's packets. */
export type FlowAnalysis = TcpAnalysis | DatagramAnalysis | ChunkAnalysis;

/** UDP: packets, bytes, and how the payload begins. */
export class DatagramAnalysis {
  readonly transport = "udp";
  low: DirectionCounts;
  high: DirectionCounts;

  constructor(headLimit: number = MAX_HEAD) {
    this.low = new DirectionCounts(headLimit);
    this.high = new DirectionCounts(headLimit);
  }

  /** Counts a datagram. */
  add(packet: Packet, fromLow: boolean): void {
    const counts = fromLow ? this.low : this.high;
    counts.packets++;
    counts.keep(packet, counts.bytes);
    counts.bytes += packet.size;
  }
}

/** SCTP: packets, bytes, and chunks by their type. */
export class ChunkAnalysis {
  readonly transport = "sctp";
  low = new ChunkCounts();
  high = new ChunkCounts();

  /** Counts a packet and the chunks in it. */
  add(packet: Packet, fromLow: boolean): void {
    const counts = fromLow ? this.low : this.high;
    counts.packets++;
    counts.bytes += packet.size;
    counts.addChunks(packet);
  }
}

/** What is counted of one direction of an SCTP association. Plain data. */
export class ChunkCounts {
  packets = 0;
  bytes = 0;
  /** How often each chunk type was sent. */
  types: { [type: number]: number } = {};

  /**
   * Counts the chunks of a packet: type, flags, length of two bytes with these
   * four, and padding to a multiple of four (RFC 9260 §3.2). One whose length
   * is impossible is the last.
   */
  addChunks({ bytes, start, end }: Packet): void {
    let at = start;
    while (at + 4 <= end) {
      const type = bytes[at]!;
      this.types[type] = (this.types[type] ?? 0) + 1;
      const length = bytes[at + 2]! << 8 | bytes[at + 3]!;
      if (length < 4) return;
      at += length + 3 & ~3;
    }
  }
}

/**
 * The analysis of a new flow; ICMP's exchanges leave nothing to count.
 *
 * @param keepsHeads whether to keep the payload that the flow begins with
 */
export function openAnalysis(
  transport: FlowTransport,
  keepsHeads: boolean,
): FlowAnalysis | undefined {
  const headLimit = keepsHeads ? MAX_HEAD : 0;
  switch (transport) {
    case "tcp":
      return new TcpAnalysis(headLimit);
    case "udp":
      return new DatagramAnalysis(headLimit);
    case "sctp":
      return new ChunkAnalysis();
    default:
      return undefined;
  }
}

/** All that an analysis knows, as plain data. */
export function saveAnalysis(analysis: FlowAnalysis): State {
  return toState(analysis);
}

/** An analysis that goes on where {@link saveAnalysis} was called. */
export function restoreAnalysis(
  transport: FlowTransport,
  saved: State,
): FlowAnalysis | undefined {
  const analysis = openAnalysis(transport, true);
  if (analysis) restoreFrom(saved, analysis);
  return analysis;
}
