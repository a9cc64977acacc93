/**
 * Standard output and standard error.
 *
 * Rows are gathered and written in large pieces. A reader that goes away, such
 * as `head`, ends the program quietly as it does every Unix tool.
 */

/** Standard output is closed: whoever read it has seen enough. */
export class OutputClosed extends Error {
  override name = "OutputClosed";
}

/** Bytes of text to gather before writing. */
const CHUNK = 64 * 1024;

/** Lines on their way to a file or pipe. */
export class Output {
  readonly #file: { writeSync(bytes: Uint8Array): number };
  readonly #encoder = new TextEncoder();
  #lines: string[] = [];
  #size = 0;

  constructor(file: { writeSync(bytes: Uint8Array): number } = Deno.stdout) {
    this.#file = file;
  }

  /**
   * Adds a line; it is written with others, or by {@link flush}.
   *
   * @throws OutputClosed
   */
  line(text: string): void {
    this.#lines.push(text);
    this.#size += text.length + 1;
    if (this.#size >= CHUNK) this.flush();
  }

  /**
   * Writes what was gathered.
   *
   * @throws OutputClosed
   */
  flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = this.#encoder.encode(this.#lines.join("\n") + "\n");
    this.#lines = [];
    this.#size = 0;
    try {
      for (let at = 0; at < bytes.length;) {
        at += this.#file.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) {
        throw new OutputClosed("Nobody reads standard output", {
          cause: error,
        });
      }
      throw error;
    }
  }
}

/** One line for people, on standard error; silent when nobody reads it. */
export function say(text: string): void {
  const output = new Output(Deno.stderr);
  try {
    output.line(text);
    output.flush();
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
}
