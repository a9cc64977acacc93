/**
 * Flows in slots: what the capture thread remembers of each five-tuple.
 *
 * A slot is one cache line in shared memory. Eight slots make a set, which the
 * five-tuple's hash picks; a new flow takes the one in it that has been silent
 * for longest. So a look-up touches two lines, nothing grows and nothing is
 * ever moved, however many flows a hostile peer opens: then some are forgotten
 * early.
 *
 * Of a flow's two ends the one with the lesser address (then port) is *low*.
 */

/** Words of a slot. */
export const SLOT = {
  /** Both addresses, four words each, then both ports, then {@link kindOf}. */
  KEY: 0,
  PORTS: 8,
  KIND: 9,
  /** Where the packets of the low end are at home, then those of the high end. */
  HOME: 10,
  /** When a packet came there last, ms modulo 2^32: for both ends. */
  HOME_AT: 12,
  /** When the flow's last packet came, ms modulo 2^32. */
  LAST: 14,
  /** How often the slot was given to another flow. */
  GENERATION: 15,
} as const;

/** Words of a slot: a cache line. */
export const SLOT_WORDS = 16;

/** Slots that a flow may be in. */
const WAYS = 8;

/** Flows that are remembered: four mebibytes. */
export const MAX_SLOTS: number = 1 << 16;

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
  readonly words: Uint32Array<SharedArrayBuffer> = new Uint32Array(
    new SharedArrayBuffer(MAX_SLOTS * SLOT_WORDS * 4),
  );
  /** The five-tuple that is looked for; of an IPv4 address the first word. */
  readonly key: Uint32Array = new Uint32Array(SLOT.KIND + 1);
  /** Whether the packet looked for was sent by the low end. */
  fromLow = false;
  /** Hashes of the flows in the slots; 0 where there is none. */
  readonly #tags = new Uint32Array(MAX_SLOTS);
  // Odd, and unknown to those who would make hashes collide.
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0]! | 1;

  /**
   * Looks for the flow of the packet whose ends are in {@link key}, source
   * first; the flow has a slot from then on.
   *
   * @param now time of the packet, ms modulo 2^32
   * @returns where the slot's words begin
   */
  find(now: number): number {
    this.#order();
    const tag = this.#hash();
    const first = (tag >>> 7) % (MAX_SLOTS / WAYS) * WAYS;
    const tags = this.#tags;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (tags[slot] === tag && this.#hasKey(slot * SLOT_WORDS)) {
        const at = slot * SLOT_WORDS;
        this.words[at + SLOT.LAST] = now;
        return at;
      }
    }
    return this.#begin(first, tag, now);
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
    const seed = this.#seed;
    let hash = Math.imul(key[SLOT.PORTS]! ^ seed, 0x85ebca6b);
    hash = mix(hash ^ key[0]!, seed);
    hash = mix(hash ^ key[4]!, seed);
    const kind = key[SLOT.KIND]!;
    if (kind >>> 16 !== 4) {
      for (let i = 1; i < 4; i++) {
        hash = mix(hash ^ key[i]!, seed);
        hash = mix(hash ^ key[i + 4]!, seed);
      }
    }
    hash = mix(hash ^ kind, seed);
    return (hash ^ hash >>> 16) >>> 0 || 1;
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

  /** Gives the flow a slot of the set: a free one, or the longest silent. */
  #begin(first: number, tag: number, now: number): number {
    const { words, key } = this;
    let slot = first;
    let silence = -1;
    for (let i = first; i < first + WAYS; i++) {
      if (this.#tags[i] === 0) {
        slot = i;
        break;
      }
      const silent = now - words[i * SLOT_WORDS + SLOT.LAST]! >>> 0;
      if (silent > silence) [slot, silence] = [i, silent];
    }
    this.#tags[slot] = tag;
    const at = slot * SLOT_WORDS;
    for (let i = 0; i <= SLOT.KIND; i++) words[at + i] = key[i]!;
    words[at + SLOT.HOME] = words[at + SLOT.HOME + 1] = 0;
    words[at + SLOT.LAST] = now;
    words[at + SLOT.GENERATION]!++;
    return at;
  }
}

function mix(hash: number, seed: number): number {
  const mixed = Math.imul(hash ^ hash >>> 15, seed);
  return mixed ^ mixed >>> 13;
}
