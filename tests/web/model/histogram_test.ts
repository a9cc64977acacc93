import { deepEqual, equal, ok } from "node:assert/strict";
import {
  marksOf,
  shareOf,
  timeAt,
  toHistogram,
} from "../../../web/model/histogram.ts";
import { Random } from "../../fuzz/random.ts";

const SECOND = 1e6;

function series(counts: readonly number[], step = SECOND, first = 1000) {
  return {
    step,
    steps: counts.map((count, i) => ({
      from: first + i * step,
      count,
      failed: Math.floor(count / 2),
      bytes: 0,
    })),
  };
}

Deno.test("neighbours are put together where there is no room for all", () => {
  const { bars, most } = toHistogram(series([1, 2, 3, 4, 5]), 3);
  deepEqual(
    bars.map(({ from, to, count, failed }) => [from, to, count, failed]),
    [
      [1000, 1000 + 2 * SECOND, 3, 1],
      [1000 + 2 * SECOND, 1000 + 4 * SECOND, 7, 3],
      [1000 + 4 * SECOND, 1000 + 6 * SECOND, 5, 2],
    ],
  );
  equal(most, 7);
});

Deno.test("nothing is lost, whatever the room", () => {
  const random = new Random(7);
  for (let i = 0; i < 200; i++) {
    const counts = Array.from(
      { length: random.int(0, 240) },
      () => random.int(0, 50),
    );
    const limit = random.int(1, 300);
    const { bars } = toHistogram(series(counts), limit);
    ok(bars.length <= limit);
    const total = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
    equal(total(bars.map(({ count }) => count)), total(counts));
  }
});

Deno.test("marks are round times of the zone, and no more than fit", () => {
  const random = new Random(8);
  for (let i = 0; i < 500; i++) {
    const step = 1000 * 2 ** random.int(0, 28);
    const histogram = toHistogram(series([1, 2, 3, 4], step, 1.7e15), 4);
    const offset = random.pick([0, 3600e6, -8 * 3600e6, 5.5 * 3600e6]);
    const marks = marksOf(histogram, offset, 8);
    ok(marks.length <= 9, `${marks.length} marks`);
    for (const mark of marks) {
      equal((mark + offset) % 1000, 0);
      const share = shareOf(histogram, mark);
      ok(share >= 0 && share <= 1);
      ok(Math.abs(timeAt(histogram, share) - mark) <= 1);
    }
  }
});

Deno.test("without entries there is nothing to mark", () => {
  const histogram = toHistogram(series([]), 10);
  deepEqual(marksOf(histogram, 0, 5), []);
  equal(histogram.most, 0);
});
