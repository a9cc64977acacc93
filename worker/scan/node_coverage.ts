/** What an answer of this node rests on, as it is told to whoever asked. */
import type { NodeCoverage } from "../../api/messages.ts";
import type { Plan } from "../../kfl/plan.ts";
import type { Store } from "../shards/store.ts";
import { countStages, type Coverage } from "./source_scan.ts";

/**
 * Adds up the coverages of all readings.
 *
 * @param deletedUntil what had been deleted when it was to be read, µs
 */
export function toNodeCoverage(
  store: Store,
  coverages: readonly Coverage[],
  deletedUntil: number | undefined,
): NodeCoverage {
  const sum = (of: (coverage: Coverage) => number) =>
    coverages.reduce((total, coverage) => total + of(coverage), 0);
  const packets = sum((coverage) => coverage.packets);
  return {
    node: store.node,
    packets,
    ...packets > 0 && {
      first: Math.min(...coverages.map(({ first }) => first)),
      last: Math.max(...coverages.map(({ last }) => last)),
    },
    cut: sum(({ cut }) => cut),
    malformed: sum(({ malformed }) => malformed),
    copies: sum(({ replay }) => replay.copies),
    lost: sum(({ lost }) => lost),
    deletedUntil,
    damage: [
      ...coverages.flatMap(({ damage }) => damage),
      ...Array.from(
        store.unreadable,
        (number) => `shard ${number}: nothing in it can be read`,
      ),
    ],
    stages: countStages(coverages),
  };
}

/** What the plan asks for and has been deleted to stay below the limit, µs. */
export function deletedFor(store: Store, plan: Plan): number | undefined {
  const until = store.deletedUntil;
  const isAsked = until !== undefined &&
    until >= (plan.window.from ?? -Infinity);
  return isAsked ? until : undefined;
}

/** Packets that were lost while those were captured that a plan asks for. */
export function lostFor(store: Store, { window }: Plan): number {
  const { from = -Infinity, to = Infinity } = window;
  let lost = 0;
  for (const { header, facts } of store.shards("oldest first")) {
    if (header.last < from || header.first > to) continue;
    for (const { packets } of facts.drops) lost += packets;
  }
  return lost;
}
