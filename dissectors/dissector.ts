/**
 * The contract between a protocol and the rest of the product.
 *
 * A protocol is one folder with a {@link Dissector} and one line in
 * `registry.ts`. Its parser owns one flow's state, does no I/O and knows no
 * clock: time comes with the bytes.
 */
import type { Fields, ValuesOf } from "../entry/field.ts";
import type { ProtocolSchema } from "../entry/schema.ts";
import type { End, Incomplete, Transport } from "../entry/entry.ts";
import type { Flow } from "../stream/flow.ts";
import type { Capture, Mark, StreamReader } from "../stream/reader.ts";

/** An end of a flow: the one that opened it, or the one that accepted it. */
export type Side = "client" | "server";

/** The end that is not `side`. */
export function otherSide(side: Side): Side {
  return side === "client" ? "server" : "client";
}

/** Why no more bytes come. */
export type Ending =
  /** Both ends closed, or the datagram flow fell silent. */
  | "closed"
  /** An RST (or ABORT) was seen. */
  | "reset"
  /** The capture, or what is kept of it, ends here. */
  | "cut";

/** One protocol unit as it stood in its stream or datagram. */
export interface Message<T = object> {
  /**
   * Its fields. Plain data, or an object whose getters work them out when
   * asked: what a filter does not ask for then costs nothing.
   */
  readonly values: T;
  /** Its first byte: `reader.mark()` before anything of it was read. */
  readonly first: Mark;
  /** Its last byte: `reader.lastMark(first)` when all of it was read. */
  readonly last: Capture;
  /** Its bytes, framing included, before any decoding. */
  readonly size: number;
}

/** What a parser gives: a request with its response, or one of them alone. */
export interface Exchange<F extends Fields = Fields> {
  /** Which end sent the request (or was sent the response); often the client. */
  readonly asker: Side;
  /** Where the parser speaks for several protocols: which of them. */
  readonly protocol?: string | undefined;
  readonly version?: string | undefined;
  readonly request?: Message<ValuesOf<F["request"]>> | undefined;
  readonly response?: Message<ValuesOf<F["response"]>> | undefined;
  readonly incomplete?: readonly Incomplete[] | undefined;
  /**
   * The flow speaks something else after this exchange. What both readers hold
   * unread belongs to it. `protocol` names what was agreed, where it was
   * named; otherwise the bytes are identified anew.
   */
  readonly next?: { readonly protocol?: string | undefined } | undefined;
}

/** What a probe makes of the first bytes of a direction. */
export type Guess = "match" | "reject" | "unsure";

/** What a parser may know about its flow. */
export interface ParserContext {
  readonly transport: Transport;
  readonly client: End;
  readonly server: End;
  /** 4 or 6. */
  readonly ipVersion: number;
  /** Whether the flow's first bytes were not captured. */
  readonly midStream: boolean;
  /**
   * Whether it is so although the flow's beginning was captured: what the
   * client sent first was lost, and may still be answered.
   */
  readonly lostStart?: boolean;
  /**
   * Whether anybody will look at bodies. Without it a parser may skip their
   * bytes, so long as every other field comes out the same.
   */
  readonly wantsBodies: boolean;
}

/**
 * One flow's state of one protocol.
 *
 * The conversation calls it with whatever bytes have come, cut anywhere; the
 * exchanges it gives must not depend on how they were cut. Borrowed bytes hold
 * until the generator is exhausted. It may throw `Malformed`: what it gave
 * before counts, the rest of the flow is no longer dissected.
 */
export interface Parser<F extends Fields = Fields> {
  /**
   * Whether the end of the flow gives nothing, if both ends have finished; the
   * flow is forgotten then. Absent where that is not known before.
   */
  readonly isIdle?: boolean;

  /** Consumes what is complete. Called whenever `side` has new bytes. */
  read(side: Side, reader: StreamReader): Iterable<Exchange<F>>;

