/**
 * Standard output and standard error.
 *
 * Rows are gathered and written in large pieces. A reader that goes away, such
 * as `head`, ends the program quietly as it does every Unix tool. Whatever
 * packets brought along, no control character reaches a terminal.
 */
import { setTimeout } from "node:timers/promises";
import { CommandError, EXIT, reasonOf } from "./exit.ts";
import { asCalled } from "./program_name.ts";

/** Standard output is closed: whoever read it has seen enough. */
export class OutputClosed extends Error {
  override name = "OutputClosed";
}

/** Bytes of text to gather before writing. */
const CHUNK = 64 * 1024;

const LINE_FEED = 0x0a;

/** How long to wait for a reader that shares its terminal with others, ms. */
const PATIENCE = 10;

/** What can be written to without keeping signals waiting. */
interface AsyncFile {
  write(bytes: Uint8Array): Promise<number>;
}

/** What can be written to at once. */
interface SyncFile {
  writeSync(bytes: Uint8Array): number;
}

/** Lines on their way to standard output. */
export class Output {
  readonly #file: AsyncFile;
  readonly #signal: AbortSignal | undefined;
  #buffer = new Uint8Array(2 * CHUNK);
  #size = 0;

  /** @param signal its reason ends a write for which nobody makes room */
  constructor(signal?: AbortSignal, file: AsyncFile = Deno.stdout) {
    this.#signal = signal;
    this.#file = file;
  }

  /** Whether it is time to {@link flush}. */
  get isFull(): boolean {
    return this.#size >= CHUNK;
  }

  /** Adds a line, to be written by {@link flush}. */
  line(text: string): void {
    this.row(new TextEncoder().encode(text));
  }

  /** Adds a line that is UTF-8, without its end. */
  row(text: Uint8Array): void {
    const end = this.#size + text.length + 1;
    if (end > this.#buffer.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = grown;
    }
    this.#buffer.set(text, this.#size);
    this.#buffer[end - 1] = LINE_FEED;
    this.#size = end;
  }

  /**
   * Writes what was gathered.
   *
   * @throws OutputClosed, CommandError, or what the signal was aborted with
   */
  async flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#size);
    this.#size = 0;
    await this.#unlessAborted(this.#write(bytes));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      try {
        at += await this.#file.write(bytes.subarray(at));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) {
          throw toWriteError(error, "standard output");
        }
        await setTimeout(PATIENCE);
      }
    }
  }

  /** The write that is left behind ends with the process. */
  async #unlessAborted(write: Promise<void>): Promise<void> {
    const signal = this.#signal;
    if (!signal) return await write;
    signal.throwIfAborted();
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
    });
    try {
      await Promise.race([write, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}

/**
 * Writes all bytes to a file or pipe that a message calls `name`.
 *
 * @throws OutputClosed, CommandError
 */
export function writeAll(
  file: SyncFile,
  bytes: Uint8Array,
  name: string,
): void {
  try {
    for (let at = 0; at < bytes.length;) {
      at += file.writeSync(bytes.subarray(at));
    }
  } catch (error) {
    throw toWriteError(error, name);
  }
}

/** Prints a text on standard output at once. */
export function print(text: string): void {
  writeAll(Deno.stdout, new TextEncoder().encode(text), "standard output");
}

/** Lines for people, on standard error; silent when nobody can read them. */
export function say(text: string): void {
  const lines = asCalled(text).split("\n").map(withoutControls).join("\n") +
    "\n";
  try {
    writeAll(Deno.stderr, new TextEncoder().encode(lines), "standard error");
  } catch (error) {
    if (error instanceof OutputClosed || error instanceof CommandError) return;
    throw error;
  }
}

/**
 * Characters that move a cursor, change a terminal's state, or the direction
 * in which text is read: C0, DEL, C1, line and paragraph separators, and the
 * marks of bidirectional text (UAX #9).
 */
const CONTROLS =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with control characters in sight, as `\n` or `\u001b`. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, toEscape);
}

/** JSON leaves these as they are; a terminal does not. Escaped, JSON is the same. */
const LEFT_BY_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A value as one line of JSON that a terminal shows as it is. */
export function toJsonLine(value: unknown): string {
  return escapeJson(JSON.stringify(value));
}

/** The same of a value that is JSON already. */
export function escapeJson(json: string): string {
  return json.replace(LEFT_BY_JSON, toEscape);
}

const SHORT: { readonly [character: string]: string } = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function toEscape(character: string): string {
  return SHORT[character] ??
    "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}

function toWriteError(error: unknown, name: string): unknown {
  if (error instanceof Deno.errors.BrokenPipe) {
    return new OutputClosed(`Nobody reads ${name}`, { cause: error });
  }
  const reason = reasonOf(error);
  if (reason === undefined) return error;
  return new CommandError(
    EXIT.FAILED,
    `Cannot write to ${name}: ${reason}`,
    error,
  );
}
