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

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const NOT_ASCII = /[\u0080-\uffff]/;

/** U+FFFD, which also stands for what is not valid. */
const REPLACEMENT = "\ufffd";

/** The UTF-8 of {@link REPLACEMENT}, a character for each byte. */
const RAW_REPLACEMENT = "\xef\xbf\xbd";

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
  // A decoder that throws costs ten times that, and peers choose how often.
  const text = UTF8.decode(fromLatin1(raw));
  const isValid = !text.includes(REPLACEMENT) ||
    text.split(REPLACEMENT).length === raw.split(RAW_REPLACEMENT).length;
  return isValid ? text : raw;
}
