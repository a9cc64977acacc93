/** The two ends of a conversation, found again in each shard. */
import { Packet, toAddress } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import { isLoopback, isRedirect } from "../../stream/mesh.ts";
import type { OtherLeg } from "../../stream/translation.ts";
import type { FlowRows } from "../shards/columns.ts";

/** One end, as texts and numbers that compare. */
interface End {
  readonly ip: string;
  readonly port: number;
}

/** Two ends and the protocol between them, whoever is the client. */
export class Ends {
  readonly #protocol: number;
  /** The pod's network that they are in; 0 for the node's own. */
  readonly #network: number;
  readonly #a: End;
  readonly #b: End;

  private constructor(protocol: number, network: number, a: End, b: End) {
    this.#protocol = protocol;
    this.#network = network;
    this.#a = a;
    this.#b = b;
  }

  /** Those of a row. */
  static of(flows: FlowRows, row: number): Ends {
    return new Ends(
      flows.protocol[row]!,
      flows.network[row]!,
      { ip: flows.clientIp(row), port: flows.clientPort[row]! },
      { ip: flows.serverIp(row), port: flows.serverPort[row]! },
    );
  }

  /** Those of a flow. */
  static ofFlow(flow: Flow): Ends {
    const packet = new Packet();
    flow.fill(packet);
    const { bytes, src, dst, ipVersion, srcPort, dstPort } = packet;
    return new Ends(
      flow.protocol,
      flow.network,
      { ip: toAddress(bytes, src, ipVersion), port: srcPort },
      { ip: toAddress(bytes, dst, ipVersion), port: dstPort },
    );
  }

  /** Those of another leg of a conversation. */
  static ofLeg({ protocol, low, high }: OtherLeg): Ends {
    // Those of a pod's network have no other legs.
    return new Ends(
      protocol,
      0,
      { ip: low.ip, port: low.port ?? 0 },
      { ip: high.ip, port: high.port ?? 0 },
    );
  }

  /** Marks the rows that have these ends with 1. */
  markIn(flows: FlowRows, marks: Uint8Array): void {
    const asker = this.#asker;
    if (asker) this.#markAnswers(asker, flows, marks);
    const a = findAddress(flows, this.#a.ip);
    const b = findAddress(flows, this.#b.ip);
    if (a < 0 || b < 0) return;
    const { client, server, clientPort, serverPort, protocol, network } = flows;
    for (let row = 0; row < flows.count; row++) {
      const isSame = client[row] === a && clientPort[row] === this.#a.port &&
        server[row] === b && serverPort[row] === this.#b.port;
      const isReverse = client[row] === b && clientPort[row] === this.#b.port &&
        server[row] === a && serverPort[row] === this.#a.port;
      if (!(isSame || isReverse) || protocol[row] !== this.#protocol) continue;
      if (network[row] !== this.#network) continue;
      marks[row] = 1;
    }
  }

  /** Whether a decoded packet has these ends. */
  isOf(packet: Packet): boolean {
    if (
      packet.protocol !== this.#protocol || packet.network !== this.#network
    ) return false;
    const { bytes, src, dst, ipVersion, srcPort, dstPort } = packet;
    const from = { ip: toAddress(bytes, src, ipVersion), port: srcPort };
    const to = { ip: toAddress(bytes, dst, ipVersion), port: dstPort };
    return isEnd(from, this.#a) && isEnd(to, this.#b) ||
      isEnd(from, this.#b) && isEnd(to, this.#a) ||
      this.#isAnswer(packet, to);
  }

  /** Who asked what was redirected, see `stream/mesh.ts`; if it was. */
  get #asker(): End | undefined {
    if (this.#network === 0) return undefined;
    if (isRedirect(this.#a)) return this.#b;
    return isRedirect(this.#b) ? this.#a : undefined;
  }

  /** Whether a packet of this network answers what was redirected. */
  #isAnswer({ bytes, src, ipVersion }: Packet, to: End): boolean {
    const asker = this.#asker;
    return asker !== undefined && isEnd(to, asker) &&
      !isLoopback(bytes, src, ipVersion);
  }

  /**
   * Marks the rows that may be of answers alone: a shard may begin with some
   * before it has anything that they answer.
   */
  #markAnswers(asker: End, flows: FlowRows, marks: Uint8Array): void {
    const address = findAddress(flows, asker.ip);
    const { client, server, clientPort, serverPort, protocol, network } = flows;
    for (let row = 0; row < flows.count; row++) {
      const isAsker =
        client[row] === address && clientPort[row] === asker.port ||
        server[row] === address && serverPort[row] === asker.port;
      if (
        isAsker && network[row] === this.#network &&
        protocol[row] === this.#protocol
      ) marks[row] = 1;
    }
  }
}

const isEnd = (one: End, other: End): boolean =>
  one.ip === other.ip && one.port === other.port;

/** The row of an address; -1 if no flow has it. */
function findAddress({ addresses }: FlowRows, ip: string): number {
  for (let row = 0; row < addresses.count; row++) {
    if (addresses.text(row) === ip) return row;
  }
  return -1;
}
