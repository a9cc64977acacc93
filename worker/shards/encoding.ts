/**
 * Numbers, texts and bytes as the files beside a shard's packets hold them.
 *
 * Whole numbers are varints: seven bits a byte, the least significant first,
 * the top bit set in all but the last. A signed one is folded first (0, -1, 1,
 * -2 … become 0, 1, 2, 3 …). All else is little endian.
 */
import { crc32 } from "node:zlib";

/** Bytes that are not what was written: torn, changed, or never ours. */
export class Damaged extends Error {
  override name = "Damaged";
}

/** Keeps a byte order mark: it is part of the text. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of a name: of a file, an interface, a column. */
export const MAX_NAME = 4096;

/** The checksum of all these files: CRC-32 of zlib. */
export function toChecksum(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/** Bytes that grow as values are written to them. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** Bytes written. */
  get size(): number {
    return this.#size;
  }

  /** What was written. Borrowed until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Forgets what was written, and keeps the room for it. */
  clear(): void {
    this.#size = 0;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#size++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#size, value, true);
    this.#size += 2;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#size, value, true);
    this.#size += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#size, value, true);
    this.#size += 8;
  }

  /** @param value an integer from 0 to 2^53 - 1 */
  varint(value: number): void {
    this.#reserve(8);
    const bytes = this.#bytes;
    let at = this.#size;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[at++] = rest % 128 | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[at++] = rest & 0x7f | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#size = at;
  }

  /** @param value an integer from -2^52 to 2^52 - 1 */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** A text, its size in UTF-8 before it. */
  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A text of which only what fits {@link MAX_NAME} bytes is kept. */
  name(value: string): void {
    const bytes = new Uint8Array(MAX_NAME);
    const { written } = new TextEncoder().encodeInto(value, bytes);
    this.varint(written);
    this.raw(bytes.subarray(0, written));
  }

  /** Writes zeros until the size is a multiple of `unit`. */
  align(unit: number): void {
    while (this.#size % unit !== 0) this.u8(0);
  }

  #reserve(more: number): void {
    const wanted = this.#size + more;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/**
 * Reads what a {@link ByteWriter} wrote, from damaged bytes too.
 *
 * Every method throws {@link Damaged} where the bytes end too early or hold no
 * such value; none reads beyond them.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  #end: number;

  /** @param bytes borrowed for as long as the reader is used */
  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
    this.#end = to;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Goes on at `from` and ends at `to`, both within the bytes. */
  seek(from: number, to: number): void {
    if (!(from >= 0 && from <= to && to <= this.#bytes.length)) {
      throw new Damaged(`No bytes ${from} to ${to} in ${this.#bytes.length}`);
    }
    this.#at = from;
    this.#end = to;
  }

  u8(): number {
    const at = this.#pass(1);
    return this.#bytes[at]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#pass(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#pass(8), true);
  }

  /** An integer from 0 to 2^53 - 1. */
  varint(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let value = 0;
    let scale = 1;
    while (at < end) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        this.#at = at;
        return value;
      }
      scale *= 128;
      // Eight bytes hold 56 bits: more than any value that is written.
      if (scale > 2 ** 49) break;
    }
    throw new Damaged(`No number at byte ${this.#at}`);
  }

  /** An integer from 0 to `most`: a count or a size that memory is made for. */
  count(most: number): number {
    const value = this.varint();
    if (value > most) throw new Damaged(`${value} where ${most} is the most`);
    return value;
  }

  /** An integer from -2^52 to 2^52 - 1. */
  signed(): number {
    const folded = this.varint();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  /** The next `size` bytes. Borrowed as those of the reader are. */
  raw(size: number): Uint8Array {
    const at = this.#pass(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** A text of at most `most` bytes. */
  text(most: number): string {
    return UTF8.decode(this.raw(this.count(most)));
  }

  /** Checks that all was read. */
  finish(): void {
    if (this.left !== 0) throw new Damaged(`${this.left} bytes too many`);
  }

  #pass(size: number): number {
    const at = this.#at;
    if (!(size >= 0 && size <= this.#end - at)) {
      throw new Damaged(`${size} bytes wanted, ${this.#end - at} are left`);
    }
    this.#at = at + size;
    return at;
  }
}
