/**
 * TCP reassembly: the segments of one direction -> its bytes in order, and gaps.
 *
 * Inside, a byte is known by its *position*: sequence numbers wrap at 2^32 and
 * are compared modulo it (RFC 9293 §3.4), positions do not. The stream is
 * delivered up to `#next`; what lies beyond waits, in pieces that never
 * overlap, until the bytes before it come or are given up. Of bytes that
 * arrive twice, the first copy wins.
 *
 * Bytes before the waiting ones are given up, as a gap, when
 * - the other end acknowledged them: it has them, so nobody sends them again
 *   and the capture missed them. Segments may be captured in another order
 *   than they went, so that a pause of {@link REORDERING} is left for them,
 *   unless the other end answers at once: what it answers must not overtake
 *   what it answers to;
 * - the snapshot length cut them off, and more has come;
 * - too much waits (the `MAX_…` below), or the flow ends.
 */
import { type Packet, TCP } from "../packet/packet.ts";

/** Bytes of one direction that may wait for those before them. */
export const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** Pieces of one direction that may wait for those before them. */
export const MAX_WAITING_PIECES = 4096;

/** Bytes that may wait in all directions which share a {@link WaitingRoom}. */
export const MAX_WAITING_TOTAL = 64 * 1024 * 1024;

/** How much later than its acknowledgement a segment may be captured, µs. */
export const REORDERING = 100_000;

/**
 * How far a segment may be ahead of all that was seen or acknowledged before
 * it, to be believed at once, and how far behind to be old. Receivers have
 * windows of some MB.
 */
export const MAX_AHEAD = 64 * 1024 * 1024;

/** Takes what one direction of a flow gives. */
export interface Sink {
  /**
   * The next bytes of the stream, captured in one packet.
   *
   * @param bytes borrowed until the call returns
   * @param time of the packet, µs since 1970
   * @param place shard × 2^24 + number in the shard of that packet
   */
  data(
    bytes: Uint8Array,
    start: number,
    end: number,
    time: number,
    place: number,
  ): void;
  /** `size` bytes of the stream that were not captured. */
  gap(size: number): void;
  /** The end sent FIN: no more bytes come. */
  fin(): void;
}

/** Counts the bytes that wait in many directions together. */
export class WaitingRoom {
  bytes = 0;
  readonly most: number;

  constructor(most: number = MAX_WAITING_TOTAL) {
    this.most = most;
  }
}

/** Bytes that came before their turn. */
export interface Piece {
  readonly position: number;
  readonly bytes: Uint8Array;
  /** Bytes after them that were on the wire but not captured. */
  readonly missing: number;
  readonly time: number;
  readonly place: number;
}

/** A direction's saved state: plain data. */
export interface ReassemblerState {
  readonly started: boolean;
  readonly seq: number;
  readonly next: number;
  readonly waiting: readonly Piece[];
  readonly cutTo: number;
  readonly finAt: number | undefined;
  readonly ended: boolean;
  readonly acked: number;
  readonly ackedTime: number;
  readonly settled: number;
  readonly settling: number;
  readonly settlingSince: number | undefined;
  readonly strays: number;
  readonly strayEnd: number | undefined;
}

const EMPTY = new Uint8Array(0);

/** One direction of a TCP connection. */
export class Reassembler {
  /** Segments ignored because their sequence numbers are absurd. */
  strays = 0;

  readonly #room: WaitingRoom;
  #isStarted = false;
  /** Sequence number and position of the next byte to deliver. */
  #seq = 0;
  #next = 0;
  /** In the order of their positions, never overlapping. */
  #waiting: Piece[] = [];
  #waitingBytes = 0;
  /** Bytes before this position are known to be cut off by the snaplen. */
  #cutTo = 0;
  /** Position of the FIN, once one was seen. */
  #finAt = Infinity;
  #isEnded = false;

  // What the other end acknowledged, as positions: at most, and when; what it
  // acknowledged REORDERING ago; what will have been that long ago next.
  #acked = 0;
  #ackedTime = 0;
  #settled = 0;
  #settling = 0;
  #settlingSince = Infinity;

  /** Sequence number after the last stray segment. */
  #strayEnd = NaN;

  /**
   * @param room shared by the directions of a capture: when so many of them
   * are so broken that it is full, gaps are given up early
   */
  constructor(room: WaitingRoom = new WaitingRoom()) {
    this.#room = room;
  }

  /** Bytes that wait for those before them. */
  get waiting(): number {
    return this.#waitingBytes;
  }

