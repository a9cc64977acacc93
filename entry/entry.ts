/**
 * Entry: one exchange as seen on the wire, with its two ends.
 *
 * Inside the program times are integer microseconds since 1970 and durations
 * microseconds; `json.ts` writes them as users see them.
 */

/** Why something is missing from an entry (FIELDS §1). */
export type Incomplete =
  | "gap"
  | "cut"
  | "mid-stream"
  | "reset"
  | "no response";

/** What carries an exchange. */
export type Transport = "tcp" | "udp" | "icmp" | "sctp";

/**
 * Where in a service mesh an exchange was seen that a proxy passes on:
 * `outbound` between a client and the proxy beside it, `inbound` between a
 * server and the proxy beside that. Absent on the wire, which is all else.
 */
export type Leg = "outbound" | "inbound";

/**
 * What an exchange is known by wherever it is captured: 32 bits for each half
 * that was, which no translation of addresses changes and no packet that is
 * lost behind them. Of a leg they are of what is said there, for no other
 * packets say it.
 */
export interface Marks {
  /** Of the request's first byte. */
  readonly asked?: number | undefined;
  /** Of the response's. */
  readonly answered?: number | undefined;
  /** Of a leg: of the name that a tracing system gave the request. */
  readonly traced?: number | undefined;
}

/** One of the two ends of an entry. Names are absent where none is known. */
export interface End {
  readonly ip: string;
  /** Absent where the transport has none (ICMP). */
  readonly port?: number | undefined;
  readonly name?: string | undefined;
  readonly pod?: string | undefined;
  readonly namespace?: string | undefined;
  readonly service?: string | undefined;
  readonly serviceIp?: string | undefined;
  /** Its pod's address, where it speaks on the loopback interface of the pod. */
  readonly podIp?: string | undefined;
  readonly workload?: string | undefined;
  readonly node?: string | undefined;
  readonly zone?: string | undefined;
  readonly labels?: { readonly [name: string]: string } | undefined;
}

/**
 * Values of one half of an exchange, by field name.
 *
 * Either plain data or an object whose getters work them out when asked, so
 * read it by the names of its declared fields and never by `Object.keys`.
 * An absent value is `undefined`.
 */
export type Values = object;

/** Where an entry was captured. */
export interface NodeRef {
  readonly name: string;
  readonly ip?: string | undefined;
}

/** One exchange; or one message or flow where the protocol has no exchanges. */
export interface Entry {
  /** `NODE~SHARD~PACKET~N`, see {@link compareEntries} for its order. */
  readonly id: string;
  readonly protocol: string;
  readonly version?: string | undefined;
  readonly transport: Transport;
  /** Whether its plaintext came from keys or probes. */
  readonly decrypted: boolean;
  /** First byte of the request, µs since 1970. */
  readonly timestamp: number;
  /** Capture time of the packet that finished it, µs since 1970. */
  readonly completed: number;
  /** From the request's first byte to the response's first byte, µs. */
  readonly elapsed?: number | undefined;
  readonly node: NodeRef;
  readonly leg?: Leg | undefined;
  /** Other nodes that saw it, too: known once answers are merged. */
  readonly seenBy?: readonly string[] | undefined;
  /** Worked out only where they are asked for. */
  readonly marks?: Marks | undefined;
  /** Who asked. */
  readonly src: End;
  readonly dst: End;
  /** One line, at most 200 characters. */
  readonly summary: string;
  readonly status?: string | number | undefined;
  readonly failed: boolean;
  /** Bytes of the message in its stream, framing included. */
  readonly requestSize?: number | undefined;
  readonly responseSize?: number | undefined;
  readonly incomplete?: readonly Incomplete[] | undefined;
  /** Present exactly when that half was captured, even if then empty. */
  readonly request?: Values | undefined;
  readonly response?: Values | undefined;
}

/** An entry's id, taken apart. */
export interface EntryId {
  readonly node: string;
  readonly shard: number;
  readonly packet: number;
  readonly n: number;
}

/** Writes an id. `~` cannot stand in a node's name. */
export function toId(id: EntryId): string {
  return `${id.node.replaceAll("~", "-")}~${id.shard}~${id.packet}~${id.n}`;
}

/** Reads an id, or gives `undefined` where the text is none. */
export function parseId(text: string): EntryId | undefined {
  const parts = /^([^~]+)~(\d{1,10})~(\d{1,10})~(\d{1,10})$/.exec(text);
  if (!parts) return undefined;
  return {
    node: parts[1]!,
    shard: Number(parts[2]),
    packet: Number(parts[3]),
    n: Number(parts[4]),
  };
}

/** Orders ids by node, then by where they were captured. */
export function compareIds(a: EntryId, b: EntryId): number {
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  return a.shard - b.shard || a.packet - b.packet || a.n - b.n;
}
