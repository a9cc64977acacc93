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

/** Pointers followed in one name: as many as there can be labels. */
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

/** A name as it was read. */
interface Name {
  readonly text: string;
  /** Octets without pointers. */
  readonly octets: number;
  readonly pointers: number;
  /** Where it ends: after the root, or its first pointer. */
  readonly end: number;
}

/**
 * The names of one message. Those that pointers lead to are kept: a message
 * has few of them, and a hostile one leads to a long one again and again.
 */
export class Names {
  readonly bytes: Uint8Array;
  /** Most messages have no pointer that anybody follows. */
  #targets: Map<number, Name> | undefined;

  /** @param bytes the message, borrowed */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * The name that begins at `start` and, but for pointers, ends before `end`.
   *
   * A pointer may only lead to before the name that it stands in, so no chain
   * of them is a loop (RFC 1035 §4.1.4: "a prior occurrence").
   *
   * @param depth pointers that were followed to come here
   * @returns undefined where it cannot be: cut, too long, or its pointer leads
   *   nowhere
   */
  read(start: number, end: number, depth = 0): Name | undefined {
    const { bytes } = this;
    let text = "";
    let octets = 0;
    for (let at = start; at < end;) {
      const length = bytes[at]!;
      if (length === 0) {
        octets++;
        return { text: text || ".", octets, pointers: 0, end: at + 1 };
      }
      if (length >= 0xc0) {
        if (at + 1 >= end) return undefined;
        const target = (length & 0x3f) << 8 | bytes[at + 1]!;
        const rest = target < start ? this.#target(target, depth) : undefined;
        return rest && joined(text, octets, rest, at + 2);
      }
      octets += 1 + length;
      if (length > MAX_LABEL || octets >= MAX_NAME || at + length >= end) break;
      if (text !== "") text += ".";
      for (let i = at + 1; i <= at + length; i++) text += LABEL_TEXT[bytes[i]!];
      at += 1 + length;
    }
    return undefined;
  }

  /** The name that a pointer leads to. */
  #target(at: number, depth: number): Name | undefined {
    if (at < HEADER_SIZE || depth >= MAX_POINTERS) return undefined;
    const known = this.#targets?.get(at);
    if (known) return known;
    const name = this.read(at, this.bytes.length, depth + 1);
    if (name) (this.#targets ??= new Map()).set(at, name);
    return name;
  }
}

/** Labels and the rest of their name, to which a pointer led. */
function joined(
  labels: string,
  size: number,
  rest: Name,
  end: number,
): Name | undefined {
  const octets = size + rest.octets;
  const pointers = rest.pointers + 1;
  if (octets > MAX_NAME || pointers > MAX_POINTERS) return undefined;
  const isRoot = rest.text === ".";
  const text = labels === ""
    ? rest.text
    : isRoot
    ? labels
    : `${labels}.${rest.text}`;
  return { text, octets, pointers, end };
}

/** Where a name ends, not looking where its pointer leads; -1 if it is cut. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end;) {
    const length = bytes[at]!;
    if (length >= 0xc0) return at + 2 <= end ? at + 2 : -1;
    if (length > MAX_LABEL) return -1;
    at += 1 + length;
    if (length === 0) return at;
  }
  return -1;
}

/** Where a name without pointers ends; -1 if none stands there. */
export function plainNameEnd(
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  for (let at = start; at < end && at - start < MAX_NAME;) {
    const length = bytes[at]!;
    if (length > MAX_LABEL) return -1;
    at += 1 + length;
    if (length === 0) return at;
  }
  return -1;
}

/** A place in a message. Borrows its bytes. */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  /** Where reading ends: the message, or a record's data. */
  readonly end: number;
  /** False once something was not there or could not be. */
  intact = true;
  readonly #names: Names;

  constructor(names: Names, at: number, end: number) {
    this.#names = names;
    this.bytes = names.bytes;
    this.at = at;
    this.end = Math.min(end, this.bytes.length);
  }

  /** Another place in the same message, where reading ends sooner. */
  within(end: number): Cursor {
    return new Cursor(this.#names, this.at, end);
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
    const end = nameEnd(this.bytes, this.at, this.end);
    if (end < 0) this.fail();
    else this.at = end;
  }

  /**
   * A name without its final dot, the root as `.`.
   *
   * @returns undefined where the name cannot be; the cursor then stands after
   *   it if it has an end
   */
  name(): string | undefined {
    const name = this.#names.read(this.at, this.end);
    if (name) this.at = name.end;
    else this.skipName();
    return name?.text;
  }
}
