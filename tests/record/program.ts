/** A running program, what it writes being read as it comes. */

/** How long a program may take to end when asked to. */
const STOP_MS = 5_000;

/** Characters kept of what a program writes: the last ones. */
const MAX_SAID = 1 << 20;

/** A child process that never waits for somebody to read what it writes. */
export class Program {
  /** Its exit code, once it has ended and all that it wrote was read. */
  readonly ended: Promise<number>;
  readonly #child: Deno.ChildProcess;
  #stdout = "";
  #stderr = "";
  #isRunning = true;

  /** @param child with piped output; with piped input if there is `input` */
  constructor(child: Deno.ChildProcess, input?: string | Uint8Array) {
    this.#child = child;
    this.ended = this.#run(input);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** What it wrote to standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What it wrote to standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Asks it to end, and after a while insists. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    if (!this.#isRunning) return;
    kill(this.pid, signal);
    const timer = setTimeout(() => kill(this.pid, "SIGKILL"), STOP_MS);
    await this.#child.status;
    clearTimeout(timer);
  }

  async #run(input: string | Uint8Array | undefined): Promise<number> {
    const child = this.#child;
    void child.status.then(() => this.#isRunning = false);
    await Promise.all([
      input === undefined ? undefined : feed(child, input),
      read(child.stdout, (text) => {
        this.#stdout = (this.#stdout + text).slice(-MAX_SAID);
      }),
      read(child.stderr, (text) => {
        this.#stderr = (this.#stderr + text).slice(-MAX_SAID);
      }),
    ]);
    return (await child.status).code;
  }
}

/** Signals a process unless it has ended. */
export function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function read(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (text: string) => void,
): Promise<void> {
  const texts = output.pipeThrough(new TextDecoderStream());
  for await (const text of texts) take(text);
}

async function feed(
  child: Deno.ChildProcess,
  input: string | Uint8Array,
): Promise<void> {
  const bytes = typeof input === "string"
    ? new TextEncoder().encode(input)
    : input;
  const writer = child.stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    // It ended without reading all: its exit code tells whether that is bad.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
