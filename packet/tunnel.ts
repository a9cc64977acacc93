/**
 * Tunnels: packets within packets.
 *
 * A port is a hint and never proof. What comes over UDP counts as a tunnel
 * only if its header is valid and an IP header that fits stands inside;
 * otherwise it is plain UDP.
 */
import { type Cursor, NEXT, type Next } from "./cursor.ts";
import {
  ETHERTYPE,
  readEthernet,
  readEtherType,
  readMpls,
  readPpp,
  readVersion,
} from "./ethernet.ts";
import { isIpHeader } from "./ip.ts";

/** IP protocols that carry frames or packets. */
export const TUNNEL_PROTOCOL = {
  IPV4: 4,
  IPV6: 41,
  GRE: 47,
  ETHERIP: 97,
  MPLS: 137,
  ETHERNET: 143,
} as const;

/** UDP ports on which tunnels are expected. */
const TUNNEL_PORT = {
  L2TP: 1701,
  GTP_U: 2152,
  TEREDO: 3544,
  VXLAN: 4789,
  VXLAN_GPE: 4790,
  GENEVE: 6081,
  MPLS: 6635,
  /** What Linux used before VXLAN had a port, and Flannel and Cilium still do. */
  VXLAN_LINUX: 8472,
} as const;

/** What GRE carries beside EtherTypes. */
const GRE_PROTOCOL = {
  PPP: 0x880b,
  ERSPAN: 0x88be,
  ERSPAN_III: 0x22eb,
} as const;

/** Extension headers of one GTP-U packet. */
const MAX_GTP_EXTENSIONS = 16;

/**
 * On which of a datagram's ports a tunnel is expected, or 0. Where both ends
 * are such ports, the receiver's counts: tunnels choose their own port by the
 * flow inside.
 */
export function tunnelPort(srcPort: number, dstPort: number): number {
  if (isTunnelPort(dstPort)) return dstPort;
  return isTunnelPort(srcPort) ? srcPort : 0;
}

function isTunnelPort(port: number): boolean {
  switch (port) {
    case TUNNEL_PORT.L2TP:
    case TUNNEL_PORT.GTP_U:
    case TUNNEL_PORT.TEREDO:
    case TUNNEL_PORT.VXLAN:
    case TUNNEL_PORT.VXLAN_GPE:
    case TUNNEL_PORT.GENEVE:
    case TUNNEL_PORT.MPLS:
    case TUNNEL_PORT.VXLAN_LINUX:
      return true;
    default:
      return false;
  }
}

/**
 * Moves over a tunnel's header at the beginning of a UDP payload.
 *
 * @returns the version of the IP header inside, or OTHER: then it is no tunnel
 *   and the cursor's place means nothing
 */
export function readUdpTunnel(cursor: Cursor, port: number): Next {
  const next = readTunnelHeader(cursor, port);
  const isIp = next === NEXT.IPV4 || next === NEXT.IPV6;
  return isIp && isIpHeader(cursor, next) ? next : NEXT.OTHER;
}

function readTunnelHeader(cursor: Cursor, port: number): Next {
  switch (port) {
    case TUNNEL_PORT.VXLAN:
    case TUNNEL_PORT.VXLAN_LINUX:
      return readVxlan(cursor);
    case TUNNEL_PORT.VXLAN_GPE:
      return readVxlanGpe(cursor);
    case TUNNEL_PORT.GENEVE:
      return readGeneve(cursor);
    case TUNNEL_PORT.GTP_U:
      return readGtp(cursor);
    case TUNNEL_PORT.TEREDO:
      return readTeredo(cursor);
    case TUNNEL_PORT.L2TP:
      return readL2tp(cursor);
    case TUNNEL_PORT.MPLS:
      return readMpls(cursor);
    default:
      return NEXT.OTHER;
  }
}

