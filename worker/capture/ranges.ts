/** Sets of whole numbers as ranges, exact or a little too large. */

/** Numbers from `first` to `last`, both in it. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** The ranges of numbers given in any order, the least first, none adjacent. */
export function toRanges(numbers: Iterable<number>): Range[] {
  const ranges: { first: number; last: number }[] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const before = ranges.at(-1);
    if (before && number <= before.last + 1) before.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges;
}

/**
 * At most `most` ranges, but one at least, that cover those given: across the
 * narrowest gaps they are joined, so that few other numbers come with them.
 */
export function joinNearest(ranges: readonly Range[], most: number): Range[] {
  if (ranges.length <= Math.max(1, most)) return [...ranges];
  const gapBefore = (i: number) => ranges[i]!.first - ranges[i - 1]!.last;
  const cuts = new Set(
    Array.from({ length: ranges.length - 1 }, (_, i) => i + 1)
      .sort((a, b) => gapBefore(b) - gapBefore(a))
      .slice(0, Math.max(1, most) - 1),
  );
  const joined: { first: number; last: number }[] = [];
  for (const [i, { first, last }] of ranges.entries()) {
    if (i === 0 || cuts.has(i)) joined.push({ first, last });
    else joined.at(-1)!.last = last;
  }
  return joined;
}
