/**
 * Time series: counts over a stretch of time that nobody knows beforehand.
 *
 * It begins with narrow steps. When values lie further apart than it has steps
 * for, neighbours are put together and steps are twice as wide.
 */

/** Steps that a series has at most. */
export const MAX_STEPS = 240;

/** Width of a step at first, µs. */
const NARROWEST = 1000;

/** Counts in one step of time. */
export interface Step {
  count: number;
  failed: number;
  bytes: number;
}

/** Counts by time. */
export class TimeSeries {
  /** µs. */
  width = NARROWEST;
  /** By number: time / width. */
  #steps = new Map<number, Step>();
  #first = Infinity;
  #last = -Infinity;

  /** Counts something at a time, µs. */
  add(time: number, failed: boolean, bytes: number): void {
    this.#widen(time);
    const step = this.#at(Math.floor(time / this.width));
    step.count++;
    if (failed) step.failed++;
    step.bytes += bytes;
  }

  /** Every step from the first to the last, those without anything included. */
  steps(): (Step & { readonly from: number })[] {
    if (this.#steps.size === 0) return [];
    const length = this.#last - this.#first + 1;
    return Array.from({ length }, (_, i) => {
      const number = this.#first + i;
      return {
        from: number * this.width,
        ...this.#steps.get(number) ?? none(),
      };
    });
  }

  #at(number: number): Step {
    let step = this.#steps.get(number);
    if (!step) this.#steps.set(number, step = none());
    this.#first = Math.min(this.#first, number);
    this.#last = Math.max(this.#last, number);
    return step;
  }

  #widen(time: number): void {
    while (true) {
      const number = Math.floor(time / this.width);
      const first = Math.min(this.#first, number);
      const last = Math.max(this.#last, number);
      if (last - first < MAX_STEPS) return;
      this.width *= 2;
      const narrow = this.#steps;
      this.#steps = new Map();
      this.#first = Infinity;
      this.#last = -Infinity;
      for (const [old, counts] of narrow) {
        const step = this.#at(Math.floor(old / 2));
        step.count += counts.count;
        step.failed += counts.failed;
        step.bytes += counts.bytes;
      }
    }
  }
}

const none = (): Step => ({ count: 0, failed: 0, bytes: 0 });
