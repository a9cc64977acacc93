/**
 * RESP, versions 2 and 3: where its values end, and what they are.
 *
 * A {@link Scanner} only counts, so that a value over many packets is looked at
 * once and costs no memory. {@link ValueReader} makes values of what was
 * scanned, when somebody asks for them.
 */
import { type Json, toBytes } from "../../entry/field.ts";
import { Malformed } from "../../stream/malformed.ts";

/** Arrays within arrays. Redis itself nests less than ten deep. */
export const MAX_DEPTH = 64;

/** Bytes of a line: simple strings, errors, numbers, inline commands. */
export const MAX_LINE = 64 * 1024;

/** Digits of a length or count: more than redis takes, and a safe integer. */
const MAX_DIGITS = 15;

export const CR = 0x0d;
export const LF = 0x0a;

/** First bytes of values. */
export const RESP = {
  STRING: 0x2b, // +
  ERROR: 0x2d, // -
  INTEGER: 0x3a, // :
  BULK: 0x24, // $
  ARRAY: 0x2a, // *
  NULL: 0x5f, // _
  BOOLEAN: 0x23, // #
  DOUBLE: 0x2c, // ,
  BIG_NUMBER: 0x28, // (
  BULK_ERROR: 0x21, // !
  VERBATIM: 0x3d, // =
  MAP: 0x25, // %
  SET: 0x7e, // ~
  PUSH: 0x3e, // >
  ATTRIBUTE: 0x7c, // |
  /** A part of a string whose length was not known. */
  CHUNK: 0x3b, // ;
  /** The end of an aggregate whose length was not known. */
  END: 0x2e, // .
  /** In the place of a length or count that is not known. */
  STREAMED: 0x3f, // ?
} as const;

/** What follows a value's first byte. */
const SHAPE = {
  NONE: 0,
  /** A line. */
  LINE: 1,
  /** A length, and so many bytes. */
  BULK: 2,
  /** A count, and so many values. */
  AGGREGATE: 3,
  /** A count, and so many pairs of values. */
  PAIRS: 4,
} as const;

const SHAPES = new Uint8Array(256);
for (
  const [shape, types] of [
    [SHAPE.LINE, "+-:_#,("],
    [SHAPE.BULK, "$!="],
    [SHAPE.AGGREGATE, "*~>"],
    [SHAPE.PAIRS, "%|"],
  ] as const
) {
  for (const type of types) SHAPES[type.charCodeAt(0)] = shape;
}

/** What a {@link Scanner} is inside of. */
const LEVEL = {
  COUNTED: 0,
  /** Comes before a value and is none itself. */
  ATTRIBUTE: 1,
  /** Values until `.`. */
  STREAMED: 2,
  /** Parts until one of no bytes. */
  CHUNKS: 3,
} as const;

/** A scanner's saved state: plain data. */
export interface ScannerState {
  readonly ahead: number;
  readonly searched: number;
  readonly body: number;
  readonly levels: readonly (readonly [kind: number, left: number])[];
}

/** Finds where a value ends, and goes on where the bytes ended before. */
export class Scanner {
  /** Bytes of the value that were looked at and need not be again. */
  #ahead = 0;
  /** Bytes after those, of an unfinished line, without a line's end. */
  #searched = 0;
  /** Bytes of a bulk, with its line's end, that have yet to come. */
  #body = 0;
  #depth = 0;
  readonly #kinds = new Uint8Array(MAX_DEPTH);
  readonly #left = new Float64Array(MAX_DEPTH);
  /** Whether it takes only what clients send: arrays of bulk strings. */
  readonly #commandsOnly: boolean;

  constructor(commandsOnly: boolean) {
    this.#commandsOnly = commandsOnly;
  }

  /** Whether it stands between values. */
  get isIdle(): boolean {
    return this.#ahead === 0 && this.#searched === 0 && this.#depth === 0;
  }

