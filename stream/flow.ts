/**
 * A flow: all packets of one five-tuple, both directions, from the first one
 * captured until the connection ended or fell silent. `flow_table.ts` finds it.
 *
 * Of its two ends the one with the lesser address (then port) is called *low*
 * and the other *high*, so that both directions have one key; which of them is
 * the client is a bit beside it.
 */
import { type Packet, PROTOCOL, toAddress } from "../packet/packet.ts";
import type { FlowAnalysis, FlowTransport } from "./analysis.ts";
import type { FlowEnd } from "./flow_end.ts";
import { isLoopback, isRedirect, type MeshLeg, toMeshLeg } from "./mesh.ts";
import {
  type Face,
  type ShownEnd,
  toShown,
  type Translation,
} from "./translation.ts";

/** How a flow ended; `cut` if its end was not captured. */
export type FlowEnding = "closed" | "reset" | "cut";

/** All packets of one five-tuple. Its numbers are kept by its table. */
export class Flow<T = unknown> {
  /** Counts the flows of a table, from 0; never used twice. */
  readonly id: number;
  readonly transport: FlowTransport;
  /** IP protocol number. */
  readonly protocol: number;
  /** 4 or 6. */
  readonly ipVersion: number;
  /** The pod's network that it was captured in; 0 for the node's own. */
  readonly network: number;
  /** Time of the first packet captured, µs since 1970. */
  readonly first: number;
  /** That packet: shard × 2^24 + number in the shard. */
  readonly firstPlace: number;
  /** Latest time of its packets, µs since 1970. */
  last: number;
  /** The packet captured last. */
  lastPlace: number;
  /** Whether its beginning was not captured; a TCP flow's is its SYN. */
  midStream: boolean;
  /** Whether the client is the end with the lesser address and port. */
  clientIsLow: boolean;
  /**
   * What is counted of it. Its owner sets it to `undefined` as soon as nobody
   * will ask: that saves time and memory.
   */
  analysis: FlowAnalysis | undefined = undefined;
  /** Its owner's: what the flow carries. */
  state: T | undefined = undefined;
  /** What is looked for while other legs of the flow may come. */
  leg: Leg | undefined = undefined;
  /** The other legs of the conversation, if it is shown by this one. */
  translation: Translation | undefined = undefined;
  /** Whom the client meant, if the flow was redirected to a mesh's proxy. */
  meantFor: FlowEnd | undefined = undefined;
  /** Addresses of the pod whose network it is in; none where nobody knows. */
  podIps: readonly string[] = [];
  /** Whether its table has given it up. */
  isOver = false;

  /** Both, the lesser one first. */
  readonly #addresses: Uint8Array;
  readonly #lowPort: number;
  readonly #highPort: number;
  #low: FlowEnd | undefined;
  #high: FlowEnd | undefined;

  constructor(
    id: number,
    packet: Packet,
    fromLow: boolean,
    fromClient: boolean,
  ) {
    this.id = id;
    this.protocol = packet.protocol;
    this.transport = transportOf(packet.protocol);
    this.ipVersion = packet.ipVersion;
    this.network = packet.network;
    this.first = this.last = packet.time;
    this.firstPlace = this.lastPlace = packet.place;
    this.midStream = false;
    this.clientIsLow = fromLow === fromClient;
    this.#addresses = addressesOf(packet, fromLow);
    this.#lowPort = fromLow ? packet.srcPort : packet.dstPort;
    this.#highPort = fromLow ? packet.dstPort : packet.srcPort;
  }

  /** The end that opened the flow. */
  get client(): FlowEnd {
    return this.clientIsLow ? this.low : this.high;
  }

  /** The end that accepted it. */
  get server(): FlowEnd {
    return this.clientIsLow ? this.high : this.low;
  }

  /** The client as entries show it: by its own address. */
  get shownClient(): FlowEnd {
    return this.translation ? this.faceOf(this.clientIsLow).own : this.client;
  }

  /** The server as entries show it. */
  get shownServer(): ShownEnd {
    return this.translation
      ? toShown(this.faceOf(!this.clientIsLow))
      : this.meantFor ?? this.server;
  }

