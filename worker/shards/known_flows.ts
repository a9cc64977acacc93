/**
 * Which row of a shard a five-tuple has.
 *
 * Nothing is forgotten and nothing depends on the hash, so what is known follows
 * from the packets alone: there is room for a number of five-tuples, and those
 * that come later are never known.
 *
 * Whoever looked a packet up before, in slots of his own, can say which flow it
 * was by a number (see {@link Glances}). Then a small table is enough to come
 * from that number to the row; where it was overwritten, the packet is looked at.
 */
import { FlowKey, KEY } from "./flow_key.ts";
import { grown } from "./growth.ts";

/** Five-tuples that are known at most, in five mebibytes. */
const MAX_KNOWN = 1 << 16;

/** Words of an entry: its key, and the row. */
const ROW = KEY.WORDS;
const ENTRY_WORDS = 12;

/** Numbers of flows whose row is at hand; a power of two. */
const AT_HAND = 8192;

/** Rows by five-tuple. */
export class KnownFlows {
  /** The five-tuple that is looked for. */
  readonly key: FlowKey;
  #count = 0;
  #entries = new Uint32Array(0);
  /** Hash table of entry + 1, 0 where free. */
  #index = new Int32Array(0);
  /** Where {@link find} ended. */
  #at = 0;
  /** Number of a flow, and its row, by the lower bits of the number. */
  readonly #atHand = new Uint32Array(2 * AT_HAND);

  constructor() {
    this.key = new FlowKey(crypto.getRandomValues(new Uint32Array(1))[0]!);
  }

  /**
   * Looks for the five-tuple in {@link key}, source first; the key is in order
   * afterwards.
   *
   * @returns its row; -1 if none is known
   */
  find(): number {
    const { key } = this;
    key.order();
    const index = this.#index;
    const entries = this.#entries;
    const last = index.length - 1;
    if (last < 0) return -1;
    let at = key.hash() & last;
    for (; index[at] !== 0; at = at + 1 & last) {
      const entry = (index[at]! - 1) * ENTRY_WORDS;
      if (!key.isAt(entries, entry)) continue;
      this.#at = at;
      return entries[entry + ROW]!;
    }
    this.#at = at;
    return -1;
  }

  /**
   * Says what {@link find} will give for what it was just asked for.
   *
   * @returns false if there is no room for it
   */
  set(row: number): boolean {
    const found = this.#index[this.#at] ?? 0;
    if (found !== 0) {
      this.#entries[(found - 1) * ENTRY_WORDS + ROW] = row;
      return true;
    }
    if (this.#count === MAX_KNOWN) return false;
    this.#makeRoom();
    const entry = this.#count++;
    this.key.copyTo(this.#entries, entry * ENTRY_WORDS);
    this.#entries[entry * ENTRY_WORDS + ROW] = row;
    this.#index[this.#free(this.key.hash())] = entry + 1;
    return true;
  }

  /** The row of the flow with that number, if it is at hand; else -1. */
  recall(number: number): number {
    const at = 2 * (number & AT_HAND - 1);
    return this.#atHand[at] === number ? this.#atHand[at + 1]! : -1;
  }

  /** Has the row at hand from now on. */
  remember(number: number, row: number): void {
    const at = 2 * (number & AT_HAND - 1);
    this.#atHand[at] = number;
    this.#atHand[at + 1] = row;
  }

  /** Room for another entry; the table is half full at most. */
  #makeRoom(): void {
    const room = this.#entries.length / ENTRY_WORDS;
    if (this.#count < room) return;
    const size = Math.max(64, 2 * room);
    const entries = new Uint32Array(size * ENTRY_WORDS);
    this.#entries = grown(this.#entries, entries);
    const before = this.#index;
    this.#index = new Int32Array(2 * size);
    if (before.length === 0) return;
    // Keys are hashed anew: their hashes are not kept.
    for (let entry = 0; entry < this.#count; entry++) {
      const hash = this.key.hash(this.#entries, entry * ENTRY_WORDS);
      this.#index[this.#free(hash)] = entry + 1;
    }
  }

  /** The place in the index for a key that is not there. */
  #free(hash: number): number {
    const last = this.#index.length - 1;
    let at = hash & last;
    while (this.#index[at] !== 0) at = at + 1 & last;
    return at;
  }
}
