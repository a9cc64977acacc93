/** Says how far a query is, and not too often. */
import type { Channel } from "../../api/channel.ts";
import type { Answer, Progress } from "../../api/messages.ts";

/** Least time between two messages, ms. */
const INTERVAL = 200;

/** Says it to whoever asked. */
export class ProgressTeller {
  /** Entries that matched so far. */
  matches = 0;
  readonly #channel: Channel;
  readonly #total: number;
  #told: number;

  /** @param total bytes of all stored packets */
  constructor(channel: Channel, total: number) {
    this.#channel = channel;
    this.#total = total;
    this.#told = performance.now();
  }

  /**
   * Says it, if it was not said just now.
   *
   * @param done bytes that were searched or passed over
   * @param behind µs of packets that are stored and not yet read
   */
  tell(done: number, behind?: number): void {
    const now = performance.now();
    if (now - this.#told < INTERVAL) return;
    this.#told = now;
    const { matches } = this;
    // A shard that is being written may have grown meanwhile.
    const total = Math.max(done, this.#total);
    const progress: Progress = { done, total, matches, behind };
    this.#channel.send(JSON.stringify({ progress } satisfies Answer));
  }
}
