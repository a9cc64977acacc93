/**
 * What is counted of a TCP connection.
 *
 * Retransmissions, segments out of order, duplicate acknowledgements, zero
 * windows and keep-alives are told apart by the rules of Wireshark 4.0's
 * sequence analysis, in their order, so that the numbers agree with what its
 * users see. Sequence numbers are 32-bit integers with sign, compared by the
 * sign of their difference (RFC 9293 §3.4).
 */
import { type Packet, TCP } from "../packet/packet.ts";
import { Coverage } from "./coverage.ts";
import { DirectionCounts, MAX_HEAD } from "./direction.ts";

/**
 * How a connection was opened: SYN, SYN+ACK and ACK; an RST to the SYN; nothing
 * came back; or parts of it were not seen.
 */
export type Handshake = "complete" | "refused" | "unanswered" | "partial";

/** A retransmission this soon after a duplicate acknowledgement is fast, µs. */
const FAST_RETRANSMISSION = 20_000;

/** Assumed time of a round trip while none was measured, µs. */
const DEFAULT_RTT = 3_000;

/** Segments whose acknowledgement is awaited to measure a round trip. */
const MAX_UNACKED = 64;

/** The kinds of segment that the next one of the other end is judged by. */
const KIND = { PLAIN: 0, KEEP_ALIVE: 1, WINDOW_PROBE: 2 } as const;

/** What is counted of one direction of a connection. Plain data. */
export class TcpDirection extends DirectionCounts {
  retransmissions = 0;
  outOfOrder = 0;
  duplicateAcks = 0;
  zeroWindows = 0;
  keepAlives = 0;
  hasSyn = false;
  hasFin = false;
  hasReset = false;
  /** Whether the other end acknowledged the SYN. */
  isSynAcked = false;
  /** The last SYN's number. */
  synSeq = 0;
  /** Which bytes were seen, by {@link toPosition}. */
  coverage = new Coverage();

  /** Sequence number after the highest byte, SYN or FIN seen. */
  next = 0;
  isNextKnown = false;
  nextTime = 0;
  /** As last sent, not scaled; -1 before that. */
  window = -1;
  lastAck = 0;
  lastAckTime = 0;
  /** How often {@link lastAck} was repeated. */
  repeated = 0;
  lastKind: number = KIND.PLAIN;

  /** A sequence number whose position is known. */
  anchorSeq = 0;
  anchor = 0;
  isAnchored = false;

  /** Ends and times of segments not acknowledged yet, while RTT is unknown. */
  unackedEnds: number[] = [];
  unackedTimes: number[] = [];

  /**
   * Where in the stream the byte with that number stands: 0 is the first byte
   * after the SYN, or else the first seen.
   */
  toPosition(seq: number): number {
    return this.anchor + (seq - this.anchorSeq | 0);
  }

  /** The payload that the stream begins with, up to the first hole. */
  override get headBytes(): Uint8Array | undefined {
    const size = Math.min(this.headLimit, this.coverage.contiguous);
    return size > 0 ? this.head?.subarray(0, size) : undefined;
  }

  /** Notes which bytes of the stream a segment brings. */
  cover(packet: Packet): void {
    const { flags, size } = packet;
    const isSyn = (flags & TCP.SYN) !== 0;
    if (size === 0 && !isSyn && (flags & TCP.FIN) === 0) return;
    const seq = isSyn ? packet.seq + 1 | 0 : packet.seq | 0;
    if (!this.isAnchored) {
      this.isAnchored = true;
      this.anchorSeq = seq;
    }
    const position = this.toPosition(seq);
    if (size > 0 && position < this.headLimit && position + size > 0) {
      this.#keepNew(packet, position);
    }
    this.coverage.add(position, position + size);
    if (position + size === this.coverage.end) {
      this.anchor = position + size;
      this.anchorSeq = seq + size | 0;
    }
  }

