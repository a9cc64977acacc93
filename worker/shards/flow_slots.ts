/**
 * Flows in slots: what is remembered of each five-tuple, in bounded memory.
 *
 * A slot is one cache line. The five-tuple's hash picks a set of eight and the
 * place in it to begin at; a new flow takes the first that is free, or the one
 * that has been silent for longest. So a look-up mostly touches a single line,
 * which is what it costs, nothing grows and nothing is ever moved, however many
 * flows a hostile peer opens: then some are forgotten early.
 *
 * Of a flow's two ends the one with the lesser address (then port) is *low*.
 */

/** Words of a slot. */
export const SLOT = {
  /** Both addresses, the low one first; of IPv4 the first of four words each. */
  KEY: 0,
  /** Both ports. */
  PORTS: 8,
  /** See {@link kindOf}; 0 where there is no flow. */
  KIND: 9,
  /** When the flow's last packet came, ms modulo 2^32. */
  LAST: 10,
  /**
   * How often the slot was given to another flow, times 4; the two bits below
   * are the owner's, and 0 when a flow begins.
   */
  STAMP: 11,
  /** Four words for whoever owns the slots; 0 when a flow begins. */
  OWN: 12,
} as const;

/** Words of a slot: a cache line. */
export const SLOT_WORDS = 16;

/** Slots that a flow may be in. */
const WAYS = 8;

/** What else tells flows apart, in one word. */
export function kindOf(
  version: number,
  protocol: number,
  isFragment: boolean,
): number {
  return version << 16 | (isFragment ? 1 << 8 : 0) | protocol;
}

/** All slots. */
export class FlowSlots {
  /** {@link SLOT_WORDS} for each slot. */
  readonly words: Uint32Array;
  /** The five-tuple that is looked for; of an IPv4 address the first word. */
  readonly key: Uint32Array = new Uint32Array(SLOT.KIND + 1);
  /** Whether the packet looked for was sent by the low end. */
  fromLow = false;
  readonly #sets: number;
  /** An odd number for each word of a key, so that multiplying loses nothing. */
  readonly #factors = new Int32Array(SLOT.KIND + 1);

  /**
   * @param words memory for the slots, of which there are a power of two
   * @param seed any number. Where it is known, a peer can have flows forgotten
   */
  constructor(words: Uint32Array, seed: number) {
    const slots = words.length / SLOT_WORDS;
    this.words = words;
    this.#sets = slots / WAYS;
    let state = seed ^ 0x9e3779b9;
    for (let i = 0; i < this.#factors.length; i++) {
      state = Math.imul(state ^ state >>> 16, 0x85ebca6b) + 0x9e3779b9 | 0;
      state = Math.imul(state ^ state >>> 13, 0xc2b2ae35);
      this.#factors[i] = state ^ state >>> 16 | 1;
    }
  }

  /**
   * Looks for the flow of the packet whose ends are in {@link key}, source
   * first; the flow has a slot from then on.
   *
   * @param now time of the packet, ms modulo 2^32
   * @returns where the slot's words begin
   */
  find(now: number): number {
    this.#order();
    const { words } = this;
    const hash = this.#hash();
    const set = (hash >>> 7 & this.#sets - 1) * WAYS;
    for (let n = 0; n < WAYS; n++) {
      const at = (set + (hash + n & WAYS - 1)) * SLOT_WORDS;
      if (this.#hasKey(at)) {
        words[at + SLOT.LAST] = now;
        return at;
      }
      // Slots are taken in this order and never given up.
      if (words[at + SLOT.KIND] === 0) return this.#begin(at, now);
    }
    return this.#begin(this.#longestSilent(set, now), now);
  }

  /** Puts the lesser end first. */
  #order(): void {
    const key = this.key;
    const words = key[SLOT.KIND]! >>> 16 === 4 ? 1 : 4;
    let order = 0;
    for (let i = 0; i < words && order === 0; i++) {
      order = key[i]! - key[i + 4]!;
    }
    const ports = key[SLOT.PORTS]!;
    if (order === 0) order = (ports >>> 16) - (ports & 0xffff);
    this.fromLow = order <= 0;
    if (order <= 0) return;
    for (let i = 0; i < words; i++) {
      const word = key[i]!;
      key[i] = key[i + 4]!;
      key[i + 4] = word;
    }
    key[SLOT.PORTS] = ports << 16 | ports >>> 16;
  }

  #hash(): number {
    const key = this.key;
    const factors = this.#factors;
    const kind = key[SLOT.KIND]!;
    // Sums of products do not wait for each other.
    let hash = Math.imul(key[0]!, factors[0]!) +
        Math.imul(key[4]!, factors[4]!) +
        Math.imul(key[SLOT.PORTS]!, factors[SLOT.PORTS]!) +
        Math.imul(kind, factors[SLOT.KIND]!) | 0;
    if (kind >>> 16 !== 4) {
      hash += Math.imul(key[1]!, factors[1]!) +
          Math.imul(key[2]!, factors[2]!) + Math.imul(key[3]!, factors[3]!) | 0;
      hash += Math.imul(key[5]!, factors[5]!) +
          Math.imul(key[6]!, factors[6]!) + Math.imul(key[7]!, factors[7]!) | 0;
    }
    hash = Math.imul(hash ^ hash >>> 15, factors[1]!);
    return (hash ^ hash >>> 14) >>> 0;
  }

  #hasKey(at: number): boolean {
    const { key, words } = this;
    if (
      words[at] !== key[0] || words[at + 4] !== key[4] ||
      words[at + SLOT.PORTS] !== key[SLOT.PORTS] ||
      words[at + SLOT.KIND] !== key[SLOT.KIND]
    ) return false;
    if (key[SLOT.KIND]! >>> 16 === 4) return true;
    return words[at + 1] === key[1] && words[at + 2] === key[2] &&
      words[at + 3] === key[3] && words[at + 5] === key[5] &&
      words[at + 6] === key[6] && words[at + 7] === key[7];
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
    const { words, key } = this;
    for (let i = 0; i <= SLOT.KIND; i++) words[at + i] = key[i]!;
    for (let i = SLOT.OWN; i < SLOT_WORDS; i++) words[at + i] = 0;
    words[at + SLOT.LAST] = now;
    words[at + SLOT.STAMP] = toNextStamp(words[at + SLOT.STAMP]!);
    return at;
  }
}

/** The stamp of the slot's next flow. */
export function toNextStamp(stamp: number): number {
  return (stamp | 3) + 1 >>> 0;
}