  /** Whether a mesh's proxy is its server, whomever the client meant. */
  get isRedirected(): boolean {
    return this.network !== 0 && isRedirect(this.server);
  }

  /**
   * Whose side it is, of what an application and the proxy beside it say to
   * each other; `undefined` for all else, which is on the wire.
   */
  get meshLeg(): MeshLeg | undefined {
    return this.network === 0 ? undefined : toMeshLeg(this.client, this.server);
  }

  /** An end of the conversation, by its place on this leg. */
  faceOf(isLow: boolean): Face {
    const face = isLow ? this.translation?.low : this.translation?.high;
    if (face) return face;
    const end = isLow ? this.low : this.high;
    return { own: end, alias: end };
  }

  /** The server's port; 0 where the transport has none. */
  get serverPort(): number {
    return this.clientIsLow ? this.#highPort : this.#lowPort;
  }

  /** Makes the client the server: the first packet came from the server. */
  flip(): void {
    this.clientIsLow = !this.clientIsLow;
  }

  /** Fills a packet as if the low end had sent it, as far as ends go. */
  fill(packet: Packet): void {
    packet.bytes = this.#addresses;
    packet.src = 0;
    packet.dst = this.#addresses.length / 2;
    packet.ipVersion = this.ipVersion;
    packet.network = this.network;
    packet.srcPort = this.#lowPort;
    packet.dstPort = this.#highPort;
  }

  /** The end with the lesser address and port. */
  get low(): FlowEnd {
    return this.#low ??= this.#toEnd(0, this.#lowPort);
  }

  get high(): FlowEnd {
    return this.#high ??= this.#toEnd(
      this.#addresses.length / 2,
      this.#highPort,
    );
  }

  #toEnd(address: number, port: number): FlowEnd {
    const ip = toAddress(this.#addresses, address, this.ipVersion);
    const end = this.transport === "icmp" ? { ip } : { ip, port };
    const isPods = this.network !== 0 &&
      isLoopback(this.#addresses, address, this.ipVersion);
    return isPods ? { ...end, podIp: this.#podIp } : end;
  }

  /** The pod's address of the flow's own kind, where it has one. */
  get #podIp(): string | undefined {
    const isLikeOurs = (ip: string) =>
      ip.includes(":") === (this.ipVersion === 6);
    return this.podIps.find(isLikeOurs) ?? this.podIps[0];
  }
}

/** Packets of a flow that are remembered before it is answered. */
const MAX_LOOKS = 16;

/** A flow that may have other legs, or that is one. */
export class Leg {
  /** Whether the low end sent its first packet. */
  readonly fromLow: boolean;
  /** Packets that are still remembered if no answer comes. */
  looks = MAX_LOOKS;
  /** Mark of the first answer. */
  answer: number | undefined = undefined;
  /** What the conversation is shown by, if not by this flow. */
  carrier: Carrier | undefined = undefined;
  /** Whether that is certain. */
  isCopy = false;

  constructor(fromLow: boolean) {
    this.fromLow = fromLow;
  }
}

/** The flow that a copy is a copy of. */
export interface Carrier {
  /** `undefined` if it gives nothing any more. */
  readonly flow: Flow<unknown> | undefined;
  readonly leg: Leg;
}

/** Copies of a packet's addresses, the lesser one first. */
function addressesOf(
  { bytes, ipVersion, src, dst }: Packet,
  fromLow: boolean,
): Uint8Array {
  const size = ipVersion === 4 ? 4 : 16;
  const low = fromLow ? src : dst;
  const high = fromLow ? dst : src;
  const addresses = new Uint8Array(2 * size);
  for (let i = 0; i < size; i++) {
    addresses[i] = bytes[low + i]!;
    addresses[size + i] = bytes[high + i]!;
  }
  return addresses;
}

function transportOf(protocol: number): FlowTransport {
  switch (protocol) {
    case PROTOCOL.TCP:
      return "tcp";
    case PROTOCOL.UDP:
      return "udp";
    case PROTOCOL.SCTP:
      return "sctp";
    default:
      return "icmp";
  }
}
