/**
 * A network that is slow, and differently slow each time: what a page says and
 * what it is answered come late, each by up to so many milliseconds.
 *
 * `LATE=600 SEED=3` shows which tests, and which parts of the page, take for
 * granted that the hub answers before anybody goes on. What is said over one
 * socket keeps its order, as it does everywhere.
 */
import { Random } from "../fuzz/random.ts";

/** Most that anything is late by, each way, ms. */
export const LATE = Number(Deno.env.get("LATE") ?? 0);

const SEED = Number(Deno.env.get("SEED") ?? 1);

/** How late the things of one test come. */
export class Lateness {
  readonly #random = new Random(SEED);

  /** Waits as long as the next thing is late. */
  async pass(): Promise<void> {
    if (LATE === 0) return;
    const delay = this.#random.int(0, LATE);
    await new Promise((resolve) => setTimeout(resolve, delay));
  }

  /** One way of a socket: what is passed on comes late, and in its order. */
  queue<T>(deliver: (message: T) => void): (message: T) => void {
    if (LATE === 0) return deliver;
    let before = Promise.resolve();
    return (message) => {
      before = Promise.all([before, this.pass()]).then(() => deliver(message));
    };
  }
}
