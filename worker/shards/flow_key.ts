/**
 * Five-tuples as words, so that two are compared and hashed without looking at
 * single bytes.
 *
 * Of a flow's two ends the one with the lesser address (then port) is *low*.
 */

/** Words of a key. */
export const KEY = {
  /** Four words of each address; of IPv4 the first of them. */
  FIRST: 0,
  SECOND: 4,
  /** Both ports. */
  PORTS: 8,
  /** See {@link kindOf}; 0 where there is no flow. */
  KIND: 9,
  WORDS: 10,
} as const;

/** What else tells flows apart, in one word. */
export function kindOf(
  version: number,
  protocol: number,
  isFragment: boolean,
): number {
  return version << 16 | (isFragment ? 1 << 8 : 0) | protocol;
}

/** The key of one packet after the other. */
export class FlowKey {
  /** Its words: the source first, once it was {@link order}ed the low end. */
  readonly words: Uint32Array = new Uint32Array(KEY.WORDS);
  /** Whether the packet was sent by the low end. */
  fromLow = false;
  /** An odd number for each word, so that multiplying loses nothing. */
  readonly #factors = new Int32Array(KEY.WORDS);

  /** @param seed any number. Where it is known, a peer can make hashes meet */
  constructor(seed: number) {
    let state = seed ^ 0x9e3779b9;
    for (let i = 0; i < KEY.WORDS; i++) {
      state = Math.imul(state ^ state >>> 16, 0x85ebca6b) + 0x9e3779b9 | 0;
      state = Math.imul(state ^ state >>> 13, 0xc2b2ae35);
      this.#factors[i] = state ^ state >>> 16 | 1;
    }
  }

  /** Puts the low end first. */
  order(): void {
    const { words } = this;
    const isIpv4 = words[KEY.KIND]! >>> 16 === 4;
    let order = words[0]! - words[4]!;
    if (order === 0 && !isIpv4) {
      order = words[1]! - words[5]! || words[2]! - words[6]! ||
        words[3]! - words[7]!;
    }
    const ports = words[KEY.PORTS]!;
    if (order === 0) order = (ports >>> 16) - (ports & 0xffff);
    this.fromLow = order <= 0;
    if (order <= 0) return;
    swap(words, 0);
    if (!isIpv4) {
      swap(words, 1);
      swap(words, 2);
      swap(words, 3);
    }
    words[KEY.PORTS] = ports << 16 | ports >>> 16;
  }

  /**
   * Its hash, 32 bits: the same for both directions once it was ordered.
   *
   * @param words of another key, which begin at `at`
   */
  hash(words: Uint32Array = this.words, at = 0): number {
    const factors = this.#factors;
    const kind = words[at + KEY.KIND]!;
    // Sums of products do not wait for each other.
    let hash = Math.imul(words[at]!, factors[0]!) +
        Math.imul(words[at + 4]!, factors[4]!) +
        Math.imul(words[at + KEY.PORTS]!, factors[KEY.PORTS]!) +
        Math.imul(kind, factors[KEY.KIND]!) | 0;
    if (kind >>> 16 !== 4) {
      hash += Math.imul(words[at + 1]!, factors[1]!) +
          Math.imul(words[at + 2]!, factors[2]!) +
          Math.imul(words[at + 3]!, factors[3]!) | 0;
      hash += Math.imul(words[at + 5]!, factors[5]!) +
          Math.imul(words[at + 6]!, factors[6]!) +
          Math.imul(words[at + 7]!, factors[7]!) | 0;
    }
    hash = Math.imul(hash ^ hash >>> 15, factors[1]!);
    return (hash ^ hash >>> 14) >>> 0;
  }

  /** Whether it is the key whose words begin at `at` of others. */
  isAt(others: Uint32Array, at: number): boolean {
    const { words } = this;
    if (
      others[at] !== words[0] || others[at + 4] !== words[4] ||
      others[at + KEY.PORTS] !== words[KEY.PORTS] ||
      others[at + KEY.KIND] !== words[KEY.KIND]
    ) return false;
    if (words[KEY.KIND]! >>> 16 === 4) return true;
    return others[at + 1] === words[1] && others[at + 2] === words[2] &&
      others[at + 3] === words[3] && others[at + 5] === words[5] &&
      others[at + 6] === words[6] && others[at + 7] === words[7];
  }

  /** Puts its words among others, from `at` on. */
  copyTo(others: Uint32Array, at: number): void {
    for (let i = 0; i < KEY.WORDS; i++) others[at + i] = this.words[i]!;
  }
}

/** Swaps a word of both addresses. */
function swap(words: Uint32Array, i: number): void {
  const word = words[i]!;
  words[i] = words[i + 4]!;
  words[i + 4] = word;
}
