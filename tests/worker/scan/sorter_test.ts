/** Rows come out in order, whatever was written to a file meanwhile. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { RowKey } from "../../../worker/scan/row.ts";
import {
  type LateRow,
  type RunStore,
  Sorter,
  type SorterOptions,
} from "../../../worker/scan/sorter.ts";
import { Random } from "../../fuzz/random.ts";

/** Runs in memory, with how many there were. */
class ArrayRuns implements RunStore {
  readonly runs: Uint8Array[] = [];

  write(run: Iterable<Uint8Array>): void {
    const pieces = Array.from(run, (piece) => piece.slice());
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.runs.push(bytes);
  }

  readers(): ((into: Uint8Array) => number | null)[] {
    return this.runs.map((bytes) => {
      let at = 0;
      return (into) => {
        if (at >= bytes.length) return null;
        // Short reads, as a file may give them.
        const size = Math.min(into.length, bytes.length - at, 1000);
        into.set(bytes.subarray(at, at + size));
        at += size;
        return size;
      };
    });
  }

  close(): void {}
}

interface Settings extends Pick<SorterOptions, "order" | "limit" | "memory"> {
  /** Which rows are rendered late. */
  readonly isLate?: (row: RowKey) => boolean;
}

function toLate({ text }: { readonly text: string }): LateRow {
  return { weight: text.length, render: () => text };
}

function sorted(
  rows: readonly (RowKey & { text: string })[],
  settings: Settings,
): { texts: string[]; runs: number } {
  const store = new ArrayRuns();
  using sorter = new Sorter({ ...settings, store: () => store });
  for (const row of rows) {
    if (!sorter.wants(row)) continue;
    if (settings.isLate?.(row)) sorter.addLate(row, toLate(row));
    else sorter.add(row, row.text);
  }
  const texts = Array.from(
    sorter.rows(),
    (text) => new TextDecoder().decode(text),
  );
  return { texts, runs: store.runs.length };
}

function randomRows(count: number, random: Random) {
  return Array.from({ length: count }, (_, i) => ({
    timestamp: random.int(0, count),
    node: random.int(0, 2),
    place: random.int(0, 3),
    n: i,
    text: `${i} ä😀`.repeat(1 + random.int(0, 9)),
  }));
}

function expected(
  rows: ReturnType<typeof randomRows>,
  order: "asc" | "desc",
): string[] {
  const sign = order === "asc" ? 1 : -1;
  return [...rows].sort((a, b) =>
    sign * (a.timestamp - b.timestamp || a.node - b.node ||
      a.place - b.place || a.n - b.n)
  ).map(({ text }) => text);
}

for (const order of ["asc", "desc"] as const) {
  for (const limit of [undefined, 0, 1, 700, 5000]) {
    for (const memory of [2000, 100_000, 10_000_000]) {
      Deno.test(`rows come out ${order}, of ${limit ?? "all"}, with ${memory} bytes of memory`, () => {
        const rows = randomRows(6000, new Random(7));
        const kinds = [() => false, () => true, ({ n }: RowKey) => n % 3 > 0];
        for (const isLate of kinds) {
          const { texts } = sorted(rows, { order, limit, memory, isLate });
          deepEqual(texts, expected(rows, order).slice(0, limit));
        }
      });
    }
  }
}

Deno.test("what does not fit into memory is written as runs", () => {
  const rows = randomRows(2000, new Random(1));
  ok(sorted(rows, { order: "asc", memory: 20_000 }).runs > 3);
  equal(sorted(rows, { order: "asc" }).runs, 0);
});

Deno.test("a row may be longer than the memory", () => {
  const rows = [3, 1, 2].map((timestamp) => ({
    timestamp,
    node: 0,
    place: 0,
    n: 0,
    text: String(timestamp).repeat(100_000),
  }));
  const { texts } = sorted(rows, { order: "asc", memory: 1000 });
  deepEqual(texts, ["1", "2", "3"].map((digit) => digit.repeat(100_000)));
});

Deno.test("a row that comes after the limit is not asked for", () => {
  using sorter = new Sorter({
    order: "asc",
    limit: 2,
    store: () => new ArrayRuns(),
  });
  const key = (timestamp: number) => ({ timestamp, node: 0, place: 0, n: 0 });
  for (let time = 0; time < 3000; time++) sorter.add(key(time), "");
  equal(sorter.wants(key(0.5)), true);
  equal(sorter.wants(key(5)), false);
});

Deno.test("of late rows just those are rendered that come out", () => {
  const rendered: number[] = [];
  using sorter = new Sorter({
    order: "desc",
    limit: 3,
    store: () => new ArrayRuns(),
  });
  for (let timestamp = 0; timestamp < 5000; timestamp++) {
    const render = () => {
      rendered.push(timestamp);
      return String(timestamp);
    };
    const key = { timestamp, node: 0, place: 0, n: 0 };
    sorter.addLate(key, { weight: 10, render });
  }
  deepEqual([...sorter.rows()].length, 3);
  deepEqual(rendered, [4999, 4998, 4997]);
});

Deno.test("late rows are rendered and written once they weigh too much", () => {
  const rows = randomRows(2000, new Random(1));
  const isLate = () => true;
  ok(sorted(rows, { order: "asc", memory: 20_000, isLate }).runs > 3);
});
