/**
 * Our own traffic, which is no news: what hub and workers say to each other.
 *
 * It is known by address *and* port, never by a bare port, for others may use
 * the same one elsewhere.
 */
import { parseAddress } from "../../kfl/address.ts";

/** One end of our connections. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** A connection of ours, whichever end opened it. */
export interface Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** All that is ours. */
export interface OwnTraffic {
  /**
   * Sockets that listen. `0.0.0.0` stands for every IPv4 address of this node,
   * and `::` for every address, or the first {@link MAX_ADDRESSES}: whoever has
   * more names those that matter.
   */
  readonly listening: readonly Endpoint[];
  /** Those that are open now, as far as they are to none of the above. */
  readonly connections: readonly Connection[];
}

/** Nothing is ours. */
export const NO_OWN_TRAFFIC: OwnTraffic = { listening: [], connections: [] };

/** Ends with one port and one IP version, by which packets are told apart. */
export interface OwnPort {
  readonly version: 4 | 6;
  readonly port: number;
  /** Addresses of sockets that listen, each as 32-bit words. */
  readonly listening: readonly Words[];
  readonly connections: readonly {
    readonly local: Words;
    readonly remote: Words;
    readonly remotePort: number;
  }[];
}

type GrowingPort = OwnPort & {
  readonly listening: Words[];
  readonly connections: OwnPort["connections"][number][];
};

/** An address as the kernel compares it: one 32-bit word, or four. */
export type Words = readonly number[];

/** An address's words; `undefined` if the text is none. */
export function toWords(ip: string): Words | undefined {
  const groups = parseAddress(ip);
  return groups && Array.from(
    { length: groups.length / 2 },
    (_, i) => (groups[2 * i]! << 16 | groups[2 * i + 1]!) >>> 0,
  );
}

/**
 * What is ours, by port. What is no address is passed over: no packet has it.
 *
 * @param addresses of this node's interfaces
 */
export function toOwnPorts(
  own: OwnTraffic,
  addresses: readonly string[],
): OwnPort[] {
  const ports = new Map<string, GrowingPort>();
  const portOf = ({ length }: Words, port: number): GrowingPort => {
    const version = length === 1 ? 4 : 6;
    const key = `${version} ${port}`;
    const known = ports.get(key);
    if (known) return known;
    const made: GrowingPort = { version, port, listening: [], connections: [] };
    ports.set(key, made);
    return made;
  };
  for (const { ip, port } of own.listening) {
    for (const words of listenedTo(ip, addresses)) {
      const { listening } = portOf(words, port);
      if (!listening.some((other) => isSame(other, words))) {
        listening.push(words);
      }
    }
  }
  for (const { local, remote } of own.connections) {
    const [here, there] = [toWords(local.ip), toWords(remote.ip)];
    if (!here || here.length !== there?.length) continue;
    portOf(here, local.port).connections.push({
      local: here,
      remote: there,
      remotePort: remote.port,
    });
  }
  return [...ports.values()];
}

/**
 * Addresses of this node that are told apart where a socket accepts at all of
 * them: one that balances services for a cluster has thousands, more than the
 * kernel's filter has room for.
 */
export const MAX_ADDRESSES = 256;

/** The addresses that a socket accepts at. */
function listenedTo(ip: string, addresses: readonly string[]): Words[] {
  const own = toWords(ip);
  if (!own) return [];
  if (own.some((word) => word !== 0)) return [own];
  const all = addresses.map(toWords).filter((words) => words !== undefined);
  const heard = own.length === 1
    ? all.filter(({ length }) => length === 1)
    : all;
  return heard.slice(0, MAX_ADDRESSES);
}

function isSame(a: Words, b: Words): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}
