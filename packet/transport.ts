/**
 * Transport headers: what the cursor stands on becomes a packet.
 *
 * Checksums are never looked at: sent packets are captured before the card
 * fills them in.
 */
import type { Cursor } from "./cursor.ts";
import { OUTCOME, type Outcome, type Packet, PROTOCOL } from "./packet.ts";

/** Reads a TCP header (RFC 9293 §3.1). */
export function readTcp(cursor: Cursor, into: Packet): Outcome {
  if (!cursor.has(20)) return OUTCOME.MALFORMED;
  const { view, at } = cursor;
  const size = (view.getUint8(at + 12) >> 4) * 4;
  if (size < 20 || at + size > cursor.wire) return OUTCOME.MALFORMED;
  into.protocol = PROTOCOL.TCP;
  into.srcPort = view.getUint16(at);
  into.dstPort = view.getUint16(at + 2);
  into.seq = view.getUint32(at + 4);
  into.ack = view.getUint32(at + 8);
  into.flags = view.getUint8(at + 13);
  into.window = view.getUint16(at + 14);
  into.options = at + 20;
  return fill(cursor, into, size);
}

/** Reads a UDP header (RFC 768). */
export function readUdp(cursor: Cursor, into: Packet): Outcome {
  if (!cursor.has(8)) return OUTCOME.MALFORMED;
  const length = cursor.u16(4);
  // 0 is a jumbogram's (RFC 2675 §4).
  if (length !== 0) {
    if (length < 8) return OUTCOME.MALFORMED;
    cursor.limit(length);
  }
  into.protocol = PROTOCOL.UDP;
  into.srcPort = cursor.u16(0);
  into.dstPort = cursor.u16(2);
  return fill(cursor, into, 8);
}

/** Reads an SCTP common header (RFC 9260 §3.1): the payload is its chunks. */
export function readSctp(cursor: Cursor, into: Packet): Outcome {
  if (!cursor.has(12)) return OUTCOME.MALFORMED;
  into.protocol = PROTOCOL.SCTP;
  into.srcPort = cursor.u16(0);
  into.dstPort = cursor.u16(2);
  return fill(cursor, into, 12);
}

/** Reads ICMP of either version: the payload begins with its header. */
export function readIcmp(
  cursor: Cursor,
  into: Packet,
  protocol: number,
): Outcome {
  if (!cursor.has(4)) return OUTCOME.MALFORMED;
  into.protocol = protocol;
  into.srcPort = into.dstPort = 0;
  return fill(cursor, into, 0);
}

/** Fills in what all transports have, behind a header of `size` bytes. */
function fill(cursor: Cursor, into: Packet, size: number): Outcome {
  // Objects are dearer to store than to compare.
  if (into.bytes !== cursor.bytes) into.bytes = cursor.bytes;
  into.ipVersion = cursor.version;
  into.src = cursor.src;
  into.dst = cursor.dst;
  // A snap length may end inside the options.
  const start = Math.min(cursor.at + size, cursor.end);
  into.start = start;
  into.end = cursor.end;
  into.missing = cursor.wire - Math.max(cursor.at + size, cursor.end);
  return OUTCOME.PACKET;
}
