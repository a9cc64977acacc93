/**
 * The snapshot that a primary sends a replica before its stream of commands.
 *
 * It looks like a bulk string, but has no line's end after it; or its length
 * is not known, and it ends with a mark of 40 bytes that was told before it.
 * Source: `syncWithMaster` and `readSyncBulkPayload` of redis.
 */
import { Malformed } from "../../stream/malformed.ts";
import type { StreamReader } from "../../stream/reader.ts";
import { CR, LF, readLength, RESP } from "./resp.ts";

/** Bytes of the line before a snapshot. */
const MAX_LINE = 64;

const MARK_SIZE = 40;
const MARKED = new TextEncoder().encode("EOF:");

/** A transfer's saved state: plain data. */
export interface TransferState {
  readonly left: number | undefined;
  readonly mark: Uint8Array | undefined;
}

/** Skips one snapshot. */
export class Transfer {
  /** Bytes that have yet to come, once that is known. */
  #left: number | undefined;
  /** What ends it, if its length is not known. */
  #mark: Uint8Array | undefined;

  /**
   * Skips what has come of it.
   *
   * @returns whether all of it has
   * @throws Malformed
   */
  read(reader: StreamReader): boolean {
    if (this.#left === undefined && !this.#begin(reader)) return false;
    return this.#mark
      ? this.#skipToMark(reader, this.#mark)
      : this.#skip(reader);
  }

  save(): TransferState {
    return { left: this.#left, mark: this.#mark };
  }

  restore(state: TransferState): void {
    this.#left = state.left;
    this.#mark = state.mark?.slice();
  }

  /** Reads the line before it, and the empty ones that keep the peer waiting. */
  #begin(reader: StreamReader): boolean {
    while (reader.peek() === LF) reader.skip(1);
    const size = reader.indexOf(LF);
    if (size > MAX_LINE || size < 0 && reader.available > MAX_LINE) {
      throw new Malformed("No snapshot");
    }
    if (size < 0) return false;
    const line = reader.bytes(size + 1)!;
    if (line[0] !== RESP.BULK || line[size - 1] !== CR) {
      throw new Malformed("No snapshot");
    }
    const isMarked = MARKED.every((byte, i) => line[1 + i] === byte);
    if (isMarked && size === 1 + MARKED.length + MARK_SIZE + 1) {
      this.#mark = line.slice(1 + MARKED.length, size - 1);
      this.#left = 0;
    } else {
      this.#left = Math.max(0, readLength(line, 1, size - 1));
    }
    return true;
  }

  #skip(reader: StreamReader): boolean {
    const size = Math.min(this.#left!, reader.available);
    reader.skip(size);
    this.#left! -= size;
    return this.#left === 0;
  }

  /** Skips all that cannot be the mark's beginning. */
  #skipToMark(reader: StreamReader, mark: Uint8Array): boolean {
    const unread = reader.unread();
    const last = unread.length - MARK_SIZE;
    let at = 0;
    for (; at <= last; at++) {
      at = unread.indexOf(mark[0]!, at);
      if (at < 0 || at > last) break;
      if (mark.every((byte, i) => unread[at + i] === byte)) {
        reader.skip(at + MARK_SIZE);
        return true;
      }
    }
    reader.skip(Math.max(0, last + 1));
    return false;
  }
}
