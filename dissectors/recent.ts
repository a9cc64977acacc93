/**
 * The newest of many numbers, such as ids of requests answered lately: an
 * answer to one of them is a further one, and no sign of a request unseen.
 */

/** How many are remembered. */
const SIZE = 256;

/** A ring of numbers that are 0 or more. */
export class Recent {
  readonly #ring = new Float64Array(SIZE).fill(-1);
  #added = 0;

  /** Remembers a number in the place of the oldest one. */
  add(number: number): void {
    this.#ring[this.#added++ % SIZE] = number;
  }

  /** Whether the number is among the newest. */
  has(number: number): boolean {
    return this.#ring.includes(number);
  }

  /** Those remembered, oldest first. */
  save(): number[] {
    const next = this.#added % SIZE;
    return [...this.#ring.subarray(next), ...this.#ring.subarray(0, next)]
      .filter((number) => number >= 0);
  }

  /** Adds those that {@link save} gave. */
  restore(saved: readonly number[]): void {
    for (const number of saved) this.add(number);
  }
}
