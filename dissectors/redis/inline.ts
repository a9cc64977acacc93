/**
 * Inline commands: a line of words, as a person types it.
 *
 * Source: `sdssplitargs` of redis, for the specification says nothing of
 * quotes.
 */

const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;

/** What stands for what after a backslash in double quotes. */
const ESCAPES: { readonly [byte: number]: number } = {
  0x6e: 0x0a, // n
  0x72: 0x0d, // r
  0x74: 0x09, // t
  0x62: 0x08, // b
  0x61: 0x07, // a
};

const isSpace = (byte: number) =>
  byte === SPACE || byte >= 0x09 && byte <= 0x0d || byte === 0;

/**
 * The words of a line.
 *
 * @param line without its end
 * @returns words that stand in the line as they are share its buffer; those
 *   with escapes, or put together of parts, have one of their own. Quotes that
 *   are never closed, which redis refuses, end with the line.
 */
export function splitWords(line: Uint8Array): Uint8Array[] {
  const words: Uint8Array[] = [];
  let at = 0;
  while (true) {
    while (at < line.length && isSpace(line[at]!)) at++;
    if (at >= line.length) return words;
    const end = plainEnd(line, at);
    if (end > at) {
      words.push(line.subarray(at, end));
      at = end;
      continue;
    }
    const word = new Word(line);
    at = word.read(at);
    words.push(word.bytes);
  }
}

/** Where a word ends that has no quotes; `at` if it has some. */
function plainEnd(line: Uint8Array, at: number): number {
  for (let end = at;; end++) {
    const byte = line[end];
    if (byte === undefined || isSpace(byte)) return end;
    if (byte === QUOTE || byte === APOSTROPHE) return at;
  }
}

/** One word as it is read. */
class Word {
  readonly #line: Uint8Array;
  /** The piece of the line that it is so far. */
  #start = -1;
  #end = -1;
  /** Its bytes, once they are no piece of the line. */
  #own: number[] | undefined;

  constructor(line: Uint8Array) {
    this.#line = line;
  }

  get bytes(): Uint8Array {
    return this.#own
      ? Uint8Array.from(this.#own)
      : this.#line.subarray(Math.max(0, this.#start), Math.max(0, this.#end));
  }

  /** Reads from `at` and says where it ends. */
  read(at: number): number {
    const line = this.#line;
    while (at < line.length && !isSpace(line[at]!)) {
      const byte = line[at]!;
      if (byte === QUOTE || byte === APOSTROPHE) {
        at = this.#quoted(at + 1, byte);
      } else {
        this.#push(at++);
      }
    }
    return at;
  }

  /** Reads to the closing quote. */
  #quoted(at: number, quote: number): number {
    const line = this.#line;
    while (at < line.length && line[at] !== quote) {
      if (line[at] === BACKSLASH && at + 1 < line.length) {
        at = this.#escape(at, quote);
      } else {
        this.#push(at++);
      }
    }
    return at + 1;
  }

  /** Reads what a backslash begins: within apostrophes, only `\'`. */
  #escape(at: number, quote: number): number {
    const line = this.#line;
    const next = line[at + 1]!;
    if (quote === APOSTROPHE) {
      if (next !== APOSTROPHE) {
        this.#push(at);
        return at + 1;
      }
      this.#pushByte(next);
      return at + 2;
    }
    const hex = /^\\x([0-9a-f]{2})/i.exec(
      String.fromCharCode(...line.subarray(at, at + 4)),
    );
    this.#pushByte(hex ? parseInt(hex[1]!, 16) : ESCAPES[next] ?? next);
    return at + (hex ? 4 : 2);
  }

  /** Adds a byte of the line as it is. */
  #push(at: number): void {
    if (this.#own) this.#own.push(this.#line[at]!);
    else if (this.#start < 0) [this.#start, this.#end] = [at, at + 1];
    else if (at === this.#end) this.#end++;
    else this.#pushByte(this.#line[at]!);
  }

  /** Adds a byte that does not stand there so. */
  #pushByte(byte: number): void {
    this.#own ??= [...this.bytes];
    this.#own.push(byte);
  }
}
