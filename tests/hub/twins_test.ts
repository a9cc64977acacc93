/**
 * Twins: what several nodes see is shown once.
 *
 * The traffic is that of all fixtures; each node's view of it goes the whole
 * way from its frames to the merge.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Batch, BatchWriter } from "../../api/batch.ts";
import { Merge } from "../../hub/merge.ts";
import { MAX_SKEW } from "../../hub/twins.ts";
import type { Marks } from "../../entry/entry.ts";
import type { Rendered } from "../../worker/scan/rendering.ts";
import { Random } from "../fuzz/random.ts";
import { interleaved, type TimedFrame } from "../worker/scan/interleaved.ts";
import { type Eyes, rowsSeen, toBatches } from "./views.ts";

/** An entry as JSON, without what each node has for itself. */
interface Shown {
  readonly id: string;
  readonly node: { readonly name: string };
  readonly seenBy?: readonly string[];
  readonly timestamp: string;
  readonly protocol: string;
  readonly summary: string;
  readonly incomplete?: readonly string[];
}

/** What is shown of the rows of some nodes. */
function merged(
  views: readonly (readonly Rendered[])[],
  random: Random,
  order: "asc" | "desc" = "asc",
  limit = Infinity,
): Shown[] {
  const merge = new Merge({
    order,
    follow: false,
    last: 0,
    findsTwins: true,
    onTaken: () => {},
  });
  const waiting = views.map((rows) => {
    merge.add();
    const sorted = order === "asc" ? rows : rows.toReversed();
    return [...toBatches(sorted.slice(0, limit), random)];
  });
  const writer = new BatchWriter("entry");
  const shown: Shown[] = [];
  while (!merge.isDone && shown.length < limit) {
    const source = random.int(0, waiting.length - 1);
    const batch = waiting[source]!.shift();
    if (batch) merge.push(source, batch, 0);
    else merge.end(source);
    const most = Math.min(random.int(1, 100), limit - shown.length);
    if (merge.take(writer, most, 0) === 0) continue;
    const given = new Batch(writer.take());
    for (let row = 0; row < given.count; row++) {
      const entry: Shown = JSON.parse(given.text(row));
      deepEqual(given.seenBy(row), entry.seenBy ?? []);
      shown.push(entry);
    }
  }
  return shown;
}

/** What was said, whoever saw it and when by its clock. */
function saidIn({ id, node, seenBy, timestamp, ...said }: Shown): string {
  void [node, seenBy, timestamp];
  // Of an id the packet is the same: nodes number the frames of all alike here.
  return JSON.stringify({ at: id.split("~").slice(1), ...said });
}

const all = (): boolean => true;

/** What some nodes see that lose nothing, by clocks of their own. */
function someViews(
  frames: readonly TimedFrame[],
  random: Random,
): Rendered[][] {
  return Array.from(
    { length: random.int(2, 4) },
    (_, i) =>
      rowsSeen(frames, {
        node: `node-${i}`,
        skew: random.int(-450_000, 450_000),
        sees: all,
      }),
  );
}

for (let seed = 0; seed < 40; seed++) {
  Deno.test(`nodes that see all are as one, whatever their clocks say, seed ${seed}`, () => {
    const random = new Random(seed);
    const frames = interleaved(random, random.int(1, 5), false);
    const whole = rowsSeen(frames, { node: "all", skew: 0, sees: all });
    const views = someViews(frames, random);
    const order = random.pick(["asc", "desc"] as const);
    const shown = merged(views, random, order);
    deepEqual(
      shown.map(saidIn).sort(),
      whole.map(({ text }) => saidIn(JSON.parse(text))).sort(),
    );
    for (const { seenBy, node } of shown) {
      equal(new Set([node.name, ...seenBy ?? []]).size, views.length);
    }
  });
}

for (let seed = 0; seed < 20; seed++) {
  Deno.test(`a limit gives the first of what there is without it, seed ${seed}`, () => {
    const random = new Random(500 + seed);
    const frames = interleaved(random, random.int(2, 5), false);
    const views = someViews(frames, random);
    const order = random.pick(["asc", "desc"] as const);
    const whole = merged(views, random, order).map(({ id }) => id);
    const limit = random.int(1, whole.length);
    const first = merged(views, random, order, limit).map(({ id }) => id);
    deepEqual(first, whole.slice(0, limit));
  });
}

