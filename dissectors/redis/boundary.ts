/**
 * Where a message begins in bytes of which those before are missing.
 *
 * What is found here becomes entries, so it is rather found late than in the
 * middle of somebody's value.
 */
import { CR, LF, RESP } from "./resp.ts";

/** Where a message begins, or before which it certainly does not. */
export interface Boundary {
  readonly at: number;
  readonly isFound: boolean;
}

/** Digits of a count, a length. */
const MAX_DIGITS = 10;

/** Letters of a command's name. */
const MAX_NAME = 32;

/** Bytes of a string that are waited for, to see that it ends as it should. */
const MAX_CHECKED = 64 * 1024;

/** Bytes of a line that are waited for. */
const MAX_LINE = 512;

/** Lines that servers often send and people hardly ever write. */
const USUAL = [
  ..."+OK +PONG +QUEUED".split(" ").map((line) => `${line}\r\n`),
  ..."-ASK -BUSY -ERR -EXECABORT -LOADING -MOVED -NOAUTH -NOSCRIPT -WRONGTYPE"
    .split(" ").map((word) => `${word} `),
].map((text) => new TextEncoder().encode(text));

/** Whether something stands somewhere; `MORE` bytes may tell. */
const NO = 0;
const MORE = 1;
const YES = 2;
type Answer = typeof NO | typeof MORE | typeof YES;

/** Finds an array of strings of which the first is a name. */
export function findCommand(bytes: Uint8Array, from: number): Boundary {
  for (let at = from;; at++) {
    at = bytes.indexOf(RESP.ARRAY, at);
    if (at < 0) return { at: bytes.length, isFound: false };
    const answer = isCommand(bytes, at);
    if (answer !== NO) return { at, isFound: answer === YES };
  }
}

/**
 * Finds a reply: after a line's end a string or an aggregate, for those can be
 * checked, an integer or a usual line; where bytes begin again (`isFresh`)
 * anything that may be one.
 */
export function findValue(
  bytes: Uint8Array,
  from: number,
  isFresh: boolean,
): Boundary {
  if (isFresh) {
    const answer = isValue(bytes, from, true);
    if (answer !== NO) return { at: from, isFound: answer === YES };
  }
  for (let lf = from + 1;; lf++) {
    lf = bytes.indexOf(LF, lf);
    // What may be the line's end before a message is looked at again.
    if (lf < 0) {
      return { at: Math.max(from, bytes.length - 1), isFound: false };
    }
    if (bytes[lf - 1] !== CR) continue;
    const answer = isValue(bytes, lf + 1, false);
    if (answer === YES) return { at: lf + 1, isFound: true };
    if (answer === MORE) return { at: lf - 1, isFound: false };
  }
}

/** `*3\r\n$3\r\nSET\r\n` */
function isCommand(bytes: Uint8Array, at: number): Answer {
  const count = isHeader(bytes, at);
  if (count !== YES) return count;
  const name = at + headerSize(bytes, at);
  if (name >= bytes.length) return MORE;
  if (bytes[name] !== RESP.BULK) return NO;
  const size = isHeader(bytes, name);
  if (size !== YES) return size;
  const length = numberAt(bytes, name + 1);
  if (length < 1 || length > MAX_NAME) return NO;
  const start = name + headerSize(bytes, name);
  for (let i = start; i < start + length; i++) {
    if (i >= bytes.length) return MORE;
    if (!isNameByte(bytes[i]!)) return NO;
  }
  return isLineEnd(bytes, start + length);
}

function isNameByte(byte: number): boolean {
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x7a || byte >= 0x30 && byte <= 0x39 ||
    byte === 0x2e || byte === 0x5f || byte === 0x2d; // . _ -
}

