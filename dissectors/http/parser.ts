/**
 * HTTP/1 (RFC 9112) and what was before it: the messages of one connection.
 *
 *     client ─► Requests ──asked──► Pairing
 *                                      │
 *     server ─► Responses ◄──claimed───┘ ──► exchanges
 *
 * A connection that is joined in its midst is read from the next message on.
 * Where bytes are lost, those inside a body of known size are counted through;
 * otherwise reading goes on at the next bytes that begin a message, and
 * `pairing.ts` says what becomes of the exchanges.
 */
import type { Incomplete } from "../../entry/entry.ts";
import type { StreamReader } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import type {
  Ending,
  Exchange,
  Message,
  Parser,
  ParserContext,
  Readers,
  Side,
} from "../dissector.ts";
import { type Answer, type Asked, versionOf } from "./exchange.ts";
import type { HttpFields } from "./fields.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { Pairing, type PairingState } from "./pairing.ts";
import { Requests, type RequestsState } from "./requests.ts";
import { Responses, type ResponsesState } from "./responses.ts";

type HttpExchange = Exchange<HttpFields>;

/** Exchanges that are given at once; most packets have one. */
const MAX_GIVEN = 32;

/** One connection. */
export class Http1Parser implements Parser<HttpFields> {
  readonly #midStream: boolean;
  readonly #pairing: Pairing;
  readonly #requests: Requests;
  readonly #responses: Responses;
  /** What the call in progress gives. */
  #given: HttpExchange[] = [];

  constructor(context: ParserContext) {
    this.#midStream = context.midStream;
    this.#pairing = new Pairing(
      context,
      (asked, reason) => this.#giveUp(asked, reason),
    );
    this.#requests = new Requests(
      context,
      this.#pairing,
      (asked) => this.#requestEnded(asked),
    );
    this.#responses = new Responses(
      context,
      this.#pairing,
      (answer) => this.#responseEnded(answer),
    );
  }

  get isIdle(): boolean {
    return this.#pairing.isEmpty && !this.#requests.asking &&
      !this.#responses.isAnswering;
  }

  read(side: Side, reader: StreamReader): Iterable<HttpExchange> {
    const direction = side === "client" ? this.#requests : this.#responses;
    while (direction.read(reader)) {
      if (this.#given.length >= MAX_GIVEN) {
        return this.#readOn(direction, reader);
      }
    }
    return this.#give();
  }

  gap(side: Side, size: number, reader: StreamReader): Iterable<HttpExchange> {
    if (side === "client") this.#requests.lose(size, reader);
    else this.#responses.lose(size, reader);
    return this.#give();
  }

  end(
    side: Side | undefined,
    ending: Ending,
    readers: Readers,
  ): Iterable<HttpExchange> {
    if (side !== "server") this.#requests.end(ending, readers.client);
    if (side !== "client") this.#responses.end(ending, readers.server);
    if (side === undefined) {
      const reason = ending === "closed" ? "no response" : ending;
      this.#responses.giveUp(reason);
      this.#pairing.end(reason);
    }
    return this.#give();
  }

  expire(time: number): Iterable<HttpExchange> {
    this.#pairing.expire(time);
    return this.#give();
  }

  save(): Uint8Array {
    const state: SavedParser = {
      pairing: this.#pairing.save(),
      requests: this.#requests.save(),
      responses: this.#responses.save(this.#requests.asking),
    };
    return encodeState(state);
  }

  restore(saved: Uint8Array): void {
    const state = decodeState(saved) as SavedParser;
    this.#pairing.restore(state.pairing);
    this.#requests.restore(state.requests);
    this.#responses.restore(state.responses, this.#requests.asking);
  }

  /** Reads on, while what was read before is looked at and forgotten. */
  *#readOn(
    direction: Requests | Responses,
    reader: StreamReader,
  ): Iterable<HttpExchange> {
    do {
      if (this.#given.length >= MAX_GIVEN) yield* this.#give();
    } while (direction.read(reader));
    yield* this.#give();
  }

  #requestEnded(asked: Asked): void {
    if (asked.givenUp) this.#giveUp(asked, asked.givenUp);
    else if (asked.answer) this.#givePair(asked, asked.answer);
  }

  #responseEnded(answer: Answer): void {
    const { asked } = answer;
    // Servers may answer before they were asked to the end.
    if (asked && !asked.isEnded) asked.answer = answer;
    else this.#givePair(asked, answer);
  }

  /** Gives a request without a response, once it was read to its end. */
  #giveUp(asked: Asked, reason: Incomplete): void {
    if (!asked.isEnded) {
      asked.givenUp = reason;
      return;
    }
    const request = asked.toMessage();
    if (!request) return;
    const incomplete = reasonsOf(asked.hasGap, asked.reason, reason);
    this.#push(versionOf(asked.traits.minor), request, undefined, incomplete);
    // A response that still comes stands alone.
    asked.values = undefined;
  }

  #givePair(asked: Asked | undefined, answer: Answer): void {
    const incomplete = reasonsOf(
      asked?.hasGap || answer.hasGap || answer.lacksStart,
      asked ? asked.reason : this.#whyUnasked(answer),
      answer.reason,
    );
    const next = this.#nextProtocol(asked, answer);
    this.#push(
      versionOf(asked?.traits.minor ?? answer.minor),
      asked?.toMessage(),
      answer.toMessage(),
      incomplete,
      next,
    );
    if (next) {
      this.#requests.stop();
      this.#responses.stop();
    } else if (asked?.mayEndHttp) this.#requests.release();
  }

  /** Why a response has no request. */
  #whyUnasked(answer: Answer): Incomplete | undefined {
    // Servers send it to clients that connect and say nothing.
    const isUnprompted = answer.values?.status === 408 &&
      answer.unasked === "mid-stream" && !this.#midStream;
    return isUnprompted ? undefined : answer.unasked;
  }

  /** What a response hands the connection over to (RFC 9110 §7.8, §9.3.6). */
  #nextProtocol(
    asked: Asked | undefined,
    { values, reason }: Answer,
  ): HttpExchange["next"] {
    const status = values?.status ?? 0;
    const isTunnel = asked?.traits.isConnect && status >= 200 && status < 300;
    if (reason || !isTunnel && status !== 101) return undefined;
    // A client that goes on with requests knows better.
    if (!this.#pairing.isEmpty) return undefined;
    if (isTunnel) return {};
    const upgrade = values?.head.first("upgrade") ??
      asked?.values?.head.first("upgrade") ?? "";
    const name = upgrade.split(/[,/]/, 1)[0]!.trim().toLowerCase();
    return { protocol: name || undefined };
  }

  #push(
    version: string,
    request: Message<HttpRequest> | undefined,
    response: Message<HttpResponse> | undefined,
    incomplete: Incomplete[] | undefined,
    next?: HttpExchange["next"],
  ): void {
    const asker = "client";
    this.#given.push({ asker, version, request, response, incomplete, next });
  }

  #give(): HttpExchange[] {
    const given = this.#given;
    if (given.length > 0) this.#given = [];
    return given;
  }
}

/** A parser as saved. */
interface SavedParser {
  readonly pairing: PairingState;
  readonly requests: RequestsState;
  readonly responses: ResponsesState;
}

/** The reasons that there are, each once. */
function reasonsOf(
  hasGap: boolean | undefined,
  ...reasons: (Incomplete | undefined)[]
): Incomplete[] | undefined {
  let found: Incomplete[] | undefined;
  if (hasGap) found = ["gap"];
  for (const reason of reasons) {
    if (!reason || found?.includes(reason)) continue;
    (found ??= []).push(reason);
  }
  return found;
}
