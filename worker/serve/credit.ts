/** Credit: what may be sent to somebody, as they can take it. */
import { MAX_CREDIT } from "../../api/messages.ts";
import type { Bell } from "./bell.ts";

/** Batches, or pieces of a file, that may be sent. */
export class Credit {
  readonly #bell: Bell;
  readonly #signal: AbortSignal;
  #left = 0;

  /**
   * @param bell rung when there is more
   * @param signal aborted when nothing can be sent any more, and the bell rung
   */
  constructor(bell: Bell, signal: AbortSignal) {
    this.#bell = bell;
    this.#signal = signal;
  }

  /** How many may be sent now. */
  get left(): number {
    return this.#left;
  }

  /** As many more may be sent, though never more than some at once. */
  grant(credit: number): void {
    this.#left = Math.min(MAX_CREDIT, this.#left + credit);
    this.#bell.ring();
  }

  /** Takes one for what is sent now; there must be one. */
  spend(): void {
    if (this.#left === 0) throw new Error("There is no credit");
    this.#left--;
  }

  /**
   * Waits until there is some.
   *
   * @throws what the signal was aborted with
   */
  async wait(): Promise<void> {
    this.#signal.throwIfAborted();
    while (this.#left === 0) {
      await this.#bell.wait();
      this.#signal.throwIfAborted();
    }
  }
}
