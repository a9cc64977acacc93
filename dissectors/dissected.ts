/**
 * exchange -> entry: what a parser gave, as everybody else sees it.
 */
import {
  type End,
  type Entry,
  type Incomplete,
  type Leg,
  type Marks,
  type NodeRef,
  toId,
  type Transport,
} from "../entry/entry.ts";
import { type NameLookup, withNames } from "../entry/names.ts";
import { fromPlace, type Mark } from "../stream/reader.ts";
import {
  type AnyDescriber,
  type Exchange,
  type Message,
  otherSide,
  type Side,
} from "./dissector.ts";

/** Characters of a summary; the rest is cut. */
const MAX_SUMMARY = 200;

/** What an entry takes from its flow. */
export interface EntrySource {
  readonly transport: Transport;
  readonly client: End;
  readonly server: End;
  readonly node: NodeRef;
  readonly decrypted: boolean;
  readonly leg?: Leg | undefined;
}

/** Control characters and line ends, which would break a line. */
// deno-lint-ignore no-control-regex -- they are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** One line without control characters, cut to what a row can show. */
export function toSummary(text: string): string {
  const line = text.slice(0, 4 * MAX_SUMMARY).replace(UNPRINTABLE, " ").trim();
  return line.length > MAX_SUMMARY
    ? line.slice(0, MAX_SUMMARY - 1).toWellFormed() + "…"
    : line.toWellFormed();
}

/**
 * An entry whose parts are worked out when asked for: most entries are only
 * looked at by a filter and then forgotten.
 */
export class DissectedEntry implements Entry {
  readonly transport: Transport;
  readonly node: NodeRef;
  readonly decrypted: boolean;
  readonly leg: Leg | undefined;
  #marks: Marks | undefined;
  #src: End;
  #dst: End;
  readonly #dissector: AnyDescriber;
  readonly #exchange: Exchange;

  constructor(
    dissector: AnyDescriber,
    exchange: Exchange,
    source: EntrySource,
  ) {
    this.#dissector = dissector;
    this.#exchange = exchange;
    this.transport = source.transport;
    this.node = source.node;
    this.decrypted = source.decrypted;
    this.leg = source.leg;
    const asked = exchange.asker === "client";
    this.#src = asked ? source.client : source.server;
    this.#dst = asked ? source.server : source.client;
  }

  /** What it is known by elsewhere, once it was marked. */
  get marks(): Marks | undefined {
    return this.#marks;
  }

  /**
   * Marks its halves.
   *
   * @param toMark what is known of the first byte of what a side said
   */
  markBy(toMark: (side: Side, first: Mark) => number | undefined): void {
    const { asker, request, response } = this.#exchange;
    this.#marks = {
      asked: request && toMark(asker, request.first),
      answered: response && toMark(otherSide(asker), response.first),
    };
  }

  /** The same where it is known otherwise. */
  markAs(marks: Marks): void {
    this.#marks = marks;
  }

  get src(): End {
    return this.#src;
  }

  get dst(): End {
    return this.#dst;
  }

  /** Gives both ends the names that they had when it began. */
  nameEnds(names: NameLookup): void {
    const { timestamp } = this;
    this.#src = withNames(this.#src, names.at(this.#src, timestamp));
    this.#dst = withNames(this.#dst, names.at(this.#dst, timestamp));
  }

  /** Whether it can be kept; else it must be used at once. */
  get borrowsNothing(): boolean {
    return this.#dissector.borrowsNothing === true;
  }

  /** Its first captured byte. */
  get #first(): Mark {
    const { request, response } = this.#exchange;
    const first = request?.first ?? response?.first;
    if (!first) throw new Error("An exchange has neither half");
    return first;
  }

  /** Where it begins: shard × 2^24 + packet. */
  get place(): number {
    return this.#first.place;
  }

  /** How many exchanges begin before it in that packet. */
  get n(): number {
    return this.#first.n;
  }

  get id(): string {
    const { place, n } = this.#first;
    return toId({ node: this.node.name, ...fromPlace(place), n });
  }

  get protocol(): string {
    return this.#exchange.protocol ?? this.#dissector.name;
  }

  get version(): string | undefined {
    return this.#exchange.version;
  }

  get timestamp(): number {
    return this.#first.time;
  }

  get completed(): number {
    const { request, response } = this.#exchange;
    return Math.max(request?.last.time ?? 0, response?.last.time ?? 0);
  }

  get elapsed(): number | undefined {
    const { request, response } = this.#exchange;
    // A flow's two halves are not question and answer.
    if (!request || !response || this.#dissector.ofFlows) return undefined;
    return response.first.time - request.first.time;
  }

  get summary(): string {
    return toSummary(this.#dissector.summarize(this.#exchange));
  }

  get status(): string | number | undefined {
    return this.#dissector.status(this.#exchange);
  }

  get failed(): boolean {
    const incomplete = this.#exchange.incomplete;
    return incomplete?.includes("no response") ||
      incomplete?.includes("reset") ||
      this.#dissector.failed(this.#exchange);
  }

  get requestSize(): number | undefined {
    return this.#dissector.ofFlows ? undefined : this.#exchange.request?.size;
  }

  get responseSize(): number | undefined {
    return this.#dissector.ofFlows ? undefined : this.#exchange.response?.size;
  }

  get incomplete(): readonly Incomplete[] | undefined {
    const incomplete = this.#exchange.incomplete;
    return incomplete?.length ? incomplete : undefined;
  }

  get request(): object | undefined {
    return this.#exchange.request?.values;
  }

  get response(): object | undefined {
    return this.#exchange.response?.values;
  }

  /** Its messages: they tell where its bytes lie. */
  get messages(): readonly Message[] {
    const { request, response } = this.#exchange;
    return [request, response].filter((message) => message !== undefined);
  }
}
