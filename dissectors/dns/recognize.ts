/**
 * Whether bytes are a DNS message, which has no signature of its own.
 *
 * On an unknown port all of a message must make sense to its last byte. Where
 * the port speaks for DNS, and after bytes were lost, its beginning must.
 */
import type { Guess, Side } from "../dissector.ts";
import { isKnownClass, isKnownOpcode, OPCODE, TYPE } from "./parameters.ts";
import { Cursor, HEADER_SIZE, Names, plainNameEnd } from "./wire.ts";

/** Ports of DNS, mDNS (RFC 6762) and LLMNR (RFC 4795). */
export const PORT = { DNS: 53, MDNS: 5353, LLMNR: 5355 } as const;

/** NetBIOS names are asked in the same format (RFC 1002 §4.2). */
const NETBIOS_PORT = 137;

/** Octets before a message on a stream: its length (RFC 1035 §4.2.2). */
export const PREFIX_SIZE = 2;

/** The longest name with what follows it in a question. */
const MAX_QUESTION = 255 + 4;

/** Octets at a message's beginning that decide whether it may be one. */
const MAX_BEGINNING = HEADER_SIZE + MAX_QUESTION;

/** See `Dissector.probe`: whether the stream or datagram is DNS. */
export function probe(head: Uint8Array, side: Side, port: number): Guess {
  if (port === NETBIOS_PORT) return "reject";
  const expected = Object.values<number>(PORT).includes(port);
  if (expected ? mayBegin(head) : isMessage(head)) {
    return fits(head, side, port);
  }
  // The probe is not told what carries the bytes, but no message makes sense
  // with and without the length that comes before it on a stream.
  if (head.length < PREFIX_SIZE) return "unsure";
  const size = u16(head, 0);
  if (size < HEADER_SIZE) return "reject";
  if (head.length < PREFIX_SIZE + HEADER_SIZE) return "unsure";
  const message = head.subarray(PREFIX_SIZE, PREFIX_SIZE + size);
  const isWhole = message.length === size;
  if (isWhole && !expected ? isMessage(message) : mayBegin(message)) {
    const guess = fits(message, side, port);
    return isWhole || expected || guess === "reject" ? guess : "unsure";
  }
  const decided = isWhole || message.length >= MAX_BEGINNING ||
    !isHeader(message);
  return decided ? "reject" : "unsure";
}

/** Clients ask and servers answer; mDNS responders speak unasked. */
function fits(message: Uint8Array, side: Side, port: number): Guess {
  const sender = isResponse(message) ? "server" : "client";
  return sender === side || port === PORT.MDNS ? "match" : "reject";
}

/** Whether the bytes are one message, all of them. */
export function isMessage(bytes: Uint8Array): boolean {
  const flags = u16(bytes, 2);
  const isUsual = isKnownOpcode(flags >> 11 & 15) && (flags & 0x40) === 0;
  if (!isHeader(bytes) || !isUsual) return false;
  const questions = u16(bytes, 4);
  const records = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10);
  const cursor = new Cursor(new Names(bytes), HEADER_SIZE, bytes.length);
  if (questions === 0 && !(isResponse(bytes) && records > 0)) return false;
  if (questions * 5 + records * 11 > cursor.left) return false;
  for (let n = questions; n > 0; n--) if (!isQuestion(cursor)) return false;
  for (let n = records; n > 0; n--) if (!isRecord(cursor)) return false;
  return cursor.left === 0;
}

/**
 * Whether the bytes begin as a message does: with a header, and the name, type
 * and class of a question or record. {@link MAX_BEGINNING} bytes tell.
 */
function begins(bytes: Uint8Array): boolean {
  if (!isHeader(bytes)) return false;
  const isAsked = u16(bytes, 4) > 0;
  const records = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10);
  // No name can lie before the first one, so that it has no pointer.
  const end = plainNameEnd(bytes, HEADER_SIZE, bytes.length);
  if (end < 0 || end + 4 > bytes.length || !isAsked && records === 0) {
    return false;
  }
  const type = u16(bytes, end);
  if (!isAsked && type === TYPE.OPT) return true; // whose class is a size
  return type !== 0 && isKnownClass(u16(bytes, end + 2) & 0x7fff) &&
    !isNetbios(bytes, HEADER_SIZE, type);
}

/** As {@link begins}, or a header that stands for itself. */
export function mayBegin(bytes: Uint8Array): boolean {
  if (begins(bytes)) return true;
  if (!isHeader(bytes)) return false;
  const isEmpty = bytes.subarray(4, HEADER_SIZE).every((byte) => byte === 0);
  return isEmpty && (isResponse(bytes) || bytes.length === HEADER_SIZE ||
    (u16(bytes, 2) >> 11 & 15) === OPCODE.DSO);
}

/** Whether recursion is desired. */
export function isRecursive(message: Uint8Array): boolean {
  return (message[2]! & 1) !== 0;
}

/** Whether the message answers another. */
export function isResponse(message: Uint8Array): boolean {
  return (message[2]! & 0x80) !== 0;
}

/** Whether a header's numbers go together. */
function isHeader(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_SIZE) return false;
  return isResponse(bytes) || (u16(bytes, 2) & 15) === 0;
}

function isQuestion(cursor: Cursor): boolean {
  const start = cursor.at;
  const isNamed = cursor.name() !== undefined;
  const type = cursor.u16();
  const isClassed = isKnownClass(cursor.u16() & 0x7fff);
  return isNamed && cursor.intact && type !== 0 && isClassed &&
    !isNetbios(cursor.bytes, start, type);
}

function isRecord(cursor: Cursor): boolean {
  const isNamed = cursor.name() !== undefined;
  const type = cursor.u16();
  const class_ = cursor.u16();
  cursor.u32();
  cursor.take(cursor.u16());
  // The class of OPT is a size (RFC 6891 §6.1.2).
  const isClassed = type === TYPE.OPT || isKnownClass(class_ & 0x7fff);
  return isNamed && cursor.intact && type !== 0 && isClassed;
}

/** Types NB and NBSTAT, which DNS has given other names. */
const NETBIOS_TYPES: readonly number[] = [TYPE.NIMLOC, TYPE.SRV];

/** Whether a name is 16 bytes as 32 letters (RFC 1001 §14.1). */
function isNetbios(bytes: Uint8Array, start: number, type: number): boolean {
  return NETBIOS_TYPES.includes(type) && bytes[start] === 32 &&
    bytes.subarray(start + 1, start + 33)
      .every((letter) => letter >= 0x41 && letter <= 0x50);
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}
