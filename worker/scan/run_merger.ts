/** Sorted runs of rows, merged: a heap of their next rows. */
import { type CompareKeys, ROW_HEADER, type RowKey } from "./row.ts";

/** Bytes of each run that are in memory, but for longer rows. */
const BUFFER_SIZE = 64 * 1024;

/** Gives the least row of several runs, again and again. */
export class RunMerger {
  readonly #compare: CompareKeys;
  /** The least is the first; those at 2i + 1 and 2i + 2 are not before that at i. */
  readonly #heap: Run[];

  /** @param readers of runs that are in order */
  constructor(
    compare: CompareKeys,
    readers: readonly ((into: Uint8Array) => number | null)[],
  ) {
    this.#compare = compare;
    this.#heap = readers.map((read) => new Run(read)).filter((run) =>
      run.next()
    );
    for (let i = this.#heap.length >> 1; i >= 0; i--) this.#sink(i);
  }

  /** Key of the least row; `undefined` when there are no more. */
  get least(): RowKey | undefined {
    return this.#heap[0];
  }

  /** Its text as UTF-8, borrowed until {@link next}. */
  get text(): Uint8Array {
    return this.#heap[0]!.text;
  }

  /** Goes on to the next row. */
  next(): void {
    const heap = this.#heap;
    if (!heap[0]!.next()) {
      const last = heap.pop()!;
      if (heap.length === 0) return;
      heap[0] = last;
    }
    this.#sink(0);
  }

  #sink(i: number): void {
    const heap = this.#heap;
    while (true) {
      let least = i;
      for (let child = 2 * i + 1; child <= 2 * i + 2; child++) {
        const isLess = child < heap.length &&
          this.#compare(heap[child]!, heap[least]!) < 0;
        if (isLess) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}

/** A run, and the row at which reading it stands. */
class Run implements RowKey {
  timestamp = 0;
  node = 0;
  place = 0;
  n = 0;
  text: Uint8Array = new Uint8Array(0);
  readonly #read: (into: Uint8Array) => number | null;
  #buffer = new Uint8Array(BUFFER_SIZE);
  #from = 0;
  #to = 0;

  constructor(read: (into: Uint8Array) => number | null) {
    this.#read = read;
  }

  /** Goes on to the next row, and says whether there is one. */
  next(): boolean {
    if (!this.#fill(ROW_HEADER)) return false;
    const view = new DataView(this.#buffer.buffer, this.#from, ROW_HEADER);
    this.timestamp = view.getFloat64(0);
    this.node = view.getFloat64(8);
    this.place = view.getFloat64(16);
    this.n = view.getFloat64(24);
    const size = view.getFloat64(32);
    this.#from += ROW_HEADER;
    if (!this.#fill(size)) throw new Error("A run ends inside a row");
    this.text = this.#buffer.subarray(this.#from, this.#from + size);
    this.#from += size;
    return true;
  }

  /** Has `size` unread bytes in memory, or says that the run has not so many. */
  #fill(size: number): boolean {
    const unread = this.#to - this.#from;
    if (unread >= size) return true;
    const needed = Math.max(size, BUFFER_SIZE);
    // A buffer that a long row needed is given back after it.
    const buffer = needed === this.#buffer.length
      ? this.#buffer
      : new Uint8Array(needed);
    buffer.set(this.#buffer.subarray(this.#from, this.#to));
    [this.#buffer, this.#from, this.#to] = [buffer, 0, unread];
    while (this.#to < size) {
      const got = this.#read(buffer.subarray(this.#to));
      if (got === null) return false;
      this.#to += got;
    }
    return true;
  }
}
