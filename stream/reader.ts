/**
 * The unread bytes of one stream, as a parser consumes them.
 *
 * A reader shows the newest chunk where it lies and copies only what a parser
 * leaves unread, so that a message inside one packet is never copied. Beside
 * the bytes it keeps where each of them was captured.
 */

/** In which packet a byte of a stream was captured: where a message ends. */
export interface Capture {
  /** When its packet was captured, µs since 1970. */
  readonly time: number;
  /** Its packet: shard × 2^24 + number in the shard, see {@link toPlace}. */
  readonly place: number;
  /** Whether its datagram was longer than what was captured of it. */
  readonly isCut?: true;
}

/** Which byte of which packet it is: where a message begins. */
export interface Mark extends Capture {
  /** How many messages begin before it in that packet. */
  readonly n: number;
  /** Bytes of the stream before it. */
  readonly offset: number;
  /** What its datagram is known by elsewhere, if that was wanted (`tagOf`). */
  readonly tag?: number;
}

/**
 * Packets that have numbers within one shard. A shard of 64 MiB has fewer; a
 * savefile with more goes on in the next shard's numbers. The rest of a
 * double's 53 bits lets a node fill ten shards a second for 1.7 years.
 */
const PACKETS_PER_SHARD = 2 ** 24;

/** A packet's number within everything that a node has kept. */
export function toPlace(shard: number, packet: number): number {
  return shard * PACKETS_PER_SHARD + packet;
}

/** The shard and the packet in it that {@link toPlace} was given. */
export function fromPlace(place: number): { shard: number; packet: number } {
  const shard = Math.floor(place / PACKETS_PER_SHARD);
  return { shard, packet: place - shard * PACKETS_PER_SHARD };
}

/** Nothing lies between the bytes before and after a parser's messages. */
const EMPTY = new Uint8Array(0);

/** Bytes that a parser may leave unread before its flow is given up. */
export const MAX_UNREAD = 16 * 1024 * 1024;

/** Packets whose marks are remembered although an earlier one came up. */
const MAX_LEFT = 16;

/** The unread bytes of one direction of a flow. */
export class StreamReader {
  #bytes: Uint8Array = EMPTY;
  #position = 0;
  #end = 0;
  /** Whether {@link #bytes} is ours to write to and to keep. */
  #owned = false;
  /** Bytes of the stream before `#bytes[0]`. */
  #base = 0;

  // Where the unread bytes were captured: piece i begins at the stream's
  // offset #offsets[i]. Pieces before #piece are consumed.
  #offsets: number[] = [];
  #times: number[] = [];
  #places: number[] = [];
  /** How many pieces there are: lists are not shortened, which would cost. */
  #pieces = 0;
  #piece = 0;

  /** The newest datagram of which not all was captured. */
  #cutPlace = -1;
  /** The newest datagram that has a tag. */
  #tagPlace = -1;
  #tag = 0;

  #markedPlace = -1;
  #markedOffset = -1;
  #marks = 0;
  /**
   * Marks of packets that were left for an earlier one: a segment sent again
   * may fill the holes on both sides of bytes that waited.
   */
  #left: Map<number, number> | undefined;

  /** Unread bytes. */
  get available(): number {
    return this.#end - this.#position;
  }

  /** Bytes of the stream before the next unread one. */
  get offset(): number {
    return this.#base + this.#position;
  }

  /** When the next unread byte was captured; without one, the newest. */
  get time(): number {
    return this.#times[this.#pieceAt(this.offset)] ?? 0;
  }

  /** The packet of the next unread byte; without one, the newest. */
  get place(): number {
    return this.#places[this.#pieceAt(this.offset)] ?? 0;
  }

