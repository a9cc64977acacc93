/** Entries over time, as bars that fit into a picture. */
import type { TimeSteps } from "../../api/hub.ts";

/** One bar. Times are µs since 1970. */
export interface Bar {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly count: number;
  readonly failed: number;
}

/** Bars of the same width, without a hole between them. */
export interface Histogram {
  readonly bars: readonly Bar[];
  /** The highest of them. */
  readonly most: number;
}

/** @param limit most bars; neighbours are put together for it */
export function toHistogram(series: TimeSteps, limit: number): Histogram {
  const { step, steps } = series;
  const each = Math.max(1, Math.ceil(steps.length / limit));
  const bars = [];
  for (let i = 0; i < steps.length; i += each) {
    const together = steps.slice(i, i + each);
    const { from } = together[0]!;
    bars.push({
      from,
      to: from + each * step,
      count: sum(together.map(({ count }) => count)),
      failed: sum(together.map(({ failed }) => failed)),
    });
  }
  return { bars, most: Math.max(0, ...bars.map(({ count }) => count)) };
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((all, each) => all + each, 0);

/** Widths of time between two marks that are easily read, µs. */
const WIDTHS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((ms) => ms * 1e3),
  ...[1, 2, 5, 10, 15, 30].map((s) => s * 1e6),
  ...[1, 2, 5, 10, 15, 30].map((min) => min * 60e6),
  ...[1, 2, 3, 6, 12].map((h) => h * 3600e6),
];

const DAY = 24 * 3600e6;

/**
 * Times to be marked on an axis.
 *
 * @param offset of the zone in which they are round, µs
 * @param limit most of them
 */
export function marksOf(
  { bars }: Histogram,
  offset: number,
  limit: number,
): number[] {
  const [first, last] = [bars[0]?.from, bars.at(-1)?.to];
  if (first === undefined || last === undefined) return [];
  const wanted = (last - first) / limit;
  const width = WIDTHS.find((each) => each >= wanted) ??
    DAY * Math.ceil(wanted / DAY);
  const marks = [];
  const begin = Math.ceil((first + offset) / width) * width - offset;
  for (let at = begin; at < last; at += width) marks.push(at);
  return marks;
}

/** The time at a place of the axis. @param share from 0 to 1 */
export function timeAt({ bars }: Histogram, share: number): number {
  const [first, last] = [bars[0]?.from ?? 0, bars.at(-1)?.to ?? 0];
  return Math.round(first + Math.min(1, Math.max(0, share)) * (last - first));
}

/** Where on the axis a time is, from 0 to 1. */
export function shareOf({ bars }: Histogram, time: number): number {
  const [first, last] = [bars[0]?.from ?? 0, bars.at(-1)?.to ?? 0];
  return last > first ? (time - first) / (last - first) : 0;
}
