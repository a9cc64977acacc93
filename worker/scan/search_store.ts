/**
 * A query over a folder of shards.
 *
 * Shards of one source and link type are a *line*: flows go on from one to the
 * next. The first query that passes a shard dissects all of it and leaves two
 * things in its message table: a *checkpoint*, which is what a reading of every
 * flow knew before the shard's first packet, and the protocols of the entries
 * that were completed in the shard. Later queries pass over the shards in which
 * nothing can match, and begin wherever they like. So the newest entries cost
 * their own shards and no more.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { AnsweredNames } from "../../entry/answered_names.ts";
import {
  compileShard,
  type Judge,
  NO,
  type ShardView,
} from "../../kfl/evaluator.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { toPlace } from "../../stream/reader.ts";
import { isFlow, NO_FLOW, PacketRows } from "../shards/columns.ts";
import type { Columns, MessageTable } from "../shards/message_table.ts";
import type { Shard } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import { NOTHING } from "./nothing.ts";
import { StaleState } from "./replay.ts";
import {
  COMPLETION,
  type Coverage,
  type ScanOptions,
  SourceScan,
} from "./source_scan.ts";
import { Pauses, type WalkOptions } from "../capture/walk.ts";
import type { Pin } from "./pin.ts";
import { lineOf } from "./shard_line.ts";
import { ShardRows } from "./shard_rows.ts";

/**
 * Key of the message tables written here. To be changed with whatever changes
 * what dissectors find, or the state of a parser, a reassembly or a flow.
 */
export const KEY = "replay 12";

/** Columns of the message tables; a checkpoint is compressed by zstd. */
const CHECKPOINT = "checkpoint";
const PROTOCOLS = "protocols";
/** Addresses and what answers called them, by turns; and when, first and last. */
const ANSWERED = "answered";
const ANSWERED_AT = "answered at";

/**
 * A checkpoint has much that is alike: a seventh is left of it, and to compress
 * it at the least level takes less time than to write it as it is.
 */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Bytes of a checkpoint. */
const MAX_CHECKPOINT = 256 * 1024 * 1024;

/** An entry may be completed by time alone: a shard's packets tell nothing. */
const TRANSPORTS = ["tcp", "udp", "icmp", "sctp"] as const;

/** Frames to load at a time. */
const BATCH = 4096;

/**
 * Bytes of packets to search at a time where the newest are wanted: to resume
 * costs about as much as to search half of that.
 */
const STRETCH = 8 * 1024 * 1024;

/** How a folder is searched. */
export interface StoreSearchOptions extends ScanOptions, WalkOptions {
  /** Bytes of packets to search at a time where the newest are wanted. */
  readonly stretch?: number;
  /**
   * Only packets that were there then are read; what is open after them is not
   * given, for later ones may complete it.
   */
  readonly until?: Pin;
}

/** A shard of a line. */
class Link {
  readonly number: number;
  /** Of its PCAP, as far as it is read. */
  readonly bytes: number;
  /** Whether all of it is read. */
  readonly isWhole: boolean;
  /** Whether no packets are added to it, so that findings can be kept. */
  readonly isSealed: boolean;
  /** Greatest time of its packets, µs. */
  readonly last: number;
  readonly #readProtocols: () => readonly string[] | undefined;
  #protocols: { readonly read: readonly string[] | undefined } | undefined;

  /** @param most bytes of it that may be read */
  constructor(
    { number, header, sealedHeader }: Shard,
    most: number,
    readProtocols: () => readonly string[] | undefined,
  ) {
    const { pcapBytes, last } = header;
    this.isSealed = sealedHeader !== undefined;
    this.number = number;
    this.bytes = Math.min(pcapBytes, most);
    this.isWhole = pcapBytes <= most;
    this.last = last;
    this.#readProtocols = readProtocols;
  }

  /** Whether it is to be dissected whole, and what that finds to be kept. */
  get isNew(): boolean {
    return !this.protocols && this.isSealed && this.isWhole;
  }

  /**
   * Of the entries completed in it; `undefined` if it was not dissected when
   * this was asked first.
   */
  get protocols(): readonly string[] | undefined {
    this.#protocols ??= { read: this.#readProtocols() };
    return this.#protocols.read;
  }
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
  options: StoreSearchOptions,
): Promise<Coverage[]> {
  return await new StoreSearch(store, options).run();
}

