/**
 * Rows in order of (time, id), in bounded memory.
 *
 * Entries complete in another order than they begin in, and a flow's entry
 * only comes with its last packet, so an exact order needs all of them. Rows
 * are kept as text with their keys in columns; beyond a bound they are written
 * to a file as one sorted run, and runs are merged when the rows are read.
 */

/** What rows are ordered by, first to last. */
export interface RowKey {
  /** µs since 1970. */
  readonly timestamp: number;
  /** Rank of the node's name among all sources. */
  readonly node: number;
  /** Shard × 2^24 + packet. */
  readonly place: number;
  readonly n: number;
}

/** Where sorted runs go. An array can stand in for a file. */
export interface RunStore {
  /** Keeps a run. */
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
  /** Bytes of text to hold before a run is written. */
  readonly memory?: number;
  readonly store: () => RunStore;
}

/** One row as it comes out. */
export interface Row extends RowKey {
  readonly text: string;
}

const DEFAULT_MEMORY = 64 * 1024 * 1024;

/** What a row costs beside its text: keys, and the string itself. */
const ROW_OVERHEAD = 80;

/** Takes rows in any order and gives them sorted, once. */
export class Sorter implements Disposable {
  readonly #options: SorterOptions;
  readonly #memory: number;
  readonly #sign: number;
  #rows: Row[] = [];
  #bytes = 0;
  #store: RunStore | undefined;
  /** Rows dropped for a limit: never among the first. */
  #count = 0;

  constructor(options: SorterOptions) {
    this.#options = options;
    this.#memory = options.memory ?? DEFAULT_MEMORY;
    this.#sign = options.order === "asc" ? 1 : -1;
  }

  /** Rows given so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes a row. */
  add(row: Row): void {
    this.#count++;
    this.#rows.push(row);
    this.#bytes += row.text.length + ROW_OVERHEAD;
    const limit = this.#options.limit;
    if (limit !== undefined && this.#rows.length >= 2 * limit + 1024) {
      this.#trim(limit);
    }
    if (this.#bytes > this.#memory) this.#spill();
  }

  /** All rows in order, or the first `limit`. Ends the sorter's life. */
  *rows(): Generator<Row> {
    const limit = this.#options.limit ?? Infinity;
    this.#sort();
    let given = 0;
    try {
      for (const row of this.#merged()) {
        if (given++ >= limit) return;
        yield row;
      }
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Forgets everything, also what was written. */
  [Symbol.dispose](): void {
    this.#rows = [];
    this.#store?.close();
    this.#store = undefined;
  }

  #compare = (a: Row, b: Row): number =>
    this.#sign * (
      a.timestamp - b.timestamp || a.node - b.node || a.place - b.place ||
      a.n - b.n
    );

  #sort(): void {
    this.#rows.sort(this.#compare);
  }

  #trim(limit: number): void {
    this.#sort();
    this.#rows.length = Math.min(limit, this.#rows.length);
    this.#bytes = this.#rows.reduce(
      (sum, row) => sum + row.text.length + ROW_OVERHEAD,
      0,
    );
  }

  #spill(): void {
    const limit = this.#options.limit;
    if (limit !== undefined) this.#trim(limit);
    else this.#sort();
    this.#store ??= this.#options.store();
    this.#store.write(encodeRun(this.#rows));
    this.#rows = [];
    this.#bytes = 0;
  }

  /** Few runs (64 MiB each): the least of their heads is found by looking. */
  *#merged(): Generator<Row> {
    const runs = (this.#store?.readers() ?? []).map(decodeRun);
    runs.push(this.#rows[Symbol.iterator]() as Generator<Row>);
    const heads = runs.map((run) => run.next());
    while (true) {
      let least = -1;
      for (let i = 0; i < heads.length; i++) {
        const head = heads[i]!;
        if (head.done) continue;
        if (
          least < 0 || this.#compare(head.value, heads[least]!.value) < 0
        ) least = i;
      }
      if (least < 0) return;
      yield heads[least]!.value;
      heads[least] = runs[least]!.next();
    }
  }
}

const HEADER = 40;

/** A row: four keys as doubles, the size of its text, the text as UTF-8. */
function* encodeRun(rows: readonly Row[]): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const row of rows) {
    const text = encoder.encode(row.text);
    const bytes = new Uint8Array(HEADER + text.length);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, row.timestamp);
    view.setFloat64(8, row.node);
    view.setFloat64(16, row.place);
    view.setFloat64(24, row.n);
    view.setFloat64(32, text.length);
    bytes.set(text, HEADER);
    yield bytes;
  }
}

function* decodeRun(
  read: (into: Uint8Array) => number | null,
): Generator<Row> {
  const decoder = new TextDecoder();
  let buffer = new Uint8Array(256 * 1024);
  let start = 0;
  let end = 0;
  /** Makes `size` bytes available at `start`, or says that the run ended. */
  const fill = (size: number): boolean => {
    if (end - start >= size) return true;
    const larger = size > buffer.length ? new Uint8Array(2 * size) : buffer;
    larger.set(buffer.subarray(start, end));
    [buffer, end, start] = [larger, end - start, 0];
    while (end < size) {
      const got = read(buffer.subarray(end));
      if (got === null) return false;
      end += got;
    }
    return true;
  };
  while (fill(HEADER)) {
    const view = new DataView(buffer.buffer, start, HEADER);
    const [timestamp, node, place, n, size] = [0, 8, 16, 24, 32].map((at) =>
      view.getFloat64(at)
    ) as [number, number, number, number, number];
    start += HEADER;
    if (!fill(size)) return;
    const text = decoder.decode(buffer.subarray(start, start + size));
    start += size;
    yield { timestamp, node, place, n, text };
  }
}
