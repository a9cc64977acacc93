/**
 * Merge: the batches of several workers -> one stream in order.
 *
 * Each worker's own stream is in order, so the next entry is the least of
 * those that stand first. It is certain as soon as no worker can send an
 * earlier one: each has one waiting, or has ended, or has said how far it is
 * (its *frontier*: what it sends later was completed no earlier).
 *
 * A query that follows does not wait for ever. An entry is held for at most
 * {@link HOLD} after it came; whatever turns up behind it is given all the
 * same, marked late. The clock is the caller's and stands still while nobody
 * takes entries, so that somebody who pauses does not find everything late.
 *
 * What several workers may have seen, each of them, waits on behind that until
 * its twins are known (`held_rows.ts`).
 *
 * Pure: batches come in by `push`, entries go out by `take`.
 */
import { type Batch, type BatchWriter, FLAG } from "../api/batch.ts";
import type { Order } from "../kfl/plan.ts";
import {
  type Due,
  HeldRows,
  LIVE_HOLD,
  MAX_HELD,
  MAX_HELD_STORED,
} from "./held_rows.ts";

/** How long an entry waits for slow workers, ms. */
export const HOLD = 250;

/** How long stored entries wait for workers that still look for theirs, ms. */
export const STORED_HOLD = 5000;

/** Rows that are looked at before those that may go are given. */
const RUN = 256;

/** What a merge has to know of its query. */
export interface MergeOptions {
  readonly order: Order;
  /** Whether it goes on in order of `(completed, id)` after what is stored. */
  readonly follow: boolean;
  /** Stored entries that a query which follows begins with. */
  readonly last: number;
  /** Whether several workers may have seen the same. */
  readonly findsTwins?: boolean | undefined;
  /** A batch is used up: its worker may send another one. */
  readonly onTaken: (source: number) => void;
}

/** One worker's part. */
interface Source {
  /** The first is being read; all of them wait. */
  readonly queue: Queued[];
  /** Next row of the first batch. */
  row: number;
  /** Batches of the queue that came before its `live`. */
  stored: number;
  /** Entries that come before its `live`, once it has said that. */
  count: number | undefined;
  /** Whether more may come. */
  isActive: boolean;
  isLive: boolean;
  /** What comes later has a key that is not less. */
  frontier: number;
}

interface Queued {
  readonly batch: Batch;
  /** When it came, by the caller's clock, ms. */
  readonly arrived: number;
}