/** What a replay knew before a shard's first packet, if that is kept. */
export function checkpointOf(shard: Shard): Uint8Array | undefined {
  const table = shard.messageTable(KEY);
  return table && readCheckpoint(table);
}

/**
 * Learns what answers in all of a folder called whom, as far as dissections
 * have kept it: others are met when their shards are searched.
 */
export function learnStored(store: Store, answered: AnsweredNames): void {
  for (const shard of store.shards("oldest first")) {
    const table = shard.messageTable(KEY);
    const texts = table?.texts(ANSWERED) ?? [];
    const at = table?.numbers(ANSWERED_AT, Float64Array) ?? [];
    for (let i = 0; i + 1 < Math.min(texts.length, at.length); i += 2) {
      const [address, name] = [texts[i]!, texts[i + 1]!];
      answered.learnAll([{ address, name, from: at[i]!, seen: at[i + 1]! }]);
    }
  }
}

/** As {@link learnStored} reads them; nothing of none. */
function toColumns(answered: AnsweredNames): Columns {
  if (answered.size === 0) return {};
  const all = [...answered];
  return {
    [ANSWERED]: all.flatMap(({ address, name }) => [address, name]),
    [ANSWERED_AT]: Float64Array.from(
      all.flatMap(({ from, seen }) => [from, seen]),
    ),
  };
}

class StoreSearch {
  readonly #store: Store;
  readonly #options: StoreSearchOptions;
  readonly #pauses: Pauses;
  readonly #judge: Judge<ShardView>;
  /** Whether only the newest matches are wanted. */
  readonly #wantsNewest: boolean;
  readonly #rows = new PacketRows();
  readonly #batch = new FrameBatch(BATCH);
  readonly #coverages: Coverage[] = [];
  /** Times of the matches, while only the newest are wanted. */
  readonly #matched: number[] = [];
  /** Shards in which nothing can match. */
  #passedOver = 0;
  /** Bytes that were searched or passed over. */
  #done = 0;

  constructor(store: Store, options: StoreSearchOptions) {
    const { plan } = options;
    this.#store = store;
    this.#options = options;
    this.#pauses = new Pauses(options);
    this.#judge = compileShard(plan);
    this.#wantsNewest = plan.order === "desc" && plan.limit !== undefined;
  }

  /** Each line is done from its newest stretch to its oldest. */
  async run(): Promise<Coverage[]> {
    const lines = this.#lines();
    await this.#learn(lines);
    while (true) {
      const line = newest(lines);
      if (!line || this.#isSettled(line)) break;
      const link = line.links.at(-1)!;
      // What is open at a line's end has no entries yet.
      if (!line.hasEnd && !this.#mayMatch(link)) {
        line.links.pop();
        this.#passedOver++;
      } else await this.#searchStretch(line);
    }
    this.#noteFolder();
    return this.#coverages;
  }

  /**
   * Learns what answers said that are not met on the way: those of shards that
   * were dissected, and of other lines, which are searched in any order.
   */
  async #learn(lines: readonly Line[]): Promise<void> {
    const { answered, plan, signal, until } = this.#options;
    if (!answered) return;
    learnStored(this.#store, answered);
    if (lines.length < 2 || plan === NOTHING) return;
    const { protocols } = this.#options;
    const search = { plan: NOTHING, protocols, answered, signal, until };
    await searchStore(this.#store, { ...search, onMatch() {} });
  }

  /** Counts the shards that were passed over. */
  #noteFolder(): void {
    const [coverage] = this.#coverages;
    if (!coverage) return;
    coverage.shards += this.#passedOver;
    coverage.shardsRuledOut += this.#passedOver;
  }

  #lines(): Line[] {
    const { plan, until } = this.#options;
    const { from = -Infinity, to = Infinity } = plan.window;
    const lines = new Map<string, Line>();
    for (const shard of this.#store.shards("oldest first")) {
      const { number } = shard;
      const key = lineOf(shard);
      const line = lines.get(key) ?? { links: [], hasEnd: until === undefined };
      lines.set(key, line);
      const most = until?.bytesOf(key, number) ?? Infinity;
      if (most === 0) continue;
      const { header } = shard;
      // Nothing that began in the window is completed later.
      if (header.first > to + COMPLETION) continue;
      line.links.push(
        new Link(shard, most, () => this.#readProtocols(number)),
      );
    }
    for (const { links } of lines.values()) {
      links.splice(0, beginningOf(links, from));
    }
    return [...lines.values()];
  }

  /** Whether entries that were completed in the shard may match. */
  #mayMatch({ last, protocols }: Link): boolean {
    if (!protocols) return true;
    const view = { first: -Infinity, last, transports: TRANSPORTS, protocols };
    return this.#judge(view) !== NO;
  }

