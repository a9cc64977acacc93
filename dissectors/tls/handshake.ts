/**
 * The handshake that is going on in a flow -> its exchange.
 *
 * Whatever carries the messages hands them in, with what it knows of the rest:
 * that an end is *silent*, since all it will say is encrypted or it has left,
 * or that bytes were lost. An exchange is given when both ends are silent, for
 * then nothing can be added to it: in TLS 1.3 a client's alert about the
 * server's certificate still comes in clear, a round trip after the ServerHello.
 *
 * A handshake whose ClientHello was not captured begins with the ServerHello or
 * with an alert, and says `mid-stream` or `gap`.
 */
import type { Incomplete } from "../../entry/entry.ts";
import { Malformed } from "../../stream/malformed.ts";
import type { Capture, Mark } from "../../stream/reader.ts";
import {
  type Ending,
  type Exchange,
  otherSide,
  type Side,
} from "../dissector.ts";
import { type Alert, graver, isLast } from "./alert.ts";
import {
  type ClientHello,
  decodeClientHello,
  decodeSsl2Hello,
} from "./client_hello.ts";
import {
  type REQUEST_FIELDS,
  RequestValues,
  type RESPONSE_FIELDS,
  ResponseValues,
} from "./fields.ts";
import type { Carrier } from "./ja.ts";
import { HANDSHAKE, toProtocolVersion } from "./names.ts";
import { decodeServerHello, type ServerHello } from "./server_hello.ts";

/** Where something was captured: a message, or several of one end. */
export interface Span {
  readonly first: Mark;
  readonly last: Capture;
  /** Its bytes, framing included. */
  readonly size: number;
}

/** How a ClientHello is written. */
export type Framing = "stream" | "datagram" | "ssl2";

/** One handshake message. */
export interface HandshakeMessage extends Span {
  readonly type: number;
  /** Kept. Absent where it was lost, or is of a type that is not looked at. */
  readonly body: Uint8Array | undefined;
  /** Of a ClientHello. */
  readonly framing: Framing;
}

/** What an exchange of TLS declares. */
export type HandshakeFields = {
  readonly request: typeof REQUEST_FIELDS;
  readonly response: typeof RESPONSE_FIELDS;
};

export type HandshakeExchange = Exchange<HandshakeFields>;

/** Types of messages whose bodies are looked at. */
export function isLookedAt(type: number): boolean {
  return type === HANDSHAKE.CLIENT_HELLO || type === HANDSHAKE.SERVER_HELLO ||
    type === HANDSHAKE.CERTIFICATE;
}

/** What one end has said so far. */
interface OpenHalf {
  span?: Span;
  /** Body of its hello. */
  hello?: Uint8Array;
  /** Body of its Certificate message. */
  certificates?: Uint8Array;
  alert?: Alert;
}

/** A handshake in the making. Plain data. */
interface Open {
  readonly asker: Side;
  framing: Framing;
  readonly request: OpenHalf;
  readonly response: OpenHalf;
  /** Whether the client was asked for another hello. */
  helloRetry: boolean;
  /** Where it was; stands in for the response until anything else comes. */
  retry?: Span;
  /** Whether the server waits for the client's certificates and key. */
  isClientsTurn: boolean;
  /** How often the unanswered hello was repeated. */
  repeats: number;
}

type Sides<T> = { [S in Side]: T };

/** What {@link Handshakes.restore} goes on from. Plain data. */
export interface HandshakesState {
  readonly open?: Open | undefined;
  readonly silent: Sides<boolean>;
  readonly gone: Sides<boolean>;
  readonly gapped: Sides<boolean>;
  readonly touched: number;
  readonly given: GivenRandoms;
}

/** Randoms of the hellos given last, whose datagrams may come once more. */
interface GivenRandoms {
  readonly client?: Uint8Array | undefined;
  readonly server?: Uint8Array | undefined;
}

/** The handshakes of one flow, one after the other. */
export class Handshakes {
  readonly #carrier: Carrier;
  #open: Open | undefined;
  #clientHello: ClientHello | undefined;
  #serverHello: ServerHello | undefined;
  #silent: Sides<boolean> = { client: false, server: false };
  /** Ends that will not speak again. */
  #gone: Sides<boolean> = { client: false, server: false };
  /** Ends of which bytes in clear may be missing. */
  #gapped: Sides<boolean> = { client: false, server: false };
  /** When anything was said in clear last. */
  #touched = 0;
  #given: GivenRandoms = {};

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /**
   * A message in clear.
   *
   * @returns the handshake before, if this message begins another
   * @throws Malformed if it is a hello that breaks its rules
   */
  message(
    side: Side,
    message: HandshakeMessage,
  ): HandshakeExchange | undefined {
    this.#touched = message.last.time;
    switch (message.type) {
      case HANDSHAKE.CLIENT_HELLO:
        return this.#clientSaysHello(side, message);
      case HANDSHAKE.SERVER_HELLO:
        return this.#serverSaysHello(side, message);
      case HANDSHAKE.HELLO_VERIFY_REQUEST:
      case HANDSHAKE.HELLO_RETRY_REQUEST:
        return this.#retry(side, message);
      default:
        this.#goOn(side, message);
    }
  }

