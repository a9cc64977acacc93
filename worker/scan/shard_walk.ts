/** Walks through some packets of some shards of a line. */
import { FrameBatch } from "../../packet/frame.ts";
import { toPlace } from "../../stream/reader.ts";
import { BATCH, Pauses, type WalkOptions } from "../capture/walk.ts";
import {
  type FlowRows,
  isFlow,
  NO_FLOW,
  PacketRows,
} from "../shards/columns.ts";
import type { Shard } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import type { Ends } from "./ends.ts";
import { lineOf } from "./shard_line.ts";

/** Takes packets that were picked. */
export interface Walker {
  /** The packets that follow are of this shard. */
  begin?(shard: Shard): void;
  /** Row i of a batch; it is borrowed. */
  frame(batch: FrameBatch, i: number, shard: Shard, place: number): void;
  /** A packet of another conversation, of this time. */
  passed?(time: number): void;
  /** Whether nothing more is wanted; asked now and then. */
  readonly isDone: boolean;
}

/** Which of a shard's packets are wanted. */
export type Picker = (
  flows: FlowRows,
  packets: PacketRows,
) => (row: number) => boolean;

/**
 * The packets of a conversation's legs, and all fragments: of which one they
 * are is found out by decoding them.
 *
 * @param ends `undefined` for the packets of all conversations
 * @param since time of the first ones, µs
 */
export function ofConversation(
  ends: readonly Ends[] | undefined,
  since = -Infinity,
): Picker {
  return (flows, { flow, time }) => {
    const marks = new Uint8Array(flows.count).fill(ends ? 0 : 1);
    for (const each of ends ?? []) each.markIn(flows, marks);
    return (row) => {
      const of = flow[row]!;
      if (time[row]! < since) return false;
      return isFlow(of) ? marks[of] === 1 : of === NO_FLOW.FRAGMENT;
    };
  };
}

/** What any of some picks. */
export function anyOf(...picks: readonly Picker[]): Picker {
  return (flows, packets) => {
    const tests = picks.map((pick) => pick(flows, packets));
    return (row) => tests.some((isWanted) => isWanted(row));
  };
}

/** The packets of a stretch of time, µs; both ends are in it. */
export function ofTime(first: number, last: number): Picker {
  return (_, { time }) => (row) => time[row]! >= first && time[row]! <= last;
}

/**
 * Gives the packets of a line that are picked.
 *
 * @param from the first shard
 * @param to the last one
 */
export async function walkPicked(
  store: Store,
  line: string,
  pick: Picker,
  { from, to }: { readonly from: number; readonly to: number },
  walker: Walker,
  options: WalkOptions,
): Promise<void> {
  const pauses = new Pauses(options);
  const packets = new PacketRows();
  const batch = new FrameBatch(BATCH);
  let done = 0;
  for (const number of store.numbers()) {
    if (number < from || number > to || walker.isDone) continue;
    using shard = store.attempt(number);
    if (!shard || lineOf(shard) !== line) continue;
    shard.columns(packets);
    const isWanted = pick(shard.index.flows, packets);
    const all = Uint32Array.from({ length: packets.count }, (_, row) => row);
    const rows = all.filter(isWanted);
    walker.begin?.(shard);
    let told = 0;
    for (let at = 0; at < rows.length && !walker.isDone;) {
      const loaded = shard.load(packets, rows, at, rows.length, batch);
      if (loaded === 0) break;
      for (let i = 0; i < loaded; i++) {
        const row = rows[at + i]!;
        tellPassed(packets, told, row, walker);
        told = row + 1;
        walker.frame(batch, i, shard, toPlace(number, row));
      }
      at += loaded;
      const ready = options.ready?.();
      if (ready) await ready;
      if (pauses.isDue) await pauses.take(done + packets.offset[told - 1]!);
    }
    tellPassed(packets, told, packets.count, walker);
    done += shard.header.pcapBytes;
    if (pauses.isDue) await pauses.take(done);
  }
}

function tellPassed(
  { flow, time }: PacketRows,
  from: number,
  to: number,
  walker: Walker,
): void {
  if (!walker.passed) return;
  for (let row = from; row < to; row++) {
    if (isFlow(flow[row]!)) walker.passed(time[row]!);
  }
}
