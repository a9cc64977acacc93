/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443), with neighbour discovery (RFC 4861).
 */
import type { Incomplete } from "../../entry/entry.ts";
import {
  address,
  type Fields,
  number,
  object,
  text,
  type ValuesOf,
} from "../../entry/field.ts";
import { isMulticast, toAddress } from "../../stream/address.ts";
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
import { readOriginal } from "./original.ts";
import { isError, isFailure, isNumbered, TYPE, typeName } from "./types.ts";

const end = object({
  ip: address("Address"),
  port: number("Port, where one was quoted"),
}, "An end of the quoted packet");

const fields = {
  request: {
    type: number("Message type"),
    code: number("Code within the type"),
    typeName: text("Name of the type, such as `echo request`"),
    id: number("Identifier of an echo"),
    sequence: number("Sequence number of an echo"),
    dataSize: number("Bytes of data in an echo"),
    target: address("Neighbour asked for, or the better way of a redirect"),
    mtu: number("Largest packet that the next hop takes"),
    original: object({
      src: end,
      dst: end,
      protocol: text("Its transport, else the IP protocol's number"),
    }, "The packet that an error quotes"),
    retransmissions: number("Times it was sent again before its reply"),
  },
  response: {
    type: number("Message type"),
    code: number("Code within the type"),
    id: number("Identifier of the echo"),
    sequence: number("Sequence number of the echo"),
    dataSize: number("Bytes of data"),
  },
} satisfies Fields;

type IcmpFields = typeof fields;
type IcmpExchange = Exchange<IcmpFields>;
type Request = ValuesOf<IcmpFields["request"]>;

/** Octets that every message has: type, code and checksum. */
const MIN_SIZE = 4;

/** Octets before the data of an echo and before the packet of an error. */
const HEADER_SIZE = 8;

/** Echo requests of one flow that may wait for their replies. */
const MAX_OPEN = 4096;

/** An echo request that waits. */
interface OpenEcho {
  readonly asker: Side;
  readonly request: Message<Request>;
}

/**
 * Pairs echo replies with their requests by id and sequence number; all other
 * messages stand alone. A flow is a pair of addresses, and either may ask.
 */
class IcmpParser implements Parser<IcmpFields> {
  readonly #version: 4 | 6;
  /** Whether an end is a group, whose members answer on flows of their own. */
  readonly #isMulticast: boolean;
  readonly #open = new Map<number, OpenEcho>();
  readonly #answered = new Recent();

  constructor(context: ParserContext) {
    const { ipVersion, client, server } = context;
    this.#version = ipVersion === 6 ? 6 : 4;
    this.#isMulticast = isMulticast(client.ip) || isMulticast(server.ip);
  }

