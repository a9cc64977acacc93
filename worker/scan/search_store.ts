/**
 * A query over a folder of shards.
 *
 * Shards of one source and link type are a *line*: flows go on from one to the
 * next. A line is replayed from its beginning, or from a checkpoint: what a
 * replay of every flow knew before a shard's first packet, kept in the shard's
 * message table. The first query that has to pass a shard writes it; a later
 * one begins there. So the newest entries cost their own shards and no more.
 */
import { FrameBatch } from "../../packet/frame.ts";
import { toPlace } from "../../stream/reader.ts";
import { Damaged } from "../shards/encoding.ts";
import { NO_FLOW, PacketColumns } from "../shards/columns.ts";
import type { Shard } from "../shards/shard.ts";
import type { ShardSummary, Store } from "../shards/store.ts";
import {
  COMPLETION,
  type Coverage,
  type ScanOptions,
  SourceScan,
} from "./source_scan.ts";
import { Pauses, type WalkOptions } from "./walk.ts";

/**
 * Key of the message tables that hold checkpoints. To be changed with whatever
 * changes the state of a parser, a reassembly or a flow.
 */
const KEY = "replay 1";

/** Column of the message table that has the checkpoint. */
const CHECKPOINT = "checkpoint";

/** Frames to load at a time. */
const BATCH = 4096;

/** A shard, and where it is in its line. */
interface Link extends ShardSummary {
  readonly source: string | undefined;
  hasCheckpoint: boolean;
}

/** Shards of one source and link type, the oldest first. */
interface Line {
  /** Those that are not searched yet. */
  readonly links: Link[];
  /** Whether its newest shards are still among them. */
  hasEnd: boolean;
}

/**
 * Searches a folder of shards.
 *
 * With an order of `desc` and a limit it stops as soon as nothing older can be
 * among the first.
 */
export async function searchStore(
  store: Store,
  options: ScanOptions & WalkOptions,
): Promise<Coverage[]> {
  return await new StoreSearch(store, options).run();
}

class StoreSearch {
  readonly #store: Store;
  readonly #options: ScanOptions & WalkOptions;
  readonly #pauses: Pauses;
  readonly #columns = new PacketColumns();
  readonly #batch = new FrameBatch(BATCH);
  readonly #coverages: Coverage[] = [];
  /** Times of the matches, while only the newest are wanted. */
  readonly #matched: number[] = [];
  #done = 0;

  constructor(store: Store, options: ScanOptions & WalkOptions) {
    this.#store = store;
    this.#options = options;
    this.#pauses = new Pauses(options);
  }

  /** Each line is done from its newest stretch to its oldest. */
  async run(): Promise<Coverage[]> {
    const lines = this.#lines();
    while (true) {
      const line = newest(lines);
      if (!line || this.#isSettled(line)) return this.#coverages;
      await this.#runStretch(line);
    }
  }

  #lines(): Line[] {
    const { from = -Infinity, to = Infinity } = this.#options.plan.window;
    const lines = new Map<string, Line>();
    for (const shard of this.#store.shards("oldest first")) {
      const { header } = shard;
      const { source } = shard.facts;
      const key = `${header.linkType} ${source}`;
      const line = lines.get(key) ?? { links: [], hasEnd: true };
      lines.set(key, line);
      // Nothing that began in the window is completed later.
      if (header.first > to + COMPLETION) continue;
      line.links.push({
        number: shard.number,
        linkType: header.linkType,
        packets: header.packets,
        bytes: header.pcapBytes,
        first: header.first,
        last: header.last,
        kinds: header.kinds,
        source,
        hasCheckpoint: shard.messageTable(KEY)?.names.includes(CHECKPOINT) ??
          false,
      });
    }
    for (const { links } of lines.values()) {
      links.splice(0, beginningOf(links, from));
    }
    return [...lines.values()];
  }

  /** Whether what is left of all lines cannot be among the first. */
  #isSettled(newestLine: Line): boolean {
    const { order, limit } = this.#options.plan;
    if (order !== "desc" || limit === undefined) return false;
    const bound = lastOf(newestLine);
    let newer = 0;
    for (const time of this.#matched) if (time > bound) newer++;
    return newer >= limit;
  }

