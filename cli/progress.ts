/** A progress bar on a terminal; nothing anywhere else. */

/** Cells of the bar. */
const WIDTH = 30;

/** Least time between two drawings, ms. */
const INTERVAL = 100;

/** How long work takes before it is worth a bar, ms. */
const PATIENCE = 400;

/** Draws how much of something is done on standard error. */
export class Progress {
  readonly #measure: () => number;
  readonly #visible = Deno.stderr.isTerminal();
  #drawnAt = performance.now() + PATIENCE - INTERVAL;
  #drawn = false;
  #total: number | undefined;

  /** @param measure gives the bytes of work, 0 when unknown; may be slow */
  constructor(measure: () => number) {
    this.#measure = measure;
  }

  /** Says that `done` bytes are done. */
  update(done: number): void {
    const now = performance.now();
    if (!this.#visible || now - this.#drawnAt < INTERVAL) return;
    this.#drawnAt = now;
    this.#drawn = true;
    const total = this.#total ??= this.#measure();
    const size = `${(done / 1e6).toFixed(0)} MB`;
    if (total === 0) this.#draw(size);
    else {
      const share = Math.min(1, done / total);
      const cells = Math.round(share * WIDTH);
      this.#draw(
        `${"█".repeat(cells)}${"░".repeat(WIDTH - cells)} ` +
          `${Math.floor(share * 100)} % of ${(total / 1e6).toFixed(0)} MB`,
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
