/**
 * DNS over UDP and TCP, mDNS and LLMNR.
 */
import {
  bool,
  type Fields,
  json,
  list,
  number,
  object,
  text,
} from "../../entry/field.ts";
import type { Incomplete } from "../../entry/entry.ts";
import { isMulticast } from "../../stream/address.ts";
import { Malformed } from "../../stream/malformed.ts";
import type { StreamReader } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import {
  type Dissector,
  type Ending,
  type Exchange,
  type Message,
  otherSide,
  type Parser,
  type ParserContext,
  type Side,
} from "../dissector.ts";
import { Recent } from "../recent.ts";
import { findMessage } from "./boundary.ts";
import { DnsMessage } from "./message.ts";
import { keyOf, OpenQueries, type OpenQuery } from "./open_queries.ts";
import { OPCODE, OPCODE_NAMES, RCODE_NAMES } from "./parameters.ts";
import {
  isRecursive,
  isResponse,
  mayBegin,
  PORT,
  PREFIX_SIZE,
  probe,
} from "./recognize.ts";
import { HEADER_SIZE } from "./wire.ts";

const question = object({
  name: text("Without final dot; odd bytes as `\\DDD`"),
  type: text("As registered, such as `AAAA`; else `TYPE65280`"),
  class: text("As registered, such as `IN`"),
}, "A question");

const record = object({
  name: text("Its owner, without final dot"),
  type: text("As registered, such as `AAAA`; else `TYPE65280`"),
  class: text("As registered, such as `IN`"),
  ttl: number("How long it may be kept, s"),
  data: json("In master-file form; of TXT the list of its texts"),
}, "A resource record");

const edns = object({
  udpSize: number("Largest UDP payload that its sender takes"),
  version: number("EDNS version"),
  dnssecOk: bool("Whether DNSSEC records are wished"),
}, "What the sender says of its EDNS (RFC 6891)");

const id = number("Message id");
const multicast = bool("Whether it is mDNS or LLMNR, which are not paired");

const sections = {
  questions: list(question, "Questions; in an UPDATE the zone"),
  answers: list(record, "Answers; in an UPDATE the prerequisites"),
  authorities: list(record, "Authorities; in an UPDATE the updates"),
  additionals: list(record, "Additional records, without OPT"),
  edns,
};

const fields = {
  request: {
    id,
    opCode: text("Kind of query").oneOf(...OPCODE_NAMES),
    recursionDesired: bool("Whether recursion is desired"),
    multicast,
    retransmissions: number("Times it was sent again before its answer"),
    ...sections,
  },
  response: {
    id,
    code: text("Response code, with EDNS's upper bits").oneOf(...RCODE_NAMES),
    authoritative: bool("Whether the server is an authority for the name"),
    truncated: bool("Whether it was cut to fit"),
    recursionAvailable: bool("Whether the server recurses"),
    multicast,
    ...sections,
  },
} satisfies Fields;

type DnsFields = typeof fields;
type DnsExchange = Exchange<DnsFields>;

type DnsRequest = Message<DnsMessage>;

/** A query that waits, as saved. */
interface SavedQuery {
  readonly asker: Side;
  readonly bytes: Uint8Array;
  readonly request: Omit<DnsRequest, "values">;
  readonly retransmissions: number | undefined;
  readonly mayBeLost: boolean;
}

interface SavedParser {
  readonly queries: readonly SavedQuery[];
  readonly answered: readonly number[];
  readonly isLost: { readonly [S in Side]: boolean };
  readonly hasGap: boolean;
}

/**
 * Pairs answers with queries by id and first question (RFC 5452 §9.1).
 *
 * An answer whose query is not open is an entry of its own: a repeated one, a
 * later message of a zone transfer, or one whose query went by unseen. Where
 * bytes of a stream are missing, reading goes on at the next place where a
 * length, a header and a question or record follow each other.
 */
