/** Credit: what may be sent to somebody, as they can take it. */
import { MAX_CREDIT } from "../../api/messages.ts";

/** Batches, or pieces of a file, that may be sent. */
export class Credit {
  #left = 0;
  #waiting: (() => void) | undefined;

  /** How many may be sent now. */
  get left(): number {
    return this.#left;
  }

  /** As many more may be sent, though never more than some at once. */
  grant(credit: number): void {
    this.#left = Math.min(MAX_CREDIT, this.#left + credit);
    if (this.#left > 0) this.#waiting?.();
  }

  /** Takes one for what is sent now; there must be one. */
  spend(): void {
    if (this.#left === 0) throw new Error("There is no credit");
    this.#left--;
  }

  /**
   * Waits until there is some. Only one may wait at a time.
   *
   * @throws what the signal was aborted with
   */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#left > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = resolve;
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#waiting = undefined;
    signal.throwIfAborted();
  }
}
