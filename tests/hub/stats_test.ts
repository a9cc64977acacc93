/** Aggregates: counted exactly, but for quantiles, whose error is bounded. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Batch, BatchWriter } from "../../api/batch.ts";
import { MAP_LEVELS, type MapEnd, type MapLevel } from "../../api/hub.ts";
import { HUB } from "../../api/paths.ts";
import { ServiceMap } from "../../hub/stats/aggregate.ts";
import { ACCURACY, Sketch } from "../../hub/stats/sketch.ts";
import { MAX_STEPS, TimeSeries } from "../../hub/stats/time_series.ts";
import { Random } from "../fuzz/random.ts";
import { makeEntries } from "./batches.ts";
import { RunningHub } from "./running_hub.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

Deno.test("quantiles are within 1 % of the exact ones, also of merged sketches", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const sketches = [new Sketch(), new Sketch(), new Sketch()];
    const values = Array.from({ length: random.int(1, 2000) }, () => {
      const value = random.chance(0.05)
        ? 0
        : Math.exp(random.int(-6000, 14_000) / 1000);
      random.pick(sketches).add(value);
      return value;
    }).sort((a, b) => a - b);
    const all = new Sketch();
    for (const sketch of sketches) all.merge(sketch);
    const shares = [0, 0.01, 0.5, 0.9, 0.95, 0.99, 1];
    const found = all.quantiles(shares)!;
    for (const [i, share] of shares.entries()) {
      const exact = values[Math.floor(share * (values.length - 1))]!;
      const error = Math.abs(found[i]! - exact);
      ok(
        error <= ACCURACY * exact * 1.0001,
        `seed ${seed}: ${found[i]} is not ${exact}`,
      );
    }
  }
  equal(new Sketch().quantiles([0.5]), undefined);
});

Deno.test("a sketch takes any value, and as many bins as there may be", () => {
  const sketch = new Sketch();
  for (const value of [0, -1, NaN, Infinity, 1e-300, 1e300, 5]) {
    sketch.add(value);
  }
  equal(sketch.count, 7);
  ok(sketch.quantiles([0, 0.5, 1])!.every(Number.isFinite));
});

Deno.test("a series has all it was given, in few steps, whatever the stretch of time", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const series = new TimeSeries();
    const stretch = 10 ** random.int(0, 14);
    const count = random.int(1, 500);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const time = 1e15 + random.int(0, stretch);
      times.push(time);
      series.add(time, i % 3 === 0, 10);
    }
    const steps = series.steps();
    ok(steps.length <= MAX_STEPS);
    equal(steps.reduce((sum, each) => sum + each.count, 0), count);
    equal(steps.reduce((sum, each) => sum + each.bytes, 0), 10 * count);
    for (const { from, count } of steps) {
      const inside = times.filter((time) =>
        time >= from && time < from + series.width
      );
      equal(inside.length, count);
    }
  }
});

Deno.test("statistics and map are those of the whole range, of all workers", async () => {
  const random = new Random(1);
  const links = ["a", "b"].map((node) =>
    new ScriptedWorker(node, makeEntries(random, node, 400), { random })
  );
  await using hub = await RunningHub.start({ links });
  const stats = await (await hub.fetch(HUB.stats)).json();
  equal(stats.all.count, 800);
  equal(stats.all.requestBytes, 80_000);
  ok(stats.all.elapsedTime.p50 <= stats.all.elapsedTime.p99);
  ok(Math.abs(stats.all.elapsedTime.p99 - 0.02) <= 0.0002 + 1e-9);
  deepEqual(
    stats.protocols.map((each: { protocol: string }) => each.protocol),
    [
      "http",
    ],
  );
  deepEqual(stats.statuses, [{ protocol: "http", status: "200", count: 800 }]);
  equal(stats.coverage.length, 2);
  const map = await (await hub.fetch(HUB.map)).json();
  equal(map.edges.length, 200);
  equal(map.isCut, false);
  const [edge] = map.edges;
  deepEqual([edge.dst, edge.protocol, edge.count], ["10.0.1.1", "http", 4]);
  equal(map.ends.length, new Set(map.ends.map(({ end }: MapEnd) => end)).size);
  deepEqual(map.ends.find(({ end }: MapEnd) => end === edge.dst), {
    end: "10.0.1.1",
    by: "ip",
    value: "10.0.1.1",
  });
  ok(map.first < map.last);
  equal((await hub.fetch(`${HUB.map}?by=pod`)).status, 400);
  equal((await hub.fetch(`${HUB.stats}?by=name`)).status, 400);
});

Deno.test("ends of a map are told apart as far as they have names", () => {
  const said = { protocol: "http", failed: false, decrypted: false };
  const web = { workload: "web", service: "front", namespace: "shop" };
  const dst = { ip: "192.0.2.1", port: 443, name: "api.example" };
  const mapBy = (level: MapLevel) => {
    const writer = new BatchWriter("row");
    for (const n of [1, 2]) {
      const src = { ip: `10.0.0.${n}`, name: "front.shop", ...web };
      const at = { timestamp: n, completed: n, node: { name: "a" } };
      writer.add({ ...said, ...at, src, dst }, { place: n, n: 0 }, "");
    }
    const map = new ServiceMap(level);
    map.add(new Batch(writer.take()));
    return map.toPlain();
  };
  const api = { end: "api.example", by: "name", value: "api.example" };
  const namespace = "shop";
  const expected: Record<MapLevel, MapEnd> = {
    name: { end: "front.shop", by: "name", value: "front.shop", namespace },
    workload: { end: "web.shop", by: "workload", value: "web", namespace },
    namespace: { end: "shop", by: "namespace", value: "shop" },
  };
  for (const level of MAP_LEVELS) {
    const { edges, ends } = mapBy(level);
    deepEqual(ends, [expected[level], api]);
    deepEqual(edges.map(({ src, dst, count }) => [src, dst, count]), [
      [expected[level].end, "api.example", 2],
    ]);
  }
});
