/** The rows of the feed: numbers hold, and so do bounds. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Batch, BatchWriter } from "../../api/batch.ts";
import {
  FeedStore,
  MAX_KEPT_BYTES,
  MAX_KEPT_ROWS,
} from "../../web/model/feed_store.ts";
import { Random } from "../fuzz/random.ts";
import { captured, EXCHANGES } from "./traffic.ts";

/** A batch of the entries with these places. */
function batchOf(places: readonly number[]): Batch {
  const writer = new BatchWriter("row");
  for (const place of places) {
    const exchange = EXCHANGES[place % EXCHANGES.length]!;
    const node = `node-${place % 3}`;
    const entry = captured(exchange, place, 1e15 + place * 1000, node);
    writer.add(entry, { place, n: 0 }, `${place}`);
  }
  return new Batch(writer.take());
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

/** The texts of all rows, by their numbers. */
function textsOf(store: FeedStore): Map<number, string> {
  const texts = new Map<number, string>();
  for (let number = store.first; number < store.end; number++) {
    const { batch, row } = store.locate(number)!;
    texts.set(number, batch.text(row));
  }
  return texts;
}

Deno.test("a row keeps its number and place while others come and go", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const store = new FeedStore({ rows: random.int(1, 400) });
    let [oldest, newest] = [10_000, 10_000];
    const known = new Map<number, string>();
    for (let step = 0; step < 40; step++) {
      store.keepsAll = random.chance(0.3);
      const size = random.chance(0.8) ? random.int(1, 4) : random.int(1, 300);
      if (random.chance(0.7)) {
        store.append(batchOf(range(newest, newest + size)));
        newest += size;
      } else if (store.evicted === 0) {
        // History comes with the newest first.
        const places = range(oldest - size, oldest).reverse();
        const rows = Uint16Array.from(range(0, size)).reverse();
        store.prepend(batchOf(places), rows);
        oldest -= size;
      }
      for (const [number, text] of textsOf(store)) {
        equal(known.get(number) ?? text, text, `seed ${seed}, row ${number}`);
        known.set(number, text);
      }
      const texts = [...textsOf(store).values()].map(Number);
      deepEqual(texts, range(newest - texts.length, newest), `seed ${seed}`);
      equal(store.count + store.evicted, newest - oldest, `seed ${seed}`);
    }
  }
});

Deno.test("the oldest rows leave when there are too many, and are counted", () => {
  const store = new FeedStore({ rows: 1000 });
  for (let at = 0; at < 10_000; at += 300) {
    store.append(batchOf(range(at, at + 300)));
    ok(store.count <= 1000);
  }
  ok(store.count > 600, "no more leave than have to");
  equal(store.evicted, store.end - store.count);
  equal(store.locate(store.first - 1), undefined);
});

Deno.test("the oldest rows leave when they take too much memory", () => {
  const store = new FeedStore({ bytes: 100_000 });
  for (let at = 0; at < 10_000; at += 300) {
    store.append(batchOf(range(at, at + 300)));
    ok(store.bytes <= 100_000);
  }
  ok(store.evicted > 0);
});

Deno.test("nothing leaves while somebody reads, and room is told", () => {
  const store = new FeedStore({ rows: 2000 });
  store.keepsAll = true;
  let hadRoom = 0;
  for (let at = 0; at < 3000; at += 300) {
    if (store.hasRoom) hadRoom = at;
    store.append(batchOf(range(at, at + 300)));
  }
  equal(store.first, 0);
  equal(store.count, 3000);
  ok(hadRoom > 0 && hadRoom <= 1000, `had room until ${hadRoom}`);
  store.keepsAll = false;
  store.append(batchOf([3000]));
  ok(store.count <= 2000);
});

Deno.test("an entry is found by its id, wherever it lies", () => {
  const store = new FeedStore();
  const random = new Random(5);
  for (let at = 0; at < 2000;) {
    const size = random.int(1, 60);
    store.append(batchOf(range(at, at + size)));
    at += size;
  }
  for (let number = 0; number < 2000; number += 37) {
    const { batch, row } = store.locate(number)!;
    equal(store.find(batch.id(row)), number);
  }
  equal(store.find("node-0~0~999999~0"), undefined);
  equal(store.find("node-2~0~0~0"), undefined, "that node has no such entry");
  equal(store.find("no id"), undefined);
});

Deno.test("ids are given for a stretch of time, its ends included", () => {
  const store = new FeedStore();
  store.append(batchOf(range(0, 100)));
  const ids = store.idsWithin(1e15 + 10_000, 1e15 + 12_000);
  deepEqual([...ids], ["node-1~0~10~0", "node-2~0~11~0", "node-0~0~12~0"]);
});

Deno.test("only the rows that were chosen are taken, in their order", () => {
  const store = new FeedStore();
  store.append(batchOf(range(0, 10)), Uint16Array.of(3, 4, 9));
  store.append(batchOf(range(10, 20)), Uint16Array.of());
  deepEqual([...textsOf(store).values()], ["3", "4", "9"]);
  store.prepend(batchOf([8, 7, 6]), Uint16Array.of(2, 0));
  deepEqual([...textsOf(store)].slice(0, 2), [[-2, "6"], [-1, "8"]]);
});

Deno.test("a quiet feed of single entries costs little more than a busy one", () => {
  const busy = new FeedStore();
  busy.append(batchOf(range(0, 4000)));
  const quiet = new FeedStore();
  for (let at = 0; at < 4000; at++) quiet.append(batchOf([at]));
  ok(quiet.bytes < 1.6 * busy.bytes, `${quiet.bytes} against ${busy.bytes}`);
});

Deno.test("half a million rows fit into their limit", () => {
  const store = new FeedStore();
  const batch = batchOf(range(0, 500));
  while (store.evicted === 0) store.append(batch);
  ok(store.count > MAX_KEPT_ROWS - 500, `${store.count} rows`);
  ok(store.bytes < MAX_KEPT_BYTES, `${store.bytes} bytes`);
});
