/**
 * One direction's bytes -> where its messages lie.
 *
 * A message that has not come whole is scanned as it comes. Of one that is
 * larger than {@link MAX_KEPT} only the beginning is kept. After bytes were
 * lost, reading goes on where a message surely begins.
 */
import { Malformed } from "../../stream/malformed.ts";
import type { Capture, Mark, StreamReader } from "../../stream/reader.ts";
import { findCommand, findValue } from "./boundary.ts";
import { LF, MAX_LINE, RESP } from "./resp.ts";
import { Scanner, type ScannerState } from "./scanner.ts";

/** Bytes of a message that are kept. */
export const MAX_KEPT = 4 * 1024 * 1024;

const EMPTY = new Uint8Array(0);

const NOWHERE: Mark = { time: 0, place: 0, n: 0, offset: 0 };

/** A message of which the beginning was kept and the rest is skipped. */
interface Oversize {
  readonly head: Uint8Array;
  readonly first: Mark;
  readonly skipped: number;
}

/** A framer's saved state: plain data. */
export interface FramerState {
  readonly scanner: ScannerState;
  readonly searched: number;
  readonly oversize: Oversize | undefined;
  readonly isLost: boolean;
  readonly isFresh: boolean;
}

/**
 * Finds messages, one after the other:
 *
 *     framer.begin(reader);
 *     while (framer.next()) use(framer.bytes, framer.start, framer.end);
 */
export class Framer {
  /** Holds the message. Borrowed from the reader. */
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** Its first and its last byte. */
  first: Mark = NOWHERE;
  last: Capture = NOWHERE;
  /** Its bytes in the stream. */
  size = 0;
  /** Whether {@link bytes} has but its beginning. */
  isCut = false;

  /** Whether it reads commands, and not replies. */
  readonly #ofCommands: boolean;
  readonly #scanner: Scanner;
  #reader: StreamReader | undefined;
  /** The reader's bytes, and how far messages were found in them. */
  #unread: Uint8Array = EMPTY;
  #at = 0;
  /** Bytes of an unfinished inline command that have no line's end. */
  #searched = 0;
  #oversize: Oversize | undefined;
  #isLost: boolean;
  /** Whether nothing was skipped since bytes were lost. */
  #isFresh = true;

  constructor(ofCommands: boolean, isLost: boolean) {
    this.#ofCommands = ofCommands;
    this.#scanner = new Scanner(ofCommands);
    this.#isLost = isLost;
  }

  /** Whether it stands between messages. */
  get isIdle(): boolean {
    return this.#scanner.isIdle && this.#searched === 0 && !this.#oversize;
  }

  /** Takes what the reader has. */
  begin(reader: StreamReader): void {
    this.#reader = reader;
    this.#unread = reader.unread();
    this.#at = 0;
  }

  /**
   * Finds the next message and consumes it; false if it is not all here.
   *
   * @throws Malformed
   */
  next(): boolean {
    const reader = this.#reader!;
    const unread = this.#unread;
    if (this.#isLost && !this.#find()) return false;
    const at = this.#at;
    const end = this.#isInline(at)
      ? this.#lineEnd(at)
      : this.#scanner.scan(unread, at);
    if (end < 0) {
      if (unread.length - at > MAX_KEPT || this.#oversize) this.#skip();
      return false;
    }
    const oversize = this.#oversize;
    this.first = oversize?.first ?? reader.mark();
    reader.skip(end - at);
    this.last = reader.lastMark(this.first);
    this.#at = end;
    this.size = end - at + (oversize?.skipped ?? 0);
    this.isCut = this.size > MAX_KEPT;
    this.bytes = oversize?.head ?? unread;
    this.start = oversize ? 0 : at;
    this.end = this.isCut ? this.start + MAX_KEPT : end;
    this.#oversize = undefined;
    return true;
  }

  /** Bytes are missing: what was begun is given up. */
  lose(): void {
    this.#scanner.reset();
    this.#searched = 0;
    this.#oversize = undefined;
    this.#isLost = this.#isFresh = true;
  }

  save(): FramerState {
    return {
      scanner: this.#scanner.save(),
      searched: this.#searched,
      oversize: this.#oversize,
      isLost: this.#isLost,
      isFresh: this.#isFresh,
    };
  }

  restore(state: FramerState): void {
    this.#scanner.restore(state.scanner);
    this.#searched = state.searched;
    const { oversize } = state;
    this.#oversize = oversize && { ...oversize, head: oversize.head.slice() };
    this.#isLost = state.isLost;
    this.#isFresh = state.isFresh;
  }

  #isInline(at: number): boolean {
    if (!this.#ofCommands || !this.#scanner.isIdle || this.#oversize) {
      return false;
    }
    return at < this.#unread.length && this.#unread[at] !== RESP.ARRAY;
  }

  #lineEnd(at: number): number {
    const lf = this.#unread.indexOf(LF, at + this.#searched);
    const size = (lf < 0 ? this.#unread.length : lf) - at;
    if (size > MAX_LINE) throw new Malformed("An inline command too long");
    this.#searched = lf < 0 ? size : 0;
    return lf < 0 ? -1 : lf + 1;
  }

  /** Keeps the beginning of an unfinished message and skips what was scanned. */
  #skip(): void {
    const reader = this.#reader!;
    const { head, first, skipped } = this.#oversize ?? {
      head: this.#unread.slice(this.#at, this.#at + MAX_KEPT),
      first: reader.mark(),
      skipped: 0,
    };
    const { ahead } = this.#scanner;
    reader.skip(ahead);
    this.#scanner.forget();
    this.#at += ahead;
    this.#oversize = { head, first, skipped: skipped + ahead };
  }

  /** Looks for where a message begins, and skips what comes before. */
  #find(): boolean {
    const { at, isFound } = this.#ofCommands
      ? findCommand(this.#unread, this.#at)
      : findValue(this.#unread, this.#at, this.#isFresh);
    this.#reader!.skip(at - this.#at);
    if (at > this.#at) this.#isFresh = false;
    this.#at = at;
    if (isFound) this.#isLost = false;
    return isFound;
  }
}
