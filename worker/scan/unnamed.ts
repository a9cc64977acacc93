/**
 * Entries that wait for names.
 *
 * A pod talks as soon as it has an address, and what the cluster says of it
 * comes a moment later. So an entry that has just come, with an end that
 * nobody knows, waits until its names are heard of, or until it is old. Only
 * then is it known whether it matches.
 *
 * It waits here and not in the hub, because what a name decides is whether the
 * entry is sent at all; and whoever gives entries gives none that was completed
 * later before it, so that neither order nor watermark know of the waiting.
 * What has no name is mostly something that never gets one: so nothing waits
 * for an address far from all that the cluster has given out, nor for one that
 * was there without a name before.
 */
import type { NamesTable } from "../../api/names_table.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import type { End } from "../../entry/entry.ts";
import { copyEntry } from "../../entry/json.ts";
import { knownAddress, type NameLookup, withNames } from "../../entry/names.ts";
import type { PlacedEntry } from "./rendering.ts";
import type { Coverage } from "./source_scan.ts";

/** How long an entry waits at most, since it was completed; µs. */
export const PATIENCE = 2e6;

/** Entries that wait at once, and bytes of their messages. */
const MAX_WAITING = 1000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Addresses of which is known since when they have no name. */
const MAX_SEEN = 10_000;

/** An entry that waits, or has waited. */
interface Waiting {
  readonly entry: PlacedEntry;
  readonly coverage: Pick<Coverage, "matches">;
}

/** The entries of one query that wait. */
export class UnnamedEntries {
  readonly #names: NamesTable;
  readonly #lookup: NameLookup;
  /** In the order in which they came. */
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** When an address was first seen without a name, by packets' times, µs. */
  readonly #seen = new Map<string, number>();

  /**
   * @param names what is waited for
   * @param lookup what entries are given in the end; by default the same
   */
  constructor(names: NamesTable, lookup: NameLookup = names) {
    this.#names = names;
    this.#lookup = lookup;
  }

  /** Whether any waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Takes a copy of an entry if it is to wait.
   *
   * @param now µs since 1970; absent if it is only to be known later on which
   *   addresses were there
   * @param coverage in which it is counted once it is known to match
   */
  takes(
    entry: PlacedEntry,
    now: number | undefined,
    coverage: Pick<Coverage, "matches">,
  ): boolean {
    // Both are noted, whatever is found of the first.
    const isSrcNew = this.#isNew(entry.src, entry);
    const isDstNew = this.#isNew(entry.dst, entry);
    if (!isSrcNew && !isDstNew) return false;
    if (now === undefined || now - entry.completed >= PATIENCE) return false;
    const isFull = this.#waiting.length >= MAX_WAITING ||
      this.#bytes >= MAX_BYTES;
    if (isFull) return false;
    this.#bytes += sizeOf(entry);
    const { place, n } = entry;
    const copy = { ...copyEntry(entry, SCHEMA), place, n };
    this.#waiting.push({ entry: copy, coverage });
    return true;
  }

  /** Whether an end has no name, and none so far has waited for it in vain. */
  #isNew(end: End, { timestamp, completed }: PlacedEntry): boolean {
    const address = knownAddress(end);
    if (this.#names.at(end, timestamp)) return false;
    if (!this.#names.mayLearn(address)) return false;
    const seen = this.#seen.get(address);
    if (seen !== undefined) return completed - seen < PATIENCE;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.set(address, timestamp);
    return true;
  }

  /**
   * Gives those that need not wait any longer, with the names that they have.
   *
   * @param now µs since 1970; `Infinity` for all of them
   */
  *due(now: number): Generator<Waiting> {
    if (this.isEmpty) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const { entry, coverage } of waiting) {
      const mayLearn = this.#isNew(entry.src, entry) ||
        this.#isNew(entry.dst, entry);
      if (mayLearn && now - entry.completed < PATIENCE) {
        this.#waiting.push({ entry, coverage });
        this.#bytes += sizeOf(entry);
      } else yield { entry: this.#named(entry), coverage };
    }
  }

  #named(entry: PlacedEntry): PlacedEntry {
    const { src, dst, timestamp } = entry;
    return {
      ...entry,
      src: withNames(src, this.#lookup.at(src, timestamp)),
      dst: withNames(dst, this.#lookup.at(dst, timestamp)),
    };
  }
}

const sizeOf = ({ requestSize = 0, responseSize = 0 }: PlacedEntry): number =>
  requestSize + responseSize;