/** The merge of one query. */
export class Merge {
  /** Rows given so far. */
  taken = 0;
  /** Of them, those that were marked late. */
  late = 0;
  /** Bytes of the batches that wait in line. */
  #queued = 0;
  readonly #options: MergeOptions;
  readonly #sources: Source[] = [];
  /** 1 if keys rise, -1 if they fall. */
  readonly #sign: 1 | -1;
  /** Made as soon as there may be twins. */
  #rows: HeldRows | undefined;
  #isLive = false;
  /** Stored rows to leave out, so that the last ones remain. */
  #surplus: number | undefined;
  #began: number | undefined;
  /** The greatest row that was given, to know what comes late. */
  #lastBatch: Batch | undefined;
  #lastRow = 0;

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#sign = options.order === "asc" ? 1 : -1;
    if (options.findsTwins) this.#rows = new HeldRows(options.order);
  }

  /** A worker that is asked. @returns its number */
  add(): number {
    return this.#sources.push({
      queue: [],
      row: 0,
      stored: 0,
      count: undefined,
      isActive: true,
      isLive: false,
      frontier: -Infinity,
    }) - 1;
  }

  /** Workers that were added so far. */
  get sources(): number {
    return this.#sources.length;
  }

  /** Bytes of the batches that wait here. */
  get held(): number {
    return this.#queued + (this.#rows?.bytes ?? 0);
  }

  /** Whether the stored entries are all given and those that follow come. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Whether nothing waits and nothing can come. */
  get isDone(): boolean {
    return this.#isExhausted && this.#rows?.isEmpty !== false;
  }

  /** Whether nothing is in line and nothing can come. */
  get #isExhausted(): boolean {
    return this.#sources.every(({ isActive, queue }) =>
      !isActive && queue.length === 0
    );
  }

  /** A worker said how many stored entries it will send. */
  setStored(source: number, count: number): void {
    this.#sources[source]!.count = count;
  }

  /** A worker's stored entries are said; what comes now follows. */
  setLive(source: number): void {
    this.#sources[source]!.isLive = true;
  }

  /** A worker has ended or was lost: nobody waits for it any more. */
  end(source: number): void {
    this.#sources[source]!.isActive = false;
  }

  /**
   * A worker that was lost is asked again.
   *
   * @param resumed whether it goes on where it was, being live
   */
  revive(source: number, resumed: boolean): void {
    const of = this.#sources[source]!;
    of.isActive = true;
    of.isLive = resumed;
    if (!resumed) of.count = undefined;
  }

  /** Takes a batch of a worker; borrowed until all its rows were taken. */
  push(source: number, batch: Batch, now: number): void {
    const of = this.#sources[source]!;
    if (batch.count > 0) {
      of.queue.push({ batch, arrived: now });
      if (!of.isLive) of.stored++;
      this.#queued += batch.size;
      // A leg of a mesh may have its twin on the same node.
      if (batch.marks) this.#rows ??= new HeldRows(this.#options.order);
      const last = batch.count - 1;
      const column = of.isLive ? batch.completed : batch.timestamp;
      if (of.isLive === this.#options.follow) {
        of.frontier = Math.max(of.frontier, this.#sign * column[last]!);
      }
    }
    const { watermark } = batch;
    // Times are whole: what is above the watermark is at least 1 µs above it.
    if (watermark !== undefined && of.isLive) {
      of.frontier = Math.max(of.frontier, watermark + 1);
    }
  }

  /**
   * Moves entries that are certain to a writer, until it is full.
   *
   * @param most rows
   * @param now ms by a clock that stands still while nothing can be taken
   * @returns rows moved
   */
  take(writer: BatchWriter, most: number, now: number): number {
    this.#began ??= now;
    if (this.#rows) return this.#takeHeld(this.#rows, writer, most, now);
    let moved = 0;
    while (moved < most && !writer.isFull && this.#isReady(now)) {
      const first = this.#first();
      if (first < 0) {
        // What follows begins with a batch of its own.
        this.#goLive(now);
        break;
      }
      const bound = this.#bound(first, now);
      if (bound === undefined) break;
      moved += this.#run(first, bound, writer, most - moved);
    }
    this.taken += moved;
    return moved;
  }

  /** The same where rows wait for their twins on their way. */
  #takeHeld(
    rows: HeldRows,
    writer: BatchWriter,
    most: number,
    now: number,
  ): number {
    const { follow, last } = this.#options;
    let moved = 0;
    while (true) {
      const isOver = this.#isPartOver(now);
      moved += rows.give(
        writer,
        most - moved,
        this.#dueOf(isOver, now),
        (batch, row) => this.#flagsOf(batch, row),
      );
      if (moved === most || writer.isFull) break;
      if (isOver) {
        if (rows.isEmpty) this.#goLive(now);
        break;
      }
      const first = this.#first();
      const bound = first < 0 ? undefined : this.#bound(first, now);
      if (bound === undefined) break;
      this.#hold(first, bound, rows, now);
      if (follow && !this.#isLive) rows.keepLast(last);
    }
    this.taken += moved;
    return moved;
  }

  /** Whether nothing more comes of what is given now: what is stored, or all. */
  #isPartOver(now: number): boolean {
    if (!this.#options.follow) return this.#isExhausted;
    if (this.#isLive) return false;
    return this.#first() < 0 &&
      !this.#sources.some((each) => this.#isAwaited(each, now));
  }

  /** Which rows need not wait for their twins any longer. */
  #dueOf(isEnd: boolean, now: number): Due {
    const { follow } = this.#options;
    if (!follow) return { isEnd, most: MAX_HELD };
    if (this.#isLive) return { isEnd, most: MAX_HELD, now };
    // The last of all of them are wanted, which are not known before.
    return { isEnd, most: MAX_HELD_STORED, waitsForAll: true };
  }

  /** When {@link take} is to be called though nothing came; ms. */
  due(now: number): number | undefined {
    if (!this.#options.follow) return undefined;
    if (!this.#isLive) return (this.#began ?? now) + STORED_HOLD;
    let oldest = Infinity;
    for (const { queue: [head] } of this.#sources) {
      if (head) oldest = Math.min(oldest, head.arrived);
    }
    const held = this.#rows?.firstSince;
    const due = Math.min(
      oldest + HOLD,
      held === undefined ? Infinity : held + LIVE_HOLD,
    );
    return due < Infinity ? due : undefined;
  }

  /** No entry that is given later was completed then, but for late ones; µs. */
  get watermark(): number | undefined {
    if (!this.#isLive) return undefined;
    let least = this.#rows?.firstKey ?? Infinity;
    for (const source of this.#sources) {
      if (source.queue.length > 0) {
        least = Math.min(least, this.#key(source));
      } else if (source.isActive && source.isLive) {
        least = Math.min(least, source.frontier);
      }
    }
    return Number.isFinite(least) ? least - 1 : undefined;
  }

  /** Whether it is known how many stored rows to leave out. */
  #isReady(now: number): boolean {
    const { follow, last } = this.#options;
    if (this.#isLive || !follow || this.#surplus !== undefined) return true;
    let sum = 0;
    for (const source of this.#sources) {
      const isAwaited = this.#isAwaited(source, now);
      if (isAwaited && source.count === undefined) return false;
      sum += isAwaited ? source.count! : storedRows(source);
    }
    this.#surplus = Math.max(0, sum - last);
    return true;
  }

  /** Whether a worker's next row is waited for, if it has none here. */
  #isAwaited({ isActive, isLive }: Source, now: number): boolean {
    if (!isActive || !this.#options.follow) return isActive;
    if (this.#isLive) return isLive;
    return !isLive && now - this.#began! < STORED_HOLD;
  }

  /** Turns to what follows once nobody has stored entries to come. */
  #goLive(now: number): void {
    if (this.#isLive || !this.#options.follow) return;
    this.#isLive = !this.#sources.some((each) => this.#isAwaited(each, now));
  }

  /** Whether a worker's first row may be the next one. */
  #hasRow({ queue, stored }: Source): boolean {
    const isStoredPart = this.#options.follow && !this.#isLive;
    return isStoredPart ? stored > 0 : queue.length > 0;
  }

  /** What a worker's first row is ordered by, rising. */
  #key({ queue, row }: Source): number {
    const { batch } = queue[0]!;
    const column = this.#isLive ? batch.completed : batch.timestamp;
    return this.#sign * column[row]!;
  }

  /** The worker whose row is the least; -1 if none has one. */
  #first(): number {
    let first = -1;
    let least = Infinity;
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[i]!;
      if (!this.#hasRow(source)) continue;
      const key = this.#key(source);
      const isLess = first < 0 || key < least ||
        key === least && this.#isBefore(source, this.#sources[first]!);
      if (isLess) [first, least] = [i, key];
    }
    return first;
  }

  /** Of two rows of the same time, by their ids. */
  #isBefore(a: Source, b: Source): boolean {
    const order = compareAt(a.queue[0]!.batch, a.row, b.queue[0]!.batch, b.row);
    return this.#sign * order < 0;
  }

  /**
   * Up to which key, itself not included, the rows of the first worker can be
   * given without looking again: its first row always can.
   *
   * @returns `undefined` if that one is not certain yet
   */
  #bound(first: number, now: number): number | undefined {
    const key = this.#key(this.#sources[first]!);
    let heads = Infinity;
    let frontiers = Infinity;
    let oldest = Infinity;
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[i]!;
      if (this.#hasRow(source)) {
        if (i !== first) heads = Math.min(heads, this.#key(source));
        oldest = Math.min(oldest, source.queue[0]!.arrived);
      } else if (this.#isAwaited(source, now)) {
        frontiers = Math.min(frontiers, source.frontier);
      }
    }
    if (frontiers > key) return Math.min(heads, frontiers);
    // What has waited long enough takes along all that comes before it.
    return this.#isLive && now - oldest >= HOLD ? heads : undefined;
  }

  /** Moves rows of one worker: one, and those below the bound. */
  #run(
    number: number,
    bound: number,
    writer: BatchWriter,
    most: number,
  ): number {
    const source = this.#sources[number]!;
    const { batch } = source.queue[0]!;
    const column = this.#isLive ? batch.completed : batch.timestamp;
    let moved = 0;
    do {
      if (this.#surplus && !this.#isLive) this.#surplus--;
      else {
        const flags = this.#flagsOf(batch, source.row);
        writer.copy(batch, source.row, { flags });
        moved++;
      }
      source.row++;
    } while (
      source.row < batch.count && moved < most && !writer.isFull &&
      this.#sign * column[source.row]! < bound
    );
    if (source.row === batch.count) this.#drop(source, number);
    return moved;
  }

  /** The same, to where they wait for their twins. */
  #hold(number: number, bound: number, rows: HeldRows, now: number): void {
    const source = this.#sources[number]!;
    const { batch } = source.queue[0]!;
    const end = Math.min(batch.count, source.row + RUN);
    do rows.add(batch, source.row, this.#key(source), now); while (
      ++source.row < end && this.#key(source) < bound
    );
    if (source.row === batch.count) this.#drop(source, number);
  }

  /** Marks what comes after something that it should have come before. */
  #flagsOf(batch: Batch, row: number): number {
    if (!this.#isLive) return 0;
    const last = this.#lastBatch;
    const apart = last
      ? batch.completed[row]! - last.completed[this.#lastRow]! ||
        compareAt(batch, row, last, this.#lastRow)
      : 0;
    if (apart < 0) {
      this.late++;
      return FLAG.LATE;
    }
    this.#lastBatch = batch;
    this.#lastRow = row;
    return 0;
  }

  #drop(source: Source, number: number): void {
    const { batch } = source.queue.shift()!;
    source.row = 0;
    if (source.stored > 0) source.stored--;
    this.#queued -= batch.size;
    this.#options.onTaken(number);
  }
}

/** Rows that wait and came before a worker's `live`. */
function storedRows({ queue, stored }: Source): number {
  return queue.slice(0, stored).reduce(
    (sum, { batch }) => sum + batch.count,
    0,
  );
}

/** Orders rows of the same time by their ids, as `compareIds` does. */
function compareAt(a: Batch, rowA: number, b: Batch, rowB: number): number {
  const nodeA = a.word(a.node[rowA]!);
  const nodeB = b.word(b.node[rowB]!);
  if (nodeA !== nodeB) return nodeA < nodeB ? -1 : 1;
  return a.place[rowA]! - b.place[rowB]! || a.n[rowA]! - b.n[rowB]!;
}
