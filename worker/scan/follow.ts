/**
 * Following: entries that are completed by packets which come later.
 *
 * Each line is replayed from the newest checkpoint that is early enough, in
 * silence up to the pin, and from there on as it grows. So what the stored
 * packets complete and what later ones do is given by two readings that agree
 * on every packet, and nothing is given twice or not at all.
 */
import type { Completed } from "../../api/messages.ts";
import type { NamesTable } from "../../api/names_table.ts";
import type { AnsweredNames } from "../../entry/answered_names.ts";
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import { compileMessage } from "../../kfl/evaluator.ts";
import type { Predicate } from "../../kfl/generator.ts";
import type { Plan } from "../../kfl/plan.ts";
import { type Shard, toName } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import { LineTail } from "./line_tail.ts";
import type { Pin } from "./pin.ts";
import type { PlacedEntry } from "./rendering.ts";
import { StaleState } from "./replay.ts";
import { checkpointOf, learnStored } from "./search_store.ts";
import { lineOf } from "./shard_line.ts";
import {
  type Coverage,
  lookupOf,
  type Protocols,
  SourceScan,
} from "./source_scan.ts";
import { UnnamedEntries } from "./unnamed.ts";

/** How often all files are looked for, ms; the next shard's oftener. */
const LISTING = 1000;

/** What is followed. */
export interface FollowOptions {
  readonly plan: Plan;
  readonly protocols: Protocols;
  /** What the ends were called; absent where nobody has a name. */
  readonly names?: NamesTable | undefined;
  /** What answers called the others; what is read is added. */
  readonly answered?: AnsweredNames | undefined;
  /** µs since 1970; without it no entry waits for names. */
  readonly clock?: () => number;
  /** Whether entries are marked, so that other nodes' are known by them. */
  readonly marks?: boolean | undefined;
  /** What these packets complete is not given. */
  readonly pin?: Pin | undefined;
  /** Nor is what comes up to here in the order of `(completed, id)`. */
  readonly after?: Completed | undefined;
  /** An entry that matches. What it borrows holds until this returns. */
  readonly onMatch: (entry: PlacedEntry) => void;
}

/** Reads a folder on, for one query. */
export class Follower {
  readonly #store: Store;
  readonly #options: FollowOptions;
  readonly #lines = new Map<string, LineTail>();
  readonly #matches: Predicate;
  readonly #unnamed: UnnamedEntries | undefined;
  /** The greatest number of a shard that has been given to its line. */
  #newest = 0;
  #listedAt = -Infinity;

