/**
 * Link types: what stands before the IP header of a frame.
 *
 * They are numbered as in savefiles, where each is described:
 * https://www.tcpdump.org/linktypes.html
 */
import { type Cursor, NEXT, type Next } from "./cursor.ts";
import {
  ETHERTYPE,
  readEthernet,
  readEtherType,
  readLlc,
  readMpls,
  readPpp,
  readPppoe,
  readVersion,
} from "./ethernet.ts";
import { DIRECTION } from "./packet.ts";
import { readAvs, readPrism, readRadiotap, readWifi } from "./wifi.ts";

/** LINKTYPE_ numbers of what we read; some programs wrote DLT_ numbers. */
export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  DLT_RAW: 12,
  DLT_RAW_OPENBSD: 14,
  PPP_HDLC: 50,
  PPP_ETHER: 51,
  ATM_RFC1483: 100,
  RAW: 101,
  C_HDLC: 104,
  IEEE802_11: 105,
  FRELAY: 107,
  LOOP: 108,
  ENC: 109,
  LINUX_SLL: 113,
  PFLOG: 117,
  IEEE802_11_PRISM: 119,
  IEEE802_11_RADIOTAP: 127,
  IEEE802_11_AVS: 163,
  PPI: 192,
  PPP_WITH_DIRECTION: 204,
  MPLS: 219,
  IPV4: 228,
  IPV6: 229,
  NFLOG: 239,
  LINUX_SLL2: 276,
} as const;

/** How the kernel saw a frame (`linux/if_packet.h`), in both cooked headers. */
const SLL_OUTGOING = 4;

/** What an 802.2 frame has in place of an EtherType in both cooked headers. */
const SLL_LLC = 4;

/** Attributes of one NFLOG frame. */
const MAX_ATTRIBUTES = 64;

/** Moves over a frame's link header and all between it and IP. */
export function readLink(cursor: Cursor, linkType: number): Next {
  switch (linkType) {
    case LINKTYPE.ETHERNET:
      return readEthernet(cursor);
    case LINKTYPE.LINUX_SLL2:
      return readSll2(cursor);
    case LINKTYPE.LINUX_SLL:
      return readSll(cursor);
    case LINKTYPE.RAW:
    case LINKTYPE.DLT_RAW:
    case LINKTYPE.DLT_RAW_OPENBSD:
      return readVersion(cursor);
    case LINKTYPE.IPV4:
      return NEXT.IPV4;
    case LINKTYPE.IPV6:
      return NEXT.IPV6;
    case LINKTYPE.NULL:
    case LINKTYPE.LOOP:
      return readNull(cursor, 4);
    case LINKTYPE.ENC:
      return readNull(cursor, 12);
    case LINKTYPE.PPP:
      return readPpp(cursor);
    case LINKTYPE.PPP_HDLC:
    case LINKTYPE.C_HDLC:
      return readHdlc(cursor);
    case LINKTYPE.PPP_WITH_DIRECTION:
      cursor.at += 1;
      return readPpp(cursor);
    case LINKTYPE.PPP_ETHER:
      return readPppoe(cursor);
    case LINKTYPE.ATM_RFC1483:
      return readLlc(cursor);
    case LINKTYPE.MPLS:
      return readMpls(cursor);
    case LINKTYPE.FRELAY:
      return readFrameRelay(cursor);
    case LINKTYPE.NFLOG:
      return readNflog(cursor);
    case LINKTYPE.PFLOG:
      return readPflog(cursor);
    case LINKTYPE.IEEE802_11:
      return readWifi(cursor, false);
    case LINKTYPE.IEEE802_11_RADIOTAP:
      return readRadiotap(cursor);
    case LINKTYPE.IEEE802_11_PRISM:
      return readPrism(cursor);
    case LINKTYPE.IEEE802_11_AVS:
      return readAvs(cursor);
    case LINKTYPE.PPI:
      return readPpi(cursor);
    default:
      return NEXT.OTHER;
  }
}

/** Linux's cooked header of 16 bytes. */
function readSll(cursor: Cursor): Next {
  if (!cursor.has(16)) return NEXT.MALFORMED;
  cursor.direction = toDirection(cursor.u16(0));
  const type = cursor.u16(14);
  cursor.at += 16;
  return readSllType(cursor, type);
}

/** Linux's second cooked header, of 20 bytes: it names the interface. */
function readSll2(cursor: Cursor): Next {
  if (!cursor.has(20)) return NEXT.MALFORMED;
  const type = cursor.u16(0);
  cursor.interface = cursor.u32(4);
  cursor.direction = toDirection(cursor.u8(10));
  cursor.at += 20;
  return readSllType(cursor, type);
}

function toDirection(packetType: number): number {
  return packetType === SLL_OUTGOING ? DIRECTION.OUT : DIRECTION.IN;
}

