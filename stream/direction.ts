/** What is counted of one direction of a flow, whatever carries it. */
import type { Packet } from "../packet/packet.ts";

/** Payload bytes of each direction that are kept, for the entry's body. */
export const MAX_HEAD = 4096;

/** One direction's counters, and the payload it begins with. Plain data. */
export class DirectionCounts {
  packets = 0;
  /** Payload bytes on the wire, those sent again included. */
  bytes = 0;
  /** Payload by position, as far as it is kept. */
  head: Uint8Array | undefined = undefined;
  /** Where the head ends: at bytes on the wire that were not captured. */
  headLimit: number;

  constructor(headLimit: number) {
    this.headLimit = headLimit;
  }

  /** The payload that the direction begins with, as far as it is kept. */
  get headBytes(): Uint8Array | undefined {
    const size = Math.min(this.headLimit, this.bytes);
    return size > 0 ? this.head?.subarray(0, size) : undefined;
  }

  /** Keeps payload that belongs at `position`, over what stood there. */
  keep(packet: Packet, position: number): void {
    if (position >= this.headLimit) return;
    const { bytes, start } = packet;
    const captured = packet.end - start;
    if (packet.missing > 0) {
      this.headLimit = Math.min(this.headLimit, position + captured);
    }
    const size = Math.min(captured, this.headLimit - position);
    if (size <= 0) return;
    this.reserveHead(position + size)
      .set(bytes.subarray(start, start + size), position);
  }

  /** The head, made long enough to write its first `size` bytes. */
  reserveHead(size: number): Uint8Array {
    if (this.head && this.head.length >= size) return this.head;
    const length = Math.max(256, 2 ** Math.ceil(Math.log2(size)));
    const head = new Uint8Array(Math.min(MAX_HEAD, length));
    if (this.head) head.set(this.head);
    return this.head = head;
  }
}
