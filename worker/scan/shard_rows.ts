/** Which of a shard's packets are read. */
import type { Flow } from "../../stream/flow.ts";
import { isFlow, NO_FLOW, type PacketRows } from "../shards/columns.ts";

/**
 * The packets of a shard that may belong to a flow, some at a time. Those of
 * flows that have settled meanwhile are passed over, and not even loaded.
 */
export class ShardRows {
  /** The present ones, increasing; {@link count} of them. */
  readonly rows: Uint32Array;
  count = 0;
  readonly #packets: PacketRows;
  /** By row of the shard's flows, those that have settled. */
  readonly #settled: (Flow | undefined)[];
  #next = 0;

  /**
   * @param flows how many the shard has
   * @param most rows at a time
   */
  constructor(packets: PacketRows, flows: number, most: number) {
    this.#packets = packets;
    this.#settled = new Array(flows).fill(undefined);
    this.rows = new Uint32Array(most);
  }

  /** Goes on to the next ones, and says whether there are any. */
  next(): boolean {
    const { flow, count } = this.#packets;
    const { rows } = this;
    const settled = this.#settled;
    let row = this.#next;
    let picked = 0;
    for (; row < count && picked < rows.length; row++) {
      const of = flow[row]!;
      const isRead = isFlow(of) ? !settled[of] : of === NO_FLOW.FRAGMENT;
      if (isRead) rows[picked++] = row;
    }
    this.#next = row;
    this.count = picked;
    return picked > 0;
  }

  /** No packet of the row's flow is of any more use. */
  settle(row: number, settled: Flow): void {
    const flow = this.#packets.flow[row]!;
    if (isFlow(flow)) this.#settled[flow] = settled;
  }

  /** The flow of a row that was passed over. */
  settledFlow(row: number): Flow | undefined {
    return this.#settled[this.#packets.flow[row]!];
  }
}
