/**
 * Targets: the ends whose packets are captured.
 *
 * The kernel tells packets apart (`ends_filter.ts`). Where they are too many
 * for its 4096 instructions it lets some others by, and {@link Targeted} looks
 * again, at the very same bytes.
 *
 * A pod's own packets pass its own end of a veth pair untunnelled, whatever
 * carries them between nodes: there they are captured. What else is seen of
 * them, in VXLAN or under a service's address, needs no filter of its own.
 */
import type { TargetEnd } from "../../api/worker.ts";
import { toWords, type Words } from "./own_traffic.ts";

/** Ends as packets have them. */
export interface TargetSet {
  /** Whatever they send and get. */
  readonly addresses: readonly Words[];
  /** Of TCP, UDP and SCTP some ports alone: pods on their node's own address. */
  readonly ported: readonly PortedAddress[];
}

/** Some ports of an address. */
export interface PortedAddress {
  readonly address: Words;
  /** The least first. */
  readonly ports: readonly number[];
}

/** The ends once each. What is no address is passed over: no packet has it. */
export function toTargetSet(ends: readonly TargetEnd[]): TargetSet {
  const whole = new Map<string, Words>();
  const ported = new Map<string, { address: Words; ports: Set<number> }>();
  for (const { ip, ports } of ends) {
    const address = toWords(ip);
    if (!address) continue;
    const key = address.join(" ");
    if (!ports) whole.set(key, address);
    else {
      const known = ported.get(key) ?? { address, ports: new Set() };
      for (const port of ports) known.ports.add(port);
      ported.set(key, known);
    }
  }
  return {
    addresses: [...whole.values()],
    ported: [...ported].filter(([key, { ports }]) =>
      !whole.has(key) && ports.size > 0
    ).map(([, { address, ports }]) => ({
      address,
      ports: [...ports].sort((a, b) => a - b),
    })),
  };
}

/** Transports that have ports where TCP has them. */
export const WITH_PORTS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

/** Ports of VXLAN: that of RFC 7348, and Linux's own, which flannel uses. */
export const VXLAN_PORTS = [4789, 8472] as const;

/** Bytes of UDP, VXLAN and Ethernet headers. */
export const VXLAN_HEADERS: number = 8 + 8 + 14;

/** Bits of the offset in an IPv4 header's seventh and eighth byte. */
export const FRAGMENT_OFFSET = 0x1fff;

/** First byte of an IPv4 header without options. */
export const PLAIN_IPV4 = 0x45;

/** What is where in the headers of an IP version. */
export interface Layout {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly src: number;
  readonly dst: number;
  /** Where the transport's header begins, without options. */
  readonly transport: number;
}

export const LAYOUTS: readonly [v4: Layout, v6: Layout] = [
  { version: 4, protocol: 9, src: 12, dst: 16, transport: 20 },
  { version: 6, protocol: 6, src: 8, dst: 24, transport: 40 },
];

const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd } as const;

/** An end as it is looked up. */
interface Wanted {
  readonly address: Words;
  /** `undefined` for all that the address sends and gets. */
  readonly ports: ReadonlySet<number> | undefined;
}

/** Tests packets as the kernel's filter does, and exactly. */
export class Targeted {
  /** By the last word of their address, as a small integer. */
  readonly #wanted = new Map<number, Wanted[]>();
  #bytes: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor({ addresses, ported }: TargetSet) {
    for (const address of addresses) this.#add({ address, ports: undefined });
    for (const { address, ports } of ported) {
      this.#add({ address, ports: new Set(ports) });
    }
  }

  /**
   * Whether one end of a packet is wanted.
   *
   * @param at where the packet's network header begins
   * @param end where its bytes end
   */
  has(bytes: Uint8Array, at: number, end: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(
        bytes.buffer,
        bytes.byteOffset,
        bytes.byteLength,
      );
    }
    const inner = this.#findInnermost(at, end);
    const layout = this.#layoutOf(inner, end);
    if (!layout || inner + layout.transport > end) return false;
    const { src, dst } = layout;
    return this.#hasEnd(layout, inner, end, src, 0) ||
      this.#hasEnd(layout, inner, end, dst, 2);
  }

  #add(wanted: Wanted): void {
    const key = wanted.address.at(-1)! | 0;
    const chain = this.#wanted.get(key);
    if (chain) chain.push(wanted);
    else this.#wanted.set(key, [wanted]);
  }

  #layoutOf(at: number, end: number): Layout | undefined {
    if (at >= end) return undefined;
    const version = this.#view.getUint8(at) >> 4;
    return LAYOUTS.find((layout) => layout.version === version);
  }

  /** Where the innermost IP header begins, as the kernel's filter finds it. */
  #findInnermost(at: number, end: number): number {
    const view = this.#view;
    const layout = this.#layoutOf(at, end);
    if (!layout) return at;
    const { version, protocol, transport } = layout;
    const inner = at + transport + VXLAN_HEADERS;
    if (inner + 20 > end) return at;
    if (version === 4) {
      const isPlain = view.getUint8(at) === PLAIN_IPV4 &&
        (view.getUint16(at + 6) & FRAGMENT_OFFSET) === 0;
      if (!isPlain) return at;
    }
    if (view.getUint8(at + protocol) !== WITH_PORTS.UDP) return at;
    const port = view.getUint16(at + transport + 2);
    if (port !== VXLAN_PORTS[0] && port !== VXLAN_PORTS[1]) return at;
    const type = view.getUint16(inner - 2);
    return type === ETHERTYPE.IPV4 || type === ETHERTYPE.IPV6 ? inner : at;
  }

  #hasEnd(
    layout: Layout,
    at: number,
    end: number,
    address: number,
    port: number,
  ): boolean {
    const view = this.#view;
    const words = layout.version === 4 ? 1 : 4;
    const last = view.getInt32(at + address + 4 * (words - 1));
    const chain = this.#wanted.get(last);
    if (!chain) return false;
    for (const wanted of chain) {
      if (wanted.address.length !== words) continue;
      let same = 0;
      while (
        same < words &&
        view.getUint32(at + address + 4 * same) === wanted.address[same]
      ) same++;
      if (same < words) continue;
      if (!wanted.ports) return true;
      const where = this.#portsOf(layout, at, end);
      if (where === undefined) continue;
      if (wanted.ports.has(view.getUint16(where + port))) return true;
    }
    return false;
  }

  /** Where the ports are, if there are any. */
  #portsOf(layout: Layout, at: number, end: number): number | undefined {
    const view = this.#view;
    const protocol = view.getUint8(at + layout.protocol);
    const { TCP, UDP, SCTP } = WITH_PORTS;
    if (protocol !== TCP && protocol !== UDP && protocol !== SCTP) {
      return undefined;
    }
    let where = at + layout.transport;
    if (layout.version === 4) {
      if ((view.getUint16(at + 6) & FRAGMENT_OFFSET) !== 0) return undefined;
      where = at + (view.getUint8(at) & 15) * 4;
    }
    return where + 4 <= end ? where : undefined;
  }
}
