/**
 * Messages among other bytes: where reading goes on when it was lost, and
 * whether what comes is what it should be.
 */
import {
  bytesOf,
  COLON,
  CR,
  DEL,
  guessStatusLine,
  IS_TOKEN,
  isAsciiLetter,
  isAt,
  LF,
  MORE,
  NEVER,
  SPACE,
  tokenSize,
  versionAt,
} from "./syntax.ts";

/** Bytes of a first line where it has to be found among others. */
export const MAX_SOUGHT_LINE = 8192;

/** Bytes of a field's name where it tells whether a head is one. */
export const MAX_FIELD_NAME = 256;

/** Methods that are looked for inside a line. */
const USUAL_METHODS = "GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT TRACE"
  .split(" ").map(bytesOf);

/**
 * Looks for a request among other bytes: a request line, with a header line or
 * the end of the head after it. What ran into it from before may lack a line
 * end; then its method has to be a usual one.
 *
 * @returns where it begins; or the complement (`~`) of how many bytes are
 *   certainly before it
 */
export function findRequest(bytes: Uint8Array): number {
  let start = 0;
  for (let lf; (lf = bytes.indexOf(LF, start)) >= 0; start = lf + 1) {
    const at = requestInLine(bytes, start, lf);
    if (at < 0) continue;
    const guess = guessField(bytes, lf + 1);
    if (guess !== NEVER) return guess === MORE ? ~at : at;
  }
  return ~Math.max(start, bytes.length - MAX_SOUGHT_LINE);
}

/** As {@link findRequest}, for a response. */
export function findResponse(bytes: Uint8Array): number {
  for (let at = 0; (at = bytes.indexOf(72, at)) >= 0; at++) {
    let guess = guessResponse(bytes, at);
    if (guess > 0) {
      const line = bytes.subarray(0, at + MAX_SOUGHT_LINE + 1);
      const lf = line.indexOf(LF, at);
      guess = lf >= 0
        ? guessField(bytes, lf + 1)
        : line.length < bytes.length
        ? NEVER
        : MORE;
    }
    if (guess !== NEVER) return guess === MORE ? ~at : at;
  }
  return ~bytes.length;
}

/** Where in a line a request line begins that ends with it, or -1. */
function requestInLine(bytes: Uint8Array, start: number, lf: number): number {
  const end = bytes[lf - 1] === CR ? lf - 1 : lf;
  const space = end - 9;
  if (space <= start || bytes[space] !== SPACE) return -1;
  if (versionAt(bytes, space + 1) < 0) return -1;
  // Of a longer line the beginning may be gone.
  const isWhole = lf - start < MAX_SOUGHT_LINE;
  if (isWhole && isUsual(bytes, start) && guessRequest(bytes, start) > 0) {
    return start;
  }
  const most = isWhole ? start : lf - MAX_SOUGHT_LINE;
  let at = space - 1;
  while (at > most && bytes[at]! > SPACE && bytes[at] !== DEL) at--;
  if (bytes[at] !== SPACE || at === space - 1) return -1;
  for (const method of USUAL_METHODS) {
    const from = at - method.length;
    if (from >= most && isAt(bytes, from, method)) return from;
  }
  return isWhole && tokenSize(bytes, start) === at - start ? start : -1;
}

/** Whether one of the usual methods stands at `at`, and a blank after it. */
function isUsual(bytes: Uint8Array, at: number): boolean {
  return USUAL_METHODS.some((method) =>
    isAt(bytes, at, method) && bytes[at + method.length] === SPACE
  );
}

/** Whether a field line, or the empty one, begins at `at`. */
function guessField(bytes: Uint8Array, at: number): number {
  let size = 0;
  while (IS_TOKEN[bytes[at + size] ?? 0]) {
    if (++size > MAX_FIELD_NAME) return NEVER;
  }
  const byte = bytes[at + size];
  if (byte === undefined) return MORE;
  if (size > 0) return byte === COLON ? 1 : NEVER;
  if (byte === LF) return 1;
  if (byte !== CR) return NEVER;
  const next = bytes[at + 1];
  return next === undefined ? MORE : next === LF ? 1 : NEVER;
}

/**
 * Whether a request begins at `at`: 1 if its line is certainly a request line,
 * {@link MORE} or {@link NEVER}. Stricter than reading one where it must be.
 */
export function guessRequest(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === undefined) return MORE;
  if (!isAsciiLetter(first)) return NEVER;
  const methodSize = tokenSize(bytes, at);
  if (methodSize < 0) return NEVER;
  const target = at + methodSize;
  if (target === bytes.length) return MORE;
  const line = bytes.subarray(0, at + MAX_SOUGHT_LINE + 1);
  const lf = line.indexOf(LF, target);
  if (lf < 0) return line.length < bytes.length ? NEVER : MORE;
  const end = bytes[lf - 1] === CR ? lf - 1 : lf;
  if (versionAt(bytes, end - 8) < 0 || end - 9 <= target + 1) return NEVER;
  if (bytes[end - 9] !== SPACE) return NEVER;
  for (let i = target + 1; i < end - 9; i++) {
    if (bytes[i]! < SPACE || bytes[i] === DEL) return NEVER;
  }
  return 1;
}

/**
 * Whether a response begins at `at`: 1, {@link MORE} or {@link NEVER}. Here
 * `HTTP` has to be in capitals.
 */
export function guessResponse(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== undefined && bytes[at] !== 72) return NEVER;
  return guessStatusLine(bytes, at);
}