/** Whether a reply begins here; `anyKind` also takes what cannot be checked. */
function isValue(bytes: Uint8Array, at: number, anyKind: boolean): Answer {
  if (at >= bytes.length) return MORE;
  switch (bytes[at]) {
    case RESP.BULK:
    case RESP.BULK_ERROR:
    case RESP.VERBATIM:
      return isBulk(bytes, at, anyKind);
    case RESP.ARRAY:
    case RESP.MAP:
    case RESP.SET:
    case RESP.PUSH:
      return isAggregate(bytes, at);
    case RESP.INTEGER:
      return anyKind ? isLine(bytes, at, isNumberByte) : isHeader(bytes, at);
    case RESP.STRING:
    case RESP.ERROR:
      return anyKind ? isLine(bytes, at, isPrintable) : isUsual(bytes, at);
    case RESP.NULL:
    case RESP.BOOLEAN:
    case RESP.DOUBLE:
    case RESP.BIG_NUMBER:
      return anyKind ? isLine(bytes, at, isNumberByte) : NO;
    default:
      return NO;
  }
}

function isUsual(bytes: Uint8Array, at: number): Answer {
  let answer: Answer = NO;
  for (const line of USUAL) {
    let same = 0;
    while (same < line.length && bytes[at + same] === line[same]) same++;
    if (same === line.length) return YES;
    if (at + same >= bytes.length) answer = MORE;
  }
  return answer;
}

function isBulk(bytes: Uint8Array, at: number, anySize: boolean): Answer {
  const header = isHeader(bytes, at);
  if (header !== YES) return header;
  const length = numberAt(bytes, at + 1);
  if (length > MAX_CHECKED) return anySize ? YES : NO;
  const end = at + headerSize(bytes, at) + length;
  return length < 0 ? YES : isLineEnd(bytes, end);
}

function isAggregate(bytes: Uint8Array, at: number): Answer {
  const header = isHeader(bytes, at);
  if (header !== YES) return header;
  if (numberAt(bytes, at + 1) <= 0) return YES;
  const next = at + headerSize(bytes, at);
  if (next >= bytes.length) return MORE;
  const isSized = bytes[next] === RESP.BULK || bytes[next] === RESP.ARRAY;
  return isSized ? isHeader(bytes, next) : isLine(
    bytes,
    next,
    bytes[next] === RESP.STRING ? isPrintable : isNumberByte,
  );
}

/** A type, digits (or `-1`) and a line's end. */
function isHeader(bytes: Uint8Array, at: number): Answer {
  let i = at + 1;
  if (bytes[i] === 0x2d) return isNull(bytes, i);
  while (i < bytes.length && isDigit(bytes[i]!) && i - at <= MAX_DIGITS) i++;
  if (i >= bytes.length) return MORE;
  return i === at + 1 ? NO : isLineEnd(bytes, i);
}

function isNull(bytes: Uint8Array, minus: number): Answer {
  if (minus + 1 >= bytes.length) return MORE;
  return bytes[minus + 1] === 0x31 ? isLineEnd(bytes, minus + 2) : NO;
}

function isLineEnd(bytes: Uint8Array, at: number): Answer {
  if (at < bytes.length && bytes[at] !== CR) return NO;
  if (at + 1 < bytes.length) return bytes[at + 1] === LF ? YES : NO;
  return MORE;
}

function isLine(
  bytes: Uint8Array,
  at: number,
  allows: (byte: number) => boolean,
): Answer {
  const most = at + MAX_LINE;
  for (let i = at + 1; i < most; i++) {
    if (i >= bytes.length) return MORE;
    if (bytes[i] === CR) return isLineEnd(bytes, i);
    if (!allows(bytes[i]!)) return NO;
  }
  return NO;
}

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isPrintable = (byte: number) => byte >= 0x20 && byte < 0x7f;

/** What numbers, booleans, infinities and NaN are written with. */
const isNumberByte = (byte: number) =>
  isDigit(byte) || "+-.eEtfinaINF".includes(String.fromCharCode(byte));

/** Bytes of a header that is one. */
function headerSize(bytes: Uint8Array, at: number): number {
  return bytes.indexOf(LF, at) + 1 - at;
}

/** The number at a place where one is. */
function numberAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 0x2d) return -1;
  let value = 0;
  for (; isDigit(bytes[at]!); at++) value = value * 10 + bytes[at]! - 0x30;
  return value;
}
