/**
 * Literal search in reassembled bytes: which of a plan's needles occur at all.
 *
 * Boyer, Moore and Horspool: look at the last byte of where the needle would
 * stand, and skip as far as that byte allows. Ten times cheaper than parsing
 * what it skips.
 */

/** A text that a match must contain. ASCII, so that it has one encoding. */
export interface Needle {
  readonly text: string;
  /** Whether ASCII letters may stand in either case. */
  readonly caseless: boolean;
}

/** One needle, prepared. */
class Pattern {
  readonly length: number;
  /** As it stands in the bytes; folded to lower case where case is ignored. */
  readonly #bytes: Uint8Array;
  readonly #caseless: boolean;
  /** How far a mismatch may skip, by the last byte looked at. */
  readonly #skip: Uint32Array;

  constructor(needle: Needle) {
    const text = needle.caseless ? needle.text.toLowerCase() : needle.text;
    this.#bytes = new TextEncoder().encode(text);
    this.#caseless = needle.caseless;
    this.length = this.#bytes.length;
    const last = this.length - 1;
    this.#skip = new Uint32Array(256).fill(this.length);
    for (let i = 0; i < last; i++) {
      for (const byte of spellings(this.#bytes[i]!, needle.caseless)) {
        this.#skip[byte] = last - i;
      }
    }
  }

  /** Whether it occurs in `bytes[start, end)`. */
  occursIn(bytes: Uint8Array, start: number, end: number): boolean {
    const length = this.length;
    if (length === 0) return true;
    const skip = this.#skip;
    const last = length - 1;
    const lastBytes = spellings(this.#bytes[last]!, this.#caseless);
    const a = lastBytes[0]!;
    const b = lastBytes[1] ?? a;
    for (let at = start + last; at < end;) {
      const byte = bytes[at]!;
      if ((byte === a || byte === b) && this.#standsAt(bytes, at - last)) {
        return true;
      }
      at += skip[byte]!;
    }
    return false;
  }

  #standsAt(bytes: Uint8Array, at: number): boolean {
    const pattern = this.#bytes;
    for (let i = 0; i < pattern.length; i++) {
      let byte = bytes[at + i]!;
      if (this.#caseless && byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      if (byte !== pattern[i]) return false;
    }
    return true;
  }
}

/** A byte, and where case is ignored its letter's other case. */
function spellings(byte: number, caseless: boolean): number[] {
  return caseless && byte >= 0x61 && byte <= 0x7a
    ? [byte, byte & ~0x20]
    : [byte];
}

/** The needles of a plan. */
export class NeedleSet {
  readonly patterns: readonly Pattern[];
  /** Bytes of the longest one. */
  readonly longest: number;

  constructor(needles: readonly Needle[]) {
    this.patterns = needles.map((needle) => new Pattern(needle));
    this.longest = Math.max(0, ...this.patterns.map((p) => p.length));
  }

  /** Marks in `found`, one byte a needle, those that occur. */
  search(
    bytes: Uint8Array,
    start: number,
    end: number,
    found: Uint8Array,
  ): void {
    this.patterns.forEach((pattern, i) => {
      if (!found[i] && pattern.occursIn(bytes, start, end)) found[i] = 1;
    });
  }
}

/** Looks for needles in one stream, also where they straddle its chunks. */
export class NeedleStream {
  readonly #set: NeedleSet;
  /** The end of what went by: one byte less than the longest needle. */
  readonly #tail: Uint8Array;
  #kept = 0;

  constructor(set: NeedleSet) {
    this.#set = set;
    this.#tail = new Uint8Array(2 * Math.max(0, set.longest - 1));
  }

  /** Searches the stream's next bytes, borrowed until it returns. */
  add(bytes: Uint8Array, start: number, end: number, found: Uint8Array): void {
    const reach = this.#tail.length / 2;
    if (this.#kept > 0) {
      const ahead = Math.min(reach, end - start);
      this.#tail.set(bytes.subarray(start, start + ahead), this.#kept);
      this.#set.search(this.#tail, 0, this.#kept + ahead, found);
    }
    this.#set.search(bytes, start, end, found);
    this.#keep(bytes, start, end, reach);
  }

  #keep(bytes: Uint8Array, start: number, end: number, reach: number): void {
    const size = end - start;
    if (size >= reach) {
      this.#tail.set(bytes.subarray(end - reach, end));
      this.#kept = reach;
      return;
    }
    // The chunk already stands behind what was kept, if anything was.
    this.#tail.set(bytes.subarray(start, end), this.#kept);
    const whole = this.#kept + size;
    this.#kept = Math.min(reach, whole);
    this.#tail.copyWithin(0, whole - this.#kept, whole);
  }
}
