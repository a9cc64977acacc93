/** What an answer rests on, in words: nothing that was missed is kept quiet. */
import type { Coverage } from "../worker/scan/source_scan.ts";

/** Whether something was missed that could have been in the answer. */
export function isPartial(coverage: Coverage): boolean {
  return coverage.damage.length > 0 || coverage.cut > 0 ||
    coverage.malformed > 0;
}

/** One line for each thing that was missed; none when all was seen. */
export function describeCoverage(coverage: Coverage): string[] {
  const { node, damage, cut, malformed, packets } = coverage;
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
  return lines;
}
