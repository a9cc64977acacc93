/**
 * Where values of RESP end.
 *
 * A scanner only counts, so that a value over many packets is looked at once
 * and costs no memory.
 */
import { Malformed } from "../../stream/malformed.ts";
import { CR, isDigit, LF, MAX_LINE, readLength, RESP } from "./resp.ts";

/** Arrays within arrays. Redis itself nests less than ten deep. */
export const MAX_DEPTH = 64;

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
