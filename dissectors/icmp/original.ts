/**
 * The packet that an ICMP error quotes: its IP header and what follows of it.
 */
import { toAddress } from "../../stream/address.ts";

/** One end of a quoted packet. */
export interface OriginalEnd {
  ip: string;
  /** Absent where the transport has none, or none was quoted. */
  port: number | undefined;
}

/** What a quoted packet says of itself. */
export interface Original {
  src: OriginalEnd;
  dst: OriginalEnd;
  /** `tcp`, `udp`, `icmp`, `sctp`, else the IP protocol's number. */
  protocol: string;
}

/** Extension headers that are followed to the transport's. */
const MAX_EXTENSIONS = 8;

const PROTOCOLS: { readonly [number: number]: string } = {
  1: "icmp",
  6: "tcp",
  17: "udp",
  58: "icmp",
  132: "sctp",
};

/** Transports whose headers begin with both ports. */
const WITH_PORTS: readonly number[] = [6, 17, 132];

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

/** IPv6 extension headers (RFC 8200 §4). */
const EXTENSION = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, OPTIONS: 60 };

/** @returns undefined where no IP header was quoted whole */
export function readOriginal(quoted: Uint8Array): Original | undefined {
  const version = (quoted[0] ?? 0) >> 4;
  if (version === 4 && quoted.length >= IPV4_HEADER) return readIpv4(quoted);
  if (version === 6 && quoted.length >= IPV6_HEADER) return readIpv6(quoted);
  return undefined;
}

function readIpv4(quoted: Uint8Array): Original {
  const protocol = quoted[9]!;
  // Later fragments do not begin with the transport's header.
  const isFirst = (u16(quoted, 6) & 0x1fff) === 0;
  const transport = isFirst ? (quoted[0]! & 15) * 4 : quoted.length;
  return toOriginal(quoted, 4, 12, 16, protocol, transport);
}

function readIpv6(quoted: Uint8Array): Original {
  let protocol = quoted[6]!;
  let at = IPV6_HEADER;
  for (let n = 0; n < MAX_EXTENSIONS && at + 8 <= quoted.length; n++) {
    const isFragment = protocol === EXTENSION.FRAGMENT;
    const hasLength = protocol === EXTENSION.HOP_BY_HOP ||
      protocol === EXTENSION.ROUTING || protocol === EXTENSION.OPTIONS;
    if (!isFragment && !hasLength) break;
    protocol = quoted[at]!;
    if (isFragment && u16(quoted, at + 2) >> 3 !== 0) {
      at = quoted.length;
      break;
    }
    at += isFragment ? 8 : 8 + quoted[at + 1]! * 8;
  }
  return toOriginal(quoted, 6, 8, 24, protocol, at);
}

/** Puts together what was found, `transport` being where its header begins. */
function toOriginal(
  quoted: Uint8Array,
  version: 4 | 6,
  src: number,
  dst: number,
  protocol: number,
  transport: number,
): Original {
  const port = (at: number) =>
    WITH_PORTS.includes(protocol) && at + 2 <= quoted.length
      ? u16(quoted, at)
      : undefined;
  return {
    src: { ip: toAddress(quoted, src, version), port: port(transport) },
    dst: { ip: toAddress(quoted, dst, version), port: port(transport + 2) },
    protocol: PROTOCOLS[protocol] ?? String(protocol),
  };
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}
