/**
 * A query over savefiles: frames -> packets -> entries -> those that match.
 */
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import type {
  AnyDissector,
  AnyFlowDissector,
} from "../../dissectors/dissector.ts";
import { compileMessage } from "../../kfl/evaluator.ts";
import type { Plan } from "../../kfl/plan.ts";
import { Decoder } from "../../packet/decode.ts";
import type { FrameBatch } from "../../packet/frame.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import { toPlace } from "../../stream/reader.ts";
import type { OpenSavefile } from "../capture/savefile.ts";
import { walk, type WalkOptions } from "./walk.ts";
import { Replay, type ReplayCounters } from "./replay.ts";

/** Packets after the end of a window that may complete what began in it, µs. */
export const COMPLETION = 30e6;

/** All protocols, as the registry lists them. */
export interface Protocols {
  readonly dissectors: readonly AnyDissector[];
  readonly flowDissectors: readonly AnyFlowDissector[];
}

/** What a search needs beside its sources. */
export interface SearchOptions extends WalkOptions {
  readonly plan: Plan;
  readonly protocols: Protocols;
  /** An entry that matches. What it borrows holds until this returns. */
  readonly onMatch: (entry: DissectedEntry) => void;
}

/** What a search saw of one source. */
export interface Coverage {
  readonly node: string;
  packets: number;
  /** Least and greatest of their times, µs; infinite without packets. */
  first: number;
  last: number;
  /** Frames that are no packets of a flow, such as ARP. */
  others: number;
  /** Frames whose headers contradict themselves. */
  malformed: number;
  /** Frames of which the capture kept only the beginning. */
  cut: number;
  /** What is wrong with the file, and where. */
  damage: string | undefined;
  entries: number;
  matches: number;
  replay: ReplayCounters;
}

/** Searches one savefile from its beginning. */
export async function searchSavefile(
  file: OpenSavefile,
  node: string,
  options: SearchOptions,
): Promise<Coverage> {
  const { plan } = options;
  const matches = compileMessage(plan);
  const horizon = (plan.window.to ?? Infinity) + COMPLETION;
  const replay = new Replay({
    node: { name: node },
    ...options.protocols,
    wantsBodies: plan.wantsBodies,
    onEntry(entry) {
      coverage.entries++;
      if (!matches(entry)) return;
      coverage.matches++;
      options.onMatch(entry);
    },
  });
  const coverage: Coverage = {
    node,
    packets: 0,
    first: Infinity,
    last: -Infinity,
    others: 0,
    malformed: 0,
    cut: 0,
    damage: undefined,
    entries: 0,
    matches: 0,
    replay: replay.counters,
  };
  const decoder = new Decoder();
  const packet = new Packet();
  const { interfaces } = file.reader;
  await walk(file, options, (batch, first) => {
    cover(coverage, batch);
    for (let i = 0; i < batch.count; i++) {
      const time = batch.time[i]!;
      // Capture order is not always the order of times, so read on.
      if (time > horizon) continue;
      const outcome = decoder.decode(
        batch.bytes,
        batch.start[i]!,
        batch.captured[i]!,
        batch.original[i]!,
        interfaces[batch.interface[i]!]!.linkType,
        time,
        toPlace(0, first + i),
        packet,
      );
      if (outcome === OUTCOME.PACKET) replay.packet(packet);
    }
  });
  replay.end();
  coverage.damage = file.reader.damage;
  coverage.others = decoder.others;
  coverage.malformed = decoder.malformed;
  return coverage;
}

function cover(coverage: Coverage, batch: FrameBatch): void {
  coverage.packets += batch.count;
  for (let i = 0; i < batch.count; i++) {
    const time = batch.time[i]!;
    if (time < coverage.first) coverage.first = time;
    if (time > coverage.last) coverage.last = time;
    if (batch.captured[i]! < batch.original[i]!) coverage.cut++;
  }
}
