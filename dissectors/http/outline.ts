/**
 * What of a head decides how reading goes on, found in the bytes where they
 * lie: kind and version of its first line, the fields that say where the body
 * ends (RFC 9112 §6), and whether another protocol may follow.
 *
 * One outline is filled again and again. All else of a head is kept as a
 * string and read when somebody asks.
 */
import { trimBlanks, unfold } from "./field_lines.ts";
import { toLatin1 } from "./latin1.ts";
import {
  bytesOf,
  COLON,
  CR,
  guessStatusLine,
  isAt,
  isDigit,
  isLetter,
  LF,
  MORE,
  NEVER,
  SPACE,
  TAB,
  tokenSize,
  versionAt,
} from "./syntax.ts";

/** A length that no field gives, or that none could be made of. */
export const ABSENT = -1, INVALID = -2;

/** Minor version of a request line that has no version at all: HTTP/0.9. */
export const SIMPLE = -1;

const GET = bytesOf("GET");
const HEAD = bytesOf("HEAD");
const CONNECT = bytesOf("CONNECT");
const CHUNKED = bytesOf("chunked");

const CONTENT_LENGTH = bytesOf("content-length");
const CONTENT_ENCODING = bytesOf("content-encoding");
const CONTENT_TYPE = bytesOf("content-type");
const TRANSFER_ENCODING = bytesOf("transfer-encoding");
const UPGRADE = bytesOf("upgrade");
const EXPECT = bytesOf("expect");

/** What a request was that decides how its response is read. */
export interface Traits {
  /** x of `HTTP/1.x`, or {@link SIMPLE}. */
  readonly minor: number;
  readonly isHead: boolean;
  readonly isConnect: boolean;
  readonly upgrades: boolean;
  readonly expectsContinue: boolean;
}

/** One of each, for most requests are alike: all there can be are 176. */
const KNOWN_TRAITS: Traits[] = [];

/** The deciding parts of one head. */
export class Outline {
  /** x of `HTTP/1.x`, or {@link SIMPLE}. */
  minor = 1;
  /** Status of a response. */
  status = 0;
  isHead = false;
  isConnect = false;
  /** Size of the first line; 0 while its end is not here. */
  lineSize = 0;
  /** Bytes, {@link ABSENT} or {@link INVALID}. */
  contentLength = ABSENT;
  /** Whether the last transfer coding is `chunked`. */
  isChunked = false;
  /** The other transfer codings in lower case, as they were applied. */
  transferCodings: string[] | undefined;
  /** Whether there is a content coding. */
  isEncoded = false;
  /** Whether the body is a form's. */
  isForm = false;
  upgrades = false;
  expectsContinue = false;
  #hasType = false;

  /** What the response's reader has to know of a request. */
  get traits(): Traits {
    const { minor, isHead, isConnect, upgrades, expectsContinue } = this;
    const key = minor - SIMPLE << 4 | Number(isHead) << 3 |
      Number(isConnect) << 2 | Number(upgrades) << 1 | Number(expectsContinue);
    return KNOWN_TRAITS[key] ??= {
      minor,
      isHead,
      isConnect,
      upgrades,
      expectsContinue,
    };
  }

  /** Whether a body's size is known only once its codings are undone. */
  get hasCodings(): boolean {
    return this.isEncoded || this.transferCodings !== undefined;
  }

  /** Whether a final response follows; of 101 none does. */
  get isInformational(): boolean {
    return this.status < 200 && this.status !== 101;
  }

  /** @returns the head's size, {@link MORE} or {@link NEVER} */
  readRequest(bytes: Uint8Array): number {
    this.#clear();
    const methodSize = tokenSize(bytes, 0);
    if (methodSize < 0) return NEVER;
    if (methodSize === bytes.length) return MORE;
    const lf = bytes.indexOf(LF, methodSize);
    if (lf < 0) return MORE;
    this.lineSize = lf + 1;
    const end = trimmedEnd(bytes, methodSize, lf);
    this.minor = versionAt(bytes, end - 8);
    if (this.minor < 0) {
      if (!isSimple(bytes, methodSize, end)) return NEVER;
      return this.lineSize;
    }
    // Something must stand between the method and the version.
    if (end - 9 <= methodSize || bytes[end - 9] !== SPACE) return NEVER;
    this.isHead = begins(bytes, HEAD, methodSize);
    this.isConnect = begins(bytes, CONNECT, methodSize);
    return this.#readFields(bytes, lf + 1);
  }

