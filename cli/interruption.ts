/** Ctrl-C: long work is told to stop, and ends cleanly. */

/** Listens for SIGINT and SIGTERM until disposed of. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #stop = () => this.#controller.abort(new Interrupted());

  constructor() {
    Deno.addSignalListener("SIGINT", this.#stop);
    Deno.addSignalListener("SIGTERM", this.#stop);
  }

  /** Aborted once the user asked to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#stop);
    Deno.removeSignalListener("SIGTERM", this.#stop);
  }
}

/** The user asked to stop. */
export class Interrupted extends Error {
  override name = "Interrupted";

  constructor() {
    super("Interrupted");
  }
}
