/**
 * The columns of a shard that has no sidecar: it is being written, or whoever
 * wrote it died.
 */
import { BLOCK, BlockMap } from "./blocks.ts";
import { ColumnBuilder, type FlowRows, PacketRows } from "./columns.ts";
import type { StoredFile } from "./folder.ts";
import { PcapFile } from "./pcap_file.ts";
import type { ShardIndex } from "./sidecar.ts";
import type { SidecarHeader } from "./sidecar_header.ts";

/** Builds columns from a PCAP in memory, and goes on as it grows. */
export class LiveIndex implements ShardIndex {
  readonly blocks: BlockMap = new BlockMap();
  readonly #builder = new ColumnBuilder();
  readonly #columns = new PacketRows();
  readonly #pcap: PcapFile;

  /**
   * Reads what there is.
   *
   * @param file for which `isShardPcap` holds; borrowed
   */
  constructor(file: StoredFile) {
    this.#pcap = new PcapFile(file);
    this.#readOn(this.#pcap.next());
  }

  /** Reads packets that were written since, and says whether there were any. */
  refresh(): boolean {
    const before = this.#columns.count;
    this.#readOn(this.#pcap.more());
    return this.#columns.count > before;
  }

  #readOn(found: boolean): void {
    const { batch, interfaces } = this.#pcap;
    for (let more = found; more; more = this.#pcap.next()) {
      this.#builder.add(batch, interfaces, 0, batch.count, this.#columns);
    }
    this.#addBlocks();
  }

  get header(): SidecarHeader {
    const { packets, first, last, kinds, flows } = this.#builder;
    return {
      linkType: this.#pcap.linkType,
      packets,
      flows: flows.count,
      pcapBytes: this.#pcap.position,
      first: packets ? first : 0,
      last: packets ? last : 0,
      kinds,
    };
  }

  get flows(): FlowRows {
    return this.#builder.flows;
  }

  columns(
    into: PacketRows,
    from: number = 0,
    to: number = this.blocks.count,
  ): void {
    if (from >= to) return;
    const own = this.#columns;
    const begin = this.blocks.from[from]!;
    const end = this.blocks.to[to - 1]!;
    into.reserve(end - begin);
    into.time.set(own.time.subarray(begin, end), into.count);
    into.offset.set(own.offset.subarray(begin, end), into.count);
    into.captured.set(own.captured.subarray(begin, end), into.count);
    into.flow.set(own.flow.subarray(begin, end), into.count);
    into.count += end - begin;
  }

  /** Brings the blocks up to the columns; the last one may have grown. */
  #addBlocks(): void {
    const { blocks } = this;
    if (blocks.packets % BLOCK !== 0) blocks.count--;
    const { count } = this.#columns;
    for (let from = blocks.packets; from < count; from += BLOCK) {
      blocks.add(this.#columns, from, Math.min(count, from + BLOCK));
    }
  }
}