  *read(side: Side, reader: StreamReader): Iterable<IcmpExchange> {
    const first = reader.mark();
    const size = reader.available;
    const bytes = reader.bytes(size)!;
    const last = reader.lastMark();
    if (size < MIN_SIZE) {
      throw new Malformed(`An ICMP message of ${size} bytes`);
    }
    const values = readMessage(this.#version, bytes);
    const message = { values, first, last, size };
    const { ECHO_REQUEST, ECHO_REPLY } = TYPE[this.#version];
    const isEcho = values.id !== undefined && !this.#isMulticast;
    if (isEcho && values.type === ECHO_REQUEST) {
      yield* this.#ask(side, message);
    } else if (isEcho && values.type === ECHO_REPLY) {
      yield this.#reply(side, message);
    } else {
      yield { asker: side, version: this.#text, request: message };
    }
  }

  gap(): Iterable<IcmpExchange> {
    return [];
  }

  *end(side: Side | undefined, ending: Ending): Iterable<IcmpExchange> {
    if (side !== undefined) return;
    const reason = ending === "closed" ? "no response" : ending;
    for (const open of this.#open.values()) {
      yield this.#unanswered(open, reason);
    }
    this.#open.clear();
  }

  *expire(time: number): Iterable<IcmpExchange> {
    for (const [key, open] of this.#open) {
      if (open.request.first.time >= time) return;
      this.#open.delete(key);
      yield this.#unanswered(open, "no response");
    }
  }

  save(): Uint8Array {
    return encodeState({
      open: [...this.#open],
      answered: this.#answered.save(),
    });
  }

  restore(saved: Uint8Array): void {
    const state = decodeState(saved) as {
      open: [number, OpenEcho][];
      answered: number[];
    };
    for (const [key, open] of state.open) this.#open.set(key, open);
    this.#answered.restore(state.answered);
  }

  get #text(): string {
    return String(this.#version);
  }

  *#ask(side: Side, request: Message<Request>): Iterable<IcmpExchange> {
    const key = keyOf(side, request.values);
    const open = this.#open.get(key);
    if (open) {
      const { values } = open.request;
      values.retransmissions = Number(values.retransmissions ?? 0) + 1;
      return;
    }
    this.#open.set(key, { asker: side, request });
    if (this.#open.size <= MAX_OPEN) return;
    for (const [oldest, open] of this.#open) {
      this.#open.delete(oldest);
      yield this.#unanswered(open, "cut");
      return;
    }
  }

  #reply(side: Side, message: Message<Request>): IcmpExchange {
    const asker = otherSide(side);
    const key = keyOf(asker, message.values);
    const { type, code, id, sequence, dataSize } = message.values;
    const response = {
      ...message,
      values: { type, code, id, sequence, dataSize },
    };
    const version = this.#text;
    const open = this.#open.get(key);
    if (open) {
      this.#open.delete(key);
      this.#answered.add(key);
      return { asker, version, request: open.request, response };
    }
    // A further reply to one request comes from a broadcast, or a loop.
    if (this.#answered.has(key)) return { asker, version, response };
    return { asker, version, response, incomplete: ["mid-stream"] };
  }

  #unanswered({ asker, request }: OpenEcho, reason: Incomplete): IcmpExchange {
    return { asker, version: this.#text, request, incomplete: [reason] };
  }
}

/** Side, id and sequence number: below 2^33. */
function keyOf(asker: Side, { id, sequence }: Request): number {
  return (asker === "client" ? 0 : 2 ** 32) + Number(id) * 65536 +
    Number(sequence);
}

/** The fields of a message, of which only four bytes need be there. */
function readMessage(version: 4 | 6, bytes: Uint8Array): Request {
  const type = bytes[0]!;
  const values: Request = {
    type,
    code: bytes[1]!,
    typeName: typeName(version, type),
  };
  if (bytes.length < HEADER_SIZE) return values;
  if (isNumbered(version, type)) {
    values.id = u16(bytes, 4);
    values.sequence = u16(bytes, 6);
    const { ECHO_REQUEST, ECHO_REPLY } = TYPE[version];
    if (type === ECHO_REQUEST || type === ECHO_REPLY) {
      values.dataSize = bytes.length - HEADER_SIZE;
    }
  }
  values.target = targetOf(version, type, bytes);
  values.mtu = mtuOf(version, type, bytes);
  if (isError(version, type)) {
    values.original = readOriginal(bytes.subarray(HEADER_SIZE));
  }
  return values;
}

function targetOf(
  version: 4 | 6,
  type: number,
  bytes: Uint8Array,
): string | undefined {
  if (version === 4) {
    return type === TYPE[4].REDIRECT ? toAddress(bytes, 4, 4) : undefined;
  }
  const { NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT, REDIRECT } = TYPE[6];
  const hasTarget = type === NEIGHBOR_SOLICITATION ||
    type === NEIGHBOR_ADVERTISEMENT || type === REDIRECT;
  return hasTarget && bytes.length >= HEADER_SIZE + 16
    ? toAddress(bytes, HEADER_SIZE, 6)
    : undefined;
}

/** Code of "fragmentation needed and DF set" (RFC 792). */
const FRAGMENTATION_NEEDED = 4;

function mtuOf(
  version: 4 | 6,
  type: number,
  bytes: Uint8Array,
): number | undefined {
  if (version === 6) {
    return type === TYPE[6].PACKET_TOO_BIG
      ? u16(bytes, 4) * 0x10000 + u16(bytes, 6)
      : undefined;
  }
  const isTooBig = type === TYPE[4].DESTINATION_UNREACHABLE &&
    bytes[1] === FRAGMENTATION_NEEDED;
  // Routers older than RFC 1191 leave zero there and mean nothing by it.
  return isTooBig ? u16(bytes, 6) || undefined : undefined;
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

/** Whether an exchange is of this kind; one has the version that it has. */
function has(
  { version, request }: IcmpExchange,
  kind: (version: 4 | 6, type: number) => boolean,
): boolean {
  const type = request?.values.type;
  return type !== undefined && kind(version === "6" ? 6 : 4, Number(type));
}

/** ICMP and ICMPv6. */
export const icmp: Dissector<IcmpFields> = {
  name: "icmp",
  doc: "Echoes, errors and neighbour discovery of ICMP and ICMPv6",
  spec: "https://www.rfc-editor.org/rfc/rfc792",
  transports: ["icmp"],
  ports: [],
  fields,
  probe: (head) => head.length >= MIN_SIZE ? "match" : "reject",
  open: (context) => new IcmpParser(context),
  summarize: ({ version, request, response }) =>
    request?.values.typeName ??
      typeName(version === "6" ? 6 : 4, Number(response?.values.type)),
  status: (exchange) =>
    has(exchange, isError) ? exchange.request?.values.typeName : undefined,
  failed: (exchange) => has(exchange, isFailure),
};