  /**
   * `size` bytes of `side` after the unread ones were not captured. Whatever
   * the parser leaves unread is dropped; bytes after the gap come by `read`.
   */
  gap(side: Side, size: number, reader: StreamReader): Iterable<Exchange<F>>;

  /**
   * No more bytes come: from `side` alone (its FIN; the other end may still
   * send), or at all (`side` is undefined). Every exchange still open when the
   * flow ends must be given now, with what it lacks in `incomplete`.
   */
  end(
    side: Side | undefined,
    ending: Ending,
    readers: Readers,
  ): Iterable<Exchange<F>>;

  /**
   * Gives up requests that nobody answered before `time` (µs; the capture's
   * clock, 30 s back): they become entries with `no response`. Called now and
   * then while a flow is open.
   */
  expire(time: number): Iterable<Exchange<F>>;

  /** All it knows between two calls, as bytes (see `stream/state.ts`). */
  save(): Uint8Array;

  /** Goes on from {@link save}. Called on a new parser, before anything else. */
  restore(saved: Uint8Array): void;
}

/** Both directions of a flow. */
export type Readers = { readonly [S in Side]: StreamReader };

/**
 * What every protocol declares, however its entries come about: what the schema
 * knows of it, and how an exchange is summed up.
 */
export interface Describer<F extends Fields = Fields> extends ProtocolSchema {
  readonly fields: F;
  /** Whether an entry is a whole flow and not something said on it. */
  readonly ofFlows?: boolean;
  /**
   * Whether its exchanges may be looked at whenever one likes, and not only
   * until the generator that yielded them goes on.
   */
  readonly borrowsNothing?: boolean;
  /** One line; the entry cuts it to 200 characters. */
  summarize(exchange: Exchange<F>): string;
  /** Absent when there is no response. */
  status(exchange: Exchange<F>): string | number | undefined;
  /**
   * The protocol's own rule. That an entry with `no response` or `reset`
   * failed is decided where entries are made.
   */
  failed(exchange: Exchange<F>): boolean;
}

/** All that one protocol brings that is read from bytes. */
export interface Dissector<F extends Fields = Fields> extends Describer<F> {
  /** Well-known server ports: a hint, never proof. */
  readonly ports: readonly number[];
  /**
   * Whether its first bytes cannot be mistaken, so that it is looked for later
   * in a flow that nobody speaks, too: TLS follows many a STARTTLS.
   */
  readonly startsAnywhere?: boolean;
  /** Further protocol names its parser may give exchanges of. */
  readonly speaks?: readonly string[];
  /**
   * What may follow it on the same flow, and bytes of which at least one
   * stands in the flow whenever that happens.
   */
  readonly leadsTo?: readonly {
    /** `any` where the bytes after it are identified anew. */
    readonly protocols: readonly string[] | "any";
    readonly announcedBy: readonly string[];
  }[];
  /**
   * Whether the bytes that `side` sent first are this protocol: strict, cheap,
   * and rather `unsure` than a wrong `match`. On datagram transports `head` is
   * one whole datagram.
   *
   * @param port the server's port: a hint for protocols with weak signatures
   */
  probe(head: Uint8Array, side: Side, port: number): Guess;
  /** A parser for one flow. */
  open(context: ParserContext): Parser<F>;
}

/** A protocol whose entries are whole flows that nothing else dissected. */
export interface FlowDissector<F extends Fields = Fields> extends Describer<F> {
  readonly ofFlows: true;
  /** The entry's two halves, from what was counted of the flow. */
  describe(flow: Flow<unknown>): Exchange<F>;
}

// Field types no longer matter once protocols stand in one list, and TypeScript
// has no other word for that, since they are used in both directions.
// deno-lint-ignore no-explicit-any -- see above
export type AnyDescriber = Describer<any>;
// deno-lint-ignore no-explicit-any -- see above
export type AnyDissector = Dissector<any>;
// deno-lint-ignore no-explicit-any -- see above
export type AnyFlowDissector = FlowDissector<any>;
