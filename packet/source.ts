/**
 * Bytes of a file, read in order through one buffer.
 *
 * The buffer is used again and again: what it showed is gone when it is filled
 * anew, so that a file of any size costs the same memory.
 */

/** Where a savefile's bytes come from: an open file, or an array. */
export interface ByteSource {
  /**
   * Reads the next bytes into `into`.
   *
   * @returns how many, at least one; `null` when there are no more
   */
  read(into: Uint8Array): number | null;
}

/** An array as a source. The bytes are borrowed until all are read. */
export function ofBytes(bytes: Uint8Array): ByteSource {
  let at = 0;
  return {
    read(into) {
      if (at >= bytes.length) return null;
      const size = Math.min(into.length, bytes.length - at);
      into.set(bytes.subarray(at, at + size));
      at += size;
      return size;
    },
  };
}

/** The part of a source that is in memory. */
export class Window {
  /** The buffer; what is unread lies from {@link from} to {@link to}. */
  bytes: Uint8Array;
  /** The same bytes. */
  view: DataView;
  from = 0;
  to = 0;
  /** Where `bytes[0]` stands in the source. */
  base = 0;
  #source: ByteSource;
  #ended = false;

  constructor(source: ByteSource, size: number) {
    this.#source = source;
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Where the next unread byte stands in the source. */
  get position(): number {
    return this.base + this.from;
  }

  /** Unread bytes in memory. */
  get available(): number {
    return this.to - this.from;
  }

  /**
   * Reads on until `size` unread bytes are in memory; moves those that are.
   *
   * The buffer grows where `size` exceeds it: the caller bounds `size`.
   *
   * @returns whether there are so many
   */
  fill(size: number): boolean {
    if (this.available >= size) return true;
    if (this.#ended) return false;
    this.#makeRoom(size);
    while (this.available < size) {
      const read = this.#source.read(this.bytes.subarray(this.to));
      if (read === null) {
        this.#ended = true;
        return false;
      }
      this.to += read;
    }
    return true;
  }

  /**
   * Passes over `size` bytes, in memory or not.
   *
   * @returns whether there were so many
   */
  skip(size: number): boolean {
    let left = size;
    while (left > this.available) {
      left -= this.available;
      this.from = this.to;
      if (!this.fill(1)) return false;
    }
    this.from += left;
    return true;
  }

  /** The source has said that there is no more, and has more all the same. */
  goOn(): void {
    this.#ended = false;
  }

  /** Forgets what is in memory: the source now goes on at `position`. */
  restart(position: number): void {
    this.from = this.to = 0;
    this.base = position;
    this.#ended = false;
  }

  /** Moves what is unread to the front, of a larger buffer where needed. */
  #makeRoom(size: number): void {
    const unread = this.bytes.subarray(this.from, this.to);
    if (size > this.bytes.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(size)));
      grown.set(unread);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    } else {
      this.bytes.copyWithin(0, this.from, this.to);
    }
    this.base += this.from;
    this.to -= this.from;
    this.from = 0;
  }
}
