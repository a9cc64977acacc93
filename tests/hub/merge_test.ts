/** Merging: the batches of any number of workers, as if one had sent them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Batch, BatchWriter, FLAG } from "../../api/batch.ts";
import { HOLD, Merge, STORED_HOLD } from "../../hub/merge.ts";
import { Random } from "../fuzz/random.ts";
import {
  addTo,
  compareCompleted,
  compareStored,
  type Made,
  madeOf,
  makeEntries,
  toBatches,
} from "./batches.ts";

/** Everything that can be taken now. */
function takeAll(merge: Merge, now: number, most = Infinity): Batch[] {
  const writer = new BatchWriter("row");
  const batches: Batch[] = [];
  while (most > 0) {
    const wasLive = merge.isLive;
    most -= merge.take(writer, most, now);
    if (writer.count === 0 && wasLive === merge.isLive) break;
    if (writer.count > 0) batches.push(new Batch(writer.take()));
  }
  return batches;
}

const rowsOf = (batches: readonly Batch[]): Made[] =>
  batches.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, row) => madeOf(batch, row))
  );

const isLate = (batch: Batch, row: number): boolean =>
  (batch.flags[row]! & FLAG.LATE) !== 0;

/** A batch of these entries. */
function batchOf(entries: readonly Made[], watermark?: number): Batch {
  const writer = new BatchWriter("row");
  for (const entry of entries) addTo(writer, entry);
  return new Batch(writer.take(watermark));
}

const made = (node: string, completed: number, place = 0): Made => ({
  node,
  timestamp: completed - 5,
  completed,
  place,
  n: 0,
});

/** A merge of workers that all follow, with nothing stored. */
function following(workers: number): Merge {
  const merge = new Merge({
    order: "asc",
    follow: true,
    last: 0,
    onTaken: () => {},
  });
  for (let i = 0; i < workers; i++) {
    merge.add();
    merge.setStored(i, 0);
    merge.setLive(i);
  }
  takeAll(merge, 0);
  equal(merge.isLive, true);
  return merge;
}

Deno.test("closed ranges come in the order of one node's sort, whatever arrives first", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const order = random.pick(["asc", "desc"] as const);
    const sign = order === "asc" ? 1 : -1;
    const compare = (a: Made, b: Made) => sign * compareStored(a, b);
    const all: Made[] = [];
    const taken: number[] = [];
    const merge = new Merge({
      order,
      follow: false,
      last: 0,
      onTaken: (source) => taken[source]!--,
    });
    const waiting = Array.from({ length: random.int(1, 9) }, (_, i) => {
      const entries = makeEntries(random, `node-${i}`, random.int(0, 300));
      all.push(...entries);
      taken[merge.add()] = 0;
      const most = random.int(1, 60);
      return [
        ...toBatches(entries.sort(compare), () => random.int(1, most)),
      ];
    });
    const given: Made[] = [];
    while (!merge.isDone) {
      const source = random.int(0, waiting.length - 1);
      const message = waiting[source]!.shift();
      if (!message) merge.end(source);
      else if (taken[source]! < 4) {
        merge.push(source, new Batch(message), 0);
        taken[source]!++;
      } else waiting[source]!.unshift(message);
      if (random.chance(0.4)) {
        given.push(...rowsOf(takeAll(merge, 0, random.int(1, 200))));
      }
    }
    deepEqual(given, all.sort(compare), `seed ${seed}`);
    equal(merge.held, 0);
    ok(taken.every((count) => count === 0), "all batches are given back");
  }
});

Deno.test("what follows comes in order, as long as no worker is slow", () => {
  let ordered = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const merge = following(random.int(1, 8));
    const all: Made[] = [];
    const given: Batch[] = [];
    const workers = Array.from({ length: merge.sources }, (_, i) => {
      const entries = makeEntries(random, `node-${i}`, 100)
        .sort(compareCompleted);
      all.push(...entries);
      return entries;
    });
    for (let now = 0; now < 300; now += 10) {
      // Every 10 ms of the clock are 10 µs of packets, seen by all of them.
      const upTo = 1e15 + now;
      for (const [i, entries] of workers.entries()) {
        const end = entries.findIndex(({ completed }) => completed > upTo);
        const ready = entries.splice(0, end < 0 ? entries.length : end);
        const said = random.chance(0.5) ? upTo : undefined;
        if (ready.length > 0 || said) merge.push(i, batchOf(ready, said), now);
      }
      given.push(...takeAll(merge, now));
    }
    for (const [i, entries] of workers.entries()) {
      if (entries.length > 0) merge.push(i, batchOf(entries), 300);
      merge.end(i);
    }
    given.push(...takeAll(merge, 300));
    const late = given.flatMap((batch) => [...batch.flags]).filter(Boolean);
    deepEqual(rowsOf(given).length, all.length);
    equal(late.length, merge.late);
    if (late.length > 0) continue;
    deepEqual(rowsOf(given), all.sort(compareCompleted), `seed ${seed}`);
    ordered++;
  }
  ok(ordered > 80, `${ordered} runs were without a late entry`);
});

