/**
 * Link layers: what stands before the IP header of a frame.
 *
 * Link types are numbered as in savefiles (https://www.tcpdump.org/linktypes.html).
 */
import { type Cursor, NEXT, type Next } from "./cursor.ts";

/** LINKTYPE_ numbers of what we read. */
export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LOOP: 108,
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

/** EtherTypes (IEEE 802 numbers) that lead to IP. */
const ETHERTYPE = {
  IPV4: 0x0800,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  QINQ: 0x88a8,
  OLD_QINQ: 0x9100,
} as const;

/** VLAN tags in one frame. */
const MAX_TAGS = 8;

/** Moves over a frame's link header and all between it and IP. */
export function readLink(cursor: Cursor, linkType: number): Next {
  switch (linkType) {
    case LINKTYPE.ETHERNET:
      return readEthernet(cursor);
    case LINKTYPE.LINUX_SLL2:
      return readEtherType(cursor, 0, 20);
    case LINKTYPE.LINUX_SLL:
      return readEtherType(cursor, 14, 16);
    case LINKTYPE.RAW:
    case LINKTYPE.IPV4:
    case LINKTYPE.IPV6:
      return readVersion(cursor);
    case LINKTYPE.NULL:
    case LINKTYPE.LOOP:
      if (!cursor.has(4)) return NEXT.MALFORMED;
      cursor.at += 4;
      return readVersion(cursor);
    default:
      return NEXT.OTHER;
  }
}

/** Moves over an Ethernet header. */
export function readEthernet(cursor: Cursor): Next {
  return readEtherType(cursor, 12, 14);
}

/** Moves over a header of `size` bytes with an EtherType in it, and tags. */
function readEtherType(cursor: Cursor, ahead: number, size: number): Next {
  if (!cursor.has(size)) return NEXT.MALFORMED;
  let type = cursor.u16(ahead);
  cursor.at += size;
  for (let tags = 0; tags <= MAX_TAGS; tags++) {
    switch (type) {
      case ETHERTYPE.IPV4:
        return NEXT.IPV4;
      case ETHERTYPE.IPV6:
        return NEXT.IPV6;
      case ETHERTYPE.VLAN:
      case ETHERTYPE.QINQ:
      case ETHERTYPE.OLD_QINQ:
        if (!cursor.has(4)) return NEXT.MALFORMED;
        type = cursor.u16(2);
        cursor.at += 4;
        break;
      default:
        return NEXT.OTHER;
    }
  }
  return NEXT.OTHER;
}

/** Tells IPv4 from IPv6 by the first four bits. */
export function readVersion(cursor: Cursor): Next {
  if (!cursor.has(1)) return NEXT.MALFORMED;
  const version = cursor.u8(0) >> 4;
  return version === 4 ? NEXT.IPV4 : version === 6 ? NEXT.IPV6 : NEXT.OTHER;
}