  /** Whether what is left of all lines cannot be among the first. */
  #isSettled(newestLine: Line): boolean {
    if (!this.#wantsNewest) return false;
    const bound = lastOf(newestLine);
    let newer = 0;
    for (const time of this.#matched) if (time > bound) newer++;
    return newer >= this.#options.plan.limit!;
  }

  /** Searches the newest shards of a line, and takes them off it. */
  async #searchStretch(line: Line): Promise<void> {
    const { begin, scan } = this.#begin(line.links);
    const stretch = line.links.splice(begin);
    const { hasEnd } = line;
    line.hasEnd = false;
    this.#coverages.push(scan.coverage);
    scan.coverage.shards = stretch.length;
    for (const link of stretch) {
      using shard = this.#store.attempt(link.number);
      if (!shard) continue;
      if (!link.isNew) {
        await this.#replayShard(scan, shard, link);
        continue;
      }
      const checkpoint = scan.save();
      scan.protocols.clear();
      scan.answered.clear();
      await this.#replayShard(scan, shard, link);
      this.#store.putMessageTable(shard, KEY, {
        [CHECKPOINT]: zstdCompressSync(checkpoint, FAST),
        [PROTOCOLS]: [...scan.protocols],
        ...toColumns(scan.answered),
      });
    }
    // What goes on after it was given by the stretch that was searched before.
    if (hasEnd) scan.end();
  }

  /**
   * Begins to search the end of a line, at a checkpoint or at its beginning.
   * Where all matches are wanted, the stretch reaches back to the next shard
   * that can be passed over.
   */
  #begin(links: readonly Link[]): { begin: number; scan: SourceScan } {
    let begin = links.length - 1;
    const { stretch = STRETCH } = this.#options;
    const most = this.#wantsNewest ? stretch : Infinity;
    let { bytes } = links[begin]!;
    while (begin > 0 && bytes < most && this.#mayMatch(links[begin - 1]!)) {
      bytes += links[--begin]!.bytes;
    }
    for (; begin >= 0; begin--) {
      const link = links[begin]!;
      const saved = link.protocols && this.#readCheckpoint(link.number);
      const scan = saved && this.#resumed(links.slice(begin), saved);
      if (scan) return { begin, scan };
    }
    return { begin: 0, scan: this.#scanOf(links) };
  }

  /** A scan that goes on from a checkpoint, if that is of any use. */
  #resumed(
    stretch: readonly Link[],
    saved: Uint8Array,
  ): SourceScan | undefined {
    const scan = this.#scanOf(stretch);
    try {
      scan.resume(saved);
      return scan;
    } catch (error) {
      if (!(error instanceof StaleState)) throw error;
      return undefined;
    }
  }

  #scanOf(stretch: readonly Link[]): SourceScan {
    return new SourceScan(this.#store.node, {
      ...this.#options,
      isWhole: stretch.some((link) => link.isNew),
      // Then their message tables have told what answers in them said.
      isAnswered: stretch.every((link) => link.protocols !== undefined),
      onMatch: (entry, flow) => {
        if (this.#wantsNewest) this.#matched.push(entry.timestamp);
        this.#options.onMatch(entry, flow);
      },
    });
  }

  #readProtocols(number: number): readonly string[] | undefined {
    return this.#readTable(number, (table) => table.texts(PROTOCOLS));
  }

  #readCheckpoint(number: number): Uint8Array | undefined {
    return this.#readTable(number, readCheckpoint);
  }

  /** What a shard's message table has, if it is there and of this version. */
  #readTable<T>(
    number: number,
    read: (table: MessageTable) => T | undefined,
  ): T | undefined {
    using shard = this.#store.attempt(number);
    const table = shard?.messageTable(KEY);
    return table && read(table);
  }

  async #replayShard(
    scan: SourceScan,
    shard: Shard,
    link: Link,
  ): Promise<void> {
    const packets = shard.columns(this.#rows);
    if (!link.isWhole) cutTo(packets, link.bytes);
    const picked = new ShardRows(packets, shard.index.flows.count, BATCH);
    scan.isOwnCapture = shard.source === undefined;
    scan.podIpsOf = (network) => shard.podIpsOf(network);
    let told = 0;
    while (picked.next()) {
      const { rows, count } = picked;
      for (let at = 0; at < count;) {
        const loaded = shard.load(packets, rows, at, count, this.#batch);
        if (loaded === 0) break;
        this.#replayRows(scan, shard, picked, at, loaded, told);
        told = rows[at + loaded - 1]! + 1;
        at += loaded;
      }
      if (this.#pauses.isDue) {
        const position = packets.offset[rows[count - 1]!]!;
        await this.#pauses.take(this.#done + position);
      }
    }
    this.#passOver(scan, shard, picked, told, packets.count);
    this.#done += link.bytes;
    noteLosses(scan.coverage, shard);
  }

  /**
   * Replays the packets that were loaded, from `at` of those picked on.
   *
   * @param told row before which all is known
   */
  #replayRows(
    scan: SourceScan,
    shard: Shard,
    picked: ShardRows,
    at: number,
    count: number,
    told: number,
  ): void {
    const { number, linkType } = shard;
    let next = told;
    for (let i = 0; i < count; i++) {
      const row = picked.rows[at + i]!;
      this.#passOver(scan, shard, picked, next, row);
      next = row + 1;
      const place = toPlace(number, row);
      const settled = scan.frame(this.#batch, i, linkType, place);
      if (settled) picked.settle(row, settled);
    }
  }

  /** Tells of packets that are left out. */
  #passOver(
    scan: SourceScan,
    { number }: Shard,
    picked: ShardRows,
    from: number,
    to: number,
  ): void {
    const { flow, time } = this.#rows;
    const { coverage } = scan;
    for (let row = from; row < to; row++) {
      const of = flow[row]!;
      if (of === NO_FLOW.OTHER) coverage.others++;
      else if (of === NO_FLOW.MALFORMED) coverage.malformed++;
      const settled = isFlow(of) ? picked.settledFlow(row) : undefined;
      scan.passed(settled, time[row]!, toPlace(number, row));
    }
  }
}

