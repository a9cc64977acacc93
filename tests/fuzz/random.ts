/**
 * Seeded randomness for fuzz and law tests: a failure names its seed, and the
 * seed gives the failure again.
 */

/** A source of reproducible random values (sfc32). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = (seed / 2 ** 32) >>> 0;
    this.#c = 0x9e3779b9;
    for (let i = 0; i < 12; i++) this.#next();
  }

  #next(): number {
    const t = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t | 0;
    return t >>> 0;
  }

  /** An integer from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.#next() / 2 ** 32 * (high - low + 1));
  }

  /** Whether an event of that probability happens. */
  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!;
  }

  /** Random bytes. */
  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = this.#next();
    return bytes;
  }

  /** A changed copy: bits flipped, ranges cut, doubled, or overwritten. */
  mutate(original: Uint8Array, most = 4): Uint8Array {
    let bytes: Uint8Array = original.slice();
    for (let n = this.int(1, most); n > 0 && bytes.length > 0; n--) {
      const at = this.int(0, bytes.length - 1);
      const size = Math.min(this.int(1, 16), bytes.length - at);
      switch (this.int(0, 6)) {
        case 0:
          bytes[at]! ^= 1 << this.int(0, 7);
          break;
        case 1:
          bytes[at] = this.pick([0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20]);
          break;
        case 2:
          bytes.set(this.bytes(size), at);
          break;
        case 3:
          bytes = bytes.slice(0, at);
          break;
        case 4:
          bytes = concat(bytes.subarray(0, at), bytes.subarray(at + size));
          break;
        case 5:
          bytes = concat(
            bytes.subarray(0, at + size),
            bytes.subarray(at),
          );
          break;
        default: {
          const other = this.int(0, bytes.length - size);
          bytes.copyWithin(at, other, other + size);
        }
      }
    }
    return bytes;
  }
}

/** Several runs of bytes as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
