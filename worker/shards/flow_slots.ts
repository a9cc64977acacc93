/**
 * Flows in slots: what is remembered of each five-tuple, in bounded memory.
 *
 * A slot is one cache line. The five-tuple's hash picks a set of eight and the
 * place in it to begin at; a new flow takes the first that is free, or the one
 * that has been silent for longest. So a look-up mostly touches a single line,
 * which is what it costs, nothing grows and nothing is ever moved, however many
 * flows a hostile peer opens: then some are forgotten early.
 */
import { FlowKey, KEY } from "./flow_key.ts";

/** Words of a slot; it begins with the flow's key. */
export const SLOT = {
  KIND: KEY.KIND,
  /** When the flow's last packet came, ms modulo 2^32. */
  LAST: 10,
  /**
   * The flow's number times 4; the two bits below are the owner's, and 0 when a
   * flow begins. No other flow has that number, until 2^30 were begun.
   */
  STAMP: 11,
  /** Four words for whoever owns the slots; 0 when a flow begins. */
  OWN: 12,
} as const;

/** Words of a slot: a cache line. */
export const SLOT_WORDS = 16;

/** Slots that a flow may be in. */
const WAYS = 8;

/** All slots. */
export class FlowSlots {
  /** {@link SLOT_WORDS} for each slot. */
  readonly words: Uint32Array;
  /** The five-tuple that is looked for. */
  readonly key: FlowKey;
  readonly #sets: number;
  #stamp = 0;

  /**
   * @param words memory for the slots, of which there are a power of two
   * @param seed any number. Where it is known, a peer can have flows forgotten
   */
  constructor(words: Uint32Array, seed: number) {
    this.words = words;
    this.key = new FlowKey(seed);
    this.#sets = words.length / SLOT_WORDS / WAYS;
  }

  /**
   * Looks for the flow of the packet whose ends are in {@link key}, source
   * first; the flow has a slot from then on, and the key is in order.
   *
   * @param now time of the packet, ms modulo 2^32
   * @returns where the slot's words begin
   */
  find(now: number): number {
    const { words, key } = this;
    key.order();
    const hash = key.hash();
    const set = (hash >>> 7 & this.#sets - 1) * WAYS;
    for (let n = 0; n < WAYS; n++) {
      const at = (set + (hash + n & WAYS - 1)) * SLOT_WORDS;
      if (key.isAt(words, at)) {
        words[at + SLOT.LAST] = now;
        return at;
      }
      // Slots are taken in this order and never given up.
      if (words[at + SLOT.KIND] === 0) return this.#begin(at, now);
    }
    return this.#begin(this.#longestSilent(set, now), now);
  }

  /** Gives the slot to another flow, of the same ends. Gives its stamp. */
  renew(at: number): number {
    // 0 is no flow's number.
    this.#stamp = this.#stamp + 4 >>> 0 || 4;
    return this.words[at + SLOT.STAMP] = this.#stamp;
  }

  #longestSilent(set: number, now: number): number {
    let found = 0;
    let silence = -1;
    for (let way = 0; way < WAYS; way++) {
      const at = (set + way) * SLOT_WORDS;
      const silent = now - this.words[at + SLOT.LAST]! >>> 0;
      if (silent > silence) [found, silence] = [at, silent];
    }
    return found;
  }

  /** Gives a slot to the flow. */
  #begin(at: number, now: number): number {
    const { words } = this;
    this.key.copyTo(words, at);
    for (let i = SLOT.OWN; i < SLOT_WORDS; i++) words[at + i] = 0;
    words[at + SLOT.LAST] = now;
    this.renew(at);
    return at;
  }
}
