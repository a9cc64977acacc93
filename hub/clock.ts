/** Time that passes only while somebody wants it to. */

/** A clock that can be stopped; ms, from 0 on. */
export class PausableClock {
  #elapsed = 0;
  #since: number | undefined = performance.now();

  /** What it shows. */
  get now(): number {
    if (this.#since === undefined) return this.#elapsed;
    return this.#elapsed + performance.now() - this.#since;
  }

  /** Lets it run, or stops it. */
  run(isRunning: boolean): void {
    if (isRunning === (this.#since !== undefined)) return;
    this.#elapsed = this.now;
    this.#since = isRunning ? performance.now() : undefined;
  }
}

/** The time of day, µs since 1970. */
export const nowMicros = (): number => Date.now() * 1000;
