/**
 * The presentation language that TLS messages are written in (RFC 8446 §3):
 * big-endian numbers, and vectors with their size before them.
 */
import { Malformed } from "../../stream/malformed.ts";

/** Reads a message from its beginning. */
export class Wire {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes borrowed; what is read from it are views of it */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws Malformed if the message ends before `size` bytes */
  bytes(size: number): Uint8Array {
    if (size > this.left) {
      throw new Malformed(
        `Wanted ${size} bytes of a TLS message's ${this.left}`,
      );
    }
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** @throws Malformed at the message's end, as do those below */
  u8(): number {
    return this.bytes(1)[0]!;
  }

  u16(): number {
    return this.u8() << 8 | this.u8();
  }

  u24(): number {
    return this.u16() << 8 | this.u8();
  }

  /** A vector whose size takes one byte. */
  vector8(): Uint8Array {
    return this.bytes(this.u8());
  }

  /** A vector whose size takes two bytes. */
  vector16(): Uint8Array {
    return this.bytes(this.u16());
  }

  /** A vector whose size takes three bytes. */
  vector24(): Uint8Array {
    return this.bytes(this.u24());
  }
}

/** The two-byte numbers that a vector holds; an odd byte at its end is none. */
export function toNumbers(vector: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let i = 0; i + 1 < vector.length; i += 2) {
    numbers.push(vector[i]! << 8 | vector[i + 1]!);
  }
  return numbers;
}

/** What `read` gives; `undefined` where the bytes break its rules. */
export function leniently<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return undefined;
  }
}

const UTF8 = new TextDecoder();

/** A name as text. What is not UTF-8 shows as U+FFFD. */
export function toText(bytes: Uint8Array): string {
  return UTF8.decode(bytes);
}
