/**
 * The rows of the feed: batches as they came, addressed by number.
 *
 * A row has a number for as long as it is kept. What is appended counts up,
 * what history puts before it counts down, so that nobody's number changes when
 * rows come or go at the other end. Nothing is made per row: a batch is views
 * on the bytes that were received, and texts are decoded when they are shown.
 */
import { Batch, BatchWriter, MAX_ROWS } from "../../api/batch.ts";
import { parseId } from "../../entry/entry.ts";

/** Rows that are kept; the oldest leave first. */
export const MAX_KEPT_ROWS = 500_000;

/** Bytes that they may take. */
export const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Room that must be left for what is on its way when nothing may leave. */
const RESERVE = { rows: 16 * MAX_ROWS, bytes: 8 * 1024 * 1024 } as const;

/** What a batch's views cost beside its bytes, roughly. */
const BATCH_BYTES = 4096;

/** Batches of fewer rows are put together. */
const SMALL = 256;

/** Where a row lies. */
export interface Place {
  readonly batch: Batch;
  readonly row: number;
}

/** A batch, or some rows of it. */
interface Chunk {
  /** Number of its first row. */
  readonly first: number;
  readonly count: number;
  readonly batch: Batch;
  /** Rows of the batch in the order of the feed; all of them if absent. */
  readonly rows: Uint16Array | undefined;
}

/** How much a store keeps. */
export interface Limits {
  readonly rows: number;
  readonly bytes: number;
}

/** The rows of one answer. */
export class FeedStore {
  /** While it is set nothing leaves, and whoever fills it asks {@link hasRoom}. */
  keepsAll = false;
  /** Names of the nodes that rows came from. */
  readonly nodes = new Set<string>();
  /** Rows that left because others came. */
  evicted = 0;
  readonly #limits: Limits;
  readonly #chunks: Chunk[] = [];
  readonly #writer = new BatchWriter("row");
  readonly #listeners = new Set<() => void>();
  #first = 0;
  #end = 0;
  #bytes = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { rows: MAX_KEPT_ROWS, bytes: MAX_KEPT_BYTES, ...limits };
  }

  /** Number of the oldest row; may be negative. */
  get first(): number {
    return this.#first;
  }

  /** Number after that of the newest row. */
  get end(): number {
    return this.#end;
  }

  get count(): number {
    return this.#end - this.#first;
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether what is on its way fits without anything leaving. */
  get hasRoom(): boolean {
    const { rows, bytes } = this.#limits;
    return this.count + Math.min(RESERVE.rows, rows / 2) <= rows &&
      this.#bytes + Math.min(RESERVE.bytes, bytes / 2) <= bytes;
  }

  /** Adds rows at the end. Keeps the batch. */
  append(batch: Batch, rows?: Uint16Array): void {
    const count = rows?.length ?? batch.count;
    if (count === 0) return;
    this.#push({ first: this.#end, count, batch, rows });
    this.#end += count;
    this.#noteNodes(batch);
    this.#mergeSmall();
    if (!this.keepsAll) this.#trim();
    this.#tell();
  }

  /** Puts rows before all others, in the order given. Keeps the batch. */
  prepend(batch: Batch, rows: Uint16Array): void {
    const count = rows.length;
    if (count === 0) return;
    this.#first -= count;
    this.#chunks.unshift({ first: this.#first, count, batch, rows });
    this.#bytes += batch.size + BATCH_BYTES;
    this.#noteNodes(batch);
    this.#tell();
  }

  /** Where the row with a number lies; `undefined` if it is not kept. */
  locate(number: number): Place | undefined {
    if (number < this.#first || number >= this.#end) return undefined;
    let [low, high] = [0, this.#chunks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]!.first <= number) low = middle;
      else high = middle - 1;
    }
    const { batch, rows, first } = this.#chunks[low]!;
    return { batch, row: rows?.[number - first] ?? number - first };
  }

  /** The number of the entry with that id; `undefined` if it is not kept. */
  find(id: string): number | undefined {
    const wanted = parseId(id);
    if (!wanted) return undefined;
    const place = wanted.shard * 2 ** 24 + wanted.packet;
    for (let number = this.#end - 1; number >= this.#first;) {
      const chunk = this.#chunkOf(number);
      const { batch, rows, first } = chunk;
      for (; number >= first; number--) {
        const row = rows?.[number - first] ?? number - first;
        if (batch.place[row] !== place || batch.n[row] !== wanted.n) continue;
        if (batch.id(row) === id) return number;
      }
    }
    return undefined;
  }

  /** Ids of the entries that began in a stretch of time, ends included, µs. */
  idsWithin(from: number, to: number): Set<string> {
    const ids = new Set<string>();
    for (const { batch, rows, count } of this.#chunks) {
      for (let i = 0; i < count; i++) {
        const row = rows?.[i] ?? i;
        const time = batch.timestamp[row]!;
        if (time >= from && time <= to) ids.add(batch.id(row));
      }
    }
    return ids;
  }

  /** When the oldest row began, µs. */
  get oldestTime(): number | undefined {
    return this.timeOf(this.#first);
  }

  /** When the entry of a row began, µs. */
  timeOf(number: number): number | undefined {
    const place = this.locate(number);
    return place && place.batch.timestamp[place.row];
  }

  /** Calls whenever rows came or went. @returns what ends that */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #chunkOf(number: number): Chunk {
    const index = this.#chunks.findLastIndex(({ first }) => first <= number);
    return this.#chunks[index]!;
  }

  #push(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.batch.size + BATCH_BYTES;
  }

  #pop(): Chunk {
    const chunk = this.#chunks.pop()!;
    this.#bytes -= chunk.batch.size + BATCH_BYTES;
    return chunk;
  }

  /**
   * Puts the newest batches together while they are small: a quiet feed sends
   * an entry at a time, and a batch's views cost more than fifty entries. Only
   * as many as the newest has, so that a row is copied a few times at most.
   */
  #mergeSmall(): void {
    while (true) {
      const [before, last] = this.#chunks.slice(-2);
      if (!last || !before || last.count >= SMALL) return;
      if (before.count >= SMALL || before.count > last.count) return;
      this.#pop();
      this.#pop();
      for (const { batch, rows, count } of [before, last]) {
        for (let i = 0; i < count; i++) {
          this.#writer.copy(batch, rows?.[i] ?? i);
        }
      }
      this.#push({
        first: before.first,
        count: before.count + last.count,
        batch: new Batch(this.#writer.take()),
        rows: undefined,
      });
    }
  }

  /** Whole batches leave at the front. */
  #trim(): void {
    let left = 0;
    const { rows, bytes } = this.#limits;
    while (this.#chunks.length - left > 1) {
      if (this.count <= rows && this.#bytes <= bytes) break;
      const { batch, count } = this.#chunks[left++]!;
      this.#bytes -= batch.size + BATCH_BYTES;
      this.#first += count;
      this.evicted += count;
    }
    if (left > 0) this.#chunks.splice(0, left);
  }

  #noteNodes(batch: Batch): void {
    let last = -1;
    for (const word of batch.node) {
      if (word !== last) this.nodes.add(batch.word(word));
      last = word;
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
