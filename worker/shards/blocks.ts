/**
 * Blocks: runs of a shard's packets, each with the least and greatest of its
 * columns, so that a scan passes over those in which nothing can match.
 */
import { isFlow, NO_FLOW, type PacketRows } from "./columns.ts";
import { grown } from "./growth.ts";

/** Packets in a block; the last one of a shard has fewer. */
export const BLOCK = 1024;

/** Blocks as columns; entry i is valid below `count`. */
export class BlockMap {
  count = 0;
  /** Row of its first packet, and of the one behind its last. */
  from: Uint32Array = new Uint32Array(0);
  to: Uint32Array = new Uint32Array(0);
  /** Where its first frame begins in the file, and its last one ends. */
  begin: Float64Array = new Float64Array(0);
  end: Float64Array = new Float64Array(0);
  /** µs since 1970. */
  firstTime: Float64Array = new Float64Array(0);
  lastTime: Float64Array = new Float64Array(0);
  leastCaptured: Uint32Array = new Uint32Array(0);
  greatestCaptured: Uint32Array = new Uint32Array(0);
  /** Rows of flows; the least above the greatest where no packet has one. */
  leastFlow: Uint32Array = new Uint32Array(0);
  greatestFlow: Uint32Array = new Uint32Array(0);
  /** 1 where fragments are among the packets, which may be of any flow. */
  hasFragments: Uint8Array = new Uint8Array(0);

  /** Packets in all blocks. */
  get packets(): number {
    return this.count === 0 ? 0 : this.to[this.count - 1]!;
  }

  /** Adds a block of zeros. */
  append(): number {
    const block = this.count;
    if (block === this.from.length) this.#grow(Math.max(16, 2 * block));
    this.count = block + 1;
    return block;
  }

  /**
   * Adds the rows `from` up to `to` of the columns as the next block.
   *
   * @returns the block
   */
  add(columns: PacketRows, from: number, to: number): number {
    const { time, captured, flow, offset } = columns;
    let firstTime = Infinity, lastTime = -Infinity;
    let leastCaptured = Infinity, greatestCaptured = 0;
    let leastFlow = Infinity, greatestFlow = -1;
    let hasFragments = 0;
    for (let i = from; i < to; i++) {
      const now = time[i]!;
      if (now < firstTime) firstTime = now;
      if (now > lastTime) lastTime = now;
      const size = captured[i]!;
      if (size < leastCaptured) leastCaptured = size;
      if (size > greatestCaptured) greatestCaptured = size;
      const row = flow[i]!;
      if (row === NO_FLOW.FRAGMENT) hasFragments = 1;
      if (!isFlow(row)) continue;
      if (row < leastFlow) leastFlow = row;
      if (row > greatestFlow) greatestFlow = row;
    }
    const packets = this.packets;
    const block = this.append();
    this.from[block] = packets;
    this.to[block] = packets + to - from;
    this.begin[block] = offset[from]!;
    this.end[block] = offset[to - 1]! + captured[to - 1]!;
    this.firstTime[block] = firstTime;
    this.lastTime[block] = lastTime;
    this.leastCaptured[block] = leastCaptured;
    this.greatestCaptured[block] = greatestCaptured;
    this.leastFlow[block] = greatestFlow < 0 ? 1 : leastFlow;
    this.greatestFlow[block] = Math.max(0, greatestFlow);
    this.hasFragments[block] = hasFragments;
    return block;
  }

  /** Whether any packet of the block has a flow. */
  hasFlows(block: number): boolean {
    return this.leastFlow[block]! <= this.greatestFlow[block]!;
  }

  #grow(size: number): void {
    this.from = grown(this.from, new Uint32Array(size));
    this.to = grown(this.to, new Uint32Array(size));
    this.begin = grown(this.begin, new Float64Array(size));
    this.end = grown(this.end, new Float64Array(size));
    this.firstTime = grown(this.firstTime, new Float64Array(size));
    this.lastTime = grown(this.lastTime, new Float64Array(size));
    this.leastCaptured = grown(this.leastCaptured, new Uint32Array(size));
    this.greatestCaptured = grown(this.greatestCaptured, new Uint32Array(size));
    this.leastFlow = grown(this.leastFlow, new Uint32Array(size));
    this.greatestFlow = grown(this.greatestFlow, new Uint32Array(size));
    this.hasFragments = grown(this.hasFragments, new Uint8Array(size));
  }
}
