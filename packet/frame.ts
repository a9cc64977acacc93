/**
 * Frames: bytes as captured, with their time.
 *
 * Frames travel in batches of columns over one buffer, because an object for
 * each would cost more than reading it.
 */

/** One interface of a savefile or a capture: what its frames begin with. */
export interface Interface {
  /** LINKTYPE_ number, see `link.ts`. */
  readonly linkType: number;
  readonly snapLength: number;
  readonly name?: string | undefined;
}

/**
 * How frames stand in a batch's bytes: bare, or each behind the 16-byte record
 * header of a classic PCAP, in microseconds or nanoseconds, little or big
 * endian. Whoever writes the same format can then copy whole runs of records.
 */
export const RECORDS = {
  NONE: 0,
  MICRO_LE: 1,
  MICRO_BE: 2,
  NANO_LE: 3,
  NANO_BE: 4,
} as const;

export type Records = typeof RECORDS[keyof typeof RECORDS];

/** Frames as columns; row i is valid below `count`. Reused by its owner. */
export class FrameBatch {
  /** Holds the rows' bytes. Borrowed until the batch is filled again. */
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  readonly capacity: number;
  /** Where row i's bytes begin in {@link bytes}. */
  readonly start: Uint32Array;
  /** How many of them were captured. */
  readonly captured: Uint32Array;
  /** How many were on the wire. */
  readonly original: Uint32Array;
  /** When, µs since 1970, an integer. */
  readonly time: Float64Array;
  /** Nanoseconds below the microsecond, 0 to 999. */
  readonly nanos: Uint16Array;
  /** Index of its interface. */
  readonly interface: Uint32Array;
  /** Where its bytes begin in the file: a byte offset, to seek back to. */
  readonly position: Float64Array;
  /** What stands before each row in {@link bytes}, one of {@link RECORDS}. */
  records: Records = RECORDS.NONE;

  /** @param capacity rows, at least one */
  constructor(capacity: number) {
    if (capacity < 1) throw new Error("A batch of frames without room for one");
    this.capacity = capacity;
    this.start = new Uint32Array(capacity);
    this.captured = new Uint32Array(capacity);
    this.original = new Uint32Array(capacity);
    this.time = new Float64Array(capacity);
    this.nanos = new Uint16Array(capacity);
    this.interface = new Uint32Array(capacity);
    this.position = new Float64Array(capacity);
  }

  /** Puts a row in the place of another, as one before it is taken out. */
  move(from: number, to: number): void {
    if (from === to) return;
    this.start[to] = this.start[from]!;
    this.captured[to] = this.captured[from]!;
    this.original[to] = this.original[from]!;
    this.time[to] = this.time[from]!;
    this.nanos[to] = this.nanos[from]!;
    this.interface[to] = this.interface[from]!;
    this.position[to] = this.position[from]!;
  }
}
