/**
 * A flow's bytes -> entries.
 *
 * A conversation takes what reassembly gives (bytes in order, gaps, the end)
 * or datagrams, finds out which protocol it is, and hands the bytes to that
 * protocol's parser. When an exchange announces another protocol, or bytes
 * break the rules of theirs, it identifies anew.
 *
 *     unknown ──probe──► parsing ──next──► unknown …
 *        │                  │
 *        └─nobody─► opaque ◄┴─nothing asked for can follow
 */
import type { NodeRef } from "../entry/entry.ts";
import type { Flow } from "../stream/flow.ts";
import { Malformed } from "../stream/malformed.ts";
import {
  MAX_UNREAD,
  type ReaderState,
  StreamReader,
} from "../stream/reader.ts";
import { decodeState, encodeState } from "../stream/state.ts";
import { DissectedEntry, type EntrySource } from "./dissected.ts";
import {
  type AnyDissector,
  type Ending,
  type Exchange,
  type Message,
  otherSide,
  type Parser,
  type Side,
} from "./dissector.ts";
import { identify } from "./identify.ts";

/** Bytes of a direction that probes may look at. */
const MAX_HEAD = 4096;

/** Bytes of a head that are looked at whenever one more comes. */
const MAX_START = 64;

/** By what part of itself a head must have grown for probes to look again. */
const GROWTH = 1 / 8;

/** Places in a flow at which probes look again. */
const MAX_ATTEMPTS = 64;

/** How long a request may wait for its answer, µs (FIELDS §1). */
export const ANSWER_TIMEOUT = 30e6;

/** What conversations share. */
export interface ConversationOptions {
  readonly dissectors: readonly AnyDissector[];
  readonly node: NodeRef;
  readonly wantsBodies: boolean;
  /**
   * Whether entries of these protocols on this flow may be asked for. What
   * cannot match is not parsed.
   */
  mayMatch?(flow: Flow<unknown>, protocols: readonly string[]): boolean;
  /** Takes an entry. What it borrows holds until this returns. */
  readonly onEntry: (entry: DissectedEntry, flow: Flow<unknown>) => void;
  /** What the conversations count. */
  readonly counters: ConversationCounters;
}

/** Bytes and flows that were given up. */
export interface ConversationCounters {
  /** Times that bytes broke the rules of their protocol. */
  malformed: number;
  /** Bytes of flows that no dissector speaks. */
  opaqueBytes: number;
}

type Phase = "unknown" | "parsing" | "opaque";

/** One flow, as its protocols see it. */
export class Conversation {
  readonly #flow: Flow<unknown>;
  readonly #options: ConversationOptions;
  #readers = { client: new StreamReader(), server: new StreamReader() };
  #phase: Phase = "unknown";
  #dissector: AnyDissector | undefined;
  #parser: Parser | undefined;
  /** Whether bytes before those unread are missing, or were not understood. */
  #joined: boolean;
  /** Whether it is joined because what the client said first was lost. */
  #lostStart = false;
  /** Whether nobody speaks what the flow began with. */
  #foreign = false;
  #attempts = 0;
  /** Unread bytes of each direction when the probes last looked. */
  #seen = { client: 0, server: 0 };
  /** What the flow is known to speak next, by name. */
  #expected: string | undefined;
  /** Before this time no request can have waited too long. */
  #patientUntil = 0;
  #entries = 0;

  constructor(flow: Flow<unknown>, options: ConversationOptions) {
    this.#flow = flow;
    this.#options = options;
    this.#joined = flow.midStream;
  }

  /** How many entries it gave. A flow that gave none is an entry itself. */
  get entries(): number {
    return this.#entries;
  }

  /** Whether its bytes are of no more use to anybody. */
  get isOpaque(): boolean {
    return this.#phase === "opaque";
  }

  /** The protocol whose parser is at work; `undefined` if none is. */
  get parsed(): string | undefined {
    return this.#phase === "parsing" ? this.#dissector!.name : undefined;
  }

  /** The protocol that it speaks, once that is known. */
  get protocol(): string | undefined {
    return this.#dissector?.name;
  }

