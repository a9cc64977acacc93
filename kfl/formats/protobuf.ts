/**
 * Protocol Buffers read without their schema: what the wire format itself
 * tells (protobuf.dev/programming-guides/encoding).
 *
 * A length-delimited field may be a text, bytes or a message, and nothing says
 * which. Printable text is taken for text; else what reads as a message to its
 * last byte is one; the rest is bytes.
 */
import { toBytes } from "../../entry/field.ts";
import type { PlainObject, Value } from "../value.ts";

/** Deepest nesting of messages. */
const MAX_DEPTH = 32;

/** Most fields of one message with all that it holds. */
const MAX_FIELDS = 100_000;

const WIRE = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

/** A message by field number, or `undefined` where the bytes are none. */
export function parseProtobuf(
  bytes: Uint8Array,
  depth = MAX_DEPTH,
): PlainObject | undefined {
  if (bytes.length === 0) return undefined;
  return new Reader(bytes, { fields: MAX_FIELDS }).message(
    Math.min(depth, MAX_DEPTH),
  );
}

/** Reads one message; what it cannot read makes all of it no message. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #budget: { fields: number };
  #at = 0;

  constructor(bytes: Uint8Array, budget: { fields: number }) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  message(depth: number): PlainObject | undefined {
    const message: { [number: string]: Value } = {};
    while (this.#at < this.#bytes.length) {
      if (--this.#budget.fields < 0) return undefined;
      const tag = this.#varint();
      if (tag === undefined || tag < 8 || tag > 0xffffffff) return undefined;
      const value = this.#value(Number(tag) & 7, depth);
      if (value === undefined) return undefined;
      add(message, String(Number(tag) >>> 3), value);
    }
    return message;
  }

  #value(wire: number, depth: number): Value {
    switch (wire) {
      case WIRE.VARINT:
        return this.#varint();
      case WIRE.FIXED64:
        return this.#fixed(8);
      case WIRE.FIXED32:
        return this.#fixed(4);
      case WIRE.BYTES: {
        const size = this.#varint();
        if (size === undefined) return undefined;
        const end = this.#at + Number(size);
        if (end > this.#bytes.length) return undefined;
        const content = this.#bytes.subarray(this.#at, end);
        this.#at = end;
        return this.#delimited(content, depth);
      }
      default: // Groups: nobody has written them since 2008.
        return undefined;
    }
  }

  #delimited(content: Uint8Array, depth: number): Value {
    const text = toBytes(content);
    const isText = typeof text === "string";
    // deno-lint-ignore no-control-regex -- control characters are the point
    if (isText && !/[\0-\x08\x0e-\x1f]/.test(text) || depth <= 1) {
      return isText ? text : { ...text };
    }
    const message = new Reader(content, this.#budget).message(depth - 1);
    return message ?? (isText ? text : { ...text });
  }

  /** Little-endian, 7 bits a byte; above 2^53 as a `bigint`. */
  #varint(): number | bigint | undefined {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return toNumber(value);
    }
    return undefined;
  }

  #fixed(size: 4 | 8): number | bigint | undefined {
    if (this.#at + size > this.#bytes.length) return undefined;
    const { buffer, byteOffset } = this.#bytes;
    const view = new DataView(buffer, byteOffset + this.#at, size);
    this.#at += size;
    return size === 4
      ? view.getUint32(0, true)
      : toNumber(view.getBigUint64(0, true));
  }
}

function toNumber(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** A field that occurs again makes a list. */
function add(
  message: { [number: string]: Value },
  number: string,
  value: Value,
): void {
  const before = message[number];
  if (before === undefined) message[number] = value;
  else if (Array.isArray(before)) before.push(value);
  else message[number] = [before, value];
}