  /** Keeps the payload that nothing came for before: the first copy wins. */
  #keepNew(packet: Packet, position: number): void {
    if (position >= this.coverage.end) {
      this.keep(packet, position);
      return;
    }
    const { bytes, start, end } = packet;
    const captured = position + end - start;
    if (packet.missing > 0) {
      this.headLimit = Math.min(this.headLimit, Math.max(0, captured));
    }
    const to = Math.min(captured, this.headLimit);
    for (let at = Math.max(0, position); at < to; at++) {
      if (this.coverage.has(at)) continue;
      this.reserveHead(at + 1)[at] = bytes[start + at - position]!;
    }
  }
}

/** Counts the segments of a connection. Plain data. */
export class TcpAnalysis {
  readonly transport = "tcp";
  low: TcpDirection;
  high: TcpDirection;
  /** Whether the low end sent the first RST. */
  resetByLow: boolean | undefined = undefined;
  /** When the last SYN without ACK was sent. */
  synTime: number | undefined = undefined;
  /** From that to the first ACK that is no SYN: what Wireshark goes by, µs. */
  initialRtt: number | undefined = undefined;
  /** The same, where it is the ACK of the SYN+ACK. */
  handshakeTime: number | undefined = undefined;
  /** Least time from data to its ACK, µs, while the handshake's is unknown. */
  leastRtt: number | undefined = undefined;

  constructor(headLimit: number = MAX_HEAD) {
    this.low = new TcpDirection(headLimit);
    this.high = new TcpDirection(headLimit);
  }

  /** Counts a segment. */
  add(packet: Packet, fromLow: boolean): void {
    const own = fromLow ? this.low : this.high;
    const other = fromLow ? this.high : this.low;
    const { flags } = packet;
    own.packets++;
    own.bytes += packet.size;
    if ((flags & (TCP.SYN | TCP.FIN | TCP.RST)) !== 0) {
      this.#noteControl(own, packet, fromLow);
    }
    if ((flags & (TCP.ACK | TCP.RST)) === TCP.ACK) {
      this.#noteAck(own, other, packet);
    }
    this.#judge(own, other, packet);
    // The payload of an RST is no data (RFC 9293 §3.5.3).
    if ((flags & TCP.RST) === 0) own.cover(packet);
  }

  /** Round trip time, µs: the handshake's, else the least from data to ACK. */
  get rtt(): number | undefined {
    return this.handshakeTime ?? this.leastRtt;
  }

  /** How the connection was opened by its client. */
  handshake(clientIsLow: boolean): Handshake {
    const client = clientIsLow ? this.low : this.high;
    const server = clientIsLow ? this.high : this.low;
    if (client.isSynAcked && server.isSynAcked) return "complete";
    if (!client.hasSyn || server.hasSyn) return "partial";
    if (server.packets === 0) return "unanswered";
    const isRefused = server.hasReset && server.coverage.size === 0;
    return isRefused ? "refused" : "partial";
  }

