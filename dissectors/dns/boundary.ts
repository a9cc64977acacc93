/**
 * Where a message begins in a stream of which the bytes before are missing.
 */
import type { Side } from "../dissector.ts";
import { isKnownClass, isKnownOpcode, isKnownType } from "./parameters.ts";
import { PREFIX_SIZE } from "./recognize.ts";
import { HEADER_SIZE, MAX_LABEL, MAX_NAME } from "./wire.ts";

/** Octets of type and class after a name. */
const TYPE_AND_CLASS = 4;

/** Whether a message begins somewhere; `MORE` bytes may tell. */
type Answer = "no" | "more" | "yes";

/**
 * Looks for a length, a header, and a question or record after each other.
 *
 * @param side who sent the bytes: a client is taken to ask, a server to answer
 * @returns how far ahead they begin, or as far as they certainly do not
 */
export function findMessage(
  bytes: Uint8Array,
  side: Side,
): { readonly at: number; readonly isFound: boolean } {
  for (let at = 0;; at++) {
    const answer = isMessageAt(bytes, at, side);
    if (answer !== "no") return { at, isFound: answer === "yes" };
  }
}

function isMessageAt(bytes: Uint8Array, at: number, side: Side): Answer {
  const start = at + PREFIX_SIZE;
  const first = start + HEADER_SIZE;
  if (first > bytes.length) return "more";
  const size = u16(bytes, at);
  const flags = u16(bytes, start + 2);
  if (size <= HEADER_SIZE || flags >> 15 !== (side === "server" ? 1 : 0)) {
    return "no";
  }
  if (!isKnownOpcode(flags >> 11 & 15)) return "no";
  const questions = u16(bytes, start + 4);
  const answers = u16(bytes, start + 6);
  // Later messages of a zone transfer have records alone (RFC 5936 §2.2.1).
  const isUsual = questions === 1 || questions === 0 && answers > 0;
  return isUsual ? isNamed(bytes, first, start + size) : "no";
}

/** Whether a name without pointer, a type and a class stand there. */
function isNamed(bytes: Uint8Array, start: number, end: number): Answer {
  let at = start;
  for (let length = -1; length !== 0; at += 1 + length) {
    if (at >= bytes.length) return "more";
    length = bytes[at]!;
    const after = at + 1 + length;
    if (length > MAX_LABEL || after - start > MAX_NAME || after > end) {
      return "no";
    }
  }
  if (at + TYPE_AND_CLASS > end) return "no";
  if (at + TYPE_AND_CLASS > bytes.length) return "more";
  return isKnownType(u16(bytes, at)) && isKnownClass(u16(bytes, at + 2))
    ? "yes"
    : "no";
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}
