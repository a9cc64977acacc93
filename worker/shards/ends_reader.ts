/**
 * Reads plain packets: IP right behind an Ethernet or cooked header, perhaps
 * behind a VLAN tag, with a transport in it. Nearly all are; the others are for
 * the `Decoder`, which takes several times as long.
 */
import { LINKTYPE } from "../../packet/link.ts";
import { PROTOCOL, TCP } from "../../packet/packet.ts";
import { tunnelPort } from "../../packet/tunnel.ts";
import { KEY, kindOf } from "./flow_key.ts";

const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd, VLAN: 0x8100 } as const;

/** Bytes of headers and of a tag. */
const ETHERNET_HEADER = 14;
const SLL2_HEADER = 20;
const SLL2_INTERFACE = 4;
const TAG = 4;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
const UDP_HEADER = 8;

/** Bytes of the two ports, which are the least that a transport has. */
const PORTS = 4;

/** More fragments, or the offset of one that is not the first. */
const IS_FRAGMENT = 0x3fff;

/** Flags of TCP that open or close a flow. */
export const TURNS: number = TCP.SYN | TCP.FIN | TCP.RST;

/** Reads five-tuples as `FlowKey` wants them. */
export class EndsReader {
  /** Of the bytes that were read last. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the IP header and the transport's begin in the bytes. */
  network = 0;
  transport = 0;
  /** IP protocol number. */
  protocol = 0;
  /** 4 or 6. */
  version = 0;
  /** Then both ports are 0: later fragments have none. */
  isFragment = false;
  /** Payload of the transport on the wire, see {@link readTransport}. */
  size = 0;
  #bytes: Uint8Array | undefined;
  readonly #key: Uint32Array;

  /** @param key filled with each packet, source first */
  constructor(key: Uint32Array) {
    this.#key = key;
  }

  /**
   * Reads one frame.
   *
   * @param bytes borrowed until the next call
   * @param linkType LINKTYPE_ number
   * @returns false if it is no plain packet; then all is in an unknown state
   */
  read(
    bytes: Uint8Array,
    start: number,
    captured: number,
    linkType: number,
  ): boolean {
    if (bytes !== this.#bytes) this.#turnTo(bytes);
    const { view } = this;
    const end = start + captured;
    let at: number;
    if (linkType === LINKTYPE.LINUX_SLL2) at = start + SLL2_HEADER;
    else if (linkType === LINKTYPE.ETHERNET) at = start + ETHERNET_HEADER;
    else return false;
    if (at + IPV4_HEADER > end) return false;
    // A key has no room for a pod's network, whose interface is below 0.
    const isPods = linkType === LINKTYPE.LINUX_SLL2 &&
      view.getInt32(start + SLL2_INTERFACE) < 0;
    if (isPods) return false;
    let type = view.getUint16(
      linkType === LINKTYPE.LINUX_SLL2 ? start : at - 2,
    );
    if (type === ETHERTYPE.VLAN) {
      at += TAG;
      type = view.getUint16(at - 2);
    }
    this.network = at;
    if (type === ETHERTYPE.IPV4) return this.#readIpv4(view, at, end);
    return type === ETHERTYPE.IPV6 && this.#readIpv6(view, at, end);
  }

  /**
   * Reads what the transport's header says of the plain packet read last.
   *
   * @param start of its frame
   * @returns the flags of TCP, 0 of UDP; -1 if lengths disagree, or it is a
   *   fragment or another protocol
   */
  readTransport(start: number, captured: number, original: number): number {
    if (this.isFragment) return -1;
    const { view, network, transport, protocol } = this;
    const isIpv4 = this.version === 4;
    const length = view.getUint16(isIpv4 ? network + 2 : network + 4);
    // What segmentation is left to the card for has none.
    if (length === 0) return -1;
    const stop = network + length + (isIpv4 ? 0 : IPV6_HEADER);
    const end = Math.min(stop, start + captured);
    if (stop > start + Math.max(original, captured)) return -1;
    if (protocol === PROTOCOL.TCP) {
      if (transport + TCP_HEADER > end) return -1;
      const header = (view.getUint8(transport + 12) >> 4) * 4;
      this.size = stop - transport - header;
      return header < TCP_HEADER || this.size < 0
        ? -1
        : view.getUint8(transport + 13);
    }
    if (protocol !== PROTOCOL.UDP || transport + UDP_HEADER > end) return -1;
    const size = view.getUint16(transport + 4);
    this.size = size - UDP_HEADER;
    return size === stop - transport ? 0 : -1;
  }

  #turnTo(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #readIpv4(view: DataView, at: number, end: number): boolean {
    const first = view.getUint8(at);
    const transport = at + (first & 15) * 4;
    if (first >> 4 !== 4 || transport < at + IPV4_HEADER || transport > end) {
      return false;
    }
    const protocol = view.getUint8(at + 9);
    const isFragment = (view.getUint16(at + 6) & IS_FRAGMENT) !== 0;
    this.isFragment = isFragment;
    this.version = 4;
    const key = this.#key;
    key[KEY.FIRST] = view.getUint32(at + 12);
    key[KEY.SECOND] = view.getUint32(at + 16);
    key[KEY.KIND] = kindOf(4, protocol, isFragment);
    return this.#readPorts(view, transport, end, protocol);
  }

  #readIpv6(view: DataView, at: number, end: number): boolean {
    const transport = at + IPV6_HEADER;
    if (transport > end || view.getUint8(at) >> 4 !== 6) return false;
    const protocol = view.getUint8(at + 6);
    this.isFragment = false;
    this.version = 6;
    const key = this.#key;
    for (let i = 0; i < 8; i++) key[i] = view.getUint32(at + 8 + 4 * i);
    key[KEY.KIND] = kindOf(6, protocol, false);
    return this.#readPorts(view, transport, end, protocol);
  }

  /** @returns false if the packet is cut, or may carry another */
  #readPorts(
    view: DataView,
    at: number,
    end: number,
    protocol: number,
  ): boolean {
    this.transport = at;
    this.protocol = protocol;
    const key = this.#key;
    key[KEY.PORTS] = 0;
    if (this.isFragment) return true;
    if (at + PORTS > end) return false;
    switch (protocol) {
      case PROTOCOL.UDP: {
        const ports = key[KEY.PORTS] = view.getUint32(at);
        return tunnelPort(ports >>> 16, ports & 0xffff) === 0;
      }
      case PROTOCOL.TCP:
      case PROTOCOL.SCTP:
        key[KEY.PORTS] = view.getUint32(at);
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
