/**
 * Reading the wire format of DNS messages.
 *
 * A cursor fails once and for all: a read past the end gives zeros and clears
 * {@link Cursor.intact}, which whoever reads a record asks once, at its end.
 */

/** Octets of a name, its lengths and the root included (RFC 1035 §2.3.4). */
export const MAX_NAME = 255;

/** Octets of a label; longer lengths mean something else. */
export const MAX_LABEL = 63;

/** Pointers followed in one name: more than there can be labels. */
const MAX_POINTERS = 127;

/** Octets before the first name of a message. */
export const HEADER_SIZE = 12;

const NOTHING = new Uint8Array(0);

/**
 * How each byte of a label is written: printable ones as they are, a dot or a
 * backslash with a backslash before it, others as `\DDD` (RFC 1035 §5.1).
 */
const LABEL_TEXT: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte <= 0x20 || byte >= 0x7f) {
    return "\\" + String(byte).padStart(3, "0");
  }
  const char = String.fromCharCode(byte);
  return char === "." || char === "\\" ? "\\" + char : char;
});

/** A place in a message. Borrows its bytes. */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  /** Where reading ends: the message, or a record's data. */
  readonly end: number;
  /** False once something was not there or could not be. */
  intact = true;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = Math.min(end, bytes.length);
  }

  /** Bytes left. */
  get left(): number {
    return this.end - this.at;
  }

  /** Whether there is more to read. */
  get more(): boolean {
    return this.intact && this.at < this.end;
  }

  /** Gives up: nothing more is read. */
  fail(): 0 {
    this.intact = false;
    this.at = this.end;
    return 0;
  }

  u8(): number {
    return this.at < this.end ? this.bytes[this.at++]! : this.fail();
  }

  u16(): number {
    if (this.left < 2) return this.fail();
    const value = this.bytes[this.at]! << 8 | this.bytes[this.at + 1]!;
    this.at += 2;
    return value;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  u48(): number {
    return this.u16() * 0x100000000 + this.u32();
  }

  /** The next `size` bytes; borrowed. */
  take(size: number): Uint8Array {
    if (this.left < size) this.fail();
    if (!this.intact) return NOTHING;
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  /** All that is left; borrowed. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** A character string: one octet of length, and so many (RFC 1035 §3.3). */
  string(): Uint8Array {
    return this.take(this.u8());
  }

  /** Skips a name without looking where its pointer leads. */
  skipName(): void {
    while (this.at < this.end) {
      const length = this.bytes[this.at]!;
      if (length >= 0xc0) {
        this.take(2);
        return;
      }
      if (length > MAX_LABEL) break;
      this.take(1 + length);
      if (length === 0) return;
    }
    this.fail();
  }

  /**
   * A name without its final dot, the root as `.`.
   *
   * A pointer may only lead to before the name that it stands in, so no chain
   * of them is a loop (RFC 1035 §4.1.4: "a prior occurrence").
   *
   * @returns undefined where the name cannot be: too long, or its pointer
   *   leads nowhere; the cursor then stands after it if it has an end
   */
  name(): string | undefined {
    const start = this.at;
    let text = "";
    let octets = 1;
    let pointers = 0;
    let at = start;
    let end = this.end;
    let earliest = start;
    while (at < end) {
      const length = this.bytes[at]!;
      if (length === 0) {
        if (pointers === 0) this.at = at + 1;
        return text === "" ? "." : text;
      }
      if (length >= 0xc0) {
        if (at + 1 >= end) break;
        const target = (length & 0x3f) << 8 | this.bytes[at + 1]!;
        if (target >= earliest || target < HEADER_SIZE) break;
        if (pointers++ === 0) this.at = at + 2;
        if (pointers > MAX_POINTERS) break;
        at = earliest = target;
        end = this.bytes.length;
        continue;
      }
      octets += 1 + length;
      if (length > MAX_LABEL || octets > MAX_NAME || at + length >= end) break;
      if (text !== "") text += ".";
      for (let i = at + 1; i <= at + length; i++) {
        text += LABEL_TEXT[this.bytes[i]!];
      }
      at += 1 + length;
    }
    if (pointers === 0) this.skipName();
    return undefined;
  }
}
