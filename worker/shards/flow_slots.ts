/**
 * Flows in slots: what is remembered of each five-tuple, in bounded memory.
 *
 * A slot is one cache line. Slots are given out in turn, so that those of few
 * flows lie together, on few pages. Where a flow's slot is says an index, which
 * is small enough to stay at hand: the five-tuple's hash picks a set of eight
 * places, of which each has the number of a slot, and some bits of the hash so
 * that hardly another slot than the flow's own is ever looked at.
 *
 * The index doubles when a set is full, until it has as many places as there are
 * slots. From then on a new flow takes the slot of that one in its set which has
 * been silent for longest: however many flows a hostile peer opens, some are
 * forgotten early, and that is all.
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

/** Places that a flow may have. */
const WAYS = 8;

/** Bits of a place: those of the flow's hash; in the others its slot's number. */
const HASH = 0xfffe_0000;
const NUMBER = 0x0001_ffff;

/** Slots that can be told apart by their number, from 1 on. */
const MAX_SLOTS = 1 << 16;

/** Places to begin with. */
const FEW = 512;

/** All slots. */
export class FlowSlots {
  /** {@link SLOT_WORDS} for each slot. */
  readonly words: Uint32Array;
  /** The five-tuple that is looked for. */
  readonly key: FlowKey;
  /** 0 where a place is free. */
  #places: Uint32Array;
  readonly #slots: number;
  /** Slots that were given out. */
  #taken = 0;
  #stamp = 0;

  /**
   * @param words memory for the slots, of which there are a power of two, at
   *   most {@link MAX_SLOTS}
   * @param seed any number. Where it is known, a peer can have flows forgotten
   */
  constructor(words: Uint32Array, seed: number) {
    this.#slots = words.length / SLOT_WORDS;
    if (this.#slots > MAX_SLOTS) throw new Error("Too many slots");
    this.words = words;
    this.key = new FlowKey(seed);
    this.#places = new Uint32Array(Math.min(FEW, this.#slots));
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
    const places = this.#places;
    key.order();
    const hash = key.hash();
    const set = setOf(hash, places);
    for (let place = set; place < set + WAYS; place++) {
      const taken = places[place]!;
      if (taken === 0) return this.#begin(place, ++this.#taken, hash, now);
      if (((taken ^ hash) & HASH) !== 0) continue;
      const at = toWord(taken);
      if (!key.isAt(words, at)) continue;
      words[at + SLOT.LAST] = now;
      return at;
    }
    return this.#makeRoom(set, hash, now);
  }

  /** Gives the slot to another flow, of the same ends. Gives its stamp. */
  renew(at: number): number {
    // 0 is no flow's number.
    this.#stamp = this.#stamp + 4 >>> 0 || 4;
    return this.words[at + SLOT.STAMP] = this.#stamp;
  }

  /** Gives a slot to the flow, whose set is full. */
  #makeRoom(set: number, hash: number, now: number): number {
    if (this.#places.length < this.#slots) {
      this.#grow();
      return this.find(now);
    }
    const place = this.#longestSilent(set, now);
    return this.#begin(place, this.#places[place]! & NUMBER, hash, now);
  }

  /** Doubles the index: what was in one set comes into two. */
  #grow(): void {
    const places = new Uint32Array(2 * this.#places.length);
    for (const taken of this.#places) {
      if (taken === 0) continue;
      let place = setOf(this.key.hash(this.words, toWord(taken)), places);
      while (places[place] !== 0) place++;
      places[place] = taken;
    }
    this.#places = places;
  }

  #longestSilent(set: number, now: number): number {
    let found = set;
    let silence = -1;
    for (let place = set; place < set + WAYS; place++) {
      const at = toWord(this.#places[place]!);
      const silent = now - this.words[at + SLOT.LAST]! >>> 0;
      if (silent > silence) [found, silence] = [place, silent];
    }
    return found;
  }

  /** Gives a place, and the slot of that number, to the flow. */
  #begin(place: number, number: number, hash: number, now: number): number {
    const { words } = this;
    this.#places[place] = hash & HASH | number;
    const at = toWord(number);
    this.key.copyTo(words, at);
    for (let i = SLOT.OWN; i < SLOT_WORDS; i++) words[at + i] = 0;
    words[at + SLOT.LAST] = now;
    this.renew(at);
    return at;
  }
}

/** Where the set begins that a flow's places are in. */
function setOf(hash: number, places: Uint32Array): number {
  return Math.imul(hash, WAYS) & places.length - WAYS;
}

/** Where the slot of a place begins. */
function toWord(place: number): number {
  return ((place & NUMBER) - 1) * SLOT_WORDS;
}