  /** Whether the FIN was delivered. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * The sequence number of a byte of the stream; `undefined` before any came.
   *
   * @param position bytes delivered or given up before it
   */
  sequenceAt(position: number): number | undefined {
    if (!this.#isStarted) return undefined;
    return (this.#seq - this.#next + position) >>> 0;
  }

  /**
   * Adds a segment of this direction. Payload in order is handed out at once
   * without a copy; only what has to wait is copied.
   */
  add(packet: Packet, sink: Sink): void {
    const { flags, start, end, missing } = packet;
    this.expire(packet.time, sink);
    // The payload of an RST is no data (RFC 9293 §3.5.3).
    if (this.#isEnded || (flags & TCP.RST) !== 0) return;
    const isSyn = (flags & TCP.SYN) !== 0;
    const isFin = (flags & TCP.FIN) !== 0;
    if (end === start && missing === 0 && !isSyn && !isFin) return;
    const seq = isSyn ? packet.seq + 1 | 0 : packet.seq | 0;
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#seq = seq;
    }
    const ahead = this.#aheadOf(seq);
    const isAlone = this.#waiting.length === 0 && this.#finAt === Infinity;
    if (ahead === 0 && missing === 0 && !isFin && isAlone) {
      if (end === start) return;
      this.#advance(end - start);
      sink.data(packet.bytes, start, end, packet.time, packet.place);
      return;
    }
    const position = this.#next + ahead;
    if (ahead > MAX_AHEAD && !this.#isCredible(seq, position, packet.size)) {
      return;
    }
    if (isFin) this.#noteFin(position + packet.size);
    this.#place(packet, position, sink);
    this.#deliver(sink);
    this.#giveUpExcess(sink);
    this.#giveUp(sink);
  }

  /** Takes note of a segment of the other direction, and what it acknowledges. */
  acknowledge(packet: Packet, sink: Sink): void {
    this.expire(packet.time, sink);
    if ((packet.flags & (TCP.ACK | TCP.RST)) !== TCP.ACK) return;
    const ahead = this.#aheadOf(packet.ack);
    if (ahead <= 0 || !this.#isStarted || this.#isEnded) return;
    const position = this.#next + ahead;
    const last = this.#waiting.at(-1);
    const known = last ? last.position + last.bytes.length : this.#next;
    if (position > Math.max(known, this.#next + MAX_AHEAD)) return;
    if (position > this.#acked) this.#noteAck(position, packet.time);
    if (this.#next < this.#cutTo && this.#cutTo <= this.#acked) {
      this.#skipTo(Math.min(this.#cutTo, this.#wanted()), sink);
      this.#deliver(sink);
    }
    // What is answered must not be overtaken by its answer.
    if (packet.end > packet.start && this.#acked > this.#wanted()) {
      this.#settled = this.#acked;
      this.#giveUp(sink);
    }
  }

  /**
   * Gives up what was acknowledged {@link REORDERING} before `time`. Segments
   * do so themselves: calling it in between only makes it sooner.
   */
  expire(time: number, sink: Sink): void {
    if (time - this.#settlingSince < REORDERING) return;
    do {
      this.#settled = Math.max(this.#settled, this.#settling);
      this.#settlingSince = this.#acked > this.#settling
        ? this.#ackedTime
        : Infinity;
      this.#settling = this.#acked;
    } while (time - this.#settlingSince >= REORDERING);
    this.#giveUp(sink);
  }

  /** No more segments come: delivers what waits, with the gaps before it. */
  end(sink: Sink): void {
    this.#settled = Infinity;
    this.#giveUp(sink);
  }

  /** What {@link restored} needs to go on from here. */
  save(): ReassemblerState {
    return {
      started: this.#isStarted,
      seq: this.#seq,
      next: this.#next,
      waiting: [...this.#waiting],
      cutTo: this.#cutTo,
      finAt: isFinite(this.#finAt) ? this.#finAt : undefined,
      ended: this.#isEnded,
      acked: this.#acked,
      ackedTime: this.#ackedTime,
      settled: this.#settled,
      settling: this.#settling,
      settlingSince: isFinite(this.#settlingSince)
        ? this.#settlingSince
        : undefined,
      strays: this.strays,
      strayEnd: isNaN(this.#strayEnd) ? undefined : this.#strayEnd,
    };
  }

  /** A direction that goes on where {@link save} was called. */
  static restored(state: ReassemblerState, room?: WaitingRoom): Reassembler {
    const it = new Reassembler(room);
    it.#isStarted = state.started;
    it.#seq = state.seq;
    it.#next = state.next;
    it.#waiting = [...state.waiting];
    for (const piece of state.waiting) it.#count(piece.bytes.length);
    it.#cutTo = state.cutTo;
    it.#finAt = state.finAt ?? Infinity;
    it.#isEnded = state.ended;
    it.#acked = state.acked;
    it.#ackedTime = state.ackedTime;
    it.#settled = state.settled;
    it.#settling = state.settling;
    it.#settlingSince = state.settlingSince ?? Infinity;
    it.strays = state.strays;
    it.#strayEnd = state.strayEnd ?? NaN;
    return it;
  }

  #advance(size: number): void {
    this.#next += size;
    this.#seq = this.#seq + size | 0;
  }

  /**
   * How far a sequence number is ahead of the next byte; negative for what was
   * sent before. Nobody sends again what is as old as that, so it is new.
   */
  #aheadOf(seq: number): number {
    const ahead = seq - this.#seq | 0;
    return ahead < -MAX_AHEAD ? ahead + 2 ** 32 : ahead;
  }

  #count(size: number): void {
    this.#waitingBytes += size;
    this.#room.bytes += size;
  }

  /**
   * Whether a segment that is far ahead is no stray: the other end has
   * acknowledged bytes near it, or it goes on where the last stray ended, as
   * when capture paused on a fast connection.
   */
  #isCredible(seq: number, position: number, size: number): boolean {
    const isCredible = position - this.#acked <= MAX_AHEAD ||
      seq === this.#strayEnd;
    this.#strayEnd = seq + size | 0;
    if (!isCredible) this.strays++;
    return isCredible;
  }

  /** The first FIN counts, unless bytes after it were already delivered. */
  #noteFin(position: number): void {
    if (this.#finAt === Infinity && position >= this.#next) {
      this.#finAt = position;
    }
  }

  /**
   * Fills holes with a segment's payload: the one at the head of the stream is
   * delivered, others are kept until their turn.
   */
  #place(packet: Packet, position: number, sink: Sink): void {
    const { bytes, start, time, place } = packet;
    const waiting = this.#waiting;
    const captured = position + packet.end - start;
    const to = Math.min(captured, this.#finAt);
    let from = Math.max(position, this.#next);
    let index = this.#indexAfter(from);
    while (from < to) {
      const next = waiting[index];
      const hole = next ? Math.min(to, next.position) : to;
      if (hole > from) {
        const first = start + from - position;
        const last = start + hole - position;
        if (from === this.#next) {
          this.#advance(hole - from);
          sink.data(bytes, first, last, time, place);
        } else {
          const copy = bytes.slice(first, last);
          this.#wait({ position: from, bytes: copy, missing: 0, time, place });
          index++;
        }
      }
      if (!next) break;
      from = next.position + next.bytes.length;
      index++;
    }
    if (packet.missing > 0) this.#noteCut(packet, captured);
  }

  /** Bytes from `position` on were on the wire but not captured. */
  #noteCut({ missing, time, place }: Packet, position: number): void {
    if (position <= this.#next) {
      this.#cutTo = Math.max(this.#cutTo, position + missing);
      return;
    }
    const after = this.#waiting[this.#indexAfter(position)];
    const isThere = after !== undefined && after.position <= position;
    if (isThere || position >= this.#finAt) return;
    this.#wait({ position, bytes: EMPTY, missing, time, place });
  }

  #wait(piece: Piece): void {
    this.#waiting.splice(this.#indexAfter(piece.position), 0, piece);
    this.#count(piece.bytes.length);
  }

  /** Index of the first waiting piece that ends after `position`. */
  #indexAfter(position: number): number {
    const waiting = this.#waiting;
    let low = 0;
    let high = waiting.length;
    // Segments mostly come after all that waits.
    const last = waiting[high - 1];
    if (last && last.position + last.bytes.length <= position) return high;
    while (low < high) {
      const middle = low + high >>> 1;
      const piece = waiting[middle]!;
      if (piece.position + piece.bytes.length > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Where what waits first begins: a piece or the FIN; Infinity if nothing. */
  #wanted(): number {
    const first = this.#waiting[0];
    return first ? Math.min(first.position, this.#finAt) : this.#finAt;
  }

  /** Delivers what is in order. */
  #deliver(sink: Sink): void {
    while (!this.#isEnded) {
      const piece = this.#waiting[0];
      if (this.#next >= this.#finAt) this.#finish(sink);
      else if (piece && piece.position <= this.#next) {
        this.#waiting.shift();
        this.#count(-piece.bytes.length);
        const size = Math.min(piece.bytes.length, this.#finAt - this.#next);
        this.#advance(size);
        const cutTo = piece.position + piece.bytes.length + piece.missing;
        this.#cutTo = Math.max(this.#cutTo, cutTo);
        if (size > 0) sink.data(piece.bytes, 0, size, piece.time, piece.place);
      } else if (this.#next < this.#cutTo && this.#wanted() < Infinity) {
        this.#skipTo(Math.min(this.#cutTo, this.#wanted()), sink);
      } else return;
    }
  }

  #finish(sink: Sink): void {
    this.#isEnded = true;
    this.#count(-this.#waitingBytes);
    this.#waiting.length = 0;
    sink.fin();
  }

  #skipTo(position: number, sink: Sink): void {
    const size = position - this.#next;
    this.#advance(size);
    sink.gap(size);
  }

  #noteAck(position: number, time: number): void {
    this.#acked = position;
    this.#ackedTime = time;
    if (this.#settlingSince !== Infinity) return;
    this.#settling = position;
    this.#settlingSince = time;
  }

  /** Gives up what was acknowledged so long ago that it will not come. */
  #giveUp(sink: Sink): void {
    let wanted = this.#wanted();
    while (wanted <= this.#settled && wanted < Infinity && !this.#isEnded) {
      this.#skipTo(wanted, sink);
      this.#deliver(sink);
      wanted = this.#wanted();
    }
  }

  #giveUpExcess(sink: Sink): void {
    while (
      this.#waiting.length > 0 &&
      (this.#waitingBytes > MAX_WAITING_BYTES ||
        this.#waiting.length > MAX_WAITING_PIECES ||
        this.#room.bytes > this.#room.most)
    ) {
      this.#skipTo(this.#wanted(), sink);
      this.#deliver(sink);
    }
  }
}
