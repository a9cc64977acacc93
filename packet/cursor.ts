/**
 * Where decoding stands in a frame: moved over one header after the other.
 *
 * One cursor serves all frames. Headers are read where they lie; `link.ts`,
 * `ip.ts`, `tunnel.ts` and `transport.ts` move it and say what comes next.
 */
import { DIRECTION, OUTCOME } from "./packet.ts";

/** What follows a header. */
export const NEXT = {
  /** Nothing that flows are made of, or nothing that we can read. */
  OTHER: OUTCOME.OTHER,
  /** The header contradicts itself, or is cut. */
  MALFORMED: OUTCOME.MALFORMED,
  IPV4: 4,
  IPV6: 6,
} as const;

export type Next = typeof NEXT[keyof typeof NEXT];

/** Headers of link layers and tunnels within one another. */
export const MAX_DEPTH = 16;

/** Where decoding stands, and what the headers before said. */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes: several of them are read faster through it. */
  view = new DataView(this.bytes.buffer);
  /** The next byte to read. */
  at = 0;
  /** Where the captured bytes of this layer end. */
  end = 0;
  /** Where its bytes on the wire end; not before `end`. */
  wire = 0;
  /** How many frames and packets the present one lies in. */
  depth = 0;

  /** The interface that the link header names, or -1. */
  interface = -1;
  /** One of {@link DIRECTION}. */
  direction: number = DIRECTION.UNKNOWN;

  /** Of the IP header read last: 4 or 6. */
  version = 0;
  /** Where its source address begins. */
  src = 0;
  /** Where its destination address begins. */
  dst = 0;
  /** Where its packet ends by its own account; that may be after `wire`. */
  stop = 0;

  /** What a fragment carries, by its protocol number. */
  protocol = 0;
  /** Identification: 16 bits in IPv4, 32 in IPv6. */
  id = 0;
  /** Bytes of the packet's payload before this fragment's. */
  offset = 0;
  /** Whether fragments follow. */
  more = false;

  /** Begins at a frame. */
  begin(
    bytes: Uint8Array,
    start: number,
    captured: number,
    original: number,
  ): void {
    this.turnTo(bytes);
    this.at = start;
    this.end = start + captured;
    // Some programs write 0 where they do not know.
    this.wire = start + Math.max(original, captured);
    this.depth = 0;
    this.interface = -1;
    this.direction = DIRECTION.UNKNOWN;
  }

  /** Reads in `bytes` from now on; where is for the caller to say. */
  turnTo(bytes: Uint8Array): void {
    // Frames of one batch share their bytes.
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Takes another's place. */
  copy(other: Cursor): void {
    this.bytes = other.bytes;
    this.view = other.view;
    this.at = other.at;
    this.end = other.end;
    this.wire = other.wire;
    this.depth = other.depth;
    this.interface = other.interface;
    this.direction = other.direction;
    this.version = other.version;
    this.src = other.src;
    this.dst = other.dst;
  }

  /** Goes one layer deeper; `false` where there are too many. */
  nest(): boolean {
    return ++this.depth <= MAX_DEPTH;
  }

  /** Whether `size` more bytes were captured. */
  has(size: number): boolean {
    return this.at + size <= this.end;
  }

  /** Cuts this layer to `size` bytes from `at`: padding is not its. */
  limit(size: number): void {
    const wire = this.at + size;
    if (wire < this.wire) this.wire = wire;
    if (wire < this.end) this.end = wire;
  }

  /** The byte `ahead` of the cursor. */
  u8(ahead: number): number {
    return this.view.getUint8(this.at + ahead);
  }

  /** The 16 bits `ahead` of the cursor, in network order. */
  u16(ahead: number): number {
    return this.view.getUint16(this.at + ahead);
  }

  /** The 32 bits `ahead` of the cursor, in network order. */
  u32(ahead: number): number {
    return this.view.getUint32(this.at + ahead);
  }
}
