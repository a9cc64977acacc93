/**
 * Where a body ends (RFC 9112 §6.3, §7.1), while its bytes come.
 *
 *     LENGTH                     until that many bytes
 *     CLOSE                      until the stream ends
 *     SIZE ─► DATA ─► DATA_END   chunks, until one has no bytes
 *      ▲                 │
 *      ├─────────────────┘
 *      └─► TRAILERS              until an empty line
 */
import type { StreamReader } from "../../stream/reader.ts";
import { Body, type BodyState } from "./body.ts";
import { toLatin1 } from "./latin1.ts";
import { CR, LF, MAX_HEAD, sectionEnd } from "./syntax.ts";

/** Bytes of the line before a chunk, extensions included. */
const MAX_SIZE_LINE = 16 * 1024;

export type Phase =
  | "length"
  | "close"
  | "size"
  | "data"
  | "dataEnd"
  | "trailers";

/** What reading came to. */
export type Progress = "more" | "ended" | "broken";

/** One body on its way. */
export class Transfer {
  readonly body: Body;
  phase: Phase;
  /** Bytes left of the body, or of the chunk. */
  #left: number;
  /** Bytes that are known not to end the trailers, or the line of a size. */
  #searched = 0;
  /** Whether a chunk was read. */
  hasChunks = false;
  /** The trailer section, if it is not empty. */
  trailers: string | undefined;

  /** @param left bytes of the body, if the phase is `length` */
  constructor(phase: Phase, left: number, body: Body) {
    this.phase = phase;
    this.#left = left;
    this.body = body;
  }

  /** Reads on; at `broken` it stands where no chunk can be. */
  read(reader: StreamReader): Progress {
    while (true) {
      switch (this.phase) {
        case "length":
          return this.#take(reader) ? "ended" : "more";
        case "close":
          this.#left = reader.available;
          this.#take(reader);
          return "more";
        case "size": {
          const size = this.#readSize(reader);
          if (size < 0) return size === BROKEN ? "broken" : "more";
          this.hasChunks = true;
          this.#left = size;
          this.phase = size === 0 ? "trailers" : "data";
          break;
        }
        case "data":
          if (!this.#take(reader)) return "more";
          this.phase = "dataEnd";
          break;
        case "dataEnd": {
          const size = lineEndSize(reader);
          if (size <= 0) return size < 0 ? "broken" : "more";
          reader.skip(size);
          this.phase = "size";
          break;
        }
        case "trailers":
          return this.#readTrailers(reader);
      }
    }
  }

  /**
   * Counts bytes through that capture missed.
   *
   * @returns how many of them belong to what comes after the body; `undefined`
   *   if that cannot be known
   */
  lose(size: number): number | undefined {
    const { phase, body } = this;
    if (phase === "close") {
      body.lose(size);
      return 0;
    }
    const isCounted = phase === "length" || phase === "data";
    body.lose(isCounted ? Math.min(size, this.#left) : 0);
    if (phase === "data" && size > this.#left || !isCounted) return undefined;
    const beyond = Math.max(0, size - this.#left);
    this.#left -= size - beyond;
    return beyond;
  }

  /** Whether the bytes that are left may be a body without any chunks. */
  mayBeUnchunked(reader: StreamReader): boolean {
    return this.phase === "size" && !this.hasChunks && reader.available > 0;
  }

  /** Whether the body's size is certain, were it to end here. */
  get isSizeKnown(): boolean {
    const { phase } = this;
    return phase === "length" || phase === "close" || phase === "trailers";
  }

  /** Whether nothing is left of a body whose length was told. */
  get isComplete(): boolean {
    return this.phase === "length" && this.#left === 0;
  }

  /** Plain data for {@link restored}. */
  save(): TransferState {
    const { phase, hasChunks, trailers } = this;
    const left = this.#left;
    return { phase, left, hasChunks, trailers, body: this.body.save() };
  }

  static restored(state: TransferState): Transfer {
    const body = Body.restored(state.body);
    const transfer = new Transfer(state.phase, state.left, body);
    transfer.hasChunks = state.hasChunks;
    transfer.trailers = state.trailers;
    return transfer;
  }

  /** Takes what is here of the bytes left; whether none are left then. */
  #take(reader: StreamReader): boolean {
    const size = Math.min(this.#left, reader.available);
    if (this.body.wantsMore && size > 0) {
      this.body.add(reader.bytes(size)!, this.#left);
    } else {
      reader.skip(size);
      this.body.skip(size);
    }
    this.#left -= size;
    return this.#left === 0;
  }

  /**
   * A chunk's size, or {@link BROKEN} or {@link WAITING}. What follows its
   * digits is not looked at: an extension, or what clients overlook too.
   */
  #readSize(reader: StreamReader): number {
    const end = reader.indexOf(LF, this.#searched);
    if (end < 0) {
      this.#searched = reader.available;
      return this.#searched > MAX_SIZE_LINE ? BROKEN : WAITING;
    }
    this.#searched = 0;
    let at = 0;
    while (reader.peek(at) === 32 || reader.peek(at) === 9) at++;
    let size = 0;
    const start = at;
    for (let digit; (digit = hexDigit(reader.peek(at)!)) >= 0; at++) {
      size = size * 16 + digit;
      if (size > Number.MAX_SAFE_INTEGER) return BROKEN;
    }
    if (at === start || isLetter(reader.peek(at)!)) return BROKEN;
    reader.skip(end + 1);
    return size;
  }

  #readTrailers(reader: StreamReader): Progress {
    if (this.#searched === 0) {
      // Mostly there are none.
      const size = lineEndSize(reader);
      if (size === 0) return "more";
      if (size > 0) {
        reader.skip(size);
        return "ended";
      }
    }
    const bytes = reader.unread();
    const end = sectionEnd(bytes, this.#searched);
    if (end < 0) {
      this.#searched = bytes.length;
      return bytes.length > MAX_HEAD ? "broken" : "more";
    }
    this.trailers = toLatin1(bytes, 0, end);
    reader.skip(end);
    this.#searched = 0;
    return "ended";
  }
}

/** A transfer as saved. */
export interface TransferState {
  readonly phase: Phase;
  readonly left: number;
  readonly hasChunks: boolean;
  readonly trailers: string | undefined;
  readonly body: BodyState;
}

const WAITING = -1, BROKEN = -2;

/** Size of the line end that is next: 0 if that is not here, -1 if none is. */
function lineEndSize(reader: StreamReader): number {
  const first = reader.peek();
  if (first === LF) return 1;
  if (first === undefined) return 0;
  if (first !== CR) return -1;
  const second = reader.peek(1);
  return second === undefined ? 0 : second === LF ? 2 : -1;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 122;
}
