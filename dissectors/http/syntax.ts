/**
 * The characters that HTTP/1 is made of (RFC 9110 §5.6, RFC 9112 §3, §4), found
 * in bytes.
 */

export const TAB = 9, LF = 10, CR = 13, SPACE = 32, COLON = 58, DEL = 127;

/** Bytes of a head; browsers take 256 KiB, servers far less. */
export const MAX_HEAD = 256 * 1024;

/** Bytes of a method. */
const MAX_METHOD = 32;

/** What became of reading a head, where it is not the head's size. */
export const MORE = 0, NEVER = -1;

/** The bytes of a text in ASCII. */
export const bytesOf = (text: string): Uint8Array =>
  new TextEncoder().encode(text);

const HTTP1 = bytesOf("http/1.");

/** Characters of a token (RFC 9110 §5.6.2), such as a method. */
export const IS_TOKEN = new Uint8Array(256);
for (const byte of bytesOf("!#$%&'*+-.^_`|~")) IS_TOKEN[byte] = 1;
for (let byte = 48; byte <= 57; byte++) IS_TOKEN[byte] = 1;
for (let byte = 65; byte <= 90; byte++) {
  IS_TOKEN[byte] = 1;
  IS_TOKEN[byte | 0x20] = 1;
}

/**
 * Where a section of field lines ends, its empty line included, or -1.
 *
 * @param from how many bytes are known not to end it
 */
export function sectionEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0;) {
    const before = bytes[at - 1];
    if (before === LF || before === CR && bytes[at - 2] === LF) return at + 1;
    at = bytes.indexOf(LF, at + 1);
  }
  return -1;
}

/**
 * Whether a status line begins at `at`: 1, {@link MORE} or {@link NEVER}.
 *
 * `HTTP` may be in lower case, as in browsers. A status has three digits and
 * then the line or the code ends.
 */
export function guessStatusLine(bytes: Uint8Array, at = 0): number {
  const length = bytes.length - at;
  for (let i = 0; i < 7; i++) {
    if (i >= length) return MORE;
    if (!isLetter(bytes[at + i]!, HTTP1[i]!)) return NEVER;
  }
  for (let i = 7; i < 13; i++) {
    if (i >= length) return MORE;
    const byte = bytes[at + i]!;
    const fits = i === 8
      ? byte === SPACE
      : i === 12
      ? byte === SPACE || byte === CR || byte === LF || byte === TAB
      : isDigit(byte);
    if (!fits) return NEVER;
  }
  return 1;
}

/** Size of a method with the space after it; -1 if there cannot be one. */
export function tokenSize(bytes: Uint8Array, at: number): number {
  const most = Math.min(bytes.length - at, MAX_METHOD + 1);
  let size = 0;
  while (size < most && IS_TOKEN[bytes[at + size]!]) size++;
  if (size === bytes.length - at) return size;
  return size > 0 && bytes[at + size] === SPACE ? size : -1;
}

/** x of `HTTP/1.x` at that place, or -1. */
export function versionAt(bytes: Uint8Array, at: number): number {
  if (at < 0) return -1;
  for (let i = 0; i < 7; i++) {
    if (!isLetter(bytes[at + i]!, HTTP1[i]!)) return -1;
  }
  const digit = bytes[at + 7]!;
  return isDigit(digit) ? digit - 48 : -1;
}

/** Whether that word stands at `at`. */
export function isAt(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if (bytes[at + i] !== word[i]) return false;
  }
  return true;
}

/** Whether a byte is that character, a letter of it in either case. */
export function isLetter(byte: number, lower: number): boolean {
  // Setting the bit would make a letter of `@`, and `-` of a CR.
  return byte === lower || lower >= 97 && (byte | 0x20) === lower;
}

export function isAsciiLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 122;
}

export function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