Deno.test("an entry waits for a slow worker no longer than it may", () => {
  const merge = following(2);
  merge.push(0, batchOf([made("a", 100)]), 1000);
  deepEqual(takeAll(merge, 1000 + HOLD - 1), []);
  equal(merge.due(1000), 1000 + HOLD);
  const [batch] = takeAll(merge, 1000 + HOLD);
  deepEqual(rowsOf([batch!]), [made("a", 100)]);
  equal(isLate(batch!, 0), false);
});

Deno.test("what a slow worker sends in the end comes marked late, in its place none", () => {
  const merge = following(2);
  merge.push(0, batchOf([made("a", 100), made("a", 120, 1)]), 0);
  takeAll(merge, HOLD);
  merge.push(1, batchOf([made("b", 90), made("b", 130, 1)], 130), HOLD + 1);
  merge.push(0, batchOf([], 130), HOLD + 1);
  const [batch] = takeAll(merge, HOLD + 1);
  deepEqual(rowsOf([batch!]), [made("b", 90), made("b", 130, 1)]);
  deepEqual([isLate(batch!, 0), isLate(batch!, 1)], [true, false]);
  equal(merge.late, 1);
});

Deno.test("a heartbeat lets entries go at once", () => {
  const merge = following(2);
  merge.push(0, batchOf([made("a", 100)]), 0);
  merge.push(1, batchOf([], 99), 0);
  deepEqual(takeAll(merge, 0), []);
  merge.push(1, batchOf([], 100), 0);
  deepEqual(rowsOf(takeAll(merge, 0)), [made("a", 100)]);
});

Deno.test("a worker that is lost holds nobody, and what it sent is given", () => {
  const merge = following(3);
  merge.push(0, batchOf([made("a", 100)]), 0);
  merge.push(1, batchOf([made("b", 90)]), 0);
  deepEqual(takeAll(merge, 0), []);
  merge.end(1);
  merge.end(2);
  deepEqual(rowsOf(takeAll(merge, 0)), [made("b", 90), made("a", 100)]);
});

Deno.test("a worker that is back is waited for again, and comes in order", () => {
  const merge = following(2);
  merge.push(0, batchOf([made("a", 100)], 100), 0);
  merge.end(1);
  takeAll(merge, 0);
  merge.revive(1, true);
  merge.push(0, batchOf([made("a", 110, 1)], 110), 5);
  deepEqual(takeAll(merge, 5), []);
  merge.push(1, batchOf([made("b", 105)], 120), 6);
  deepEqual(rowsOf(takeAll(merge, 6)), [made("b", 105), made("a", 110, 1)]);
  equal(merge.late, 0);
});

Deno.test("of stored entries the last of all workers come, in order", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const last = random.int(0, 60);
    const merge = new Merge({
      order: "asc",
      follow: true,
      last,
      onTaken: () => {},
    });
    const all: Made[] = [];
    const given: Made[] = [];
    for (let i = 0; i < 4; i++) merge.add();
    for (let i = 0; i < 4; i++) {
      const entries = makeEntries(random, `node-${i}`, random.int(0, 80))
        .sort(compareStored);
      all.push(...entries);
      const sent = last > 0 ? entries.slice(-last) : [];
      merge.setStored(i, sent.length);
      for (const message of toBatches(sent, () => random.int(1, 20))) {
        merge.push(i, new Batch(message), 0);
        if (random.chance(0.3)) given.push(...rowsOf(takeAll(merge, 0)));
      }
      merge.setLive(i);
    }
    equal(merge.isLive, false);
    given.push(...rowsOf(takeAll(merge, 0)));
    equal(merge.isLive, true);
    const expected = all.sort(compareStored).slice(
      Math.max(0, all.length - last),
    );
    deepEqual(given, expected, `seed ${seed}`);
  }
});

Deno.test("a worker that looks long for stored entries does not hold what follows for ever", () => {
  const merge = new Merge({
    order: "asc",
    follow: true,
    last: 10,
    onTaken: () => {},
  });
  merge.add();
  merge.add();
  merge.setStored(0, 1);
  merge.push(0, batchOf([made("a", 50)]), 0);
  merge.setLive(0);
  merge.push(0, batchOf([made("a", 200, 1)], 200), 0);
  deepEqual(takeAll(merge, 0), []);
  equal(merge.due(0), STORED_HOLD);
  const given = takeAll(merge, STORED_HOLD);
  deepEqual(rowsOf(given), [made("a", 50), made("a", 200, 1)]);
  equal(merge.isLive, true);
  merge.push(1, batchOf([made("b", 60)]), STORED_HOLD);
  const [batch] = takeAll(merge, STORED_HOLD);
  deepEqual(rowsOf([batch!]), [made("b", 60)]);
  equal(isLate(batch!, 0), true);
});

Deno.test("the watermark never says more than what is yet to come", () => {
  const merge = following(2);
  equal(merge.watermark, undefined);
  merge.push(0, batchOf([made("a", 100)], 150), 0);
  merge.push(1, batchOf([], 120), 0);
  equal(merge.watermark, 99);
  takeAll(merge, 0);
  equal(merge.watermark, 120);
  merge.end(1);
  equal(merge.watermark, 150);
});
