/** What an answer rests on, in words. */
import type { NodeCoverage } from "../../api/messages.ts";
import { counted, formatCount } from "./format.ts";

/** Whether an answer is whole, and if not, why. */
export interface CoverageSummary {
  /** Nodes that were asked. */
  readonly asked: number;
  readonly answered: number;
  /** What may be missing, a sentence for each cause. */
  readonly reasons: readonly string[];
}

/**
 * @param from the least time that was asked for, µs; absent: all that is kept
 * @param clock writes a time, µs since 1970, as the page shows them
 */
export function summarizeCoverage(
  coverage: readonly NodeCoverage[],
  from: number | undefined,
  clock: (time: number) => string,
): CoverageSummary {
  const asked = coverage.filter(({ notAsked }) => notAsked === undefined);
  return {
    asked: asked.length,
    answered: asked.filter(({ missing }) => !missing).length,
    reasons: coverage.flatMap((node) => reasonsOf(node, from, clock)),
  };
}

function reasonsOf(
  of: NodeCoverage,
  from: number | undefined,
  clock: (time: number) => string,
): string[] {
  const { node, missing, lost, deletedUntil, cut, malformed, damage } = of;
  const reasons: string[] = [];
  const say = (text: string) => reasons.push(`${node}: ${text}`);
  if (missing) {
    say(`does not answer since ${clock(missing.since)}: ${missing.reason}`);
  }
  if (lost > 0) say(`${counted(lost, "packet")} lost while capturing`);
  if (from !== undefined && deletedUntil !== undefined && from < deletedUntil) {
    say(
      `packets up to ${clock(deletedUntil)} are deleted, to stay in the limit`,
    );
  }
  if (cut > 0) say(`only the beginning of ${counted(cut, "packet")} was kept`);
  if (malformed > 0) {
    say(`${counted(malformed, "packet")} contradict themselves`);
  }
  for (const line of damage) say(line);
  return reasons;
}

/** `3 of 4 nodes`, or `4 nodes` if all of them answered. */
export function nodesText({ asked, answered }: CoverageSummary): string {
  if (answered === asked) return counted(asked, "node");
  return `${formatCount(answered)} of ${counted(asked, "node")}`;
}

/** The same of several answers: the later ones say what became of a node. */
export function latestCoverage(
  ...answers: readonly (readonly NodeCoverage[])[]
): readonly NodeCoverage[] {
  return [
    ...new Map(answers.flat().map((each) => [each.node, each])).values(),
  ];
}
