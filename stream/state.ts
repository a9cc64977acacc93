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
  return decode(bytes, { maxStrLength: 1 << 26, maxBinLength: 1 << 26 });
}
