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
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import type { End } from "../../entry/entry.ts";
import { copyEntry } from "../../entry/json.ts";
import { withNames } from "../../entry/names.ts";
import type { PlacedEntry } from "./rendering.ts";

/** How long an entry waits at most, since it was completed; µs. */
export const PATIENCE = 2e6;

/** Entries that wait at once, and bytes of their messages. */
const MAX_WAITING = 1000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Addresses of which is known since when they have no name. */
const MAX_SEEN = 10_000;

/** The entries of one query that wait. */
export class UnnamedEntries {
  readonly #names: NamesTable;
  /** In the order in which they came. */
  #waiting: PlacedEntry[] = [];
  #bytes = 0;
  /** When an address was first seen without a name, by packets' times, µs. */
  readonly #seen = new Map<string, number>();

  constructor(names: NamesTable) {
    this.#names = names;
  }

  /** Whether any waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Takes a copy of an entry if it is to wait.
   *
   * @param now µs since 1970; `-Infinity` if it is only to be known later on
   *   which addresses were there
   */
  takes(entry: DissectedEntry, now: number): boolean {
    // Both are noted, whatever is found of the first.
    const isSrcNew = this.#isNew(entry.src, entry);
    const isDstNew = this.#isNew(entry.dst, entry);
    if (!isSrcNew && !isDstNew) return false;
    if (now === -Infinity || now - entry.completed >= PATIENCE) return false;
    this.#bytes += sizeOf(entry);
    const { place, n } = entry;
    this.#waiting.push({ ...copyEntry(entry, SCHEMA), place, n });
    return true;
  }

  /** Whether an end has no name, and none so far has waited for it in vain. */
  #isNew(end: End, { timestamp, completed }: PlacedEntry): boolean {
    const { ip } = end;
    if (this.#names.at(end, timestamp)) return false;
    if (!this.#names.mayLearn(ip)) return false;
    const seen = this.#seen.get(ip);
    if (seen !== undefined) return completed - seen < PATIENCE;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.set(ip, timestamp);
    return true;
  }

  /**
   * Gives those that need not wait any longer, with the names that they have.
   *
   * @param now µs since 1970; `Infinity` for all of them
   */
  *due(now: number): Generator<PlacedEntry> {
    if (this.isEmpty) return;
    const isFull = this.#waiting.length >= MAX_WAITING ||
      this.#bytes >= MAX_BYTES;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const entry of waiting) {
      const isKnown = !this.#isNew(entry.src, entry) &&
        !this.#isNew(entry.dst, entry);
      if (isFull || isKnown || now - entry.completed >= PATIENCE) {
        yield this.#named(entry);
      } else {
        this.#waiting.push(entry);
        this.#bytes += sizeOf(entry);
      }
    }
  }

  #named(entry: PlacedEntry): PlacedEntry {
    const { src, dst, timestamp } = entry;
    return {
      ...entry,
      src: withNames(src, this.#names.at(src, timestamp)),
      dst: withNames(dst, this.#names.at(dst, timestamp)),
    };
  }
}

const sizeOf = ({ requestSize = 0, responseSize = 0 }: PlacedEntry): number =>
  requestSize + responseSize;
