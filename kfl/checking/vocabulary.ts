/** Vocabulary: every word that means something, by the schema. */
import type { Transport } from "../../entry/entry.ts";
import {
  COMMON_FIELDS,
  type Half,
  type ProtocolSchema,
  type Schema,
} from "../../entry/schema.ts";
import { END_LISTS, type EndField, type Typed } from "../typed.ts";

/** A word that tests an entry's protocol or transport. */
export interface Keyword {
  readonly node: Typed;
  /** Names of the protocols whose entries can pass. */
  readonly covers: readonly string[];
}

/** The words of a schema. */
export class Vocabulary {
  readonly #schema: Schema;
  /** Names of all protocols. */
  readonly protocols: readonly string[];

  constructor(schema: Schema) {
    this.#schema = schema;
    this.protocols = schema.protocols.map(({ name }) => name);
  }

  /** What tests for a protocol, a version of one, or a transport. */
  keyword(word: string): Keyword | undefined {
    return this.transport(word) ?? this.protocol(word);
  }

  /** `tcp`, `udp`… test the transport, not the protocol. */
  transport(word: string): Keyword | undefined {
    if (!COMMON_FIELDS.transport.values.includes(word)) return undefined;
    const transport = word as Transport;
    return {
      node: { kind: "transport", transport },
      covers: this.#schema.protocols
        .filter(({ transports }) => transports.includes(transport))
        .map(({ name }) => name),
    };
  }

  /** A protocol by name, alias or version. */
  protocol(word: string): Keyword | undefined {
    const covers = this.#schema.covered(word);
    if (covers.length > 0) {
      return { node: { kind: "protocol", text: word, among: covers }, covers };
    }
    const versioned = this.#schema.protocols.find(({ versions }) =>
      versions && Object.hasOwn(versions, word)
    );
    if (!versioned) return undefined;
    const among = this.#schema.covered(versioned.name);
    const versions = versioned.versions![word]!;
    return {
      node: { kind: "protocol", text: word, among, versions },
      covers: among,
    };
  }

  /** What entries of a protocol are called, given its name or alias. */
  protocolName(word: string): string | undefined {
    return this.#schema.protocol(word)?.name;
  }

  /** The fields of a protocol in one half. */
  fieldsOf(protocol: string, half: Half): ReturnType<Schema["fieldsOf"]> {
    return this.#schema.fieldsOf(protocol, half);
  }

  /** Whether one of the protocols has a field of that name in the half. */
  declares(protocols: readonly string[], half: Half, name: string): boolean {
    return protocols.some((protocol) =>
      Object.hasOwn(this.#schema.fieldsOf(protocol, half), name)
    );
  }

  /** The protocols that have a field of that name in the half. */
  declaring(half: Half, name: string): string[] {
    return this.#schema.declared(half, name).map(({ protocol }) => protocol);
  }

  /** Every word that an expression can begin with. */
  words(): string[] {
    return [
      ...Object.keys(COMMON_FIELDS),
      ...END_LISTS,
      "request",
      "response",
      "error",
      ...this.#schema.protocols.flatMap(keywordsOf),
    ];
  }

  /** Every word that tests for a protocol or a transport. */
  keywords(): { word: string; doc: string }[] {
    const { values } = COMMON_FIELDS.transport;
    return [
      ...values.map((word) => ({ word, doc: `Whether ${word} carried it` })),
      ...this.#schema.protocols.flatMap((protocol) =>
        keywordsOf(protocol).filter((word) => !values.includes(word))
          .map((word) => ({ word, doc: protocol.doc }))
      ),
    ];
  }

  /** Protocols as a message names them. */
  listed(protocols: readonly string[]): string {
    const shown = protocols.slice(0, 3).map((name) => `\`${name}\``).join(", ");
    return protocols.length > 3 ? `one of ${shown}, …` : shown;
  }
}

/** All words that test for a protocol. */
function keywordsOf(protocol: ProtocolSchema): string[] {
  return [
    protocol.name,
    ...protocol.aliases ?? [],
    ...Object.keys(protocol.versions ?? {}),
  ];
}

/** Whether the word is a field that every entry has. */
export function isCommon(word: string): word is keyof typeof COMMON_FIELDS {
  return Object.hasOwn(COMMON_FIELDS, word);
}

/** Whether the word alone is the list of what both ends have. */
export function isEndList(word: string): word is EndField {
  return (END_LISTS as readonly string[]).includes(word);
}