  /**
   * The next bytes of a stream, or a whole datagram: what its parser leaves of
   * that is dropped.
   *
   * @param bytes borrowed until the call returns
   * @param missing bytes of a datagram that were sent and not captured
   * @param tag what a datagram is known by elsewhere; 0 if nobody asks
   */
  data(
    side: Side,
    bytes: Uint8Array,
    start: number,
    end: number,
    time: number,
    place: number,
    missing = 0,
    tag = 0,
  ): void {
    if (this.#phase === "opaque") {
      this.#options.counters.opaqueBytes += end - start;
      return;
    }
    this.#waited(time);
    this.#readers[side].append(bytes, start, end, time, place);
    if (missing > 0) this.#readers[side].noteCut();
    if (tag !== 0) this.#readers[side].noteTag(tag);
    if (this.#phase !== "unknown") this.#read(side);
    else if (this.#mayTell(side)) this.#identify();
    // Identification may have swapped the sides.
    const { client, server } = this.#readers;
    if (this.#flow.transport !== "tcp") {
      client.skip(client.available);
      server.skip(server.available);
    }
    client.retain();
    server.retain();
  }

  /** `size` bytes of a stream that capture missed. */
  gap(side: Side, size: number): void {
    this.#lookAtRest();
    const reader = this.#readers[side];
    if (this.#phase === "parsing") {
      this.#guarded(this.#parser!.gap(side, size, reader));
    } else {
      this.#lostStart ||= side === "client" && !this.#joined;
      this.#joined = true;
      this.#seen[side] = 0;
    }
    reader.loseTo(size);
  }

  /** The end of one direction. */
  finished(side: Side): void {
    this.#lookAtRest();
    if (this.#phase !== "parsing") return;
    this.#guarded(this.#parser!.end(side, "closed", this.#readers));
  }

  /** Both ends finished: unless something is open, nothing more is given. */
  rest(): void {
    if (this.#phase === "unknown" || this.#parser?.isIdle) this.#close();
  }

  /** The end of the flow: every exchange still open is given, once. */
  end(ending: Ending): void {
    this.#lookAtRest();
    if (this.#phase === "opaque") return;
    if (this.#phase === "parsing") {
      this.#guarded(
        this.#parser!.end(undefined, ending, this.#readers),
      );
    }
    this.#close();
  }

  /** Gives up requests that waited too long at `now`, µs. */
  expire(now: number): void {
    if (this.#phase !== "parsing" || now < this.#patientUntil) return;
    this.#guarded(this.#parser!.expire(now - ANSWER_TIMEOUT));
  }

  /** All it knows between two packets, as bytes. */
  save(): Uint8Array {
    return encodeState({
      client: this.#readers.client.save(),
      server: this.#readers.server.save(),
      phase: this.#phase,
      dissector: this.#dissector?.name,
      parser: this.#parser?.save(),
      joined: this.#joined,
      lostStart: this.#lostStart,
      foreign: this.#foreign,
      attempts: this.#attempts,
      expected: this.#expected,
      patientUntil: this.#patientUntil,
      entries: this.#entries,
    });
  }

  /**
   * Goes on from {@link save}.
   *
   * @throws Error if the dissector that spoke is not known here
   */
  static restored(
    saved: Uint8Array,
    flow: Flow<unknown>,
    options: ConversationOptions,
  ): Conversation {
    const state = decodeState(saved) as {
      client: ReaderState;
      server: ReaderState;
      phase: Phase;
      dissector?: string;
      parser?: Uint8Array;
      joined: boolean;
      lostStart: boolean;
      foreign: boolean;
      attempts: number;
      expected?: string;
      patientUntil: number;
      entries: number;
    };
    const it = new Conversation(flow, options);
    it.#readers = {
      client: StreamReader.restored(state.client),
      server: StreamReader.restored(state.server),
    };
    it.#joined = state.joined;
    it.#lostStart = state.lostStart;
    it.#foreign = state.foreign;
    it.#attempts = state.attempts;
    it.#expected = state.expected;
    it.#patientUntil = state.patientUntil;
    it.#entries = state.entries;
    if (state.dissector !== undefined) {
      const dissector = options.dissectors.find((d) =>
        d.name === state.dissector
      );
      if (!dissector) {
        throw new Error(`No dissector is called "${state.dissector}"`);
      }
      it.#dissector = dissector;
      if (state.parser) {
        it.#open(dissector);
        it.#parser!.restore(state.parser);
      }
    }
    it.#phase = state.phase;
    return it;
  }

  #waited(now: number): void {
    if (this.#patientUntil === 0) this.#patientUntil = now + ANSWER_TIMEOUT;
    else this.expire(now);
  }

  /**
   * Whether probes may find out more than before. A head that comes byte by
   * byte is not looked at for each of them: that would take its square.
   */
  #mayTell(side: Side): boolean {
    const seen = this.#seen[side];
    const more = this.#readers[side].available - seen;
    return seen < MAX_START || more > seen * GROWTH;
  }

  /** Lets the probes see what they have not looked at yet. */
  #lookAtRest(): void {
    if (this.#phase !== "unknown") return;
    const { client, server } = this.#readers;
    const seen = this.#seen;
    const isNew = client.available > seen.client ||
      server.available > seen.server;
    if (isNew) this.#identify();
  }

  #identify(): void {
    const flow = this.#flow;
    const { client, server } = this.#readers;
    this.#seen = { client: client.available, server: server.available };
    const identity = identify(
      this.#candidates(),
      flow.transport,
      { client: client.unread(), server: server.unread() },
      { client: flow.client.port ?? 0, server: flow.server.port ?? 0 },
      // Who sent the first datagram captured says little about who asks.
      flow.midStream || flow.transport === "udp",
    );
    if (identity === "none" || identity === "unsure" && this.#isLong()) {
      this.#misunderstood();
      return;
    }
    if (identity === "unsure") return;
    if (identity.flipped) {
      flow.flip();
      this.#readers = { client: server, server: client };
    }
    if (!mayGive(identity.dissector, this.#entries, flow, this.#options)) {
      this.#dissector = identity.dissector;
      this.#close();
      return;
    }
    this.#open(identity.dissector);
    this.#readBoth();
  }

  /** Who may speak what is unread. */
  #candidates(): readonly AnyDissector[] {
    const { dissectors } = this.#options;
    if (this.#expected !== undefined) {
      return dissectors.filter((d) => d.name === this.#expected);
    }
    return this.#foreign
      ? dissectors.filter((d) => d.startsAnywhere)
      : dissectors;
  }

  /** Whether probes have seen as much as they may of a direction. */
  #isLong(): boolean {
    return this.#flow.transport !== "tcp" ||
      this.#readers.client.available >= MAX_HEAD ||
      this.#readers.server.available >= MAX_HEAD;
  }

  #open(dissector: AnyDissector): void {
    const flow = this.#flow;
    this.#dissector = dissector;
    this.#expected = undefined;
    this.#phase = "parsing";
    this.#parser = dissector.open({
      transport: flow.transport,
      client: flow.client,
      server: flow.server,
      ipVersion: flow.ipVersion,
      midStream: this.#joined,
      lostStart: this.#lostStart,
      wantsBodies: this.#options.wantsBodies,
    });
  }

  /** Reads both directions, the one whose bytes came first before the other. */
  #readBoth(): void {
    const { client, server } = this.#readers;
    const first = server.available > 0 &&
        (client.available === 0 || server.time < client.time)
      ? "server"
      : "client";
    for (const side of [first, otherSide(first)] as const) {
      if (this.#phase !== "parsing") return;
      if (this.#readers[side].available > 0) this.#read(side);
    }
  }

  #read(side: Side): void {
    const reader = this.#readers[side];
    const parser = this.#parser!;
    this.#guarded(parser.read(side, reader));
    if (this.#parser !== parser) return;
    if (reader.available > MAX_UNREAD) this.#broken();
  }

  /** Entries of a parser's exchanges; what it throws ends it. */
  #guarded(exchanges: Iterable<Exchange>): void {
    const iterator = exchanges[Symbol.iterator]();
    while (true) {
      let exchange: Exchange;
      try {
        const result = iterator.next();
        if (result.done) return;
        exchange = result.value;
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        this.#broken();
        return;
      }
      this.#give(exchange);
      if (exchange.next) {
        this.#switched(exchange.next.protocol);
        return;
      }
    }
  }

  /** Another protocol begins with the bytes now unread. */
  #switched(protocol: string | undefined): void {
    const known = protocol !== undefined &&
      this.#options.dissectors.some((d) => d.name === protocol);
    this.#parser = undefined;
    this.#dissector = undefined;
    this.#phase = "unknown";
    this.#seen = { client: 0, server: 0 };
    this.#expected = known ? protocol : undefined;
    if (protocol !== undefined && !known) this.#close();
    else if (this.#hasUnread()) this.#identify();
  }

  #hasUnread(): boolean {
    return this.#readers.client.available > 0 ||
      this.#readers.server.available > 0;
  }

  /** Bytes broke the rules of their protocol: what follows may keep them. */
  #broken(): void {
    this.#options.counters.malformed++;
    // A datagram breaks alone.
    if (this.#flow.transport !== "tcp") return;
    const parser = this.#parser;
    this.#parser = undefined;
    this.#phase = "unknown";
    if (parser) this.#last(parser);
    this.#misunderstood();
  }

  /** What a parser that broke still has to give. */
  #last(parser: Parser): void {
    try {
      for (const exchange of parser.end(undefined, "cut", this.#readers)) {
        this.#give(exchange);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }

  /**
   * Nobody speaks what is unread. In a flow that was joined or broken the next
   * bytes may begin a message, datagrams are told apart one by one, and some
   * protocols are known wherever they start.
   */
  #misunderstood(): void {
    const { client, server } = this.#readers;
    this.#options.counters.opaqueBytes += client.available + server.available;
    client.skip(client.available);
    server.skip(server.available);
    this.#seen = { client: 0, server: 0 };
    const mayBeAnyone = this.#joined || this.#dissector !== undefined ||
      this.#flow.transport !== "tcp";
    if (!mayBeAnyone) this.#foreign = true;
    this.#joined = true;
    if (this.#candidates().length === 0 || ++this.#attempts >= MAX_ATTEMPTS) {
      this.#close();
    }
  }

  #close(): void {
    const { client, server } = this.#readers;
    this.#phase = "opaque";
    this.#parser = undefined;
    client.skip(client.available);
    server.skip(server.available);
  }

  #give(exchange: Exchange): void {
    this.#entries++;
    const flow = this.#flow;
    const source: EntrySource = {
      transport: flow.transport,
      client: flow.shownClient,
      server: flow.shownServer,
      node: this.#options.node,
      decrypted: false,
      leg: flow.meshLeg,
    };
    this.#options.onEntry(
      new DissectedEntry(this.#dissector!, withCut(exchange), source),
      flow,
    );
  }
}

