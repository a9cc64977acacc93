/**
 * Queries that wait for their answers, by asker, id and first question.
 *
 * They are found by a number made of all three, so that a thousand of them
 * cost as little as one. A map keeps the order in which they were asked.
 */
import type { Message, Side } from "../dissector.ts";
import type { DnsMessage } from "./message.ts";
import { HEADER_SIZE, nameEnd } from "./wire.ts";

/** Queries of one flow that may wait. */
export const MAX_OPEN = 4096;

/** Bytes that they may hold together. */
export const MAX_OPEN_BYTES = 1 << 20;

/** A query that waits. */
export interface OpenQuery {
  /** See {@link keyOf}. */
  readonly key: number;
  readonly asker: Side;
  readonly request: Message<DnsMessage>;
  /** Whether its answer may lie in bytes that capture missed. */
  mayBeLost: boolean;
  /** The same asked again on a stream, where each is answered. */
  again: OpenQuery | undefined;
  /** Of the first of such: the last of them, if there is another one. */
  newest?: OpenQuery | undefined;
}

/** The queries of one flow that wait. */
export class OpenQueries {
  readonly #byKey = new Map<number, OpenQuery>();
  /** How many there are of an asker's id, see {@link idOf}. */
  readonly #ofId = new Map<number, number>();
  #count = 0;
  #bytes = 0;

  /** Whether there are more of them than may be. */
  get areTooMany(): boolean {
    return this.#count > MAX_OPEN || this.#bytes > MAX_OPEN_BYTES;
  }

  /** Adds a query behind all others. */
  add(query: OpenQuery): void {
    const same = this.#byKey.get(query.key);
    if (same) {
      (same.newest ?? same).again = query;
      same.newest = query;
    } else this.#byKey.set(query.key, query);
    const id = idOf(query.key);
    this.#ofId.set(id, (this.#ofId.get(id) ?? 0) + 1);
    this.#count++;
    this.#bytes += query.request.size;
  }

  /** The open query of this key with the question of this message. */
  find(key: number, message: Uint8Array): OpenQuery | undefined {
    const query = this.#byKey.get(key);
    return query && isSameQuestion(query.request.values.bytes, message)
      ? query
      : undefined;
  }

  /** Takes out the query of `asker` that the message answers. */
  take(asker: Side, response: Uint8Array): OpenQuery | undefined {
    const query = hasQuestion(response)
      ? this.find(keyOf(asker, response), response)
      : this.#findById(asker, response);
    if (query) this.remove(query);
    return query;
  }

  /** Takes out the oldest. */
  takeOldest(): OpenQuery | undefined {
    for (const query of this.#byKey.values()) {
      this.remove(query);
      return query;
    }
    return undefined;
  }

  /** Takes out the oldest if it was asked before `time`. */
  takeBefore(time: number): OpenQuery | undefined {
    for (const query of this.#byKey.values()) {
      if (query.request.first.time >= time) return undefined;
      this.remove(query);
      return query;
    }
    return undefined;
  }

  /** Every query, in the order in which {@link add} would restore them. */
  *[Symbol.iterator](): Iterator<OpenQuery> {
    for (const first of this.#byKey.values()) {
      for (let it: OpenQuery | undefined = first; it; it = it.again) yield it;
    }
  }

  /** Takes out an open query, the first of those that are the same. */
  remove(query: OpenQuery): void {
    const { key, again, newest } = query;
    if (again) {
      if (newest !== again) again.newest = newest;
      this.#byKey.set(key, again);
    } else this.#byKey.delete(key);
    const left = this.#ofId.get(idOf(key))! - 1;
    if (left > 0) this.#ofId.set(idOf(key), left);
    else this.#ofId.delete(idOf(key));
    this.#count--;
    this.#bytes -= query.request.size;
  }

  /** Answers without a question (refusals, zone transfers) have but an id. */
  #findById(asker: Side, response: Uint8Array): OpenQuery | undefined {
    const id = idOf(keyOf(asker, response));
    if (!this.#ofId.has(id)) return undefined;
    for (const query of this.#byKey.values()) {
      if (idOf(query.key) === id) return query;
    }
    return undefined;
  }
}

function hasQuestion(message: Uint8Array): boolean {
  return (message[4]! | message[5]!) !== 0;
}

/** Where a message's first question ends. */
function questionEnd(message: Uint8Array): number {
  if (!hasQuestion(message)) return HEADER_SIZE;
  const end = nameEnd(message, HEADER_SIZE, message.length);
  return end < 0 ? message.length : Math.min(message.length, end + 4);
}

/** Letters of a name may change case on the way (RFC 4343 §3). */
function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/**
 * The key of a query that `asker` sent, or was answered: its side, id, and a
 * hash (FNV-1a) of the question. Below 2^49.
 */
export function keyOf(asker: Side, message: Uint8Array): number {
  let hash = 0x811c9dc5;
  const end = questionEnd(message);
  for (let at = HEADER_SIZE; at < end; at++) {
    hash = Math.imul(hash ^ lower(message[at]!), 0x01000193);
  }
  const id = message[0]! << 8 | message[1]!;
  return (hash >>> 0) * 0x20000 + (asker === "client" ? 0 : 0x10000) + id;
}

/** The part of a key that tells asker and id, and no question. */
function idOf(key: number): number {
  return key % 0x20000;
}

function isSameQuestion(a: Uint8Array, b: Uint8Array): boolean {
  const end = questionEnd(a);
  if (end !== questionEnd(b)) return false;
  for (let at = HEADER_SIZE; at < end; at++) {
    if (lower(a[at]!) !== lower(b[at]!)) return false;
  }
  return true;
}
