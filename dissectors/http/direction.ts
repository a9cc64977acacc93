/**
 * One direction of a connection: where in its messages it stands, and how its
 * next head is found without reading any byte again and again.
 */
import type { StreamReader } from "../../stream/reader.ts";
import { MAX_SOUGHT_LINE } from "./seek.ts";
import { CR, LF, MAX_HEAD, MORE, NEVER, sectionEnd } from "./syntax.ts";

/** Bytes after which it is certain that a line may begin a message. */
const MAX_BEGINNING = 64;

/** Where in its messages a direction stands. */
export type Stage =
  /** Between messages. */
  | "start"
  /** In a body. */
  | "body"
  /** Somewhere: what begins a message is looked for. */
  | "seek"
  /** After an HTTP/0.9 request that header lines may follow all the same. */
  | "simple"
  /** After a request that may end HTTP: what follows waits for its response. */
  | "held"
  /** Another protocol has taken over. */
  | "over";

/** Reads the heads of one direction. */
export class Direction {
  #stage: Stage;
  /** Bytes of the next head, or line, that were searched for its end. */
  #searched = 0;
  /** Whether its first line is here. */
  #hasLine = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Nothing comes after `over`. */
  enter(stage: Stage): void {
    if (this.#stage === "over") return;
    this.#stage = stage;
    this.#searched = 0;
    this.#hasLine = false;
  }

  /**
   * Reads the head that the bytes begin with.
   *
   * @param outline is filled if it is all here
   * @returns its size, {@link MORE} or {@link NEVER}
   */
  readHead(
    bytes: Uint8Array,
    outline: { readonly lineSize: number },
    read: (bytes: Uint8Array) => number,
  ): number {
    const isLong = bytes.length > MAX_HEAD;
    if (this.#isSearched(bytes)) return isLong ? NEVER : MORE;
    const size = read(bytes);
    this.#searched = size === MORE ? bytes.length : 0;
    this.#hasLine = size === MORE && outline.lineSize > 0;
    return size === MORE && isLong ? NEVER : size;
  }

  /**
   * Skips to where the next message begins.
   *
   * @param find as `findRequest` and `findResponse`
   * @returns whether it is here
   */
  seek(reader: StreamReader, find: (bytes: Uint8Array) => number): boolean {
    if (this.#lacksLine(reader.unread())) return false;
    const at = find(reader.unread());
    reader.skip(at < 0 ? ~at : at);
    // What is left waits for the end of a line, or for what follows that.
    const left = reader.unread();
    this.#searched = left.includes(LF) ? 0 : left.length;
    if (at >= 0) this.enter("start");
    return at >= 0;
  }

  /** Whether what waits for the end of a line would only be looked at again. */
  #lacksLine(bytes: Uint8Array): boolean {
    const searched = this.#searched;
    if (searched <= MAX_BEGINNING) return false;
    // The twofold, so that what is too long is cut off now and then alone.
    if (bytes.length > 2 * MAX_SOUGHT_LINE) return false;
    if (bytes.includes(LF, searched)) return false;
    this.#searched = bytes.length;
    return true;
  }

  /** Whether there is nothing new to what was searched in vain before. */
  #isSearched(bytes: Uint8Array): boolean {
    const searched = this.#searched;
    if (!this.#hasLine && searched <= MAX_BEGINNING) return false;
    const isHere = this.#hasLine
      ? sectionEnd(bytes, searched) > 0
      : bytes.indexOf(LF, searched) >= 0;
    if (!isHere) this.#searched = bytes.length;
    return !isHere;
  }
}

/** Skips line ends before a message; whether there is something after them. */
export function skipEmptyLines(reader: StreamReader): boolean {
  let byte = reader.peek();
  while (byte === CR || byte === LF) {
    reader.skip(1);
    byte = reader.peek();
  }
  return byte !== undefined;
}

/**
 * Where in its stream a message ends whose end is missing.
 *
 * @param size how many bytes after the unread ones are missing
 * @param beyond how many of them follow the message, if that is known
 */
export function endOfLost(
  reader: StreamReader,
  size: number,
  beyond: number = size,
): number {
  return reader.offset + reader.available + size - beyond;
}
