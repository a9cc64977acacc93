/**
 * Handshake bytes of one end, as its records bring them -> messages.
 *
 * A message may go over many records, and a record may hold many messages
 * (RFC 8446 §5.1). Only hellos and certificates are kept while they grow.
 */
import type { Mark, StreamReader } from "../../stream/reader.ts";
import { Malformed } from "../../stream/malformed.ts";
import { MAX_HELLO } from "./client_hello.ts";
import { type HandshakeMessage, isLookedAt } from "./handshake.ts";
import { HANDSHAKE, isHandshakeType } from "./names.ts";

/** Bytes of a message in clear. What claims more is something encrypted. */
export const MAX_MESSAGE = 1 << 20;

/** Bytes of a Certificate message that is looked at. */
export const MAX_CERTIFICATE_MESSAGE = 1 << 18;

/** Bytes before a message's body: its type, and its size in three of them. */
const HEADER_SIZE = 4;

/** Bytes that a growing body has room for at first. */
const FIRST_ROOM = 2048;

/** What {@link Assembly.restore} goes on from. Plain data. */
export interface AssemblyState {
  readonly header: readonly number[];
  readonly read: number;
  readonly body?: Uint8Array | undefined;
  readonly first?: Mark | undefined;
  readonly isLost: boolean;
}

/** The message that one end is sending. */
export class Assembly {
  /** Bytes of its header, as many as have come. */
  #header: number[] = [];
  /** Bytes of its body that have come, or were lost. */
  #read = 0;
  /** Those bytes, if they are kept; may have room for more. */
  #body: Uint8Array | undefined;
  #first: Mark | undefined;
  #isLost = false;

  /** Whether nobody knows where the next message begins. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Reads up to `limit` bytes, or to the end of a message.
   *
   * @param limit bytes of the record that are here
   * @param mark where a message begins that begins here: at its record, if it
   *   is the first in it
   * @returns a message that is whole now; `encrypted`, if the next bytes do not
   *   begin a message
   */
  read(
    reader: StreamReader,
    limit: number,
    mark: () => Mark,
  ): HandshakeMessage | "encrypted" | undefined {
    const end = reader.offset + limit;
    if (this.#header.length === 0) this.#first = mark();
    while (this.#header.length < HEADER_SIZE) {
      if (reader.offset === end) return undefined;
      this.#header.push(reader.u8()!);
    }
    if (!isHandshakeType(this.#type) || this.#size > MAX_MESSAGE) {
      return "encrypted";
    }
    this.#take(reader, Math.min(this.#size - this.#read, end - reader.offset));
    return this.#read === this.#size ? this.#finish(reader) : undefined;
  }

  /** `size` bytes within a record were lost. */
  lose(size: number): void {
    const isInside = this.#header.length === HEADER_SIZE &&
      size <= this.#size - this.#read;
    if (!isInside) return this.loseTrack();
    this.#body = undefined;
    this.#read += size;
    if (this.#read === this.#size) this.reset();
  }

  /** So much was lost that nobody knows where the next message begins. */
  loseTrack(): void {
    this.reset();
    this.#isLost = true;
  }

  /** A message begins with the next byte. */
  reset(): void {
    this.#header = [];
    this.#read = 0;
    this.#body = this.#first = undefined;
    this.#isLost = false;
  }

  save(): AssemblyState {
    return {
      header: this.#header,
      read: this.#read,
      body: this.#body,
      first: this.#first,
      isLost: this.#isLost,
    };
  }

  restore(state: AssemblyState): void {
    this.#header = [...state.header];
    this.#read = state.read;
    this.#body = state.body;
    this.#first = state.first;
    this.#isLost = state.isLost;
  }

  get #type(): number {
    return this.#header[0]!;
  }

  get #size(): number {
    const [, high = 0, middle = 0, low = 0] = this.#header;
    return high << 16 | middle << 8 | low;
  }

  #take(reader: StreamReader, size: number): void {
    const bytes = reader.bytes(size)!;
    if (this.#read === 0 && isKept(this.#type, this.#size)) {
      this.#body = new Uint8Array(Math.min(this.#size, FIRST_ROOM));
    }
    if (this.#body) {
      this.#body = withRoom(this.#body, this.#read + size, this.#size);
      this.#body.set(bytes, this.#read);
    }
    this.#read += size;
  }

  #finish(reader: StreamReader): HandshakeMessage {
    const first = this.#first!;
    const last = reader.lastMark();
    const message: HandshakeMessage = {
      type: this.#type,
      body: this.#body,
      framing: "stream",
      first,
      last,
      size: reader.offset - first.offset,
    };
    this.reset();
    return message;
  }
}

/**
 * Whether a message's body is wanted.
 *
 * @throws Malformed if it is a hello longer than any can be
 */
export function isKept(type: number, size: number): boolean {
  if (!isLookedAt(type)) return false;
  if (type === HANDSHAKE.CERTIFICATE) return size <= MAX_CERTIFICATE_MESSAGE;
  if (size > MAX_HELLO) throw new Malformed(`A hello of ${size} bytes`);
  return true;
}

/** The buffer, or a larger copy: twice as large, but at most `most` bytes. */
function withRoom(
  buffer: Uint8Array,
  wanted: number,
  most: number,
): Uint8Array {
  if (wanted <= buffer.length) return buffer;
  const larger = new Uint8Array(
    Math.min(most, Math.max(wanted, 2 * buffer.length)),
  );
  larger.set(buffer);
  return larger;
}
