/**
 * What values of RESP are, made of their bytes when somebody asks.
 */
import { type Json, toBytes } from "../../entry/field.ts";
import { CR, readLength, RESP, toText } from "./resp.ts";

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
 * Reads what a `Scanner` has found to be a value. Where its bytes were cut (see
 * `MAX_KEPT`), it reads what is there.
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
    return this.#bytes.subarray(start, this.#skipLine());
  }

  /** Consumes a line with its end, and says where that stands. */
  #skipLine(): number {
    let cr = this.#at + 1;
    while (cr < this.#end && this.#bytes[cr] !== CR) cr++;
    this.#at = cr + 2;
    return cr;
  }

  /** The length or count of a line; -1 of null, Infinity of a streamed one. */
  #count(): number {
    const start = this.#at + 1;
    const end = this.#skipLine();
    if (end <= start) return 0;
    if (this.#bytes[start] === RESP.STREAMED) return Infinity;
    return readLength(this.#bytes, start, end);
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
