/**
 * Ethernet and what EtherTypes name: tags, LLC, PPPoE, PPP, MPLS, NSH.
 *
 * Each function moves the cursor over its header and those after it, up to an
 * IP header. They call each other, for frames carry frames: whoever goes a
 * layer deeper asks the cursor's `nest`.
 */
import { type Cursor, NEXT, type Next } from "./cursor.ts";

/** EtherTypes, as IEEE 802 numbers them. */
export const ETHERTYPE = {
  IPV4: 0x0800,
  TRANSPARENT_BRIDGING: 0x6558,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  MPLS: 0x8847,
  MPLS_UPSTREAM: 0x8848,
  PPPOE_SESSION: 0x8864,
  LONG_LLC: 0x8870,
  QINQ: 0x88a8,
  PROVIDER_BACKBONE: 0x88e7,
  CISCO_METADATA: 0x8909,
  VN_TAG: 0x8926,
  HSR: 0x892f,
  E_TAG: 0x893f,
  NSH: 0x894f,
  OLD_QINQ: 0x9100,
} as const;

/** Below it a type is the length of an 802.3 frame (IEEE 802.3 §3.2.6). */
const LEAST_ETHERTYPE = 0x600;

/** Protocols of PPP, as IANA numbers them. */
const PPP = {
  IPV4: 0x0021,
  IPV6: 0x0057,
  MPLS: 0x0281,
  MPLS_UPSTREAM: 0x0283,
} as const;

/** Tags of one frame, such as VLANs. */
const MAX_TAGS = 8;

/** MPLS labels of one packet. */
const MAX_LABELS = 16;

/** Moves over an Ethernet header. */
export function readEthernet(cursor: Cursor): Next {
  if (!cursor.has(14)) return NEXT.MALFORMED;
  const type = cursor.u16(12);
  cursor.at += 14;
  return type === ETHERTYPE.IPV4 ? NEXT.IPV4 : readEtherType(cursor, type);
}

/** Moves over what an EtherType, or the length in its place, announces. */
export function readEtherType(cursor: Cursor, first: number): Next {
  let type = first;
  for (let tags = 0; tags <= MAX_TAGS; tags++) {
    if (type === ETHERTYPE.IPV4) return NEXT.IPV4;
    if (type === ETHERTYPE.IPV6) return NEXT.IPV6;
    const size = tagSize(type);
    if (size === 0) return readOtherType(cursor, type);
    if (!cursor.has(size)) return NEXT.MALFORMED;
    cursor.at += size;
    type = cursor.u16(-2);
  }
  return NEXT.OTHER;
}

/** Bytes of a tag, which end with another EtherType; 0 where it is no tag's. */
function tagSize(type: number): number {
  switch (type) {
    case ETHERTYPE.VLAN:
    case ETHERTYPE.QINQ:
    case ETHERTYPE.OLD_QINQ:
      return 4;
    case ETHERTYPE.VN_TAG:
    case ETHERTYPE.HSR:
      return 6;
    case ETHERTYPE.CISCO_METADATA:
    case ETHERTYPE.E_TAG:
      return 8;
    default:
      return 0;
  }
}

function readOtherType(cursor: Cursor, type: number): Next {
  switch (type) {
    case ETHERTYPE.MPLS:
    case ETHERTYPE.MPLS_UPSTREAM:
      return readMpls(cursor);
    case ETHERTYPE.PPPOE_SESSION:
      return readPppoe(cursor);
    case ETHERTYPE.NSH:
      return readNsh(cursor);
    case ETHERTYPE.PROVIDER_BACKBONE:
      cursor.at += 4;
      return cursor.nest() ? readEthernet(cursor) : NEXT.OTHER;
    case ETHERTYPE.TRANSPARENT_BRIDGING:
      return cursor.nest() ? readEthernet(cursor) : NEXT.OTHER;
    case ETHERTYPE.LONG_LLC:
      return readLlc(cursor);
    default:
      if (type >= LEAST_ETHERTYPE) return NEXT.OTHER;
      cursor.limit(type);
      return readLlc(cursor);
  }
}