/** VXLAN (RFC 7348 §5), with the group policy bits that some set. */
function readVxlan(cursor: Cursor): Next {
  const HAS_NETWORK = 0x08;
  const GROUP_POLICY = 0x80;
  if (!cursor.has(8)) return NEXT.OTHER;
  const flags = cursor.u8(0);
  const reserved = cursor.u8(7);
  if ((flags & ~GROUP_POLICY) !== HAS_NETWORK || reserved !== 0) {
    return NEXT.OTHER;
  }
  cursor.at += 8;
  return readEthernet(cursor);
}

/**
 * VXLAN's generic protocol extension (draft-ietf-nvo3-vxlan-gpe §3). Not all
 * who fill in the protocol set the bit that says so.
 */
function readVxlanGpe(cursor: Cursor): Next {
  const HAS_NETWORK = 0x08;
  if (!cursor.has(8)) return NEXT.OTHER;
  const hasNetwork = (cursor.u8(0) & HAS_NETWORK) !== 0;
  const protocol = cursor.u8(3);
  cursor.at += 8;
  if (!hasNetwork) return NEXT.OTHER;
  switch (protocol) {
    case 0:
    case 3:
      return readEthernet(cursor);
    case 1:
      return NEXT.IPV4;
    case 2:
      return NEXT.IPV6;
    case 4:
      return readEtherType(cursor, ETHERTYPE.NSH);
    default:
      return NEXT.OTHER;
  }
}

/** Geneve (RFC 8926 §3.4). */
function readGeneve(cursor: Cursor): Next {
  if (!cursor.has(8)) return NEXT.OTHER;
  const first = cursor.u8(0);
  const reserved = cursor.u8(1) & 0x3f | cursor.u8(7);
  const type = cursor.u16(2);
  // Version 0, and options in words of four bytes.
  const size = 8 + (first & 0x3f) * 4;
  if (first >> 6 !== 0 || reserved !== 0 || !cursor.has(size)) {
    return NEXT.OTHER;
  }
  cursor.at += size;
  return type < 0x600 ? NEXT.OTHER : readEtherType(cursor, type);
}

/** A user's packet in GTP-U, version 1 (3GPP TS 29.281 §5). */
function readGtp(cursor: Cursor): Next {
  const HAS_EXTENSIONS = 4;
  const HAS_OPTIONAL_FIELDS = 7;
  const G_PDU = 255;
  if (!cursor.has(12) || cursor.u8(1) !== G_PDU) return NEXT.OTHER;
  const flags = cursor.u8(0);
  // Version 1, protocol type GTP, and a reserved bit that is 0.
  if (flags >> 3 !== 0b00110) return NEXT.OTHER;
  const length = cursor.u16(2);
  cursor.at += 8;
  if (length > cursor.wire - cursor.at) return NEXT.OTHER;
  cursor.limit(length);
  if ((flags & HAS_OPTIONAL_FIELDS) === 0) return readVersion(cursor);
  let extension = cursor.u8(3);
  cursor.at += 4;
  if ((flags & HAS_EXTENSIONS) === 0) return readVersion(cursor);
  for (let n = 0; extension !== 0; n++) {
    if (n === MAX_GTP_EXTENSIONS || !cursor.has(4)) return NEXT.OTHER;
    const size = cursor.u8(0) * 4;
    if (size === 0 || !cursor.has(size)) return NEXT.OTHER;
    extension = cursor.u8(size - 1);
    cursor.at += size;
  }
  return readVersion(cursor);
}

/** Teredo: IPv6 behind indications of who sent it (RFC 4380 §5.1.1). */
function readTeredo(cursor: Cursor): Next {
  const AUTHENTICATION = 1;
  const ORIGIN = 0;
  if (cursor.has(13) && cursor.u16(0) === AUTHENTICATION) {
    // Client id and authentication value, then a nonce and a confirmation.
    cursor.at += 4 + cursor.u8(2) + cursor.u8(3) + 9;
  }
  if (cursor.has(8) && cursor.u16(0) === ORIGIN) cursor.at += 8;
  return readVersion(cursor) === NEXT.IPV6 ? NEXT.IPV6 : NEXT.OTHER;
}

