/**
 * Field lines of heads and trailers (RFC 9112 §5), read when asked for.
 */
import { addTo, type Multimap } from "../../entry/field.ts";
import { isAscii, toText } from "./latin1.ts";

const TAB = 9, CR = 13, SPACE = 32;

/** What is between the blanks (SP, HTAB) at both ends of a part of a text. */
export function trimBlanks(
  text: string,
  start = 0,
  end: number = text.length,
): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/**
 * A field's value without blank edges, a space for each obsolete fold
 * (RFC 9112 §5.2).
 *
 * A line that goes on after a bare LF keeps that LF. So a value stands in the
 * bytes as it is unless they have CR LF and a blank somewhere, and a filter
 * can tell.
 */
export function unfold(
  text: string,
  start = 0,
  end: number = text.length,
): string {
  const value = trimBlanks(text, start, end);
  return value.includes("\r\n")
    ? value.split("\r\n").map((line) => trimBlanks(line)).join(" ")
    : value;
}

/** The lines of one head or trailer section. */
export class FieldLines {
  /** The section, a character for each byte. */
  readonly raw: string;
  readonly #start: number;
  #map: Multimap | undefined;

  /** @param start where in `raw` the first field line begins */
  constructor(raw: string, start = 0) {
    this.raw = raw;
    this.#start = start;
  }

  /** Fields by lower-case name; `undefined` if there are none. */
  get map(): Multimap | undefined {
    this.#map ??= this.#read();
    for (const _ in this.#map) return this.#map;
    return undefined;
  }

  /** The first value of a field, whose name is given in lower case. */
  first(name: string): string | undefined {
    return this.all(name)[0];
  }

  /** All values of a field, whose name is given in lower case. */
  all(name: string): readonly string[] {
    const map = this.map;
    if (!map || !Object.hasOwn(map, name)) return [];
    const value = map[name]!;
    return typeof value === "string" ? [value] : value;
  }

  /**
   * Left out are lines without a name or a colon, and what goes on before
   * anything began (RFC 9112 §2.2).
   */
  #read(): Multimap {
    const fields: { [name: string]: string | string[] } = {};
    const { raw } = this;
    const isPlain = isAscii(raw);
    let colon = -1;
    for (let at = this.#start; at < raw.length;) {
      const end = endOfField(raw, at);
      if (colon < at) colon = raw.indexOf(":", at);
      if (colon < 0) break;
      if (colon < end && !isBlank(raw.charCodeAt(at))) {
        const name = trimBlanks(raw, at, colon);
        const value = unfold(raw, colon + 1, beforeCr(raw, end));
        if (name !== "" && !name.includes("\n")) {
          if (isPlain) addTo(fields, name.toLowerCase(), value);
          else addTo(fields, toText(toLowerName(name)), toText(value));
        }
      }
      at = end + 1;
    }
    return fields;
  }
}

/** Lower case of ASCII letters alone, for a name may have any other bytes. */
function toLowerName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Where the LF stands that ends the field begun at `at`, folds included. */
function endOfField(raw: string, at: number): number {
  while (true) {
    const end = raw.indexOf("\n", at);
    if (end < 0) return raw.length;
    if (!isBlank(raw.charCodeAt(end + 1))) return end;
    at = end + 1;
  }
}

function beforeCr(raw: string, lineEnd: number): number {
  return raw.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
