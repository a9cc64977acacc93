/**
 * Saved state: plain data as bytes.
 *
 * What a parser or a reassembly knows between two packets must be writable to
 * a shard's facts and readable by the next process, so it is kept as plain
 * objects, lists, texts, numbers and `Uint8Array`s.
 */
import { Decoder, Encoder } from "@msgpack/msgpack";

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

// One of each: a state is often a hundred bytes, and making these costs more.
const encoder = new Encoder({ ignoreUndefined: true, maxDepth: 200 });
const decoder = new Decoder({
  maxStrLength: 1 << 26,
  maxBinLength: 1 << 26,
  maxArrayLength: 1 << 24,
  maxMapLength: 1 << 24,
});

/** Plain data as bytes; absent values stay absent. */
export function encodeState(state: unknown): Uint8Array {
  return encoder.encode(state);
}

/**
 * What {@link encodeState} was given.
 *
 * @throws RangeError or Error if the bytes are damaged
 */
export function decodeState(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

/**
 * Records of one shape, saved by property: names are written once, and numbers
 * as they stand in memory, so that thousands of records cost little.
 */
export type SavedRows<T> = { readonly [K in keyof T]: State };

/** Records to be saved, all of which have the properties of the first. */
export function toRows<T extends object>(records: readonly T[]): SavedRows<T> {
  const names = Object.keys(records[0] ?? {}) as (keyof T)[];
  const columns = names.map((name) => {
    const values = records.map((record) => record[name]);
    const isNumeric = values.every((value) => typeof value === "number");
    return [
      name,
      isNumeric
        ? new Uint8Array(Float64Array.from(values as number[]).buffer)
        : values,
    ];
  });
  return Object.fromEntries(columns);
}

/**
 * The records that {@link toRows} was given.
 *
 * @throws RangeError if they cannot have been
 */
export function fromRows<T extends object>(rows: SavedRows<T>): T[] {
  const columns = Object.entries<State>(rows).map(([name, saved]) =>
    [name, toValues(saved)] as const
  );
  const size = columns[0]?.[1].length ?? 0;
  if (columns.some(([, values]) => values.length !== size)) {
    throw new RangeError("Saved rows are not all as long");
  }
  const records: { [name: string]: unknown }[] = Array.from(
    { length: size },
    () => ({}),
  );
  for (const [name, values] of columns) {
    for (let i = 0; i < size; i++) records[i]![name] = values[i];
  }
  return records as T[];
}

function toValues(saved: State): Float64Array | readonly State[] {
  if (Array.isArray(saved)) return saved;
  if (saved instanceof Uint8Array) {
    return new Float64Array(saved.slice().buffer);
  }
  throw new RangeError("A saved column is no list");
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