  #noteControl(own: TcpDirection, packet: Packet, fromLow: boolean): void {
    const { flags } = packet;
    if ((flags & TCP.SYN) !== 0) {
      own.hasSyn = true;
      own.synSeq = packet.seq | 0;
      if ((flags & TCP.ACK) === 0) this.synTime = packet.time;
    }
    if ((flags & TCP.FIN) !== 0) own.hasFin = true;
    if ((flags & TCP.RST) !== 0) {
      own.hasReset = true;
      this.resetByLow ??= fromLow;
    }
  }

  #noteAck(own: TcpDirection, other: TcpDirection, packet: Packet): void {
    const { ack, time, flags } = packet;
    if (other.hasSyn && !other.isSynAcked && (ack - other.synSeq | 0) > 0) {
      other.isSynAcked = true;
    }
    if (
      this.synTime !== undefined && this.initialRtt === undefined &&
      (flags & TCP.SYN) === 0
    ) {
      this.initialRtt = Math.max(0, time - this.synTime);
      if (own.isSynAcked && other.isSynAcked) {
        this.handshakeTime = this.initialRtt;
      }
    }
    const { unackedEnds, unackedTimes } = other;
    let sent: number | undefined;
    while (unackedEnds.length > 0 && (ack - unackedEnds[0]! | 0) >= 0) {
      unackedEnds.shift();
      sent = unackedTimes.shift();
    }
    if (sent !== undefined && time >= sent) {
      this.leastRtt = Math.min(this.leastRtt ?? Infinity, time - sent);
    }
  }

  /** Finds out what kind of segment it is, and what the next is judged by. */
  #judge(own: TcpDirection, other: TcpDirection, packet: Packet): void {
    const { flags, size, window, time } = packet;
    const seq = packet.seq | 0;
    const ack = packet.ack | 0;
    const isPlain = (flags & (TCP.SYN | TCP.FIN | TCP.RST)) === 0;
    const kind = this.#kindOf(own, other, seq, size, isPlain);
    if (kind !== KIND.WINDOW_PROBE) {
      if (window === 0 && isPlain) own.zeroWindows++;
      if (kind === KIND.KEEP_ALIVE) own.keepAlives++;
      const isRepeated = size === 0 && isPlain && seq === own.next &&
        ack === own.lastAck && window === own.window && window > 0;
      if (isRepeated && other.lastKind !== KIND.KEEP_ALIVE) {
        own.repeated++;
        own.duplicateAcks++;
      }
    }
    if (ack !== own.lastAck) own.repeated = 0;
    const isControl = (flags & (TCP.SYN | TCP.FIN)) !== 0;
    const next = seq + size + (isControl ? 1 : 0) | 0;
    if ((size > 0 || isControl) && kind !== KIND.KEEP_ALIVE) {
      this.#judgeData(own, other, packet, next);
    }
    if (!own.isNextKnown || (next - own.next | 0) > 0) {
      if (kind !== KIND.WINDOW_PROBE) this.#advance(own, next, size, time);
    }
    own.window = window;
    own.lastAck = ack;
    own.lastAckTime = time;
    own.lastKind = kind;
  }

  #kindOf(
    own: TcpDirection,
    other: TcpDirection,
    seq: number,
    size: number,
    isPlain: boolean,
  ): number {
    if (size > 1 || !own.isNextKnown) return KIND.PLAIN;
    if (size === 1 && seq === own.next && other.window === 0) {
      return KIND.WINDOW_PROBE;
    }
    return isPlain && seq === (own.next - 1 | 0) ? KIND.KEEP_ALIVE : KIND.PLAIN;
  }

  /** Tells segments sent again from those that were overtaken. */
  #judgeData(
    own: TcpDirection,
    other: TcpDirection,
    packet: Packet,
    next: number,
  ): void {
    const { size, time } = packet;
    const seq = packet.seq | 0;
    const isAcked = size > 0 && other.lastAck !== 0 &&
      (seq + size - other.lastAck | 0) <= 0;
    if (isAcked) {
      this.#noteRetransmission(own);
      return;
    }
    const behind = own.isNextKnown ? own.next - seq | 0 : 0;
    // One byte behind may be what a window probe already brought.
    if (behind <= 0 || size > 1 && behind === 1) return;
    const sinceAck = time - other.lastAckTime;
    const isFast = other.repeated >= 2 && other.lastAck === seq &&
      sinceAck >= 0 && sinceAck < FAST_RETRANSMISSION;
    const sinceNext = time - own.nextTime;
    const isRecent = sinceNext >= 0 &&
      sinceNext < (this.initialRtt || DEFAULT_RTT);
    if (!isFast && isRecent && own.next !== next) own.outOfOrder++;
    else this.#noteRetransmission(own);
  }

  #noteRetransmission(own: TcpDirection): void {
    own.retransmissions++;
    // Which copy an ACK is for cannot be known (Karn, RFC 6298 §3).
    own.unackedEnds.length = own.unackedTimes.length = 0;
  }

  #advance(own: TcpDirection, next: number, size: number, time: number): void {
    own.isNextKnown = true;
    own.next = next;
    own.nextTime = time;
    if (size === 0 || this.handshakeTime !== undefined) return;
    if (own.unackedEnds.length >= MAX_UNACKED) return;
    own.unackedEnds.push(next);
    own.unackedTimes.push(time);
  }
}
