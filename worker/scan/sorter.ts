/**
 * Rows in order of (time, id), in bounded memory.
 *
 * Entries complete in another order than they begin in, and a flow's entry
 * only comes with its last packet, so an exact order needs all of them. Rows
 * lie in one buffer as UTF-8, with their keys in columns; when it is full they
 * are written to a file as one sorted run, and runs are merged when the rows
 * are read.
 */
import { type CompareKeys, ROW_HEADER, type RowKey } from "./row.ts";
import { RunMerger } from "./run_merger.ts";

/** Where sorted runs go. An array can stand in for a file. */
export interface RunStore {
  /** Keeps a run, whose pieces are borrowed until the next is taken. */
  write(run: Iterable<Uint8Array>): void;
  /** The runs kept so far, each a reader of its bytes. */
  readers(): ((into: Uint8Array) => number | null)[];
  /** Forgets the runs. */
  close(): void;
}

/** Options of a {@link Sorter}. */
export interface SorterOptions {
  readonly order: "asc" | "desc";
  /** Keeps only the first so many, in that order. */
  readonly limit?: number | undefined;
  /** Bytes of rows to hold before a run is written. */
  readonly memory?: number | undefined;
  readonly store: () => RunStore;
}

const DEFAULT_MEMORY = 32 * 1024 * 1024;

/** Rows that may lie in memory beside each other, whatever they weigh. */
const MAX_ROWS = 1 << 18;

/** Rows beyond the limit that are taken before the last of them are let go. */
const SLACK = 128;

/** A row whose text is made only when it is certain that it is shown. */
export interface LateRow {
  /** Bytes that it holds until then, or some more. */
  readonly weight: number;
  render(): string;
}

/** Takes rows in any order and gives them sorted, once. */
export class Sorter implements Disposable {
  readonly #limit: number;
  readonly #compare: CompareKeys;
  readonly #openStore: () => RunStore;
  readonly #encoder = new TextEncoder();
  readonly #memory: number;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes in use; rows that were let go leave holes until then. */
  #end = 0;
  #rows: StoredRow[] = [];
  /** Of the rows that have no text yet. */
  #weight = 0;
  #store: RunStore | undefined;
  /** Key of the last row that can still be among the first. */
  #last: RowKey | undefined;

  constructor({ order, limit, memory, store }: SorterOptions) {
    this.#limit = limit ?? Infinity;
    this.#memory = memory ?? DEFAULT_MEMORY;
    this.#openStore = store;
    const sign = order === "asc" ? 1 : -1;
    this.#compare = (a, b) =>
      sign * (
        a.timestamp - b.timestamp || a.node - b.node || a.place - b.place ||
        a.n - b.n
      );
  }

  /** Whether a row of that key can be among the first: else none need be made. */
  wants(key: RowKey): boolean {
    return this.#last === undefined || this.#compare(key, this.#last) < 0;
  }

  /** Takes a row. */
  add(key: RowKey, text: string): void {
    const bytes = this.#reserve(text.length);
    const { written } = this.#encoder.encodeInto(
      text,
      bytes.subarray(this.#end),
    );
    const start = this.#end;
    this.#end += written;
    this.#push({ ...key, start, end: this.#end, late: undefined });
  }

  /**
   * Takes a row that is rendered later, or never where a limit lets it go:
   * worth it then, since most rows of a long answer are.
   */
  addLate(key: RowKey, late: LateRow): void {
    this.#makeRoom(late.weight, this.#memory);
    this.#weight += late.weight;
    this.#push({ ...key, start: 0, end: 0, late });
  }

  /**
   * The texts of all rows in order, or of the first `limit`, as UTF-8. Each is
   * borrowed until the next is asked for. Ends the sorter's life.
   */
  *rows(): Generator<Uint8Array> {
    this.#sort();
    const merger = new RunMerger(this.#compare, this.#store?.readers() ?? []);
    const own = this.#rows[Symbol.iterator]();
    let next = own.next();
    try {
      for (let given = 0; given < this.#limit; given++) {
        const least = merger.least;
        if (!next.done && (!least || this.#compare(next.value, least) < 0)) {
          yield this.#textOf(next.value);
          next = own.next();
        } else if (least) {
          yield merger.text;
          merger.next();
        } else return;
      }
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Forgets everything, also what was written. */
  [Symbol.dispose](): void {
    this.#rows = [];
    this.#bytes = undefined;
    this.#store?.close();
    this.#store = undefined;
  }

  #push(row: StoredRow): void {
    this.#rows.push(row);
    if (this.#rows.length >= 2 * this.#limit + SLACK) this.#trim();
  }

  #textOf({ start, end, late }: StoredRow): Uint8Array {
    return late
      ? this.#encoder.encode(late.render())
      : this.#bytes!.subarray(start, end);
  }

  #sort(): void {
    this.#rows.sort(this.#compare);
  }

  /** Makes room for a text, of at most three bytes for each UTF-16 unit. */
  #reserve(units: number): Uint8Array<ArrayBuffer> {
    const size = 3 * units;
    this.#bytes ??= new Uint8Array(Math.max(this.#memory, size));
    this.#makeRoom(size, this.#bytes.length);
    if (size > this.#bytes.length) this.#bytes = new Uint8Array(size);
    return this.#bytes;
  }

  /** Has room for `size` bytes among `most`, unless these are too few. */
  #makeRoom(size: number, most: number): void {
    const isFull = () =>
      this.#end + this.#weight + size > most || this.#rows.length >= MAX_ROWS;
    if (isFull() && this.#limit < Infinity) this.#trim();
    if (isFull()) this.#spill();
  }

  /** Lets go of the rows beyond the limit, and closes the holes they leave. */
  #trim(): void {
    this.#sort();
    if (this.#rows.length >= this.#limit) {
      this.#rows.length = this.#limit;
      const last = this.#rows.at(-1);
      if (last && this.wants(last)) this.#last = keyOf(last);
    }
    this.#rows.sort((a, b) => a.start - b.start);
    this.#end = 0;
    this.#weight = 0;
    for (const row of this.#rows) {
      if (row.late) {
        this.#weight += row.late.weight;
        continue;
      }
      this.#bytes!.copyWithin(this.#end, row.start, row.end);
      row.end = this.#end + row.end - row.start;
      row.start = this.#end;
      this.#end = row.end;
    }
  }

  #spill(): void {
    if (this.#rows.length === 0) return;
    this.#sort();
    this.#store ??= this.#openStore();
    this.#store.write(this.#encodeRun());
    this.#rows = [];
    this.#end = 0;
    this.#weight = 0;
  }

  /** Rows with four keys and the size of the text as doubles before each. */
  *#encodeRun(): Generator<Uint8Array> {
    const header = new Uint8Array(ROW_HEADER);
    const view = new DataView(header.buffer);
    for (const row of this.#rows) {
      const text = this.#textOf(row);
      view.setFloat64(0, row.timestamp);
      view.setFloat64(8, row.node);
      view.setFloat64(16, row.place);
      view.setFloat64(24, row.n);
      view.setFloat64(32, text.length);
      yield header;
      yield text;
    }
  }
}

/** A row, and where its text lies unless it is made late. */
interface StoredRow extends RowKey {
  start: number;
  end: number;
  readonly late: LateRow | undefined;
}

/** The key alone, which stays as it is when the text is moved. */
function keyOf({ timestamp, node, place, n }: RowKey): RowKey {
  return { timestamp, node, place, n };
}
