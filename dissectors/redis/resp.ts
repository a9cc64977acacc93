/**
 * RESP, versions 2 and 3: what its bytes stand for.
 *
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
import { toShortText } from "../../entry/field.ts";
import { Malformed } from "../../stream/malformed.ts";

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

/** Whether a byte is a decimal digit. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of bytes that are text; what is not UTF-8 is replaced. */
export function toText(bytes: Uint8Array): string {
  return toShortText(bytes) ?? LOSSY.decode(bytes);
}
