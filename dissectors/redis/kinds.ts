/**
 * Commands that change how what follows is to be read.
 */
import { BLOCKING } from "./commands.ts";
import { LF, RESP } from "./resp.ts";

/** What a command does to its connection; most do nothing. */
export type Kind =
  | "plain"
  /** Its reply may take as long as it likes. */
  | "blocking"
  | "client"
  | "monitor"
  | "replconf"
  | "reset"
  | "shutdown"
  | "subscribe"
  | "sync";

const KINDS = new Map<string, Kind>([
  ...BLOCKING.map((name): [string, Kind] => [name, "blocking"]),
  ["WAIT", "blocking"],
  ["WAITAOF", "blocking"],
  ["CLIENT", "client"],
  ["MONITOR", "monitor"],
  ["REPLCONF", "replconf"],
  ["RESET", "reset"],
  ["SHUTDOWN", "shutdown"],
  ["SUBSCRIBE", "subscribe"],
  ["PSUBSCRIBE", "subscribe"],
  ["SSUBSCRIBE", "subscribe"],
  ["UNSUBSCRIBE", "subscribe"],
  ["PUNSUBSCRIBE", "subscribe"],
  ["SUNSUBSCRIBE", "subscribe"],
  ["SYNC", "sync"],
  ["PSYNC", "sync"],
]);

/** For each first letter in lower case the lengths of such names, as bits. */
const LENGTHS = new Uint32Array(256);
for (const name of KINDS.keys()) {
  LENGTHS[name.charCodeAt(0) | 0x20]! |= 1 << name.length;
}

/**
 * The kind of a command, in the shape of an array or of a line.
 *
 * Every command passes here, and few have names of such a letter and length
 * that they need be looked up.
 */
export function kindOf(bytes: Uint8Array, start: number): Kind {
  const isArray = bytes[start] === RESP.ARRAY;
  const at = isArray ? nextLine(bytes, nextLine(bytes, start)) : start;
  const length = isArray ? lengthBefore(bytes, at) : wordLength(bytes, at);
  const mayBeKind = length < 32 &&
    (LENGTHS[bytes[at]! | 0x20]! >>> length & 1) === 1;
  if (!mayBeKind) return "plain";
  return KINDS.get(nameAt(bytes, at, length)) ?? "plain";
}

/** A name in upper case. */
function nameAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length)).toUpperCase();
}

function nextLine(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== LF) at++;
  return at + 1;
}

/** The number on the line that ends before `at`. */
function lengthBefore(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let i = at - 3, unit = 1; bytes[i] !== RESP.BULK; i--, unit *= 10) {
    length += (bytes[i]! - 0x30) * unit;
  }
  return length;
}

function wordLength(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end]! > 0x20) end++;
  return end - at;
}