  /** Replays the end of a line, from its last checkpoint, and takes it off. */
  async #runStretch(line: Line): Promise<void> {
    const { begin, saved } = this.#findBeginning(line);
    const stretch = line.links.splice(begin);
    const { hasEnd } = line;
    line.hasEnd = false;
    const { order, limit } = this.#options.plan;
    const scan = new SourceScan(this.#store.node, {
      ...this.#options,
      isWhole: true,
      onMatch: (entry, flow) => {
        if (order === "desc" && limit !== undefined) {
          this.#matched.push(entry.timestamp);
        }
        this.#options.onMatch(entry, flow);
      },
    });
    this.#coverages.push(scan.coverage);
    if (saved) scan.replay.resume(saved);
    for (const [i, link] of stretch.entries()) {
      using shard = this.#store.attempt(link.number);
      if (!shard) continue;
      if (
        i > 0 && !link.hasCheckpoint && shard.isSealed
      ) {
        this.#keepCheckpoint(scan, shard);
      }
      await this.#replayShard(scan, shard);
    }
    // What goes on after it was given by the stretch that was done before.
    if (hasEnd) scan.end();
  }

  /** The newest shard of a line at which reading can begin. */
  #findBeginning({ links }: Line): { begin: number; saved?: Uint8Array } {
    for (let begin = links.length - 1; begin >= 0; begin--) {
      const link = links[begin]!;
      if (!link.hasCheckpoint) continue;
      const saved = this.#readCheckpoint(link.number);
      if (saved) return { begin, saved };
      link.hasCheckpoint = false;
    }
    return { begin: 0 };
  }

  #readCheckpoint(number: number): Uint8Array | undefined {
    using shard = this.#store.attempt(number);
    try {
      return shard?.messageTable(KEY)?.numbers(CHECKPOINT, Uint8Array);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      return undefined;
    }
  }

  #keepCheckpoint(scan: SourceScan, shard: Shard): void {
    this.#store.putMessageTable(shard, KEY, {
      [CHECKPOINT]: scan.replay.save(),
    });
  }

  async #replayShard(scan: SourceScan, shard: Shard): Promise<void> {
    const columns = shard.columns(this.#columns);
    const rows = rowsToRead(columns);
    const { number } = shard;
    const { linkType } = shard.header;
    for (let at = 0; at < rows.length;) {
      const count = shard.load(columns, rows, at, rows.length, this.#batch);
      if (count === 0) break;
      for (let i = 0; i < count; i++) {
        scan.frame(this.#batch, i, linkType, toPlace(number, rows[at + i]!));
      }
      at += count;
      if (this.#pauses.isDue) {
        const position = columns.offset[rows[at - 1]!]!;
        await this.#pauses.take(this.#done + position);
      }
    }
    this.#done += shard.header.pcapBytes;
    const { damage } = shard.facts;
    if (damage !== undefined) {
      scan.coverage.damage.push(`shard ${number}: ${damage}`);
    }
  }
}

/** Where in a line reading must begin for what began at `from` or later. */
function beginningOf(links: readonly Link[], from: number): number {
  const first = links.findIndex((link) => link.last >= from);
  if (first < 0) return links.length;
  for (let i = first; i > 0; i--) if (links[i]!.hasCheckpoint) return i;
  return 0;
}

/** The line in which the newest packets are left; none if all are done. */
function newest(lines: readonly Line[]): Line | undefined {
  return lines.reduce<Line | undefined>(
    (best, line) =>
      line.links.length > 0 && (!best || lastOf(line) > lastOf(best))
        ? line
        : best,
    undefined,
  );
}

/** Greatest time of the packets that are left in a line. */
function lastOf({ links }: Line): number {
  return Math.max(...links.map((link) => link.last));
}

/** Packets that may belong to a flow, and the fragments of such. */
function rowsToRead({ count, flow }: PacketColumns): Uint32Array {
  const rows = new Uint32Array(count);
  let wanted = 0;
  for (let row = 0; row < count; row++) {
    if (flow[row]! <= NO_FLOW.FRAGMENT) rows[wanted++] = row;
  }
  return rows.subarray(0, wanted);
}
