/**
 * Dormant flows: nothing depends on them any more, and yet a late packet of
 * one must be told from the first packet of another.
 *
 * A busy capture has thousands of them, and few are heard of again. So they
 * are saved by the order of their keys and looked up there: to go on from
 * what was saved costs nothing for each.
 */

/** Words of a flow's key, whatever they mean. */
export const KEY_WORDS = 10;

/** What is known of a dormant flow, beside its key. */
export interface DormantFlow {
  readonly clientIsLow: boolean;
  readonly midStream: boolean;
  readonly first: number;
  readonly firstPlace: number;
  readonly last: number;
  readonly lastPlace: number;
  /** As the table that saved it numbers what it has seen. */
  readonly seen: number;
  readonly lowBase: number;
  readonly highBase: number;
}

/** A flow and its key. */
export type Keyed = readonly [key: Uint32Array, flow: DormantFlow];

/** Dormant flows as plain data. */
export interface SavedDormant {
  /** When they were saved, µs since 1970: the clock of their table. */
  readonly clock: number;
  /** Words, in increasing order of the keys. */
  readonly keys: Uint8Array;
  /** Doubles, {@link NUMBERS} for each. */
  readonly numbers: Uint8Array;
}

/** Numbers of a flow beside its key. */
const NUMBERS = 9;

/** Flows that were saved and are looked up one by one. */
export class DormantFlows {
  readonly #keys: Uint32Array;
  readonly #numbers: Float64Array;
  readonly #isTaken: Uint8Array;

  /** @throws RangeError if the state is damaged */
  constructor({ keys, numbers }: SavedDormant) {
    this.#keys = new Uint32Array(keys.slice().buffer);
    this.#numbers = new Float64Array(numbers.slice().buffer);
    const size = this.#numbers.length / NUMBERS;
    if (this.#keys.length !== size * KEY_WORDS) {
      throw new RangeError("Dormant flows have not as many keys");
    }
    this.#isTaken = new Uint8Array(size);
  }

  /** What the constructor takes. */
  static save(flows: Iterable<Keyed>, clock: number): SavedDormant {
    const sorted = [...flows].sort(([a], [b]) => compare(a, b, 0));
    const keys = new Uint32Array(sorted.length * KEY_WORDS);
    const numbers = new Float64Array(sorted.length * NUMBERS);
    for (const [i, [key, flow]] of sorted.entries()) {
      keys.set(key, i * KEY_WORDS);
      numbers.set(toNumbers(flow), i * NUMBERS);
    }
    return {
      clock,
      keys: new Uint8Array(keys.buffer),
      numbers: new Uint8Array(numbers.buffer),
    };
  }

  /** The flow of a key, once; `undefined` if it is none of these. */
  take(key: Uint32Array): DormantFlow | undefined {
    let from = 0;
    let to = this.#isTaken.length;
    while (from < to) {
      const middle = from + to >>> 1;
      const order = compare(key, this.#keys, middle * KEY_WORDS);
      if (order === 0) {
        if (this.#isTaken[middle] === 1) return undefined;
        this.#isTaken[middle] = 1;
        return this.#at(middle);
      }
      if (order < 0) to = middle;
      else from = middle + 1;
    }
    return undefined;
  }

  /** Those that were not taken. */
  *left(): Generator<Keyed> {
    for (const [i, taken] of this.#isTaken.entries()) {
      if (taken === 1) continue;
      const at = i * KEY_WORDS;
      yield [this.#keys.subarray(at, at + KEY_WORDS), this.#at(i)];
    }
  }

  #at(i: number): DormantFlow {
    const at = i * NUMBERS;
    return toFlow(this.#numbers.subarray(at, at + NUMBERS));
  }
}

function compare(key: Uint32Array, keys: Uint32Array, at: number): number {
  for (let i = 0; i < KEY_WORDS; i++) {
    const difference = key[i]! - keys[at + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function toNumbers(flow: DormantFlow): number[] {
  return [
    Number(flow.clientIsLow),
    Number(flow.midStream),
    ...[flow.first, flow.firstPlace, flow.last, flow.lastPlace],
    ...[flow.seen, flow.lowBase, flow.highBase],
  ];
}

function toFlow(numbers: Float64Array): DormantFlow {
  return {
    clientIsLow: numbers[0] === 1,
    midStream: numbers[1] === 1,
    first: numbers[2]!,
    firstPlace: numbers[3]!,
    last: numbers[4]!,
    lastPlace: numbers[5]!,
    seen: numbers[6]!,
    lowBase: numbers[7]!,
    highBase: numbers[8]!,
  };
}
