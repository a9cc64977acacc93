/**
 * IP headers of both versions.
 */
import type { Cursor } from "./cursor.ts";
import { PROTOCOL } from "./packet.ts";

/** In place of a protocol number: the header is malformed. */
export const BAD_HEADER = -1;

/** In place of a protocol number: the packet is a fragment. */
export const FRAGMENT = -2;

/** IPv6 extension headers, by protocol number (RFC 8200 §4). */
const EXTENSION = {
  HOP_BY_HOP: 0,
  ROUTING: 43,
  FRAGMENT: 44,
  /** Also in IPv4 (RFC 4302). */
  AUTHENTICATION: 51,
  DESTINATION: 60,
  MOBILITY: 135,
  HIP: 139,
  SHIM6: 140,
} as const;

/**
 * Bytes of a packet whose header gives none: segmentation offload leaves 0
 * where the length exceeds 16 bits, and so does a jumbogram (RFC 2675). Linux
 * goes up to half of it.
 */
const MAX_OFFLOADED = 1024 * 1024;

/** Parts of IPv4's fragment field. */
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET = 0x1fff;

/** Extension headers of one packet. */
const MAX_EXTENSIONS = 32;

/**
 * Moves over an IPv4 header (RFC 791 §3.1) and cuts off what follows the
 * packet, such as Ethernet's padding.
 *
 * @returns the protocol that it carries, {@link BAD_HEADER} or {@link FRAGMENT}
 */
export function readIpv4(cursor: Cursor): number {
  if (!cursor.has(20)) return BAD_HEADER;
  const { view, at } = cursor;
  const first = view.getUint8(at);
  const size = (first & 15) * 4;
  if (first >> 4 !== 4 || size < 20 || !cursor.has(size)) return BAD_HEADER;
  const total = view.getUint16(at + 2);
  if (total !== 0 && total < size) return BAD_HEADER;
  cursor.limit(total !== 0 ? total : MAX_OFFLOADED);
  cursor.stop = total !== 0 ? at + total : cursor.wire;
  cursor.version = 4;
  cursor.src = at + 12;
  cursor.dst = at + 16;
  cursor.at = at + size;
  const protocol = view.getUint8(at + 9);
  const fragment = view.getUint16(at + 6);
  if ((fragment & ~DONT_FRAGMENT) !== 0) {
    cursor.more = (fragment & MORE_FRAGMENTS) !== 0;
    cursor.offset = (fragment & OFFSET) * 8;
    cursor.id = view.getUint16(at + 4);
    cursor.protocol = protocol;
    if (cursor.more || cursor.offset !== 0) return FRAGMENT;
  }
  return protocol === EXTENSION.AUTHENTICATION
    ? readExtensions(cursor, protocol)
    : protocol;
}

/**
 * Moves over an IPv6 header (RFC 8200 §3) and its extension headers, up to the
 * fragment header where there is one.
 *
 * @returns the protocol that it carries, {@link BAD_HEADER} or {@link FRAGMENT}
 */
export function readIpv6(cursor: Cursor): number {
  if (!cursor.has(40) || cursor.u8(0) >> 4 !== 6) return BAD_HEADER;
  const length = cursor.u16(4);
  const next = cursor.u8(6);
  cursor.limit(length !== 0 ? 40 + length : MAX_OFFLOADED);
  cursor.stop = length !== 0 ? cursor.at + 40 + length : cursor.wire;
  cursor.version = 6;
  cursor.src = cursor.at + 8;
  cursor.dst = cursor.at + 24;
  cursor.at += 40;
  return next === PROTOCOL.TCP || next === PROTOCOL.UDP
    ? next
    : readExtensions(cursor, next);
}

/**
 * Moves over the headers between IP and transport, beginning with `first`; in
 * IPv4 there is but one.
 */
export function readExtensions(cursor: Cursor, first: number): number {
  let protocol = first;
  for (let n = 0; n < MAX_EXTENSIONS; n++) {
    const unit = extensionUnit(protocol, cursor.version);
    if (unit === 0) return protocol;
    if (!cursor.has(8)) return BAD_HEADER;
    const size = unit < 0 ? 8 : 8 + cursor.u8(1) * unit;
    if (!cursor.has(size)) return BAD_HEADER;
    if (protocol === EXTENSION.FRAGMENT) {
      cursor.more = (cursor.u8(3) & 1) !== 0;
      cursor.offset = cursor.u16(2) & 0xfff8;
      cursor.id = cursor.u32(4);
      cursor.protocol = cursor.u8(0);
      cursor.at += size;
      // An atomic fragment is a whole packet (RFC 6946).
      if (cursor.more || cursor.offset !== 0) return FRAGMENT;
      protocol = cursor.protocol;
    } else {
      protocol = cursor.u8(0);
      cursor.at += size;
    }
  }
  return BAD_HEADER;
}

/**
 * Bytes in which an extension header counts its length beyond 8: -1 where it
 * is always 8, 0 where `protocol` is no extension header.
 */
function extensionUnit(protocol: number, version: number): number {
  switch (protocol) {
    case EXTENSION.AUTHENTICATION:
      return 4;
    case EXTENSION.HOP_BY_HOP:
    case EXTENSION.ROUTING:
    case EXTENSION.DESTINATION:
    case EXTENSION.MOBILITY:
    case EXTENSION.HIP:
    case EXTENSION.SHIM6:
      return version === 6 ? 8 : 0;
    case EXTENSION.FRAGMENT:
      return version === 6 ? -1 : 0;
    default:
      return 0;
  }
}

/**
 * Whether the cursor stands on an IP header that fits what it lies in: what a
 * payload must begin with before it counts as a tunnel's.
 */
export function isIpHeader(cursor: Cursor, version: number): boolean {
  const room = cursor.wire - cursor.at;
  if (!cursor.has(20) || cursor.u8(0) >> 4 !== version) return false;
  if (version === 6) return room >= 40 && cursor.u16(4) + 40 <= room;
  const size = (cursor.u8(0) & 15) * 4;
  const total = cursor.u16(2);
  return size >= 20 && (total === 0 || total >= size && total <= room);
}
