/**
 * Retention: all files of a folder together stay below a limit; the oldest
 * shard makes room for the newest.
 *
 * A shard that is being written or read is locked, see {@link Shard}, and is
 * passed over until it no longer is.
 */
import { Damaged } from "./encoding.ts";
import type { Folder } from "./folder.ts";
import { isOfRows } from "./guests.ts";
import { listShards, parseName, PARTS, Shard, toName } from "./shard.ts";

/** What retention has deleted. */
export interface Deleted {
  shards: number;
  bytes: number;
  /** Greatest time of its packets, µs since 1970; 0 if nothing was deleted. */
  until: number;
}

/** What retention is told. */
export interface RetentionOptions {
  /** Bytes that all files together may have. */
  readonly limit: number;
  /**
   * Called before the oldest shard is deleted, with the one after it where
   * there is one: what it alone knows can be written to the other's facts.
   */
  readonly beforeDelete?: (
    oldest: Shard,
    next: number | undefined,
  ) => void;
}

/** Message tables may always have this part of the limit. */
const TABLES_SHARE = 32;

/** How long what was counted is believed, ms: other processes write too. */
const BELIEVED = 1000;

/** Keeps a folder below its limit. */
export class Retention {
  /** Bytes that all files together may have; may be changed at any time. */
  limit: number;
  readonly deleted: Deleted = { shards: 0, bytes: 0, until: 0 };
  readonly #folder: Folder;
  readonly #beforeDelete: RetentionOptions["beforeDelete"];
  #used = 0;
  #countedAt = -Infinity;

  constructor(folder: Folder, options: RetentionOptions) {
    this.#folder = folder;
    this.limit = options.limit;
    this.#beforeDelete = options.beforeDelete;
    this.count();
  }

  /** Bytes that are taken, as last counted or added. */
  get used(): number {
    return this.#used;
  }

  /**
   * Counts anew the bytes of all files, and those kept free for message
   * tables: whoever queries a full folder shall not dissect it every time.
   */
  count(): number {
    this.#countedAt = performance.now();
    let all = 0;
    let tables = 0;
    for (const { name, size } of this.#folder.list()) {
      if (isOfRows(name)) continue;
      all += size;
      if (parseName(name)?.part === "msg") tables += size;
    }
    const free = Math.max(0, this.limit / TABLES_SHARE - tables);
    this.#used = all + Math.floor(free);
    return this.#used;
  }

  /** Notes that so many bytes were written. */
  add(bytes: number): void {
    this.#used += bytes;
  }

  /**
   * Sees to it that so many bytes can be written, and says whether they can:
   * not if every shard that could make room is in use.
   */
  makeRoom(bytes: number): boolean {
    const isFresh = performance.now() - this.#countedAt < BELIEVED;
    if (isFresh && this.#used + bytes <= this.limit) return true;
    if (this.count() + bytes <= this.limit) return true;
    const shards = listShards(this.#folder);
    for (let i = 0; i < shards.length; i++) {
      if (this.#used + bytes <= this.limit) break;
      this.#delete(shards[i]!, shards[i + 1]);
    }
    return this.#used + bytes <= this.limit;
  }

  /** Deletes a shard unless it is in use. */
  #delete(shard: number, next: number | undefined): void {
    if (!this.#isIdle(shard)) return;
    const until = this.#prepare(shard, next);
    const file = this.#folder.open(toName(shard, "pcap"), "read");
    if (!file) return;
    // Readers that come now see a lock and take the shard for deleted.
    if (file.lock("exclusive")) {
      // Counting all files anew would take longer than to delete these.
      const freed = PARTS.reduce(
        (sum, part) => sum + this.#remove(toName(shard, part)),
        0,
      );
      this.#used -= freed;
      this.deleted.shards++;
      this.deleted.bytes += freed;
      this.deleted.until = Math.max(this.deleted.until, until);
    }
    file.close();
  }

  /** Removes a file, if it is there, and gives its bytes. */
  #remove(name: string): number {
    const file = this.#folder.open(name, "read");
    if (!file) return 0;
    const size = file.size();
    file.close();
    this.#folder.remove(name);
    return size;
  }

  #isIdle(shard: number): boolean {
    const file = this.#folder.open(toName(shard, "pcap"), "read");
    if (!file) return false;
    const idle = file.lock("exclusive");
    file.close();
    return idle;
  }

  /** Lets what the shard alone knows be moved. Gives its greatest time. */
  #prepare(number: number, next: number | undefined): number {
    let shard: Shard | undefined;
    try {
      shard = Shard.open(this.#folder, number);
      if (!shard) return 0;
      this.#beforeDelete?.(shard, next);
      return shard.header.last;
    } catch (error) {
      // Nothing in it can be read: then nothing is lost.
      if (error instanceof Damaged) return 0;
      throw error;
    } finally {
      shard?.close();
    }
  }
}
