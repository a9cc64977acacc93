/**
 * Names: what the ends of entries were called, and when.
 *
 * A *claim* says that from one time to another whoever had an address (and a
 * port) was called so. Claims of one address and port never overlap, so that
 * they are a {@link Line}. A claim of a port wins over one of the whole
 * address; a port that is open on every node is a claim of {@link NODES}, and
 * stands behind what the node's own address says of that port.
 */
import type { End } from "./entry.ts";

/** What an end is called. Absent where unknown. */
export type Names = Omit<End, "ip" | "port" | "serviceIp" | "podIp">;

/** The names that there are. */
export const NAME_FIELDS = [
  "name",
  "pod",
  "namespace",
  "service",
  "workload",
  "node",
  "zone",
  "labels",
] as const satisfies readonly (keyof Names)[];

/** One of them. */
export type NameField = typeof NAME_FIELDS[number];

/** The address under which ports of all nodes are kept. */
export const NODES = "*";

/** Names for a time. */
export interface Claim {
  /** As entries write it, or {@link NODES}. */
  readonly address: string;
  /** Absent for all ports. */
  readonly port?: number | undefined;
  /** µs since 1970. */
  readonly from: number;
  /** Exclusive; `Infinity` while it holds. */
  readonly to: number;
  readonly names: Names;
}

/** What an end may be asked for at. */
export interface NameLookup {
  /** What it was called at a time (µs); `undefined` where nobody knows. */
  at(end: End, time: number): Names | undefined;
  /**
   * All that it may have been called between two times (µs, both included),
   * `undefined` among it if there was a time when nobody knew. Each once.
   *
   * @returns `undefined` where more may be learnt of that time
   */
  during(
    end: End,
    first: number,
    last: number,
  ): readonly (Names | undefined)[] | undefined;
}

/** Where nobody has a name. */
export const NO_NAMES: NameLookup = {
  at: () => undefined,
  during: () => NOBODY,
};

const NOBODY = [undefined];

/**
 * The address under which an end's names are known: every pod has the loopback
 * addresses, which say nothing of whose they are.
 */
export function knownAddress({ ip, podIp }: Pick<End, "ip" | "podIp">): string {
  return podIp ?? ip;
}

/** An end with what it is called; all its fields, so that all ends look alike. */
export function withNames(end: End, names: Names | undefined): End {
  if (!names) return end;
  return {
    ip: end.ip,
    port: end.port,
    name: names.name,
    pod: names.pod,
    namespace: names.namespace,
    service: names.service,
    serviceIp: end.serviceIp,
    podIp: end.podIp,
    workload: names.workload,
    node: names.node,
    zone: names.zone,
    labels: names.labels,
  };
}

/** A claim of a line. */
export interface Held {
  readonly from: number;
  readonly to: number;
  readonly names: Names;
}

/** Claims of one address and port, oldest first. */
export type Line<H extends Held = Held> = readonly H[];

/** The claim of a line that holds at a time, by bisection. */
export function claimAt<H extends Held>(
  line: Line<H>,
  at: number,
): H | undefined {
  let low = 0;
  let high = line.length; // the first that begins later
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (line[middle]!.from <= at) low = middle + 1;
    else high = middle;
  }
  const held = line[low - 1];
  return held && at < held.to ? held : undefined;
}

/** Whether these are a node's own names, and no pod's on its address. */
export function isNode({ pod, service, node }: Names): boolean {
  return node !== undefined && pod === undefined && service === undefined;
}