  /**
   * Where the next unread byte was captured. Every message takes one where it
   * begins: the marks of a packet are counted, and the count is part of the
   * entry's id. Taking it twice at one byte gives the same mark.
   */
  mark(): Mark {
    const offset = this.offset;
    const piece = this.#pieceAt(offset);
    const place = this.#places[piece] ?? 0;
    if (place !== this.#markedPlace) this.#moveTo(place);
    else if (offset > this.#markedOffset) this.#marks++;
    this.#markedOffset = Math.max(offset, this.#markedOffset);
    return this.#markOf(piece, this.#marks, offset);
  }

  /**
   * Where the last byte read was captured: what a message ends at.
   *
   * @param first where the message begins: as many end in the same packet,
   *   it is then given back
   */
  lastMark(first?: Mark): Capture {
    const offset = Math.max(0, this.offset - 1);
    const piece = this.#pieceAt(offset);
    const isThere = first !== undefined &&
      first.place === this.#places[piece] && first.time === this.#times[piece];
    return isThere ? first : this.#markOf(piece, 0, offset);
  }

  /** What was appended last is a datagram that was longer than that. */
  noteCut(): void {
    this.#cutPlace = this.#places[this.#pieces - 1] ?? -1;
  }

  /** What was appended last is a datagram that is known by its tag. */
  noteTag(tag: number): void {
    this.#tagPlace = this.#places[this.#pieces - 1] ?? -1;
    this.#tag = tag;
  }

  /** The next byte without consuming it; `undefined` when there is none. */
  peek(ahead = 0): number | undefined {
    const at = this.#position + ahead;
    return at < this.#end ? this.#bytes[at] : undefined;
  }

  /** All unread bytes, not consumed. Borrowed until the reader is next used. */
  unread(): Uint8Array {
    return this.#bytes.subarray(this.#position, this.#end);
  }

  /**
   * The next `size` bytes, consumed; `undefined` while they are not all here.
   * Borrowed until the parser returns: copy what is kept.
   */
  bytes(size: number): Uint8Array | undefined {
    if (size < 0 || this.available < size) return undefined;
    const start = this.#position;
    this.#position += size;
    return this.#bytes.subarray(start, start + size);
  }

  /** Consumes `size` bytes if they are all here, and says whether. */
  skip(size: number): boolean {
    if (size < 0 || this.available < size) return false;
    this.#position += size;
    return true;
  }

  /** One byte, consumed. */
  u8(): number | undefined {
    return this.#position < this.#end
      ? this.#bytes[this.#position++]
      : undefined;
  }

  /** Two bytes, big endian, consumed. */
  u16(): number | undefined {
    if (this.available < 2) return undefined;
    const bytes = this.#bytes;
    return bytes[this.#position++]! << 8 | bytes[this.#position++]!;
  }

  /** Three bytes, big endian, consumed. */
  u24(): number | undefined {
    if (this.available < 3) return undefined;
    const bytes = this.#bytes;
    return bytes[this.#position++]! << 16 | bytes[this.#position++]! << 8 |
      bytes[this.#position++]!;
  }

  /** Four bytes, big endian, consumed. */
  u32(): number | undefined {
    if (this.available < 4) return undefined;
    const bytes = this.#bytes;
    return (bytes[this.#position++]! << 24 | bytes[this.#position++]! << 16 |
      bytes[this.#position++]! << 8 | bytes[this.#position++]!) >>> 0;
  }

  /** How far ahead `byte` stands, or -1. */
  indexOf(byte: number, from = 0): number {
    // Not in all of the bytes: they may be a whole batch of frames.
    const at = this.unread().subarray(from).indexOf(byte);
    return at < 0 ? -1 : at + from;
  }

  /**
   * Runs `read`; if it gives `undefined`, what it consumed is unread again.
   * It may throw `Malformed`.
   */
  attempt<T>(read: (reader: this) => T | undefined): T | undefined {
    const before = this.#position;
    const value = read(this);
    if (value === undefined) this.#position = before;
    return value;
  }

  /**
   * Adds the next bytes of the stream, captured in one packet.
   *
   * @param bytes borrowed until {@link retain} is called
   */
  append(
    bytes: Uint8Array,
    start: number,
    end: number,
    time: number,
    place: number,
  ): void {
    const unread = this.available;
    const offset = this.#base + this.#end;
    // Of a chunk without bytes nothing needs to be known once another comes.
    if (this.#pieces > 0 && this.#offsets[this.#pieces - 1] === offset) {
      this.#pieces--;
    }
    if (unread === 0) {
      this.#base = offset - start;
      this.#bytes = bytes;
      this.#owned = false;
      this.#position = start;
      this.#end = end;
      this.#keepLastPiece();
    } else {
      this.#reserve(end - start);
      this.#bytes.set(bytes.subarray(start, end), this.#end);
      this.#end += end - start;
      this.#forgetPieces();
    }
    const piece = this.#pieces++;
    this.#offsets[piece] = offset;
    this.#times[piece] = time;
    this.#places[piece] = place;
  }

  /** Copies what is unread, for the bytes given to {@link append} go away. */
  retain(): void {
    if (this.available === 0) {
      this.#base += this.#end;
      this.#bytes = EMPTY;
      this.#position = this.#end = 0;
    } else if (!this.#owned) this.#reserve(0);
  }

  /** Counts `size` bytes as read which capture missed; drops the unread ones. */
  loseTo(size: number): void {
    this.#position = this.#end;
    this.#base += size;
  }

  /** What {@link restored} needs to go on from here. */
  save(): ReaderState {
    const from = this.#pieceAt(Math.max(0, this.offset - 1));
    return {
      offset: this.offset,
      unread: this.unread().slice(),
      offsets: this.#offsets.slice(from, this.#pieces),
      times: this.#times.slice(from, this.#pieces),
      places: this.#places.slice(from, this.#pieces),
      marked: [this.#markedPlace, this.#markedOffset, this.#marks],
      left: this.#left && [...this.#left],
    };
  }

  /** A reader that goes on where {@link save} was called. */
  static restored(state: ReaderState): StreamReader {
    const reader = new StreamReader();
    reader.#bytes = state.unread.slice();
    reader.#owned = true;
    reader.#end = state.unread.length;
    reader.#base = state.offset;
    reader.#offsets = [...state.offsets];
    reader.#times = [...state.times];
    reader.#places = [...state.places];
    reader.#pieces = state.places.length;
    [reader.#markedPlace, reader.#markedOffset, reader.#marks] = state.marked;
    reader.#left = state.left && new Map(state.left);
    return reader;
  }

  #markOf(piece: number, n: number, offset: number): Mark {
    const time = this.#times[piece] ?? 0;
    const place = this.#places[piece] ?? 0;
    const mark = place === this.#cutPlace
      ? { time, place, n, offset, isCut: true } as const
      : { time, place, n, offset };
    return place === this.#tagPlace ? { ...mark, tag: this.#tag } : mark;
  }

  /** Counts marks for another packet, from where its count was left. */
  #moveTo(place: number): void {
    if (place < this.#markedPlace) {
      const left = this.#left ??= new Map();
      left.set(this.#markedPlace, this.#marks);
      if (left.size > MAX_LEFT) left.delete(left.keys().next().value!);
    }
    const left = this.#left?.get(place);
    this.#marks = left === undefined ? 0 : left + 1;
    this.#markedPlace = place;
  }

  /** Makes the unread bytes ours, with room for `more` behind them. */
  #reserve(more: number): void {
    const unread = this.available;
    if (this.#owned && this.#end + more <= this.#bytes.length) return;
    const fits = this.#owned && unread + more <= this.#bytes.length &&
      this.#position >= this.#bytes.length / 2;
    const target = fits
      ? this.#bytes
      : new Uint8Array(Math.max(256, 2 ** Math.ceil(Math.log2(unread + more))));
    target.set(this.unread());
    this.#base += this.#position;
    this.#bytes = target;
    this.#owned = true;
    this.#position = 0;
    this.#end = unread;
  }

  #pieceAt(offset: number): number {
    const offsets = this.#offsets;
    const last = this.#pieces - 1;
    let piece = this.#piece;
    // A caller may look back one byte, or roll back what it read.
    while (piece > 0 && offsets[piece]! > offset) piece--;
    while (piece < last && offsets[piece + 1]! <= offset) piece++;
    this.#piece = piece;
    return piece;
  }

  /** Forgets where consumed bytes were captured, but for the last of them. */
  #forgetPieces(): void {
    const from = this.#pieceAt(Math.max(0, this.offset - 1));
    if (from < 64) return;
    this.#offsets.splice(0, from);
    this.#times.splice(0, from);
    this.#places.splice(0, from);
    this.#pieces -= from;
    this.#piece = 0;
  }

  /** Forgets where all but the last bytes were captured. */
  #keepLastPiece(): void {
    const last = this.#pieces - 1;
    if (last > 0) {
      this.#offsets[0] = this.#offsets[last]!;
      this.#times[0] = this.#times[last]!;
      this.#places[0] = this.#places[last]!;
      this.#pieces = 1;
    }
    this.#piece = 0;
  }
}

/** A reader's saved state: plain data. */
export interface ReaderState {
  readonly offset: number;
  readonly unread: Uint8Array;
  readonly offsets: readonly number[];
  readonly times: readonly number[];
  readonly places: readonly number[];
  readonly marked: readonly [place: number, offset: number, marks: number];
  readonly left?:
    | readonly (readonly [place: number, marks: number])[]
    | undefined;
}
