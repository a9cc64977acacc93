/**
 * Saved state: plain data as bytes.
 *
 * What a parser or a reassembly knows between two packets must be writable to
 * a shard's facts and readable by the next process, so it is kept as plain
 * objects, lists, texts, numbers and `Uint8Array`s.
 */
import { decode, encode } from "@msgpack/msgpack";

/** Plain data that can be saved. */
export type State =
  | null
  | undefined
  | boolean
  | number
  | string
  | Uint8Array
  | readonly State[]
  | { readonly [name: string]: State };

/** Plain data as bytes; absent values stay absent. */
export function encodeState(state: unknown): Uint8Array {
  return encode(state, { ignoreUndefined: true, maxDepth: 200 });
}

/**
 * What {@link encodeState} was given.
 *
 * @throws RangeError or Error if the bytes are damaged
 */
export function decodeState(bytes: Uint8Array): unknown {
  return decode(bytes, {
    maxStrLength: 1 << 26,
    maxBinLength: 1 << 26,
    maxArrayLength: 1 << 24,
    maxMapLength: 1 << 24,
  });
}

/**
 * A copy of plain data, all the way down. Of an object with methods it has
 * the properties alone.
 */
export function toState(value: unknown): State {
  if (typeof value !== "object" || value === null) return value as State;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(toState);
  const copy: { [name: string]: State } = {};
  for (const [name, part] of Object.entries(value)) copy[name] = toState(part);
  return copy;
}

/**
 * Gives an object, and the objects that are its properties, the properties
 * that {@link toState} copied. Those that were absent it keeps.
 */
export function restoreFrom(saved: State, into: object): void {
  const target = into as { [name: string]: unknown };
  for (const [name, value] of Object.entries(saved ?? {})) {
    if (isRecord(target[name]) && isRecord(value)) {
      restoreFrom(value, target[name]);
    } else target[name] = toState(value);
  }
}

function isRecord(value: unknown): value is { [name: string]: State } {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Uint8Array);
}
