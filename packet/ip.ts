/**
 * IP headers of both versions.
 */
import type { Cursor } from "./cursor.ts";

/** A protocol number that no header can have: the header is malformed. */
export const BAD_HEADER = -1;

/** IPv6 extension headers, by protocol number (RFC 8200 §4). */
const EXTENSION = {
  HOP_BY_HOP: 0,
  ROUTING: 43,
  FRAGMENT: 44,
  AUTHENTICATION: 51,
  DESTINATION: 60,
  MOBILITY: 135,
  HIP: 139,
  SHIM6: 140,
} as const;

/** Extension headers of one packet. */
const MAX_EXTENSIONS = 32;

/**
 * Moves over an IPv4 header (RFC 791 §3.1) and cuts off what follows the
 * packet, such as Ethernet padding.
 *
 * @returns the protocol that it carries, or {@link BAD_HEADER}
 */
export function readIpv4(cursor: Cursor): number {
  if (!cursor.has(20)) return BAD_HEADER;
  const first = cursor.u8(0);
  const size = (first & 15) * 4;
  if (first >> 4 !== 4 || size < 20 || !cursor.has(size)) return BAD_HEADER;
  const total = cursor.u16(2);
  // Segmentation offload leaves 0 where the length exceeds 16 bits.
  if (total !== 0) {
    if (total < size) return BAD_HEADER;
    cursor.limit(total);
  }
  const fragment = cursor.u16(6);
  cursor.more = (fragment & 0x2000) !== 0;
  cursor.offset = (fragment & 0x1fff) * 8;
  cursor.fragmented = (fragment & 0x3fff) !== 0;
  cursor.id = cursor.u16(4);
  cursor.version = 4;
  cursor.src = cursor.at + 12;
  cursor.dst = cursor.at + 16;
  const protocol = cursor.u8(9);
  cursor.at += size;
  return protocol;
}

/**
 * Moves over an IPv6 header (RFC 8200 §3) and its extension headers, up to the
 * fragment header where there is one.
 *
 * @returns the protocol that it carries, or {@link BAD_HEADER}
 */
export function readIpv6(cursor: Cursor): number {
  if (!cursor.has(40) || cursor.u8(0) >> 4 !== 6) return BAD_HEADER;
  const length = cursor.u16(4);
  const next = cursor.u8(6);
  // 0 is a jumbogram's (RFC 2675), or what segmentation offload leaves.
  if (length !== 0) cursor.limit(40 + length);
  cursor.version = 6;
  cursor.src = cursor.at + 8;
  cursor.dst = cursor.at + 24;
  cursor.fragmented = false;
  cursor.at += 40;
  return readExtensions(cursor, next);
}

/** Moves over extension headers, beginning with `next`. */
export function readExtensions(cursor: Cursor, next: number): number {
  let protocol = next;
  for (let n = 0; n < MAX_EXTENSIONS; n++) {
    let size: number;
    switch (protocol) {
      case EXTENSION.HOP_BY_HOP:
      case EXTENSION.ROUTING:
      case EXTENSION.DESTINATION:
      case EXTENSION.MOBILITY:
      case EXTENSION.HIP:
      case EXTENSION.SHIM6:
        if (!cursor.has(8)) return BAD_HEADER;
        size = 8 + cursor.u8(1) * 8;
        break;
      case EXTENSION.AUTHENTICATION:
        if (!cursor.has(8)) return BAD_HEADER;
        size = 8 + cursor.u8(1) * 4;
        break;
      case EXTENSION.FRAGMENT:
        if (!cursor.has(8)) return BAD_HEADER;
        cursor.more = (cursor.u8(3) & 1) !== 0;
        cursor.offset = cursor.u16(2) & 0xfff8;
        cursor.id = cursor.u32(4);
        // An atomic fragment is a whole packet (RFC 6946).
        cursor.fragmented = cursor.more || cursor.offset !== 0;
        protocol = cursor.u8(0);
        cursor.at += 8;
        if (cursor.fragmented) return protocol;
        continue;
      default:
        return protocol;
    }
    if (!cursor.has(size)) return BAD_HEADER;
    protocol = cursor.u8(0);
    cursor.at += size;
  }
  return BAD_HEADER;
}
