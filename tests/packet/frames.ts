/**
 * Frames put together from headers, for tests: each function writes one header
 * before its payload, so that a frame reads from the outside in.
 */
import { concat } from "../fuzz/random.ts";

/** Bytes given as hex (blanks ignored), numbers, or bytes. */
export function bytes(
  ...parts: readonly (string | Uint8Array | readonly number[])[]
): Uint8Array {
  return concat(
    ...parts.map((part) =>
      typeof part === "string"
        ? Uint8Array.fromHex(part.replace(/\s/g, ""))
        : Uint8Array.from(part)
    ),
  );
}

/** A text's bytes. */
export const text = (value: string): Uint8Array =>
  new TextEncoder().encode(value);

const u16 = (value: number): number[] => [value >> 8 & 255, value & 255];
const u32 = (value: number): number[] => [
  ...u16(value >>> 16),
  ...u16(value & 0xffff),
];

/** An Ethernet header. */
export function ethernet(type: number, payload: Uint8Array): Uint8Array {
  return bytes("02000000000b 02000000000a", u16(type), payload);
}

/** A VLAN tag and the EtherType after it. */
export function tag(type: number, payload: Uint8Array): Uint8Array {
  return bytes("0064", u16(type), payload);
}

/** Linux's cooked headers. */
export function sll(type: number, payload: Uint8Array): Uint8Array {
  return bytes("0000 0001 0006 02000000000a 0000", u16(type), payload);
}

/** Linux's second cooked header, of an outgoing packet of interface 7. */
export function sll2(type: number, payload: Uint8Array): Uint8Array {
  return bytes(
    u16(type),
    "0000 00000007 0001 04 06 02000000000a 0000",
    payload,
  );
}

/** What an IP header says beside its payload. */
export interface IpOptions {
  readonly src?: string;
  readonly dst?: string;
  readonly id?: number;
  /** Bytes before this fragment. */
  readonly offset?: number;
  readonly more?: boolean;
  /** In place of the true length. */
  readonly length?: number;
  /** Options of IPv4, a multiple of four bytes. */
  readonly options?: Uint8Array;
}

/** An IPv4 header. */
export function ipv4(
  protocol: number,
  payload: Uint8Array,
  ip: IpOptions = {},
): Uint8Array {
  const options = ip.options ?? bytes();
  const size = 20 + options.length;
  return bytes(
    [0x40 | size / 4, 0],
    u16(ip.length ?? size + payload.length),
    u16(ip.id ?? 1),
    u16((ip.more ? 0x2000 : 0) | (ip.offset ?? 0) / 8),
    [64, protocol, 0, 0],
    (ip.src ?? "10.0.0.1").split(".").map(Number),
    (ip.dst ?? "10.0.0.2").split(".").map(Number),
    options,
    payload,
  );
}

/** The two ends of the IPv6 packets that {@link ipv6} makes. */
export const SRC6 = "20010db8000000000000000000000001";
export const DST6 = "20010db8000000000000000000000002";

/** An IPv6 header. */
export function ipv6(
  next: number,
  payload: Uint8Array,
  ip: { length?: number; src?: string; dst?: string } = {},
): Uint8Array {
  return bytes(
    "60000000",
    u16(ip.length ?? payload.length),
    [next, 64],
    ip.src ?? SRC6,
    ip.dst ?? DST6,
    payload,
  );
}

/** An IPv6 extension header of eight bytes. */
export function extension(next: number, payload: Uint8Array): Uint8Array {
  return bytes([next, 0, 1, 4, 0, 0, 0, 0], payload);
}

/** An IPv6 fragment header. */
export function fragment(
  next: number,
  ip: IpOptions,
  payload: Uint8Array,
): Uint8Array {
  const offset = (ip.offset ?? 0) | (ip.more ? 1 : 0);
  return bytes([next, 0], u16(offset), u32(ip.id ?? 1), payload);
}

/** What a TCP header says. */
export interface TcpOptions {
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly options?: Uint8Array;
}

/** A TCP header. */
export function tcp(payload: Uint8Array, tcp: TcpOptions = {}): Uint8Array {
  const options = tcp.options ?? bytes();
  return bytes(
    u16(tcp.srcPort ?? 40000),
    u16(tcp.dstPort ?? 80),
    u32(tcp.seq ?? 1000),
    u32(tcp.ack ?? 2000),
    [(20 + options.length) / 4 << 4, tcp.flags ?? 0x18],
    u16(512),
    "0000 0000",
    options,
    payload,
  );
}

/** A UDP header. */
export function udp(
  dstPort: number,
  payload: Uint8Array,
  udp: { srcPort?: number; length?: number } = {},
): Uint8Array {
  return bytes(
    u16(udp.srcPort ?? 40000),
    u16(dstPort),
    u16(udp.length ?? 8 + payload.length),
    "0000",
    payload,
  );
}

/** An SCTP common header. */
export function sctp(payload: Uint8Array): Uint8Array {
  return bytes(u16(40000), u16(3868), "01020304 00000000", payload);
}

/** An ICMP header of either version. */
export function icmp(type: number, payload: Uint8Array): Uint8Array {
  return bytes([type, 0, 0, 0, 0, 1, 0, 2], payload);
}

/** VXLAN around a frame. */
export function vxlan(frame: Uint8Array): Uint8Array {
  return udp(4789, bytes("08000000 00002a00", frame));
}
