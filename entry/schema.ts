/**
 * Every field by name: what KFL checks, completes and documents.
 *
 * A schema is made from what dissectors declare, without knowing them: the
 * registry gives it, KFL takes it, and the two never meet.
 */
import {
  address,
  bool,
  duration,
  type Field,
  type FieldMap,
  type Fields,
  json,
  list,
  map,
  number,
  object,
  text,
  time,
} from "./field.ts";
import type { Transport } from "./entry.ts";

/** What a schema knows of one protocol; every dissector is one. */
export interface ProtocolSchema {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Protocols whose keyword is also true for this one's entries. */
  readonly is?: readonly string[];
  /** Keywords that also test the version. */
  readonly versions?: { readonly [keyword: string]: readonly string[] };
  readonly doc: string;
  readonly spec: string;
  readonly transports: readonly Transport[];
  readonly fields: Fields;
}

/** The names that an end of an entry can have. */
export const END_FIELDS = {
  ip: address("Address of the innermost IP header"),
  port: number("Port; absent where the transport has none"),
  name: text("Service or pod with its namespace, such as `carts.shop`"),
  pod: text("Pod"),
  namespace: text("Namespace"),
  service: text("Service"),
  serviceIp: address("The service's virtual address that was connected to"),
  podIp: address("The pod's address, where it spoke on its loopback interface"),
  workload: text("Workload that owns the pod, such as a Deployment"),
  node: text("Node that the pod ran on"),
  zone: text("Topology zone of that node"),
  labels: map("Labels of the pod"),
} satisfies FieldMap;

/** What every entry has, whatever its protocol (DESIGN §5). */
export const COMMON_FIELDS = {
  id: text("`NODE~SHARD~PACKET~N`"),
  protocol: text("Protocol, such as `http`"),
  version: text("Version of the protocol"),
  transport: text("What carried it").oneOf("tcp", "udp", "icmp", "sctp"),
  decrypted: bool("Whether the plaintext came from keys or probes"),
  timestamp: time("First byte of the request"),
  elapsedTime: duration("To the first byte of the response"),
  node: object({
    name: text("Node that captured it; of a savefile its name"),
    ip: address("Address of that node"),
  }, "Where it was captured; by itself the name of that node"),
  leg: text("Between an application and its mesh's proxy, on which side")
    .oneOf("outbound", "inbound"),
  src: object(END_FIELDS, "Who asked"),
  dst: object(END_FIELDS, "Who was asked"),
  summary: text("One line"),
  status: json("The protocol's own word or number for how it ended"),
  failed: bool("Whether it failed, by the protocol's rule"),
  requestSize: number("Bytes of the request, framing included"),
  responseSize: number("Bytes of the response, framing included"),
  incomplete: list(
    text("Reason").oneOf("gap", "cut", "mid-stream", "reset", "no response"),
    "Why something is missing",
  ),
} satisfies FieldMap;

/**
 * What the entries of an answer have besides, once those of several nodes are
 * one. No node knows it, so no filter can ask for it.
 */
export const MERGED_FIELDS = {
  seenBy: list(text("Node"), "Other nodes that saw the same exchange"),
  legs: list(
    text("Leg").oneOf("outbound", "inbound"),
    "On which legs of a mesh it was seen, if on several",
  ),
} satisfies FieldMap;

/** One of the two halves in which an entry's own fields stand. */
export type Half = "request" | "response";

/** A field that a protocol declares under a name. */
export interface Declared {
  readonly protocol: string;
  readonly field: Field;
}

/** Every protocol and field by name. */
export class Schema {
  readonly protocols: readonly ProtocolSchema[];
  readonly #byName = new Map<string, ProtocolSchema>();

  constructor(protocols: readonly ProtocolSchema[]) {
    this.protocols = protocols;
    for (const protocol of protocols) {
      for (const name of [protocol.name, ...protocol.aliases ?? []]) {
        if (this.#byName.has(name)) {
          throw new Error(`Two protocols are called "${name}"`);
        }
        this.#byName.set(name, protocol);
      }
    }
  }

  /** The protocol with that name or alias. */
  protocol(name: string): ProtocolSchema | undefined {
    return this.#byName.get(name);
  }

  /** The top-level fields of `protocol` in one half; none if unknown. */
  fieldsOf(protocol: string, half: Half): FieldMap {
    return this.#byName.get(protocol)?.fields[half] ?? {};
  }

  /** What the protocols declare as `half.name`; one row per protocol. */
  declared(half: Half, name: string): Declared[] {
    return this.protocols.flatMap((protocol) => {
      const fields = protocol.fields[half] ?? {};
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return field ? [{ protocol: protocol.name, field }] : [];
    });
  }

  /**
   * Names of the protocols for whose entries the keyword is true: those called
   * so and those that are also it. Empty if there is no such protocol.
   */
  covered(keyword: string): string[] {
    const name = this.#byName.get(keyword)?.name;
    if (name === undefined) return [];
    return this.protocols.filter((p) => p.name === name || p.is?.includes(name))
      .map((p) => p.name);
  }
}
