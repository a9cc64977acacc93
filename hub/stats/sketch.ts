/**
 * Sketch: the quantiles of any number of values, each within 1 %.
 *
 * Values are counted in bins whose bounds grow by a constant factor, so that
 * whatever is in a bin is near its middle (DDSketch; Masson, Rim, Lee, VLDB
 * 2019). Two sketches are merged by adding their bins.
 */

/** The most by which a quantile is wrong, relative to itself. */
export const ACCURACY = 0.01;

const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = Math.log(GAMMA);

/** Smaller values are counted as 0: a tenth of a microsecond, in ms. */
const LEAST = 1e-4;

/** Larger values count as this one: a month, in ms. */
const GREATEST = 2.7e9;

/** Values above 0 or equal, as counts. At most 1,500 bins. */
export class Sketch {
  count = 0;
  #zeros = 0;
  readonly #bins = new Map<number, number>();

  /** Counts a value. */
  add(value: number): void {
    this.count++;
    if (!(value >= LEAST)) {
      this.#zeros++;
      return;
    }
    const bin = Math.ceil(Math.log(Math.min(value, GREATEST)) / LOG_GAMMA);
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + 1);
  }

  /** Counts what another one counted. */
  merge(other: Sketch): void {
    this.count += other.count;
    this.#zeros += other.#zeros;
    for (const [bin, count] of other.#bins) {
      this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + count);
    }
  }

  /**
   * The values below which these shares of all lie; `undefined` without any.
   *
   * @param shares from 0 to 1, rising
   */
  quantiles(shares: readonly number[]): number[] | undefined {
    if (this.count === 0) return undefined;
    const bins = [...this.#bins].sort(([a], [b]) => a - b);
    let passed = this.#zeros;
    let next = 0;
    let value = 0;
    return shares.map((share) => {
      const rank = share * (this.count - 1);
      while (passed <= rank && next < bins.length) {
        const [bin, count] = bins[next++]!;
        passed += count;
        value = 2 * GAMMA ** bin / (GAMMA + 1);
      }
      return value;
    });
  }
}