/** A node that loses packets, joins late, and may not see every connection. */
function lossyEyes(
  random: Random,
  node: string,
  frames: readonly TimedFrame[],
): Eyes {
  const loss = random.pick([0, 0.01, 0.05, 0.2]);
  const begin = random.chance(0.3) ? random.int(0, frames.length >> 1) : 0;
  const seen = frames.map((_, i) => i >= begin && !random.chance(loss));
  return {
    node,
    skew: random.int(-450_000, 450_000),
    sees: (_, number) => seen[number]!,
  };
}

/** Rows that are of one exchange, by the marks that they share. */
function families(views: readonly (readonly Rendered[])[]): Rendered[][] {
  const rows = views.flat();
  const family = rows.map((_, i) => i);
  const find = (i: number): number => family[i] === i ? i : find(family[i]!);
  const byMark = new Map<string, number>();
  for (const [i, { head }] of rows.entries()) {
    const { asked, answered } = head.marks ?? {};
    for (const mark of [asked && `?${asked}`, answered && `!${answered}`]) {
      if (!mark) continue;
      const other = byMark.get(mark);
      if (other === undefined) byMark.set(mark, i);
      else family[find(i)] = find(other);
    }
  }
  return [...Map.groupBy(rows, (_, i) => find(i)).values()];
}

const nodeOf = ({ head }: Rendered): string => head.node.name;

const idOf = ({ head, position }: Rendered): string =>
  `${head.node.name}~${Math.floor(position.place / 2 ** 24)}~${
    position.place % 2 ** 24
  }~${position.n}`;

/**
 * Whether rows are of one exchange without doubt: they were said within the
 * time that clocks may differ, and no node has several that may be it.
 */
function isPlain(family: readonly Rendered[]): boolean {
  const nodes = new Set(family.map(nodeOf));
  const isNear = (times: readonly number[]) =>
    Math.max(...times) - Math.min(...times) <= MAX_SKEW;
  return nodes.size === family.length &&
    isNear(family.filter(isAsked).map(({ head }) => head.timestamp)) &&
    isNear(family.filter(isAnswered).map(answeredAt));
}

const isAsked = ({ head }: Rendered): boolean =>
  head.marks?.asked !== undefined;

const isAnswered = ({ head }: Rendered): boolean =>
  head.marks?.answered !== undefined;

const answeredAt = ({ head }: Rendered): number =>
  FLOWS.includes(head.protocol)
    ? head.completed
    : head.timestamp + (head.elapsed ?? 0);

/** Whether a request is the same, and its answer is not. */
function isMistaken(a: Marks = {}, b: Marks = {}): boolean {
  return a.asked === b.asked && a.answered !== undefined &&
    a.answered !== b.answered;
}

/** What was said, wherever its packets lie. */
function textOf(row: Rendered): string {
  const { protocol, summary, request, response } = JSON.parse(row.text);
  // Some nodes saw it sent again, which others did not.
  const { retransmissions: _, ...asked } = request ?? {};
  return JSON.stringify({ protocol, summary, asked, response });
}

const FLOWS = ["tcp", "udp", "sctp"];

for (let seed = 0; seed < 120; seed++) {
  Deno.test(`nothing is lost and nothing twice where nodes lose packets, seed ${seed}`, () => {
    const random = new Random(1000 + seed);
    const frames = interleaved(random, random.int(1, 4), false);
    const whole = rowsSeen(frames, { node: "all", skew: 0, sees: all });
    const views = Array.from(
      { length: random.int(2, 4) },
      (_, i) => rowsSeen(frames, lossyEyes(random, `node-${i}`, frames)),
    );
    const order = random.pick(["asc", "desc"] as const);
    const shown = merged(views, random, order);
    const ids = new Set(shown.map(({ id }) => id));
    equal(ids.size, shown.length, "a row is given twice");
    for (const family of families(views)) {
      const given = family.filter((row) => ids.has(idOf(row)));
      ok(given.length > 0, `lost: ${family[0]!.text}`);
      const isOnce = given.length === 1 || !isPlain(family);
      ok(isOnce, `twice: ${given.map(({ text }) => text).join("\n")}`);
    }
    const rows = views.flat();
    const kept = new Set(rows.map(textOf));
    const said = new Set(rows.filter((row) => ids.has(idOf(row))).map(textOf));
    for (const row of whole) {
      if (row.head.incomplete || FLOWS.includes(row.head.protocol)) continue;
      // Who lost some answers takes another one for that of a request.
      if (rows.some(({ head }) => isMistaken(head.marks, row.head.marks))) {
        continue;
      }
      const text = textOf(row);
      ok(said.has(text) || !kept.has(text), `in part only: ${text}`);
    }
  });
}