  /**
   * Bytes of an unfinished value that were looked at. A caller that throws
   * them away says so by {@link forget}.
   */
  get ahead(): number {
    return this.#ahead;
  }

  /** Takes it that the bytes {@link ahead} are no longer given. */
  forget(): void {
    this.#ahead = 0;
  }

  /** Gives up an unfinished value. */
  reset(): void {
    this.#ahead =
      this.#searched =
      this.#body =
      this.#depth =
        0;
  }

  /**
   * Looks at a value from `start`, where the same value began before if it was
   * not finished.
   *
   * @returns where it ends, or -1 if not all of it is here
   * @throws Malformed
   */
  scan(bytes: Uint8Array, start: number): number {
    let at = start + this.#ahead;
    const end = bytes.length;
    while (at < end) {
      if (this.#body > 0) {
        const size = Math.min(this.#body, end - at);
        at += size;
        this.#body -= size;
        if (this.#body > 0) break;
        // Servers skip two bytes after a bulk and do not look at them.
        const isEnded = this.#commandsOnly || bytes[at - 1] === LF;
        if (!isEnded) throw new Malformed("A bulk without its end");
        if (this.#completes()) return this.#found(at);
        continue;
      }
      const next = this.#line(bytes, at);
      if (next < 0) break;
      at = next;
      if (this.#isComplete) return this.#found(at);
    }
    this.#ahead = at - start;
    return -1;
  }

  save(): ScannerState {
    const levels: [number, number][] = [];
    for (let i = 0; i < this.#depth; i++) {
      levels.push([this.#kinds[i]!, this.#left[i]!]);
    }
    const [ahead, searched, body] = [this.#ahead, this.#searched, this.#body];
    return { ahead, searched, body, levels };
  }

  restore(state: ScannerState): void {
    this.#ahead = state.ahead;
    this.#searched = state.searched;
    this.#body = state.body;
    this.#depth = state.levels.length;
    state.levels.forEach(([kind, left], i) => {
      this.#kinds[i] = kind;
      this.#left[i] = left;
    });
  }

  /** Set by {@link #line}: whether that line ended the whole value. */
  #isComplete = false;

  #found(at: number): number {
    this.#ahead = this.#searched = 0;
    return at;
  }

  /**
   * Looks at a line that begins a value.
   *
   * @returns where it ends; -1 if it is not all here
   */
  #line(bytes: Uint8Array, at: number): number {
    const end = bytes.length;
    let cr = at + Math.max(1, this.#searched);
    while (cr < end && bytes[cr] !== CR) cr++;
    if (cr - at > MAX_LINE) throw new Malformed("A line too long");
    if (cr + 1 >= end) {
      this.#searched = cr - at;
      return -1;
    }
    this.#searched = 0;
    if (bytes[cr + 1] !== LF) throw new Malformed("A line without its end");
    const type = bytes[at]!;
    const kind = this.#depth > 0 ? this.#kinds[this.#depth - 1]! : -1;
    this.#isComplete = false;
    if (kind === LEVEL.CHUNKS) {
      if (type !== RESP.CHUNK) throw new Malformed("No part of a string");
      const size = readLength(bytes, at + 1, cr);
      if (size > 0) this.#body = size + 2;
      else this.#isComplete = this.#leaves();
    } else if (type === RESP.END && kind === LEVEL.STREAMED) {
      if (cr !== at + 1) throw new Malformed("No end of a stream");
      this.#isComplete = this.#leaves();
    } else {
      this.#value(bytes, at, cr, type);
    }
    return cr + 2;
  }

  #value(bytes: Uint8Array, at: number, cr: number, type: number): void {
    if (this.#commandsOnly) {
      const expected = this.#depth === 0 ? RESP.ARRAY : RESP.BULK;
      const isSized = isDigit(bytes[at + 1]!) || this.#depth === 0;
      if (type !== expected || !isSized) throw new Malformed("No command");
    }
    const shape = SHAPES[type]!;
    if (shape === SHAPE.LINE) {
      this.#isComplete = this.#completes();
      return;
    }
    if (shape === SHAPE.NONE) {
      throw new Malformed(`No value begins with ${type}`);
    }
    if (cr === at + 2 && bytes[at + 1] === RESP.STREAMED) {
      if (type === RESP.ATTRIBUTE) throw new Malformed("A streamed attribute");
      this.#enter(shape === SHAPE.BULK ? LEVEL.CHUNKS : LEVEL.STREAMED, 0);
      return;
    }
    const size = readLength(bytes, at + 1, cr);
    if (shape === SHAPE.BULK) {
      if (size >= 0) this.#body = size + 2;
      else this.#isComplete = this.#completes();
      return;
    }
    const isAttribute = type === RESP.ATTRIBUTE;
    if (size > 0) {
      this.#enter(
        isAttribute ? LEVEL.ATTRIBUTE : LEVEL.COUNTED,
        shape === SHAPE.PAIRS ? 2 * size : size,
      );
    } else {
      this.#isComplete = !isAttribute && this.#completes();
    }
  }

  #enter(kind: number, left: number): void {
    if (this.#depth === MAX_DEPTH) {
      throw new Malformed("Values nested too deep");
    }
    this.#kinds[this.#depth] = kind;
    this.#left[this.#depth++] = left;
  }

  /** Leaves a level that says itself when it ends. */
  #leaves(): boolean {
    this.#depth--;
    return this.#completes();
  }

  /** A value is complete: so may be those around it. Whether all are. */
  #completes(): boolean {
    while (this.#depth > 0) {
      const level = this.#depth - 1;
      const kind = this.#kinds[level];
      if (kind === LEVEL.STREAMED || kind === LEVEL.CHUNKS) return false;
      if (--this.#left[level]! > 0) return false;
      this.#depth = level;
      if (kind === LEVEL.ATTRIBUTE) return false;
    }
    return true;
  }
}

/**
 * A length or count; -1 is a null of RESP2.
 *
 * @throws Malformed
 */
export function readLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at === 2 && bytes[at] === 0x2d && bytes[at + 1] === 0x31) return -1;
  if (at === end || end - at > MAX_DIGITS) throw new Malformed("No length");
  let value = 0;
  for (; at < end; at++) {
    if (!isDigit(bytes[at]!)) throw new Malformed("No length");
    value = value * 10 + bytes[at]! - 0x30;
  }
  return value;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Names of the types, as entries have them. */
const TYPE_NAMES: { readonly [type: number]: string } = {
  [RESP.STRING]: "string",
  [RESP.ERROR]: "error",
  [RESP.INTEGER]: "integer",
  [RESP.BULK]: "bulk",
  [RESP.ARRAY]: "array",
  [RESP.NULL]: "null",
  [RESP.BOOLEAN]: "boolean",
  [RESP.DOUBLE]: "double",
  [RESP.BIG_NUMBER]: "bignum",
  [RESP.BULK_ERROR]: "bulkError",
  [RESP.VERBATIM]: "verbatim",
  [RESP.MAP]: "map",
  [RESP.SET]: "set",
  [RESP.PUSH]: "array",
};

/**
 * Reads what a {@link Scanner} has found to be a value. Where its bytes were
 * cut (see `MAX_KEPT`), it reads what is there.
 */
export class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#skipAttributes();
  }

  /** The first byte of the value that comes next. */
  get type(): number {
    return this.#bytes[this.#at] ?? RESP.NULL;
  }

  /** The name of the type of the value that comes next. */
  get typeName(): string {
    const type = this.type;
    const isNull = this.#bytes[this.#at + 1] === 0x2d &&
      (type === RESP.BULK || type === RESP.ARRAY);
    return TYPE_NAMES[isNull ? RESP.NULL : type]!;
  }

  get #hasMore(): boolean {
    return this.#at < this.#end;
  }

  /** The value as an entry has it. */
  value(): Json {
    this.#skipAttributes();
    if (!this.#hasMore) return null;
    switch (this.#bytes[this.#at]) {
      case RESP.STRING:
        return toBytes(this.#line()) as Json;
      case RESP.ERROR:
        return { error: toText(this.#line()) };
      case RESP.INTEGER:
      case RESP.BIG_NUMBER:
        return toInteger(toText(this.#line()));
      case RESP.DOUBLE:
        return toDouble(toText(this.#line()));
      case RESP.BOOLEAN:
        return this.#line()[0] === 0x74; // t
      case RESP.BULK:
        return this.#bulk((bytes) => toBytes(bytes) as Json);
      case RESP.BULK_ERROR:
        return this.#bulk((bytes) => ({ error: toText(bytes) }));
      case RESP.VERBATIM:
        return this.#bulk((bytes) => toBytes(bytes.subarray(4)) as Json);
      case RESP.ARRAY:
      case RESP.SET:
      case RESP.PUSH:
        return this.#values(1);
      case RESP.MAP:
        return this.#values(2);
      default:
        this.#line(); // null
        return null;
    }
  }

  /** The elements of an array of bulk strings, borrowed. */
  strings(): Uint8Array[] {
    const strings: Uint8Array[] = [];
    for (let n = this.#count(); n > 0 && this.#hasMore; n--) {
      const string = this.#sized();
      if (string) strings.push(string);
    }
    return strings;
  }

  /** A line after its first byte, consumed with its end. */
  #line(): Uint8Array {
    const start = this.#at + 1;
    let cr = start;
    while (cr < this.#end && this.#bytes[cr] !== CR) cr++;
    this.#at = cr + 2;
    return this.#bytes.subarray(start, cr);
  }

  /** The length or count of a line; -1 of null, Infinity of a streamed one. */
  #count(): number {
    const line = this.#line();
    if (line[0] === RESP.STREAMED) return Infinity;
    return line.length === 0 ? 0 : readLength(line, 0, line.length);
  }

  /** The bytes of a bulk; undefined of null, and where it was cut off. */
  #sized(): Uint8Array | undefined {
    const size = this.#count();
    if (size === Infinity) return this.#chunks();
    const start = this.#at;
    if (size < 0 || start >= this.#end) return undefined;
    this.#at += size + 2;
    return this.#bytes.subarray(start, Math.min(start + size, this.#end));
  }

  #bulk(toValue: (bytes: Uint8Array) => Json): Json {
    const bytes = this.#sized();
    return bytes === undefined ? null : toValue(bytes);
  }

  /** The parts of a streamed string as one. */
  #chunks(): Uint8Array {
    const parts: Uint8Array[] = [];
    let size = 0;
    while (this.#hasMore) {
      const part = this.#sized();
      if (!part || part.length === 0) {
        this.#at -= 2; // a part of no bytes has no line's end of its own
        break;
      }
      parts.push(part);
      size += part.length;
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** The values of an aggregate, of which each of its count makes `each`. */
  #values(each: number): Json {
    const count = this.#count();
    if (count < 0) return null;
    const values: Json[] = [];
    for (let n = count * each; n > 0 && this.#hasMore; n--) {
      if (this.type === RESP.END) {
        this.#line();
        break;
      }
      values.push(this.value());
    }
    return values;
  }

  #skipAttributes(): void {
    while (this.#bytes[this.#at] === RESP.ATTRIBUTE) this.#values(2);
  }
}

const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of bytes that are text; what is not UTF-8 is replaced. */
export function toText(bytes: Uint8Array): string {
  return LOSSY.decode(bytes);
}

/** A number up to 2^53, else its digits. */
function toInteger(text: string): Json {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(number) ? number : text;
}

/** A number; the infinities and NaN, which JSON lacks, as text. */
function toDouble(text: string): Json {
  const number = Number(text);
  return Number.isFinite(number) && text !== "" ? number : text;
}
