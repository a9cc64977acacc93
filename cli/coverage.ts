/** What an answer rests on, in words: nothing that was missed is kept quiet. */
import type { Coverage } from "../worker/scan/source_scan.ts";

/** The part of a coverage that says what was missed. */
export type Missed =
  & Readonly<
    Pick<Coverage, "node" | "packets" | "cut" | "malformed" | "lost">
  >
  & { readonly damage: readonly string[] };

/** The same while it is added up. */
type Sum = { -readonly [K in keyof Missed]: Missed[K] } & { damage: string[] };

/** Adds up what was missed in several readings of one node's packets. */
export function byNode(coverages: readonly Coverage[]): Missed[] {
  const nodes = new Map<string, Sum>();
  for (const coverage of coverages) {
    const { node, packets, cut, malformed, lost, damage } = coverage;
    const sum = nodes.get(node);
    if (!sum) {
      nodes.set(node, { ...coverage, damage: [...damage] });
      continue;
    }
    sum.packets += packets;
    sum.cut += cut;
    sum.malformed += malformed;
    sum.lost += lost;
    sum.damage.push(...damage);
  }
  return [...nodes.values()];
}

/** Whether something was missed that could have been in the answer. */
export function isPartial(missed: Missed): boolean {
  return missed.damage.length > 0 || missed.cut > 0 || missed.malformed > 0 ||
    missed.lost > 0;
}

/** One line for each thing that was missed; none when all was seen. */
export function describeCoverage(missed: Missed): string[] {
  const { node, damage, cut, malformed, lost, packets } = missed;
  const lines: string[] = [];
  for (const what of damage) {
    lines.push(`${node}: damaged, ${what}; ${packets} packets were read`);
  }
  if (cut > 0) {
    lines.push(
      `${node}: ${cut} of ${packets} packets were captured only in part`,
    );
  }
  if (malformed > 0) {
    lines.push(`${node}: ${malformed} of ${packets} packets have bad headers`);
  }
  if (lost > 0) {
    lines.push(`${node}: ${lost} packets were lost while capturing`);
  }
  return lines;
}
