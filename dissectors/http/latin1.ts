/**
 * Bytes as strings of one character each, which is how heads are kept: to make
 * such a string costs a tenth of copying the bytes, and it is text already.
 */
import { Buffer } from "node:buffer";

// Node documents `toString("latin1")` alone, which first asks for the name of
// the encoding; this is what it then calls.
const slice = (Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
}).latin1Slice;

/** The bytes from `start` to `end`, a character for each. A copy. */
export function toLatin1(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  return slice.call(bytes, start, end);
}

/** The bytes that {@link toLatin1} was given. */
export function fromLatin1(raw: string): Uint8Array {
  return Buffer.from(raw, "latin1");
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOT_ASCII = /[\u0080-\uffff]/;

/** Whether no character is beyond U+007F. */
export function isAscii(raw: string): boolean {
  return !NOT_ASCII.test(raw);
}

/**
 * What a peer meant by these bytes: UTF-8 if they are valid, else ISO 8859-1,
 * the only other charset that HTTP ever had (RFC 9110 §5.5).
 */
export function toText(raw: string): string {
  if (isAscii(raw)) return raw;
  try {
    return UTF8.decode(fromLatin1(raw));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return raw;
  }
}
