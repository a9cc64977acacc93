/** Ctrl-C: long work is told to stop, and ends cleanly. */

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Listens for signals that ask to stop, until disposed of.
 *
 * A thread that waits inside a read or a write hears nothing. So work on a pipe
 * does not listen: the signal itself then ends the process, as it ends any.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #signals: readonly Deno.Signal[];
  readonly #again = Promise.withResolvers<void>();
  readonly #stop = () => {
    if (this.#controller.signal.aborted) this.#again.resolve();
    this.#controller.abort(new Interrupted());
  };

  /** @param listens whether the work lets other events have their turn */
  constructor(listens = true) {
    this.#signals = listens ? SIGNALS : [];
    for (const name of this.#signals) {
      Deno.addSignalListener(name, this.#stop);
    }
  }

  /** Aborted once the user asked to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** When the user asked once more: for whoever takes a while to stop. */
  get again(): Promise<void> {
    return this.#again.promise;
  }

  [Symbol.dispose](): void {
    for (const name of this.#signals) {
      Deno.removeSignalListener(name, this.#stop);
    }
  }
}

/** The user asked to stop. */
export class Interrupted extends Error {
  override name = "Interrupted";

  constructor() {
    super("Interrupted");
  }
}