/** Moves over LLC, and SNAP where it follows (IEEE 802). */
export function readLlc(cursor: Cursor): Next {
  if (!cursor.has(3)) return NEXT.MALFORMED;
  const services = cursor.u16(0);
  const isUnnumbered = cursor.u8(2) === 3;
  if (services === 0x0606 && isUnnumbered) {
    cursor.at += 3;
    return NEXT.IPV4;
  }
  if (services !== 0xaaaa || !isUnnumbered) return NEXT.OTHER;
  if (!cursor.has(8)) return NEXT.MALFORMED;
  const organization = cursor.u16(3) << 8 | cursor.u8(5);
  const type = cursor.u16(6);
  cursor.at += 8;
  // 0000f8 is what bridges make of encapsulated Ethernet (IEEE 802.1H).
  if (organization !== 0 && organization !== 0xf8) return NEXT.OTHER;
  if (type < LEAST_ETHERTYPE || !cursor.nest()) return NEXT.OTHER;
  return readEtherType(cursor, type);
}

/** Moves over a PPPoE session header (RFC 2516 §4). */
export function readPppoe(cursor: Cursor): Next {
  if (!cursor.has(6)) return NEXT.MALFORMED;
  const isSession = cursor.u16(0) === 0x1100;
  const length = cursor.u16(4);
  cursor.at += 6;
  if (!isSession) return NEXT.OTHER;
  cursor.limit(length);
  return readPpp(cursor);
}

/** Moves over a PPP header (RFC 1661 §2, compressed or not: §6.5, §6.6). */
export function readPpp(cursor: Cursor): Next {
  if (cursor.has(2) && cursor.u16(0) === 0xff03) cursor.at += 2;
  if (!cursor.has(2)) return NEXT.MALFORMED;
  const isShort = (cursor.u8(0) & 1) === 1;
  const protocol = isShort ? cursor.u8(0) : cursor.u16(0);
  cursor.at += isShort ? 1 : 2;
  switch (protocol) {
    case PPP.IPV4:
      return NEXT.IPV4;
    case PPP.IPV6:
      return NEXT.IPV6;
    case PPP.MPLS:
    case PPP.MPLS_UPSTREAM:
      return readMpls(cursor);
    default:
      return NEXT.OTHER;
  }
}

/**
 * Moves over MPLS labels (RFC 3032 §2.1).
 *
 * Nothing says what lies below the last one. Its first four bits tell, for IP
 * and for Ethernet behind a control word (RFC 4385 §3).
 */
export function readMpls(cursor: Cursor): Next {
  for (let labels = 0; labels < MAX_LABELS; labels++) {
    if (!cursor.has(5)) return NEXT.MALFORMED;
    const isLast = (cursor.u8(2) & 1) === 1;
    cursor.at += 4;
    if (!isLast) continue;
    const start = cursor.u8(0) >> 4;
    if (start !== 0) return toVersion(start);
    cursor.at += 4;
    return cursor.nest() ? readEthernet(cursor) : NEXT.OTHER;
  }
  return NEXT.OTHER;
}

/** Moves over a network service header (RFC 8300 §2). */
function readNsh(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.MALFORMED;
  const size = (cursor.u8(1) & 0x3f) * 4;
  const protocol = cursor.u8(3);
  if (size < 8 || !cursor.has(size)) return NEXT.MALFORMED;
  cursor.at += size;
  if (protocol === 1) return NEXT.IPV4;
  if (protocol === 2) return NEXT.IPV6;
  if (protocol === 5) return readMpls(cursor);
  return protocol === 3 && cursor.nest() ? readEthernet(cursor) : NEXT.OTHER;
}

/** Tells IPv4 from IPv6 by the header's first four bits. */
export function readVersion(cursor: Cursor): Next {
  return cursor.has(1) ? toVersion(cursor.u8(0) >> 4) : NEXT.MALFORMED;
}

function toVersion(version: number): Next {
  return version === 4 ? NEXT.IPV4 : version === 6 ? NEXT.IPV6 : NEXT.OTHER;
}
