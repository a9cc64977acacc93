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
import { Malformed } from "../../stream/malformed.ts";
import type { Mark, StreamReader } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import {
  type Dissector,
  type Ending,
  type Exchange,
  otherSide,
  type Parser,
  type ParserContext,
  type Side,
} from "../dissector.ts";
import { Recent } from "../recent.ts";
import { DnsMessage } from "./message.ts";
import { OpenQueries, type OpenQuery } from "./open_queries.ts";
import { OPCODE, OPCODE_NAMES, RCODE_NAMES } from "./parameters.ts";
import {
  isResponse,
  MAX_BEGINNING,
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

/** A query as saved. */
interface SavedQuery {
  readonly asker: Side;
  readonly bytes: Uint8Array;
  readonly first: Mark;
  readonly last: Mark;
  readonly size: number;
  readonly retransmissions: number | undefined;
  readonly mayBeLost: boolean;
}

/**
 * Pairs answers with queries by id and first question (RFC 5452 §9.1).
 *
 * An answer whose query is not open is an entry of its own: a repeated one, a
 * later message of a zone transfer, or one whose query went by unseen. Where
 * bytes of a stream are missing, reading goes on at the next place where a
 * length, a header and a question follow each other.
 */
class DnsParser implements Parser<DnsFields> {
  readonly #isStream: boolean;
  /** Whether all that is said here is mDNS or LLMNR. */
  readonly #isMulticast: boolean;
  /** Whether an answer that nobody asked for is a responder's of mDNS. */
  readonly #isResponder: boolean;
  readonly #open = new OpenQueries();
  /** See {@link answerKey}. */
  readonly #answered = new Recent();
  #hasQueries = false;
  /** Whether a side's next message has yet to be found. */
  readonly #isLost: { [S in Side]: boolean };
  /** Whether bytes of a side are missing. */
  readonly #hasGap: { [S in Side]: boolean } = { client: false, server: false };

  constructor(context: ParserContext) {
    const { transport, client, server, midStream } = context;
    const ports = [client.port, server.port];
    this.#isStream = transport === "tcp";
    this.#isMulticast = isMulticast(client.ip) || isMulticast(server.ip) ||
      ports.includes(PORT.LLMNR) || ports.every((p) => p === PORT.MDNS);
    this.#isResponder = ports.includes(PORT.MDNS);
    this.#isLost = { client: midStream, server: midStream };
  }

  *read(side: Side, reader: StreamReader): Iterable<DnsExchange> {
    if (!this.#isStream) {
      yield* this.#message(side, reader, reader.available, 0);
      return;
    }
    while (this.#isFound(side, reader)) {
      const size = reader.peek(0)! << 8 | reader.peek(1)!;
      if (size < HEADER_SIZE) throw new Malformed(`A message of ${size} bytes`);
      if (reader.available < PREFIX_SIZE + size) return;
      yield* this.#message(side, reader, PREFIX_SIZE + size, PREFIX_SIZE);
    }
  }

  gap(side: Side): Iterable<DnsExchange> {
    if (!this.#isStream) return [];
    this.#isLost[side] = true;
    this.#hasGap[side] = true;
    for (const query of this.#open) {
      if (query.asker !== side) query.mayBeLost = true;
    }
    return [];
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
    const queries: SavedQuery[] = [];
    for (const { asker, request, mayBeLost } of this.#open) {
      const { values, first, last, size } = request;
      const { bytes, retransmissions } = values;
      queries.push(
        { asker, bytes, first, last, size, retransmissions, mayBeLost },
      );
    }
    return encodeState({
      queries,
      answered: this.#answered.save(),
      hasQueries: this.#hasQueries,
      isLost: this.#isLost,
      hasGap: this.#hasGap,
    });
  }

  restore(saved: Uint8Array): void {
    const state = decodeState(saved) as {
      queries: SavedQuery[];
      answered: number[];
      hasQueries: boolean;
      isLost: { [S in Side]: boolean };
      hasGap: { [S in Side]: boolean };
    };
    for (const query of state.queries) {
      const { asker, first, last, size, mayBeLost } = query;
      const values = new DnsMessage(query.bytes.slice(), false);
      values.retransmissions = query.retransmissions;
      const request = { values, first, last, size };
      this.#open.add({ asker, request, mayBeLost, again: undefined });
    }
    this.#answered.restore(state.answered);
    this.#hasQueries = state.hasQueries;
    Object.assign(this.#isLost, state.isLost);
    Object.assign(this.#hasGap, state.hasGap);
  }

  /** Whether the reader stands where a message begins, its length being here. */
  #isFound(side: Side, reader: StreamReader): boolean {
    if (this.#isLost[side]) {
      const ahead = findMessage(reader.unread(), side);
      reader.skip(ahead.at);
      if (!ahead.isMessage) return false;
      this.#isLost[side] = false;
    }
    return reader.available >= PREFIX_SIZE;
  }

  /** Reads the next `size` bytes, of which `prefix` are the stream's length. */
  *#message(
    side: Side,
    reader: StreamReader,
    size: number,
    prefix: number,
  ): Iterable<DnsExchange> {
    const first = reader.mark();
    const bytes = reader.bytes(size)!.subarray(prefix);
    const last = reader.lastMark();
    if (!mayBegin(bytes)) throw new Malformed("No DNS message");
    if (isResponse(bytes)) yield this.#answer(side, bytes, first, last, size);
    else yield* this.#query(side, bytes, first, last, size);
  }

  *#query(
    side: Side,
    bytes: Uint8Array,
    first: Mark,
    last: Mark,
    size: number,
  ): Iterable<DnsExchange> {
    const open = this.#open;
    const repeated = this.#isStream ? undefined : open.find(side, bytes);
    if (repeated) {
      const { values } = repeated.request;
      values.retransmissions = (values.retransmissions ?? 0) + 1;
      return;
    }
    this.#hasQueries = true;
    // It outlives the bytes, which are borrowed.
    const values = new DnsMessage(bytes.slice(), this.#isMulticast);
    const request = { values, first, last, size };
    // A DSO message with id 0 wants no answer (RFC 8490 §5.4).
    const isOneWay = values.opCodeNumber === OPCODE.DSO && values.id === 0;
    if (this.#isMulticast || isOneWay) {
      yield { asker: side, request };
      return;
    }
    open.add({ asker: side, request, mayBeLost: false, again: undefined });
    while (open.areTooMany) yield unanswered(open.takeOldest()!, "cut");
  }

  #answer(
    side: Side,
    bytes: Uint8Array,
    first: Mark,
    last: Mark,
    size: number,
  ): DnsExchange {
    const unasked = this.#isMulticast ||
      this.#isResponder && !this.#hasQueries;
    const values = new DnsMessage(bytes, unasked);
    const response = { values, first, last, size };
    if (unasked) return { asker: side, response };
    const asker = otherSide(side);
    const query = this.#open.take(asker, bytes);
    if (query) {
      this.#answered.add(answerKey(asker, values.id));
      return { asker, request: query.request, response };
    }
    const isFurther = this.#answered.has(answerKey(asker, values.id));
    const reason = this.#hasGap[asker] ? "gap" : "mid-stream";
    return { asker, response, incomplete: isFurther ? [] : [reason] };
  }
}

/** An id with the side that asked. */
function answerKey(asker: Side, id: number): number {
  return asker === "client" ? id : 0x10000 | id;
}

function unanswered(query: OpenQuery, reason: Incomplete): DnsExchange {
  const { asker, request, mayBeLost } = query;
  return { asker, request, incomplete: [mayBeLost ? "gap" : reason] };
}

/**
 * Looks for the next message of a stream of which bytes are missing.
 *
 * @returns how far ahead it begins, or as far as it certainly does not
 */
function findMessage(
  bytes: Uint8Array,
  side: Side,
): { at: number; isMessage: boolean } {
  const flag = side === "server" ? 0x80 : 0;
  let at = 0;
  for (; at + PREFIX_SIZE + HEADER_SIZE <= bytes.length; at++) {
    const size = bytes[at]! << 8 | bytes[at + 1]!;
    if (size < HEADER_SIZE || (bytes[at + 4]! & 0x80) !== flag) continue;
    const start = at + PREFIX_SIZE;
    const end = start + Math.min(size, MAX_BEGINNING);
    if (end > bytes.length) return { at, isMessage: false };
    if (mayBegin(bytes.subarray(start, end))) return { at, isMessage: true };
  }
  return { at, isMessage: false };
}

/** Whether the address is a multicast group (RFC 5771, RFC 4291 §2.7). */
function isMulticast(ip: string): boolean {
  if (ip.includes(":")) return ip.startsWith("ff");
  const first = parseInt(ip);
  return first >= 224 && first <= 239;
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