class DnsParser implements Parser<DnsFields> {
  readonly #isStream: boolean;
  /** Whether all that is said here is mDNS or LLMNR. */
  readonly #isMulticast: boolean;
  readonly #hasMdnsPort: boolean;
  readonly #open = new OpenQueries();
  /** See {@link answerKey}. */
  readonly #answered = new Recent();
  /** Whether a side's next message has yet to be found. */
  readonly #isLost: { [S in Side]: boolean };
  /** Whether bytes are missing. */
  #hasGap = false;

  constructor({ transport, client, server, midStream }: ParserContext) {
    const ports = [client.port, server.port];
    this.#isStream = transport === "tcp";
    this.#isMulticast = isMulticast(client.ip) || isMulticast(server.ip) ||
      ports.includes(PORT.LLMNR) || ports.every((p) => p === PORT.MDNS);
    this.#hasMdnsPort = ports.includes(PORT.MDNS);
    this.#isLost = { client: midStream, server: midStream };
  }

  *read(side: Side, reader: StreamReader): Iterable<DnsExchange> {
    if (!this.#isStream) {
      const exchange = this.#message(side, reader, reader.available, 0);
      if (exchange) yield exchange;
      yield* this.#evicted();
      return;
    }
    while (this.#isFound(side, reader)) {
      const size = reader.peek(0)! << 8 | reader.peek(1)!;
      if (size < HEADER_SIZE) throw new Malformed(`A message of ${size} bytes`);
      if (reader.available < PREFIX_SIZE + size) return;
      const exchange = this.#message(
        side,
        reader,
        PREFIX_SIZE + size,
        PREFIX_SIZE,
      );
      if (exchange) yield exchange;
      yield* this.#evicted();
    }
  }

  *gap(side: Side): Iterable<DnsExchange> {
    if (!this.#isStream) return;
    this.#isLost[side] = true;
    this.#hasGap = true;
    for (const query of [...this.#open]) {
      if (query.asker === side) continue;
      query.mayBeLost = true;
      // Of a transfer's messages only the first answers, if it is not missing.
      if (!isTransfer(query)) continue;
      this.#open.remove(query);
      yield unanswered(query, "gap");
    }
  }

  *end(side: Side | undefined, ending: Ending): Iterable<DnsExchange> {
    if (side !== undefined) return;
    const reason = ending === "closed" ? "no response" : ending;
    for (let query; (query = this.#open.takeOldest());) {
      yield unanswered(query, reason);
    }
  }

  *expire(time: number): Iterable<DnsExchange> {
    for (let query; (query = this.#open.takeBefore(time));) {
      yield unanswered(query, "no response");
    }
  }

  save(): Uint8Array {
    const toSaved = ({ asker, request, mayBeLost }: OpenQuery): SavedQuery => {
      const { values, ...rest } = request;
      const { bytes, retransmissions } = values;
      return { asker, bytes, request: rest, retransmissions, mayBeLost };
    };
    const state: SavedParser = {
      queries: Array.from(this.#open, toSaved),
      answered: this.#answered.save(),
      isLost: this.#isLost,
      hasGap: this.#hasGap,
    };
    return encodeState(state);
  }

  restore(saved: Uint8Array): void {
    const state = decodeState(saved) as SavedParser;
    for (const { asker, bytes, mayBeLost, ...saved } of state.queries) {
      const values = new DnsMessage(bytes.slice(), false);
      values.retransmissions = saved.retransmissions;
      const request = { ...saved.request, values };
      const query = toOpen(keyOf(asker, bytes), asker, request);
      query.mayBeLost = mayBeLost;
      this.#open.add(query);
    }
    this.#answered.restore(state.answered);
    Object.assign(this.#isLost, state.isLost);
    this.#hasGap = state.hasGap;
  }

  /** Whether the reader stands where a message begins, its length being here. */
  #isFound(side: Side, reader: StreamReader): boolean {
    if (this.#isLost[side]) {
      const { at, isFound } = findMessage(reader.unread(), side);
      reader.skip(at);
      if (!isFound) return false;
      this.#isLost[side] = false;
    }
    return reader.available >= PREFIX_SIZE;
  }

  /** Reads the next `size` bytes, of which `prefix` are the stream's length. */
  #message(
    side: Side,
    reader: StreamReader,
    size: number,
    prefix: number,
  ): DnsExchange | undefined {
    const first = reader.mark();
    const all = reader.bytes(size)!;
    const bytes = prefix > 0 ? all.subarray(prefix) : all;
    const last = reader.lastMark();
    if (!mayBegin(bytes)) throw new Malformed("No DNS message");
    const isMdns = this.#isMdns(bytes);
    if (isResponse(bytes)) {
      const values = new DnsMessage(bytes, isMdns);
      return this.#answer(side, { values, first, last, size });
    }
    if (isMdns || isUnidirectional(bytes)) {
      const values = new DnsMessage(bytes, isMdns);
      return { asker: side, request: { values, first, last, size } };
    }
    const key = keyOf(side, bytes);
    const open = this.#isStream ? undefined : this.#open.find(key, bytes);
    if (open) {
      open.request.values.countRetransmission();
    } else {
      // It outlives the bytes, which are borrowed.
      const values = new DnsMessage(bytes.slice(), false);
      const request = { values, first, last, size };
      this.#open.add(toOpen(key, side, request));
    }
    return undefined;
  }

  /**
   * Whether a message is mDNS or LLMNR. Servers use port 5353 for plain DNS
   * too, whose stubs desire the recursion that mDNS never asks for
   * (RFC 6762 §18.6).
   */
  #isMdns(bytes: Uint8Array): boolean {
    return this.#isMulticast || this.#hasMdnsPort && !isRecursive(bytes);
  }

  /** Gives up the oldest queries when there are too many. */
  *#evicted(): Iterable<DnsExchange> {
    while (this.#open.areTooMany) {
      yield unanswered(this.#open.takeOldest()!, "cut");
    }
  }

  #answer(side: Side, response: DnsRequest): DnsExchange {
    const { values } = response;
    const asker = otherSide(side);
    if (values.multicast) return { asker: side, response };
    const key = answerKey(asker, values.id);
    const query = this.#open.take(asker, values.bytes);
    if (query) {
      this.#answered.add(key);
      return { asker, request: query.request, response };
    }
    const isFurther = this.#answered.has(key);
    const reason = this.#hasGap ? "gap" : "mid-stream";
    return { asker, response, incomplete: isFurther ? [] : [reason] };
  }
}

/** An id with the side that asked. */
function answerKey(asker: Side, id: number): number {
  return asker === "client" ? id : 0x10000 | id;
}

function toOpen(key: number, asker: Side, request: DnsRequest): OpenQuery {
  return { key, asker, request, mayBeLost: false, again: undefined };
}

/** Whether the message is DSO that wants no answer (RFC 8490 §5.4). */
function isUnidirectional(bytes: Uint8Array): boolean {
  return (bytes[2]! >> 3 & 15) === OPCODE.DSO && (bytes[0]! | bytes[1]!) === 0;
}

function unanswered(query: OpenQuery, reason: Incomplete): DnsExchange {
  const { asker, request, mayBeLost } = query;
  return { asker, request, incomplete: [mayBeLost ? "gap" : reason] };
}

/** Whether many messages may answer the query (RFC 5936 §2.2). */
function isTransfer({ request }: OpenQuery): boolean {
  const type = request.values.questions?.[0]?.type;
  return type === "AXFR" || type === "IXFR";
}

/** DNS, with its kin on the local link. */
export const dns: Dissector<DnsFields> = {
  name: "dns",
  doc: "Names and what is registered under them; also mDNS and LLMNR",
  spec: "https://www.rfc-editor.org/rfc/rfc1035",
  transports: ["udp", "tcp"],
  ports: Object.values(PORT),
  fields,
  probe,
  open: (context) => new DnsParser(context),
  summarize({ request, response }) {
    const said = request ?? response;
    const subject = said?.values.questions?.[0] ?? said?.values.answers?.[0];
    return [subject?.type, subject?.name].filter(Boolean).join(" ");
  },
  status: ({ response }) => response?.values.code,
  failed: ({ response }) => response?.values.code !== "NOERROR" && !!response,
};