/** A table's checkpoint; `undefined` if it is damaged, as if it were absent. */
function readCheckpoint(table: MessageTable): Uint8Array | undefined {
  const bytes = table.numbers(CHECKPOINT, Uint8Array);
  if (!bytes) return undefined;
  try {
    const plain = zstdDecompressSync(bytes, {
      maxOutputLength: MAX_CHECKPOINT,
    });
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  } catch {
    return undefined;
  }
}

/** Drops the packets that end behind so many bytes of the file. */
function cutTo(packets: PacketRows, bytes: number): void {
  const { offset, captured } = packets;
  let { count } = packets;
  while (count > 0 && offset[count - 1]! + captured[count - 1]! > bytes) {
    count--;
  }
  packets.count = count;
}

/** What a shard's facts say of packets that are not in it. */
function noteLosses(coverage: Coverage, { number, facts }: Shard): void {
  for (const { packets } of facts.drops) coverage.lost += packets;
  if (facts.isTorn) {
    coverage.damage.push(
      `shard ${number}: the capture was killed; what it had yet to store is ` +
        `lost, of which ${facts.tornBytes} bytes were written in part`,
    );
  }
  if (facts.damage !== undefined) {
    coverage.damage.push(`shard ${number}: ${facts.damage}`);
  }
}

/** Where in a line reading must begin for what began at `from` or later. */
function beginningOf(links: readonly Link[], from: number): number {
  const first = links.findIndex((link) => link.last >= from);
  if (first < 0) return links.length;
  for (let i = first; i > 0; i--) if (links[i]!.protocols) return i;
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
