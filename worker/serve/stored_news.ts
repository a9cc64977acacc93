/** Tells those who follow that packets were stored. */
import type { Bell } from "./bell.ts";

/** Whoever wants to know, in one thread. */
export class StoredNews {
  readonly #bells = new Set<Bell>();
  readonly #onListens: (listens: boolean) => void;

  /** @param onListens told whether anybody wants to know, when that changes */
  constructor(onListens: (listens: boolean) => void) {
    this.#onListens = onListens;
  }

  /** Rings a bell from now on, until what it gives is disposed of. */
  listen(bell: Bell): Disposable {
    this.#bells.add(bell);
    if (this.#bells.size === 1) this.#onListens(true);
    return {
      [Symbol.dispose]: () => {
        this.#bells.delete(bell);
        if (this.#bells.size === 0) this.#onListens(false);
      },
    };
  }

  /** Packets were stored. */
  tell(): void {
    for (const bell of this.#bells) bell.ring();
  }
}
