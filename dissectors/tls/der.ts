/** DER, as far as certificates need it (ITU-T X.690 §8, §10). */
import { Malformed } from "../../stream/malformed.ts";

/** Tags, with the class and the constructed bit as they stand in the byte. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  NUMERIC_STRING: 0x12,
  PRINTABLE_STRING: 0x13,
  TELETEX_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  VISIBLE_STRING: 0x1a,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Bytes that a length may take: certificates are below 16 MiB. */
const MAX_LENGTH_BYTES = 3;

/** One element. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly whole: Uint8Array;
}

/** Reads the elements of a constructed one, from the first on. */
export class Der {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes borrowed; what is read from it are views of it */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** Tag of the next element. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** @throws Malformed at the end, or if the element is longer than the rest */
  next(): Element {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new Malformed("A DER tag of many bytes");
    const size = this.#size();
    const from = this.#at;
    if (size > this.#bytes.length - from) {
      throw new Malformed(`A DER element of ${size} bytes goes beyond the end`);
    }
    this.#at += size;
    return {
      tag,
      content: this.#bytes.subarray(from, this.#at),
      whole: this.#bytes.subarray(start, this.#at),
    };
  }

  /** The content of the next element, which must have that tag. */
  expect(tag: number): Uint8Array {
    const element = this.next();
    if (element.tag !== tag) {
      throw new Malformed(`DER tag ${element.tag} instead of ${tag}`);
    }
    return element.content;
  }

  /** The elements within the next one, which must have that tag. */
  enter(tag: number): Der {
    return new Der(this.expect(tag));
  }

  #size(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > MAX_LENGTH_BYTES) {
      throw new Malformed(`A DER length of ${count} bytes`);
    }
    let size = 0;
    for (let i = 0; i < count; i++) size = size << 8 | this.#byte();
    return size;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Malformed("DER ends inside an element");
    return byte;
  }
}

/** An object identifier with its dots; arcs above 2^53 lose digits. */
export function toOid(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  // The first two arcs are written as one (X.690 §8.19.4).
  const [joined = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(joined / 40));
  return [root, joined - 40 * root, ...rest].join(".");
}

/**
 * Bytes of an integer that is written out: serial numbers have at most 20
 * (RFC 5280 §4.1.2.2), and long ones take long to write in decimal.
 */
const MAX_INTEGER = 64;

/**
 * A number up to 2^53, decimal text beyond, so that no digit is lost.
 *
 * @throws Malformed if it has no bytes, or more than {@link MAX_INTEGER}
 */
export function toInteger(content: Uint8Array): number | string {
  if (content.length === 0 || content.length > MAX_INTEGER) {
    throw new Malformed(`A DER integer of ${content.length} bytes`);
  }
  const unsigned = BigInt("0x" + content.toHex());
  const value = BigInt.asIntN(8 * content.length, unsigned);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** The text of one of the string types; `undefined` of any other. */
export function toString({ tag, content }: Element): string | undefined {
  switch (tag) {
    case TAG.UTF8_STRING:
      return new TextDecoder().decode(content);
    case TAG.NUMERIC_STRING:
    case TAG.PRINTABLE_STRING:
    case TAG.TELETEX_STRING:
    case TAG.IA5_STRING:
    case TAG.VISIBLE_STRING:
      // T.61 is nowhere used: what calls itself so is Latin-1.
      return new TextDecoder("latin1").decode(content);
    case TAG.BMP_STRING:
      return new TextDecoder("utf-16be").decode(content);
    default:
      return undefined;
  }
}

/**
 * A moment as RFC 3339, in UTC and without fractions, which certificates must
 * not have (RFC 5280 §4.1.2.5).
 *
 * @throws Malformed if it is none
 */
export function toTime({ tag, content }: Element): string {
  const text = new TextDecoder("latin1").decode(content);
  const short = tag === TAG.UTC_TIME;
  const digits = short
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z$/.exec(text)
    : tag === TAG.GENERALIZED_TIME &&
      /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?Z$/.exec(text);
  if (!digits) throw new Malformed(`"${text}" is no time`);
  const [, year = "", month, day, hour, minute, second = "00"] = digits;
  const century = !short ? "" : year >= "50" ? "19" : "20";
  return `${century}${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