  constructor(store: Store, options: FollowOptions) {
    this.#store = store;
    this.#options = options;
    const { plan, names, answered } = options;
    this.#matches = compileMessage(plan);
    this.#unnamed = names && new UnnamedEntries(names, lookupOf(options));
    if (answered) learnStored(store, answered);
    const shards = Map.groupBy(this.#newShards(), ({ key }) => key);
    for (const [key, line] of shards) {
      this.#begin(key, line.map(({ number }) => number));
    }
  }

  /**
   * Reads on.
   *
   * @param mayGoOn asked before each further frame
   * @returns whether everything has been read that is there
   */
  read(mayGoOn: () => boolean): boolean {
    this.look();
    const unread = new Set(this.#lines.values());
    while (unread.size > 0) {
      // By turns, so that entries of several lines come in order.
      const line = leastOf(unread);
      if (!line.read(mayGoOn)) unread.delete(line);
      else if (!mayGoOn()) return false;
    }
    return true;
  }

  /** Gives shards that have begun since to their lines: there is more to read. */
  look(): void {
    const isDue = performance.now() - this.#listedAt >= LISTING;
    if (!isDue && !this.#hasShard(this.#newest + 1)) return;
    for (const { key, number } of this.#newShards()) {
      const line = this.#lines.get(key) ?? this.#open(key);
      line.add(number);
    }
  }

  /** Whether entries wait for names, before which no later one may be given. */
  get awaitsNames(): boolean {
    return this.#unnamed?.isEmpty === false;
  }

  /**
   * Gives the entries that have waited for names and need not any longer.
   *
   * @param now µs since 1970; `Infinity` for all of them
   */
  giveNamed(now: number): void {
    for (const { entry, coverage } of this.#unnamed?.due(now) ?? []) {
      if (!this.#matches(entry)) continue;
      coverage.matches++;
      this.#options.onMatch(entry);
    }
  }

  /** Gives what has waited for too long: no packet before `now` (µs) comes. */
  expire(now: number): void {
    for (const { scan } of this.#lines.values()) scan.replay.expire(now);
  }

  /** Gives what is open: no more packets come at all. */
  end(): void {
    for (const line of this.#lines.values()) {
      line.speak();
      line.scan.end();
    }
  }

  /** Time up to which packets were read, of the line that is behind, µs. */
  get time(): number {
    let least = Infinity;
    for (const line of this.#lines.values()) {
      if (line.hasMore) least = Math.min(least, line.time);
    }
    return least;
  }

  /** Whether packets were deleted before they could be read. */
  get hasLost(): boolean {
    return [...this.#lines.values()].some(({ hasLost }) => hasLost);
  }

  get coverages(): Coverage[] {
    return Array.from(this.#lines.values(), ({ scan }) => scan.coverage);
  }

  /** Keeps nothing from being deleted; reading may go on all the same. */
  release(): void {
    for (const line of this.#lines.values()) line.release();
  }

  /** Begins a line at its newest checkpoint that is early enough. */
  #begin(key: string, shards: readonly number[]): void {
    const mayBegin = this.#options.after
      ? this.#beginningsAfter(this.#options.after.completed, shards)
      : (shard: number) => (this.#options.pin?.bytesOf(key, shard) ?? 0) > 0;
    for (let i = shards.length - 1; i >= 0; i--) {
      if (!mayBegin(shards[i]!)) continue;
      using shard = this.#store.attempt(shards[i]!);
      const saved = shard && checkpointOf(shard);
      const line = saved && this.#resumed(key, saved);
      if (!line) continue;
      for (const number of shards.slice(i)) line.add(number);
      return;
    }
    const line = this.#open(key);
    for (const number of shards) line.add(number);
  }

  /** Shards before which nothing was completed at `time` (µs) or later. */
  #beginningsAfter(
    time: number,
    shards: readonly number[],
  ): (shard: number) => boolean {
    const late = shards.find((number) => {
      using shard = this.#store.attempt(number);
      return shard && shard.header.last >= time;
    });
    return (shard) => late === undefined || shard <= late;
  }

  #resumed(key: string, saved: Uint8Array): LineTail | undefined {
    const line = this.#open(key);
    try {
      line.scan.resume(saved);
      return line;
    } catch (error) {
      if (!(error instanceof StaleState)) throw error;
      return undefined;
    }
  }

  #open(key: string): LineTail {
    const { plan, protocols, names, answered, pin, after, onMatch, clock } =
      this.#options;
    const mustWait = (entry: DissectedEntry): boolean => {
      const now = isWanted(entry) ? clock?.() : undefined;
      return this.#unnamed?.takes(entry, now, scan.coverage) ?? false;
    };
    const isWanted = (entry: DissectedEntry): boolean =>
      !line.isSilent && (!after || isBehind(entry, after));
    const scan: SourceScan = new SourceScan(this.#store.node, {
      plan,
      protocols,
      marks: this.#options.marks,
      names,
      answered,
      mustWait: this.#unnamed && mustWait,
      onMatch: (entry) => {
        if (isWanted(entry)) onMatch(entry);
      },
    });
    const line: LineTail = new LineTail({
      store: this.#store,
      scan,
      silentBytesOf: (shard) => pin?.bytesOf(key, shard) ?? 0,
    });
    this.#lines.set(key, line);
    return line;
  }

  /** Shards that were not there before, and the lines they belong to. */
  *#newShards(): Generator<{ key: string; number: number }> {
    this.#listedAt = performance.now();
    const numbers = this.#store.numbers().filter((n) => n > this.#newest);
    for (const number of numbers) {
      using shard = this.#store.attempt(number);
      const isNewest = number === numbers.at(-1);
      // One that has only just begun may not yet say what it is.
      if (isNewest && !(shard && isDescribed(shard))) return;
      this.#newest = number;
      if (shard) yield { key: lineOf(shard), number };
    }
  }

  #hasShard(number: number): boolean {
    return this.#store.folder.has(toName(number, "pcap"));
  }
}

/** Whether it is known where its packets are from. */
function isDescribed({ facts }: Shard): boolean {
  return facts.end > 0;
}

/** Whether an entry comes behind a place, by when it was completed. */
function isBehind(
  { completed, place, n }: DissectedEntry,
  after: Completed,
): boolean {
  return (completed - after.completed || place - after.place || n - after.n) >
    0;
}

/** The line whose packets are the oldest. */
function leastOf(lines: Iterable<LineTail>): LineTail {
  let least: LineTail | undefined;
  for (const line of lines) if (!least || line.time < least.time) least = line;
  return least!;
}