  /**
   * An alert in clear.
   *
   * @returns the handshake, if nothing can be added to it now
   */
  alert(side: Side, alert: Alert, span: Span): HandshakeExchange | undefined {
    // Its handshake is given already: it has said its last before.
    if (!this.#open && this.#silent[side]) return undefined;
    this.#touched = span.last.time;
    const open = this.#open ??= begin("client", "stream");
    const half = halfOf(open, side);
    half.alert = graver(half.alert, alert);
    this.#extend(open, half, span);
    return isLast(alert) ? this.silence(side) : undefined;
  }

  /**
   * Nothing in clear comes from `side`, unless {@link unsilence} says so.
   *
   * @returns the handshake, if nothing can be added to it now
   */
  silence(side: Side): HandshakeExchange | undefined {
    this.#silent[side] = true;
    const { client, server } = this.#silent;
    return client && server ? this.#give() : undefined;
  }

  /** Whether all that `side` says is encrypted, or it says no more. */
  isSilent(side: Side): boolean {
    return this.#silent[side];
  }

  /** Something in clear came from `side` after all. */
  unsilence(side: Side): void {
    this.#silent[side] = this.#gone[side];
  }

  /** As {@link silence}, for good: `side` has closed or cannot be read. */
  leave(side: Side): HandshakeExchange | undefined {
    this.#gone[side] = true;
    return this.silence(side);
  }

  /** Bytes of `side` were not captured; matters while they may be in clear. */
  lose(side: Side): void {
    if (!this.#silent[side]) this.#gapped[side] = true;
  }

  /** What seemed lost was late: nothing of `side` is missing. */
  regain(side: Side): void {
    this.#gapped[side] = false;
  }

  /** No more comes from either end. */
  end(ending: Ending): HandshakeExchange | undefined {
    return this.#give(ending);
  }

  /** The handshake, if nobody said anything since `time`. */
  expire(time: number): HandshakeExchange | undefined {
    return this.#touched < time ? this.#give() : undefined;
  }

  save(): HandshakesState {
    return {
      open: this.#open,
      silent: this.#silent,
      gone: this.#gone,
      gapped: this.#gapped,
      touched: this.#touched,
      given: this.#given,
    };
  }

  restore(state: HandshakesState): void {
    this.#open = state.open;
    this.#silent = state.silent;
    this.#gone = state.gone;
    this.#gapped = state.gapped;
    this.#touched = state.touched;
    this.#given = state.given;
    const { request, response, framing } = state.open ?? {};
    if (framing && request?.hello) {
      this.#clientHello = decodeHello(request.hello, framing);
    }
    if (response?.hello) this.#serverHello = decodeServerHello(response.hello);
  }

  #clientSaysHello(
    side: Side,
    message: HandshakeMessage,
  ): HandshakeExchange | undefined {
    const { body, framing } = message;
    if (!body) return undefined;
    const hello = decodeHello(body, framing);
    if (isSame(hello.random, this.#given.client)) return undefined;
    if (this.#open && isSame(hello.random, this.#clientHello?.random)) {
      this.#repeat(this.#open, body);
      return undefined;
    }
    const isWanted = this.#isWantedBy(side);
    const before = isWanted ? undefined : this.#give();
    if (!isWanted) this.#gapped = { client: false, server: false };
    const open = this.#open ??= begin(side, framing);
    open.framing = framing;
    open.request.hello = body;
    open.request.span = toSpan(message);
    open.helloRetry ||= hello.hasCookie;
    this.#clientHello = hello;
    this.#silent = { ...this.#gone };
    return before;
  }

  /** Whether the server has asked for another hello, the first being lost. */
  #isWantedBy(side: Side): boolean {
    const open = this.#open;
    if (!open || open.asker !== side || !open.helloRetry) return false;
    if (open.request.span || this.#serverHello) return false;
    this.lose(side);
    return true;
  }

  /**
   * The same client asks again: the server wanted it to, with a key share or a
   * cookie, or a datagram was lost.
   */
  #repeat(open: Open, body: Uint8Array): void {
    if (!isSame(body, open.request.hello)) open.helloRetry = true;
    else if (!open.response.span && !open.retry) open.repeats++;
  }

  #serverSaysHello(
    side: Side,
    message: HandshakeMessage,
  ): HandshakeExchange | undefined {
    const { body } = message;
    if (!body) return undefined;
    const hello = decodeServerHello(body);
    if (hello.isRetry) return this.#retry(side, message);
    if (isSame(hello.random, this.#given.server)) return undefined;
    if (isSame(hello.random, this.#serverHello?.random)) return undefined;
    if (this.#open?.asker === side && this.#clientHello) {
      throw new Malformed("Both hellos come from the same end");
    }
    // Otherwise its ClientHello was not captured.
    const isAnswer = !this.#serverHello && this.#open?.asker !== side;
    const before = isAnswer ? undefined : this.#give();
    const open = this.#open ??= begin(otherSide(side), "stream");
    open.response.hello = body;
    open.response.span = toSpan(message);
    this.#serverHello = hello;
    return before;
  }

  /** The server wants another hello: the final answer is still to come. */
  #retry(side: Side, span: Span): undefined {
    const open = this.#open ??= begin(otherSide(side), "stream");
    if (open.asker === side || this.#serverHello) return;
    open.helloRetry = true;
    open.retry ??= toSpan(span);
  }

  /** Any other message: of a handshake that has begun. */
  #goOn(side: Side, message: HandshakeMessage): void {
    const open = this.#open;
    if (!open || message.type === HANDSHAKE.HELLO_REQUEST) return;
    const half = halfOf(open, side);
    if (message.type === HANDSHAKE.SERVER_HELLO_DONE) open.isClientsTurn = true;
    if (message.type === HANDSHAKE.CERTIFICATE && message.body) {
      half.certificates ??= message.body;
    } else if (half === open.request) {
      return; // the request is the hello, and shows the certificates
    }
    this.#extend(open, half, message);
  }

  /**
   * Counts a message to what its end said. The request is its hello alone, so
   * it grows no larger, but is complete only now.
   */
  #extend(open: Open, half: OpenHalf, { first, last, size }: Span): void {
    const before = half.span;
    half.span = before === undefined
      ? { first, last, size }
      : half === open.request
      ? { ...before, last }
      : { ...before, last, size: before.size + size };
  }

  #give(ending?: Ending): HandshakeExchange | undefined {
    const open = this.#open;
    if (!open) return undefined;
    const exchange = this.#toExchange(open, this.#missing(open, ending));
    if (this.#carrier === "d") {
      this.#given = {
        client: this.#clientHello?.random.slice(),
        server: this.#serverHello?.random.slice(),
      };
    }
    this.#open = this.#clientHello = this.#serverHello = undefined;
    this.#gapped = { client: false, server: false };
    return exchange;
  }

  #toExchange(
    { asker, request, response, helloRetry, retry, repeats }: Open,
    incomplete: readonly Incomplete[],
  ): HandshakeExchange {
    const answer = response.span ?? retry;
    const version = this.#serverHello?.negotiatedVersion ??
      this.#clientHello?.newestVersion;
    const isDatagram = this.#carrier === "d";
    return {
      asker,
      version: version === undefined
        ? undefined
        : toProtocolVersion(version, isDatagram),
      request: request.span && {
        ...request.span,
        values: new RequestValues(this.#clientHello, this.#carrier, {
          certificates: request.certificates,
          alert: request.alert,
          repeats,
        }),
      },
      response: answer && {
        ...answer,
        values: new ResponseValues(this.#serverHello, {
          certificates: response.certificates,
          alert: response.alert,
          helloRetry,
        }),
      },
      incomplete,
    };
  }

  #missing(open: Open, ending: Ending | undefined): Incomplete[] {
    const { request, response, retry } = open;
    const missing: Incomplete[] = [];
    const isGapped = this.#gapped.client || this.#gapped.server ||
      this.#isHeadless(open) || this.#isSkipped(open);
    if (isGapped) missing.push("gap");
    if (!this.#clientHello && !this.#gapped[open.asker]) {
      missing.push("mid-stream");
    }
    const isConcluded = [request.alert, response.alert]
      .some((alert) => alert && isLast(alert));
    if (isConcluded) return missing;
    if (ending === "cut" || ending === "reset") missing.push(ending);
    else if (this.#clientHello && !response.span && !retry && !isGapped) {
      missing.push("no response");
    }
    return missing;
  }

  /** Whether the server said more than its hello, which is not here. */
  #isHeadless({ asker, response }: Open): boolean {
    if (this.#serverHello) return false;
    const isEncrypted = this.#isEncrypted(otherSide(asker), response);
    const isOther = response.span !== undefined && !response.alert;
    return isEncrypted || isOther || response.certificates !== undefined;
  }

  /** Whether the server went on without the client's turn. */
  #isSkipped({ asker, response, isClientsTurn }: Open): boolean {
    const isClientSilent = this.#silent[asker];
    const isEncrypted = this.#isEncrypted(otherSide(asker), response);
    return isClientsTurn && isEncrypted && !isClientSilent;
  }

  /** Whether an end is silent, but not because it left. */
  #isEncrypted(side: Side, { alert }: OpenHalf): boolean {
    return this.#silent[side] && !this.#gone[side] && !alert;
  }
}

const begin = (asker: Side, framing: Framing): Open => ({
  asker,
  framing,
  request: {},
  response: {},
  helloRetry: false,
  isClientsTurn: false,
  repeats: 0,
});

const halfOf = (open: Open, side: Side): OpenHalf =>
  side === open.asker ? open.request : open.response;

const toSpan = ({ first, last, size }: Span): Span => ({ first, last, size });

const decodeHello = (body: Uint8Array, framing: Framing): ClientHello =>
  framing === "ssl2" ? decodeSsl2Hello(body) : decodeClientHello(body, framing);

const isSame = (a: Uint8Array, b: Uint8Array | undefined): boolean =>
  b !== undefined && a.length === b.length &&
  a.every((byte, i) => byte === b[i]);