  /** @returns the head's size, {@link MORE} or {@link NEVER} */
  readResponse(bytes: Uint8Array): number {
    this.#clear();
    const guess = guessStatusLine(bytes);
    if (guess !== 1) return guess;
    const lf = bytes.indexOf(LF, 12);
    if (lf < 0) return MORE;
    this.lineSize = lf + 1;
    this.minor = bytes[7]! - 48;
    this.status = bytes[9]! * 100 + bytes[10]! * 10 + bytes[11]! - 48 * 111;
    return this.#readFields(bytes, lf + 1);
  }

  #clear(): void {
    this.minor = 1;
    this.status = 0;
    this.isHead = false;
    this.isConnect = false;
    this.lineSize = 0;
    this.contentLength = ABSENT;
    this.isChunked = false;
    this.transferCodings = undefined;
    this.isEncoded = false;
    this.isForm = false;
    this.upgrades = false;
    this.expectsContinue = false;
    this.#hasType = false;
  }

  /** Reads field lines from `at` to the empty line that ends the head. */
  #readFields(bytes: Uint8Array, at: number): number {
    const length = bytes.length;
    while (at < length) {
      const first = bytes[at]!;
      if (first === LF) return at + 1;
      if (first === CR && bytes[at + 1] === LF) return at + 2;
      const letter = first | 0x20;
      // c, e, t, u: no other letter begins a name that decides anything.
      if (letter === 99 || letter === 101 || letter === 116 || letter === 117) {
        this.#readField(bytes, at, letter);
      }
      while (at < length && bytes[at] !== LF) at++;
      at++;
    }
    return MORE;
  }

  #readField(bytes: Uint8Array, at: number, letter: number): void {
    if (letter === 99) {
      let value = valueOf(bytes, at, CONTENT_LENGTH);
      if (value > 0) return this.#addLength(bytes, value);
      value = valueOf(bytes, at, CONTENT_TYPE);
      if (value > 0) return this.#setType(bytes, value);
      value = valueOf(bytes, at, CONTENT_ENCODING);
      if (value > 0) this.isEncoded = true;
    } else if (letter === 116) {
      const value = valueOf(bytes, at, TRANSFER_ENCODING);
      if (value > 0) this.#addCodings(bytes, value);
    } else if (letter === 117) {
      if (valueOf(bytes, at, UPGRADE) > 0) this.upgrades = true;
    } else {
      const value = valueOf(bytes, at, EXPECT);
      if (value > 0) {
        this.expectsContinue = /^100-continue$/i.test(textAt(bytes, value));
      }
    }
  }

  /** Equal lengths said twice are one (RFC 9112 §6.3, 5). */
  #addLength(bytes: Uint8Array, at: number): void {
    const length = numberAt(bytes, at);
    const before = this.contentLength;
    this.contentLength = length >= 0 && (before === ABSENT || before === length)
      ? length
      : length === INVALID
      ? lengthOfList(textAt(bytes, at), before)
      : INVALID;
  }

  /** The first type counts, as it does for the form. */
  #setType(bytes: Uint8Array, at: number): void {
    if (this.#hasType) return;
    this.#hasType = true;
    const letter = (bytes[at] ?? 0) | 0x20;
    // Cheap for the many types that begin otherwise: a(pplication), m(ultipart).
    if (letter !== 97 && letter !== 109) return;
    this.isForm = FORM_TYPES.test(textAt(bytes, at));
  }

  #addCodings(bytes: Uint8Array, at: number): void {
    if (isWhole(bytes, at, CHUNKED) && !this.transferCodings) {
      this.isChunked = true;
      return;
    }
    const codings = this.transferCodings ??= [];
    if (this.isChunked) codings.push("chunked");
    for (const coding of toCodings([textAt(bytes, at)])) codings.push(coding);
    this.isChunked = codings.at(-1) === "chunked";
    if (this.isChunked) codings.pop();
  }
}

