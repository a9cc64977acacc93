/**
 * Which packets of a savefile an export keeps.
 *
 * A file is read twice: once to find the flows, or the stretches of flows, that
 * are wanted, and once to copy their packets. Both readings find the same flows
 * in the same order, so that a flow's id is enough to know it again. What a
 * packet's own headers decide needs only the second.
 */
import type { PacketFilter } from "../../kfl/packet_filter.ts";
import { PacketColumns } from "../../packet/columns.ts";
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { OUTCOME } from "../../packet/packet.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { HeldFrames } from "./held_frames.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { WantedFlows } from "./wanted_flows.ts";

/** Takes the rows of a batch that are kept, in order. */
export interface Keeper {
  rows(batch: FrameBatch, rows: Uint32Array, count: number): void;
  /** Another frame, kept earlier in the file: it was held until it was sure. */
  held(batch: FrameBatch): void;
}

/** Decides which frames of a file are kept, batch by batch. */
export interface Selection {
  add(batch: FrameBatch, interfaces: readonly Interface[], place: number): void;
}

/** Keeps every frame. */
export class Everything implements Selection {
  readonly #keeper: Keeper;
  #rows = new Uint32Array(0);

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  add(batch: FrameBatch): void {
    if (this.#rows.length < batch.count) {
      this.#rows = Uint32Array.from({ length: batch.capacity }, (_, i) => i);
    }
    this.#keeper.rows(batch, this.#rows, batch.count);
  }
}

/**
 * Keeps packets by a test that their headers decide, and that comes out the
 * same for both directions of a flow.
 */
export class ByHeaders implements Selection {
  readonly #keeper: Keeper;
  readonly #judge: PacketFilter["judge"];
  readonly #columns: PacketColumns;
  readonly #one = new PacketColumns(1);
  readonly #verdict = new Uint8Array(1);
  readonly #verdicts: Uint8Array;
  readonly #rows: Uint32Array;
  readonly #decoder = new FrameDecoder();
  readonly #held = new HeldFrames();

  /** @param filter one that is certain */
  constructor(filter: PacketFilter, capacity: number, keeper: Keeper) {
    this.#judge = filter.judge;
    this.#keeper = keeper;
    this.#columns = new PacketColumns(capacity);
    this.#verdicts = new Uint8Array(capacity);
    this.#rows = new Uint32Array(capacity);
  }

  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    place: number,
  ): void {
    this.#columns.fill(batch, interfaces);
    const verdicts = this.#verdicts;
    this.#judge(this.#columns, batch.count, verdicts);
    const rows = this.#rows;
    let kept = 0;
    for (let i = 0; i < batch.count; i++) {
      let verdict = verdicts[i]!;
      if (verdict === 2) {
        verdict = this.#lookCloser(batch, i, interfaces, place + i);
      }
      rows[kept] = i;
      kept += verdict;
    }
    this.#keeper.rows(batch, rows, kept);
  }

  /** Judges a frame by what decoding it tells. */
  #lookCloser(
    batch: FrameBatch,
    i: number,
    interfaces: readonly Interface[],
    place: number,
  ): number {
    const { packet } = this.#decoder;
    const outcome = this.#decoder.decode(batch, i, interfaces, place);
    if (outcome === OUTCOME.FRAGMENT) this.#held.hold(batch, i, place);
    if (outcome !== OUTCOME.PACKET) return 0;
    this.#one.set(0, packet);
    this.#judge(this.#one, 1, this.#verdict);
    const isKept = this.#verdict[0] === 1;
    this.#held.release(packet.fragments, isKept ? this.#keeper : undefined);
    return isKept ? 1 : 0;
  }
}

/** Keeps the packets of flows that were found to be wanted before. */
export class ByFlow implements Selection {
  readonly #keeper: Keeper;
  readonly #wanted: WantedFlows;
  readonly #rows: Uint32Array;
  readonly #decoder = new FrameDecoder();
  readonly #held = new HeldFrames();
  readonly #table = new FlowTable({ onEnd() {}, keepsHeads: false });

  constructor(wanted: WantedFlows, capacity: number, keeper: Keeper) {
    this.#wanted = wanted;
    this.#keeper = keeper;
    this.#rows = new Uint32Array(capacity);
  }

  add(
    batch: FrameBatch,
    interfaces: readonly Interface[],
    place: number,
  ): void {
    const rows = this.#rows;
    const { packet } = this.#decoder;
    let kept = 0;
    for (let i = 0; i < batch.count; i++) {
      const outcome = this.#decoder.decode(batch, i, interfaces, place + i);
      if (outcome === OUTCOME.FRAGMENT) this.#held.hold(batch, i, place + i);
      if (outcome !== OUTCOME.PACKET) continue;
      const flow = this.#table.find(packet);
      flow.analysis = undefined;
      const isKept = this.#wanted.has(flow.id, packet.place);
      this.#held.release(packet.fragments, isKept ? this.#keeper : undefined);
      rows[kept] = i;
      kept += isKept ? 1 : 0;
    }
    this.#keeper.rows(batch, rows, kept);
  }
}
