/**
 * Chunks -> exchanges of one parser, without the conversation around it: for
 * tests of protocols that know their flow's addresses, and of saved states.
 */
import { equal, ok } from "node:assert/strict";
import type {
  AnyDissector,
  Ending,
  Exchange,
  Parser,
  ParserContext,
  Side,
} from "../../dissectors/dissector.ts";
import type { FieldMap } from "../../entry/field.ts";
import { Malformed } from "../../stream/malformed.ts";
import { StreamReader, toPlace } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import { cpuTime } from "../fuzz/cpu_time.ts";
import { type Chunk, START } from "./dissect.ts";

/** An exchange as plain data. */
export interface Parsed {
  readonly asker: Side;
  readonly version?: string;
  readonly request?: Record<string, unknown>;
  readonly response?: Record<string, unknown>;
  readonly incomplete?: readonly string[];
}

/** How chunks are given to the parser. */
export interface ParseOptions extends Partial<ParserContext> {
  readonly ending?: Ending;
  /** Whether the parser and its readers are saved and restored at a step. */
  readonly resumed?: boolean | (() => boolean);
  /** Whether exchanges are not read, and none given. */
  readonly unread?: boolean;
  /** What is called with the parser after each step. */
  readonly check?: (parser: Parser) => void;
}

/** A parser with both of its readers. */
class Session {
  parser: Parser;
  readers = { client: new StreamReader(), server: new StreamReader() };
  readonly exchanges: Parsed[] = [];
  readonly #dissector: AnyDissector;
  readonly #context: ParserContext;
  readonly #unread: boolean;

  constructor(
    dissector: AnyDissector,
    context: ParserContext,
    unread: boolean,
  ) {
    this.#dissector = dissector;
    this.#context = context;
    this.#unread = unread;
    this.parser = dissector.open(context);
  }

  /** Takes what the parser gives; whether it goes on. */
  take(exchanges: Iterable<Exchange>): boolean {
    try {
      for (const exchange of exchanges) {
        if (this.#unread) continue;
        this.exchanges.push(toParsed(exchange, this.#dissector));
      }
      return true;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return this.#context.transport !== "tcp"; // a datagram breaks alone
    }
  }

  /** Does what a conversation does with bytes that end with the call. */
  give(side: Side, bytes: Uint8Array, time: number, place: number): boolean {
    const reader = this.readers[side];
    const borrowed = bytes.slice();
    reader.append(borrowed, 0, borrowed.length, time, place);
    const goesOn = this.take(this.parser.read(side, reader));
    if (this.#context.transport !== "tcp") reader.skip(reader.available);
    reader.retain();
    borrowed.fill(0xee);
    return goesOn;
  }

  resume(): void {
    const { client, server } = decodeState(encodeState({
      client: this.readers.client.save(),
      server: this.readers.server.save(),
    })) as Record<Side, ReturnType<StreamReader["save"]>>;
    this.readers = {
      client: StreamReader.restored(client),
      server: StreamReader.restored(server),
    };
    const saved = this.parser.save();
    this.parser = this.#dissector.open(this.#context);
    this.parser.restore(saved);
    // What was saved belongs to who saved it.
    saved.fill(0xee);
  }
}

/**
 * How long a parser works on bytes of one end, ms; its exchanges are counted
 * and not looked at, as most are that no filter asks for.
 */
export function timeOf(
  dissector: AnyDissector,
  chunks: readonly Chunk[],
  options: ParseOptions = {},
): number {
  const started = cpuTime();
  parse(dissector, chunks, { ...options, unread: true });
  return cpuTime() - started;
}

/** Exchanges of a flow that consists of the chunks. */
export function parse(
  dissector: AnyDissector,
  chunks: Iterable<Chunk>,
  options: ParseOptions = {},
): Parsed[] {
  const { ending = "closed", resumed = false, unread = false, check } = options;
  const session = new Session(dissector, {
    transport: dissector.transports[0]!,
    client: { ip: "10.0.0.1", port: 50_000 },
    server: { ip: "10.0.0.2", port: dissector.ports[0] },
    ipVersion: 4,
    midStream: false,
    wantsBodies: true,
    ...options,
  }, unread);
  let time = START;
  let packet = 0;
  const finished = new Set<Side>();
  for (const chunk of chunks) {
    let goesOn = true;
    if ("expire" in chunk) {
      time = chunk.expire;
      goesOn = session.take(session.parser.expire(time - 30e6));
    } else if ("gap" in chunk) {
      const { side, gap } = chunk;
      const reader = session.readers[side];
      goesOn = session.take(session.parser.gap(side, gap, reader));
      reader.loseTo(gap);
    } else if ("fin" in chunk) {
      const { parser, readers } = session;
      goesOn = session.take(parser.end(chunk.side, "closed", readers));
      finished.add(chunk.side);
    } else {
      time = chunk.time ?? time + (packet === 0 ? 0 : 1000);
      const bytes = typeof chunk.bytes === "string"
        ? ofLatin1(chunk.bytes)
        : chunk.bytes;
      goesOn = session.give(chunk.side, bytes, time, toPlace(0, packet++));
    }
    check?.(session.parser);
    if (!goesOn) break;
    if (typeof resumed === "function" ? resumed() : resumed) session.resume();
  }
  const given = session.exchanges.length;
  const isIdle = finished.size === 2 && session.parser.isIdle;
  session.take(session.parser.end(undefined, ending, session.readers));
  if (isIdle) equal(session.exchanges.length, given, "It was not idle");
  return session.exchanges;
}

/** A byte for each character. */
export function ofLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function toParsed(exchange: Exchange, dissector: AnyDissector): Parsed {
  const { request, response } = exchange;
  ok(request || response, "an exchange has a half");
  for (const half of [request, response]) {
    if (!half) continue;
    ok(half.first.place <= half.last.place && half.size >= 0);
  }
  equal(typeof dissector.summarize(exchange), "string");
  dissector.status(exchange);
  dissector.failed(exchange);
  // As JSON would read it back: absent values are left out.
  return JSON.parse(JSON.stringify({
    asker: exchange.asker,
    version: exchange.version,
    request: request && pick(request.values, dissector.fields.request),
    response: response && pick(response.values, dissector.fields.response),
    incomplete: exchange.incomplete?.length ? exchange.incomplete : undefined,
  }));
}

function pick(
  values: object,
  fields: FieldMap = {},
): Record<string, unknown> {
  const all = values as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(fields).map((name) => [
      name,
      all[name],
    ]),
  );
}