const FORM_TYPES =
  /^(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i;

/**
 * Names of codings in lower case, as they were applied: without parameters,
 * and without `identity`, which is none.
 */
export function toCodings(values: readonly string[]): string[] {
  return values.join(",").split(",")
    .map((coding) => trimBlanks(coding.split(";", 1)[0]!).toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
}

/**
 * Whether a line without a version is HTTP/0.9's (RFC 1945 §5): GET and a path
 * or an absolute URI, and no version that is not ours.
 */
function isSimple(bytes: Uint8Array, methodSize: number, end: number): boolean {
  if (!begins(bytes, GET, methodSize)) return false;
  const target = toLatin1(bytes, methodSize, end);
  return /^ +(\/|https?:)[ -\xff]*$/i.test(target) &&
    !/ HTTP\/[^ ]*$/i.test(target);
}

/** Whether the first `size` bytes are that word. */
function begins(bytes: Uint8Array, word: Uint8Array, size: number): boolean {
  return word.length === size && isAt(bytes, 0, word);
}

/** Where the value of the field begins if it has this name; else 0. */
function valueOf(bytes: Uint8Array, at: number, name: Uint8Array): number {
  for (let i = 0; i < name.length; i++) {
    if (!isLetter(bytes[at + i] ?? 0, name[i]!)) return 0;
  }
  at += name.length;
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  if (bytes[at] !== COLON) return 0;
  at++;
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  return at;
}

/** A field's value from where it begins, folds undone. */
function textAt(bytes: Uint8Array, at: number): string {
  let end = at;
  while (true) {
    const lf = bytes.indexOf(LF, end);
    if (lf < 0) return "";
    end = lf + 1;
    if (bytes[end] !== SPACE && bytes[end] !== TAB) break;
  }
  const lineEnd = bytes[end - 2] === CR ? end - 2 : end - 1;
  return unfold(toLatin1(bytes, at, Math.max(at, lineEnd)));
}

/** Whether a value is just that word, in whatever case. */
function isWhole(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if (!isLetter(bytes[at + i] ?? 0, word[i]!)) return false;
  }
  return endsLine(bytes, at + word.length);
}

/** Whether a line ends there, and is not folded. */
function endsLine(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === CR) at++;
  return bytes[at] === LF && bytes[at + 1] !== SPACE && bytes[at + 1] !== TAB;
}

/** A value that is just digits and ends its line, or {@link INVALID}. */
function numberAt(bytes: Uint8Array, at: number): number {
  const start = at;
  let value = 0;
  while (isDigit(bytes[at] ?? 0)) value = value * 10 + bytes[at++]! - 48;
  const fits = at > start && value <= Number.MAX_SAFE_INTEGER;
  return fits && endsLine(bytes, at) ? value : INVALID;
}

/** The number of which a list is made, as some proxies join two fields. */
function lengthOfList(text: string, before: number): number {
  let length = before;
  for (const part of text.split(",")) {
    const item = trimBlanks(part);
    const value = /^\d{1,16}$/.test(item) ? Number(item) : INVALID;
    if (value > Number.MAX_SAFE_INTEGER) return INVALID;
    if (length !== ABSENT && length !== value) return INVALID;
    length = value;
  }
  return length;
}

/** Where a line's text ends, without its CR and blanks. */
function trimmedEnd(bytes: Uint8Array, start: number, lf: number): number {
  let end = lf;
  while (end > start) {
    const byte = bytes[end - 1];
    if (byte !== CR && byte !== SPACE && byte !== TAB) break;
    end--;
  }
  return end;
}
