/**
 * Reads the two ends of plain packets: IP right behind an Ethernet or cooked
 * header, perhaps behind a VLAN tag, with a transport in it. Nearly all are; the
 * others are for the `Decoder`, which takes several times as long.
 */
import { LINKTYPE } from "../../packet/link.ts";
import { PROTOCOL } from "../../packet/packet.ts";
import { tunnelPort } from "../../packet/tunnel.ts";
import { kindOf, SLOT } from "./flow_slots.ts";

const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd, VLAN: 0x8100 } as const;

/** Bytes of headers and of a tag. */
const ETHERNET_HEADER = 14;
const SLL2_HEADER = 20;
const TAG = 4;
const IPV6_HEADER = 40;

/** Bytes of the two ports, which are the least that a transport has. */
const PORTS = 4;

/** More fragments, or the offset of one that is not the first. */
const IS_FRAGMENT = 0x3fff;

/** Reads five-tuples as `FlowSlots` wants them. */
export class EndsReader {
  /** Where the IP header and the transport's begin in the bytes. */
  network = 0;
  transport = 0;
  /** IP protocol number. */
  protocol = 0;
  /** 4 or 6. */
  version = 0;
  /** Then both ports are 0: later fragments have none. */
  isFragment = false;
  readonly #key: Uint32Array;

  /** @param key filled with each packet, source first */
  constructor(key: Uint32Array) {
    this.#key = key;
  }

  /**
   * Reads one frame.
   *
   * @param linkType LINKTYPE_ number
   * @returns false if it is no plain packet; then all is in an unknown state
   */
  read(
    bytes: Uint8Array,
    start: number,
    captured: number,
    linkType: number,
  ): boolean {
    let at: number;
    let type: number;
    if (linkType === LINKTYPE.LINUX_SLL2) {
      at = start + SLL2_HEADER;
      type = bytes[start]! << 8 | bytes[start + 1]!;
    } else if (linkType === LINKTYPE.ETHERNET) {
      at = start + ETHERNET_HEADER;
      type = bytes[at - 2]! << 8 | bytes[at - 1]!;
    } else {
      return false;
    }
    if (type === ETHERTYPE.VLAN) {
      at += TAG;
      type = bytes[at - 2]! << 8 | bytes[at - 1]!;
    }
    this.network = at;
    const end = start + captured;
    if (type === ETHERTYPE.IPV4) return this.#readIpv4(bytes, at, end);
    return type === ETHERTYPE.IPV6 && this.#readIpv6(bytes, at, end);
  }

  #readIpv4(bytes: Uint8Array, at: number, end: number): boolean {
    const first = bytes[at]!;
    const transport = at + (first & 15) * 4;
    if (first >> 4 !== 4 || transport < at + 20 || transport > end) {
      return false;
    }
    const protocol = bytes[at + 9]!;
    const isFragment =
      ((bytes[at + 6]! << 8 | bytes[at + 7]!) & IS_FRAGMENT) !== 0;
    this.isFragment = isFragment;
    this.version = 4;
    const key = this.#key;
    key[0] = word(bytes, at + 12);
    key[4] = word(bytes, at + 16);
    key[SLOT.KIND] = kindOf(4, protocol, isFragment);
    return this.#readPorts(bytes, transport, end, protocol);
  }

  #readIpv6(bytes: Uint8Array, at: number, end: number): boolean {
    const transport = at + IPV6_HEADER;
    if (transport > end || bytes[at]! >> 4 !== 6) return false;
    const protocol = bytes[at + 6]!;
    this.isFragment = false;
    this.version = 6;
    const key = this.#key;
    for (let i = 0; i < 8; i++) key[i] = word(bytes, at + 8 + 4 * i);
    key[SLOT.KIND] = kindOf(6, protocol, false);
    return this.#readPorts(bytes, transport, end, protocol);
  }

  /** @returns false if the packet is cut, or may carry another */
  #readPorts(
    bytes: Uint8Array,
    at: number,
    end: number,
    protocol: number,
  ): boolean {
    this.transport = at;
    this.protocol = protocol;
    const key = this.#key;
    key[SLOT.PORTS] = 0;
    if (this.isFragment) return true;
    if (at + PORTS > end) return false;
    switch (protocol) {
      case PROTOCOL.UDP: {
        const ports = key[SLOT.PORTS] = word(bytes, at);
        return tunnelPort(ports >>> 16, ports & 0xffff) === 0;
      }
      case PROTOCOL.TCP:
      case PROTOCOL.SCTP:
        key[SLOT.PORTS] = word(bytes, at);
        return true;
      case PROTOCOL.ICMP:
      case PROTOCOL.ICMPV6:
        return true;
      default:
        return false;
    }
  }
}

/** Four bytes in network order. */
export function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!) >>> 0;
}
