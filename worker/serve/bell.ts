/** Bell: wakes whoever waits for something to do. */

/** Rung by many, heard by one. */
export class Bell {
  #hasRung = false;
  #wake: (() => void) | undefined;

  /** Wakes who waits; without anybody who does, the next one need not wait. */
  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  /** Waits until it rings, at most so long. */
  async wait(ms: number = Infinity): Promise<void> {
    if (!this.#hasRung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = ms < Infinity ? setTimeout(resolve, ms) : undefined;
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    this.#hasRung = false;
  }
}