/**
 * The exchange; marked if one of its datagrams was cut, which parsers do not
 * know: they show what is there.
 */
function withCut(exchange: Exchange): Exchange {
  const { request, response, incomplete = [] } = exchange;
  if (!isCut(request) && !isCut(response)) return exchange;
  if (incomplete.includes("cut")) return exchange;
  return { ...exchange, incomplete: [...incomplete, "cut"] };
}

function isCut(message: Message | undefined): boolean {
  return message !== undefined &&
    (message.first.isCut || message.last.isCut) === true;
}

/**
 * Whether a flow may still give what is asked for, of a dissector or of what it
 * leads to.
 *
 * @param entries that the flow gave before
 */
export function mayGive(
  dissector: AnyDissector,
  entries: number,
  flow: Flow<unknown>,
  { mayMatch, dissectors }: ConversationOptions,
): boolean {
  if (!mayMatch) return true;
  const { reach, any } = reachOf(dissector, dissectors);
  if (any || mayMatch(flow, reach)) return true;
  // Whether the flow is an entry itself is known once it gave another.
  return entries === 0 && mayMatch(flow, [flow.transport]);
}

/** The protocols that a flow may give once `dissector` speaks for it. */
export function reachOf(
  dissector: AnyDissector,
  dissectors: readonly AnyDissector[],
): { readonly reach: readonly string[]; readonly any: boolean } {
  const reach = new Set<string>();
  let any = false;
  const visit = (name: string) => {
    if (reach.has(name)) return;
    reach.add(name);
    const found = dissectors.find((d) => d.name === name);
    for (const spoken of found?.speaks ?? []) reach.add(spoken);
    for (const { protocols } of found?.leadsTo ?? []) {
      if (protocols === "any") any = true;
      else protocols.forEach(visit);
    }
  };
  visit(dissector.name);
  return { reach: [...reach], any };
}
