/** A progress bar on a terminal; nothing anywhere else. */

/** Cells of the bar. */
const WIDTH = 30;

/** Least time between two drawings, ms. */
const INTERVAL = 100;

/** How long work takes before it is worth a bar, ms. */
const PATIENCE = 400;

/** Draws how much of something is done on standard error. */
export class Progress {
  readonly #total: number;
  readonly #visible = Deno.stderr.isTerminal();
  #drawnAt = performance.now() + PATIENCE - INTERVAL;
  #drawn = false;

  /** @param total bytes of work; 0 when unknown */
  constructor(total: number) {
    this.#total = total;
  }

  /** Says that `done` bytes are done. */
  update(done: number): void {
    const now = performance.now();
    if (!this.#visible || now - this.#drawnAt < INTERVAL) return;
    this.#drawnAt = now;
    this.#drawn = true;
    const size = `${(done / 1e6).toFixed(0)} MB`;
    if (this.#total === 0) this.#draw(size);
    else {
      const share = Math.min(1, done / this.#total);
      const cells = Math.round(share * WIDTH);
      this.#draw(
        `${"█".repeat(cells)}${"░".repeat(WIDTH - cells)} ` +
          `${Math.floor(share * 100)} % of ${
            (this.#total / 1e6).toFixed(0)
          } MB`,
      );
    }
  }

  /** Removes the bar. */
  end(): void {
    if (this.#drawn) this.#draw("");
    this.#drawn = false;
  }

  #draw(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
  }
}
