/**
 * Columns of packets: what a glance at each frame of a batch tells.
 *
 * Most predicates of most filters ask for addresses, ports and transport, and
 * most frames are plain. For those the answer is read where it lies, for a
 * whole batch, at a fraction of what `decode` costs; all others are marked as
 * unsure and are for `decode` to tell. Whatever is not unsure here is exactly
 * what `decode` would have said.
 */
import type { FrameBatch, Interface } from "./frame.ts";
import { LINKTYPE } from "./link.ts";
import { type Packet, PROTOCOL } from "./packet.ts";
import { tunnelPort } from "./tunnel.ts";

/**
 * In place of a protocol number: only `decode` can tell. Fragments, tunnels,
 * rare headers, and what holds no packet at all.
 */
export const UNSURE = 255;

/** What is known of the frames of one batch; row by row, as in the batch. */
export class PacketColumns {
  /** One of `PROTOCOL`, or {@link UNSURE}: then nothing else holds. */
  readonly protocol: Uint8Array;
  /** 4 or 6. */
  readonly version: Uint8Array;
  readonly srcPort: Uint16Array;
  readonly dstPort: Uint16Array;
  /**
   * Addresses as words in network order: row i's begins at 4 × i and has one
   * word in IPv4, four in IPv6.
   */
  readonly src: Uint32Array;
  readonly dst: Uint32Array;

  constructor(capacity: number) {
    this.protocol = new Uint8Array(capacity);
    this.version = new Uint8Array(capacity);
    this.srcPort = new Uint16Array(capacity);
    this.dstPort = new Uint16Array(capacity);
    this.src = new Uint32Array(capacity * 4);
    this.dst = new Uint32Array(capacity * 4);
  }

  /** Looks at every frame of a batch that is no larger than the columns. */
  fill(batch: FrameBatch, interfaces: readonly Interface[]): void {
    const { bytes, count } = batch;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let row = 0; row < count; row++) {
      const linkType = interfaces[batch.interface[row]!]!.linkType;
      const start = batch.start[row]!;
      const end = start + batch.captured[row]!;
      const at = toIp(view, start, end, linkType);
      this.protocol[row] = at < 0 ? UNSURE : this.#glance(view, row, at, end);
    }
  }

  /** Fills in a row with what `decode` found. */
  set(row: number, packet: Packet): void {
    this.protocol[row] = packet.protocol;
    this.version[row] = packet.ipVersion;
    this.srcPort[row] = packet.srcPort;
    this.dstPort[row] = packet.dstPort;
    const view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset);
    const words = packet.ipVersion === 4 ? 1 : 4;
    for (let word = 0; word < words; word++) {
      this.src[row * 4 + word] = view.getUint32(packet.src + word * 4);
      this.dst[row * 4 + word] = view.getUint32(packet.dst + word * 4);
    }
  }

  /** Fills in the row of a packet that begins at `at`; gives its protocol. */
  #glance(view: DataView, row: number, at: number, end: number): number {
    if (at + 20 > end) return UNSURE;
    const version = view.getUint8(at) >> 4;
    if (version === 4) return this.#glanceIpv4(view, row, at, end);
    return version === 6 ? this.#glanceIpv6(view, row, at, end) : UNSURE;
  }

  #glanceIpv4(view: DataView, row: number, at: number, end: number): number {
    const size = (view.getUint8(at) & 15) * 4;
    const total = view.getUint16(at + 2);
    const isFragment = (view.getUint16(at + 6) & 0x3fff) !== 0;
    if (size < 20 || isFragment) return UNSURE;
    this.version[row] = 4;
    this.src[row * 4] = view.getUint32(at + 12);
    this.dst[row * 4] = view.getUint32(at + 16);
    return this.#glanceTransport(
      view,
      row,
      view.getUint8(at + 9),
      at + size,
      total === 0 ? end : Math.min(end, at + total),
    );
  }

  #glanceIpv6(view: DataView, row: number, at: number, end: number): number {
    if (at + 40 > end) return UNSURE;
    const length = view.getUint16(at + 4);
    this.version[row] = 6;
    for (let word = 0; word < 4; word++) {
      this.src[row * 4 + word] = view.getUint32(at + 8 + word * 4);
      this.dst[row * 4 + word] = view.getUint32(at + 24 + word * 4);
    }
    return this.#glanceTransport(
      view,
      row,
      view.getUint8(at + 6),
      at + 40,
      length === 0 ? end : Math.min(end, at + 40 + length),
    );
  }

  #glanceTransport(
    view: DataView,
    row: number,
    protocol: number,
    at: number,
    end: number,
  ): number {
    if (at + 8 > end) return UNSURE;
    const ports = view.getUint32(at);
    const srcPort = ports >>> 16;
    const dstPort = ports & 0xffff;
    if (protocol === PROTOCOL.TCP) {
      if (at + 20 > end) return UNSURE;
      const size = (view.getUint8(at + 12) >> 4) * 4;
      if (size < 20 || at + size > end) return UNSURE;
    } else if (protocol === PROTOCOL.UDP) {
      const length = view.getUint16(at + 4);
      if (length !== 0 && length < 8) return UNSURE;
      if (tunnelPort(srcPort, dstPort) !== 0) return UNSURE;
    } else if (protocol === PROTOCOL.ICMP || protocol === PROTOCOL.ICMPV6) {
      this.srcPort[row] = this.dstPort[row] = 0;
      return protocol;
    } else if (protocol !== PROTOCOL.SCTP || at + 12 > end) {
      return UNSURE;
    }
    this.srcPort[row] = srcPort;
    this.dstPort[row] = dstPort;
    return protocol;
  }
}

/** Where a frame's IP header begins, or -1 where that takes more than a look. */
function toIp(
  view: DataView,
  start: number,
  end: number,
  linkType: number,
): number {
  switch (linkType) {
    case LINKTYPE.ETHERNET:
      return behindEtherType(view, start + 12, start + 14, end);
    case LINKTYPE.LINUX_SLL2:
      return behindEtherType(view, start, start + 20, end);
    case LINKTYPE.LINUX_SLL:
      return behindEtherType(view, start + 14, start + 16, end);
    case LINKTYPE.RAW:
      return start;
    default:
      return -1;
  }
}

/** Where IP begins behind an EtherType, and behind one tag. */
function behindEtherType(
  view: DataView,
  typeAt: number,
  next: number,
  end: number,
): number {
  if (next + 4 > end) return -1;
  const type = view.getUint16(typeAt);
  if (type === 0x0800) return isVersion(view, next, 4);
  if (type === 0x86dd) return isVersion(view, next, 6);
  if (type !== 0x8100) return -1;
  const tagged = view.getUint16(next + 2);
  if (tagged === 0x0800 && next + 4 < end) return isVersion(view, next + 4, 4);
  if (tagged === 0x86dd && next + 4 < end) return isVersion(view, next + 4, 6);
  return -1;
}

/** `at`, if the header there is of the version that its EtherType promised. */
function isVersion(view: DataView, at: number, version: number): number {
  return view.getUint8(at) >> 4 === version ? at : -1;
}