/** A data message of L2TP, version 2, which holds PPP (RFC 2661 §3.1). */
function readL2tp(cursor: Cursor): Next {
  const CONTROL = 0x8000;
  const HAS_LENGTH = 0x4000;
  const HAS_SEQUENCE = 0x0800;
  const HAS_OFFSET = 0x0200;
  if (!cursor.has(6)) return NEXT.OTHER;
  const flags = cursor.u16(0);
  if ((flags & CONTROL) !== 0 || (flags & 15) !== 2) return NEXT.OTHER;
  let size = 6;
  if ((flags & HAS_LENGTH) !== 0) {
    cursor.limit(cursor.u16(2));
    size += 2;
  }
  if ((flags & HAS_SEQUENCE) !== 0) size += 4;
  if ((flags & HAS_OFFSET) !== 0) {
    if (!cursor.has(size + 2)) return NEXT.OTHER;
    size += 2 + cursor.u16(size);
  }
  cursor.at += size;
  return readPpp(cursor);
}

/** Moves over the header of a protocol among {@link TUNNEL_PROTOCOL}. */
export function readIpTunnel(cursor: Cursor, protocol: number): Next {
  if (!cursor.nest()) return NEXT.OTHER;
  switch (protocol) {
    case TUNNEL_PROTOCOL.IPV4:
      return NEXT.IPV4;
    case TUNNEL_PROTOCOL.IPV6:
      return NEXT.IPV6;
    case TUNNEL_PROTOCOL.GRE:
      return readGre(cursor);
    case TUNNEL_PROTOCOL.MPLS:
      return readMpls(cursor);
    case TUNNEL_PROTOCOL.ETHERIP: // RFC 3378 §3
    case TUNNEL_PROTOCOL.ETHERNET: // RFC 8986 §4.9
      if (protocol === TUNNEL_PROTOCOL.ETHERIP) cursor.at += 2;
      return readEthernet(cursor);
    default:
      return NEXT.OTHER;
  }
}

/** GRE (RFC 2784, RFC 2890), and PPTP's version of it (RFC 2637 §4.1). */
function readGre(cursor: Cursor): Next {
  const HAS_CHECKSUM = 0x8000;
  const HAS_ROUTING = 0x4000;
  const HAS_KEY = 0x2000;
  const HAS_SEQUENCE = 0x1000;
  const HAS_ACKNOWLEDGMENT = 0x0080;
  if (!cursor.has(4)) return NEXT.MALFORMED;
  const flags = cursor.u16(0);
  const type = cursor.u16(2);
  const version = flags & 7;
  const hasSequence = (flags & HAS_SEQUENCE) !== 0;
  let size = 4;
  if ((flags & HAS_CHECKSUM) !== 0) size += 4;
  if ((flags & HAS_KEY) !== 0) size += 4;
  if (hasSequence) size += 4;
  if (version === 1 && (flags & HAS_ACKNOWLEDGMENT) !== 0) size += 4;
  if (version > 1 || (flags & HAS_ROUTING) !== 0) return NEXT.OTHER;
  if (!cursor.has(size)) return NEXT.MALFORMED;
  cursor.at += size;
  if (version === 1) {
    const isPacket = type === GRE_PROTOCOL.PPP && hasSequence;
    return isPacket ? readPpp(cursor) : NEXT.OTHER;
  }
  switch (type) {
    case GRE_PROTOCOL.ERSPAN:
      // Type II has a header and always a sequence number, type I neither.
      cursor.at += hasSequence ? 8 : 0;
      return readEthernet(cursor);
    case GRE_PROTOCOL.ERSPAN_III:
      return readErspan3(cursor);
    default:
      return type < 0x600 ? NEXT.OTHER : readEtherType(cursor, type);
  }
}

/** ERSPAN type III (draft-foschiano-erspan §4.3). */
function readErspan3(cursor: Cursor): Next {
  if (!cursor.has(12)) return NEXT.MALFORMED;
  const hasSubheader = (cursor.u8(11) & 1) === 1;
  cursor.at += hasSubheader ? 20 : 12;
  return readEthernet(cursor);
}