function readSllType(cursor: Cursor, type: number): Next {
  if (type === ETHERTYPE.IPV4) return NEXT.IPV4;
  if (type >= 0x600) return readEtherType(cursor, type);
  return type === SLL_LLC ? readLlc(cursor) : NEXT.OTHER;
}

/**
 * An address family in some machine's byte order begins the header. In its
 * place some programs wrote an EtherType, in the last two bytes.
 */
function readNull(cursor: Cursor, size: number): Next {
  if (!cursor.has(size)) return NEXT.MALFORMED;
  const high = cursor.u16(0);
  const low = cursor.u16(2);
  cursor.at += size;
  if (low === ETHERTYPE.IPV4) return NEXT.IPV4;
  if (low === ETHERTYPE.IPV6) return NEXT.IPV6;
  if (low === 0) return toIp(swap(high));
  return high === 0 ? toIp(low) : NEXT.OTHER;
}

/** What an address family means; AF_INET6 differs among systems. */
function toIp(family: number): Next {
  switch (family) {
    case 2:
      return NEXT.IPV4;
    case 10: // Linux
    case 23: // Windows
    case 24: // NetBSD, OpenBSD
    case 28: // FreeBSD
    case 30: // Darwin
      return NEXT.IPV6;
    default:
      return NEXT.OTHER;
  }
}

/** PPP in HDLC framing (RFC 1662), or Cisco's HDLC with an EtherType. */
function readHdlc(cursor: Cursor): Next {
  if (!cursor.has(4)) return NEXT.MALFORMED;
  const address = cursor.u8(0);
  if (address !== 0x0f && address !== 0x8f) return readPpp(cursor);
  const type = cursor.u16(2);
  cursor.at += 4;
  return readEtherType(cursor, type);
}

/** Frame relay: Q.922 address, then RFC 2427's network protocol id, or Cisco's. */
function readFrameRelay(cursor: Cursor): Next {
  let size = 2;
  while (size <= 4 && cursor.has(size) && (cursor.u8(size - 1) & 1) === 0) {
    size++;
  }
  if (size > 4 || !cursor.has(size + 2)) return NEXT.MALFORMED;
  cursor.at += size;
  const type = cursor.u16(0);
  switch (type) {
    case 0x03cc:
      cursor.at += 2;
      return NEXT.IPV4;
    case 0x038e:
      cursor.at += 2;
      return NEXT.IPV6;
    case 0x0300: // a padding byte, 0x80 for SNAP, and SNAP as in LLC
      return readFrameRelaySnap(cursor);
    default:
      cursor.at += 2;
      return type >= 0x600 ? readEtherType(cursor, type) : NEXT.OTHER;
  }
}

function readFrameRelaySnap(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.MALFORMED;
  const isSnap = cursor.u8(2) === 0x80;
  const organization = cursor.u16(3) << 8 | cursor.u8(5);
  const type = cursor.u16(6);
  cursor.at += 8;
  if (!isSnap || organization !== 0 || type < 0x600) return NEXT.OTHER;
  return readEtherType(cursor, type);
}

/** Netfilter's log: attributes in the capturing machine's byte order. */
function readNflog(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.MALFORMED;
  const family = cursor.u8(0);
  cursor.at += 4;
  // Types are small: in the right order the first one's upper byte is 0.
  const little = cursor.u8(3) === 0;
  const PAYLOAD = 9;
  for (let n = 0; n < MAX_ATTRIBUTES && cursor.has(4); n++) {
    const size = little ? swap(cursor.u16(0)) : cursor.u16(0);
    const type = little ? swap(cursor.u16(2)) : cursor.u16(2);
    if (size < 4) return NEXT.MALFORMED;
    if (type === PAYLOAD) {
      cursor.limit(size);
      cursor.at += 4;
      return toIp(family);
    }
    cursor.at += Math.ceil(size / 4) * 4;
  }
  return NEXT.OTHER;
}

function swap(value: number): number {
  return value >> 8 | (value & 0xff) << 8;
}

/** OpenBSD's packet filter log: its length, the address family, and more. */
function readPflog(cursor: Cursor): Next {
  if (!cursor.has(2)) return NEXT.MALFORMED;
  const size = Math.ceil(cursor.u8(0) / 4) * 4;
  const family = cursor.u8(1);
  if (!cursor.has(size)) return NEXT.MALFORMED;
  cursor.at += size;
  return toIp(family);
}

/** Per-packet information, before a frame of the link type that it names. */
function readPpi(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.MALFORMED;
  const size = swap(cursor.u16(2));
  const linkType = swap(cursor.u16(4));
  if (size < 8 || !cursor.has(size)) return NEXT.MALFORMED;
  cursor.at += size;
  return cursor.nest() ? readLink(cursor, linkType) : NEXT.OTHER;
}
