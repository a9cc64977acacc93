/** What the service map draws, and what it says of it. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { MapEnd } from "../../../api/hub.ts";
import { formatRate } from "../../../web/model/format.ts";
import { labelOf, picksOf, titleOf } from "../../../web/model/map_figures.ts";
import {
  MAX_LINKS,
  MAX_NODES,
  OTHERS,
  toGraph,
} from "../../../web/model/map_graph.ts";
import { Random } from "../../fuzz/random.ts";
import { randomMap, shuffled } from "./random_map.ts";

const sum = (all: readonly { count: number }[]): number =>
  all.reduce((sum, { count }) => sum + count, 0);

Deno.test("beyond a bound the rarest ends are one, and no entry is lost", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const answer = randomMap(random, random.int(2, 300));
    const { nodes, links, gathered, undrawn } = toGraph(answer);
    ok(nodes.length <= MAX_NODES && links.length <= MAX_LINKS);
    const others = nodes.filter(({ id }) => id === OTHERS);
    equal(others.length, gathered > 0 ? 1 : 0);
    equal(nodes.length - others.length + gathered, answer.ends.length);
    if (undrawn === 0) equal(sum(links), sum(answer.edges));
    const rarest = Math.min(
      ...nodes.filter(({ id }) => id !== OTHERS).map(({ count }) => count),
    );
    const shown = new Set(nodes.map(({ id }) => id));
    for (const { end } of answer.ends) {
      if (shown.has(end)) continue;
      const count = sum(
        answer.edges.filter(({ src, dst }) => src === end || dst === end),
      );
      ok(count <= rarest, `${end} has ${count} entries, and is not drawn`);
    }
    const other = { ...answer, edges: shuffled(random, answer.edges) };
    deepEqual(toGraph(other), toGraph(answer));
  }
});

Deno.test("what is drawn stays until something else is far busier", () => {
  const edge = (dst: string, count: number) => ({
    ...{ src: "web", dst, protocol: "http", count, failed: 0 },
    ...{ requestBytes: 0, responseBytes: 0 },
  });
  const end = (end: string): MapEnd => ({ end, by: "name", value: end });
  const ends = ["web", "a", "b"].map(end);
  const drawn = (a: number, b: number) =>
    toGraph({ edges: [edge("a", a), edge("b", b)], ends }, new Set(["b"]), 3)
      .nodes.map(({ id }) => id);
  const few = (a: number, b: number) =>
    toGraph(
      { edges: [edge("a", a), edge("b", b)], ends: ends },
      new Set(["web", "b"]),
      2,
    ).nodes.map(({ id }) => id).filter((id) => id !== OTHERS);
  deepEqual(drawn(10, 8).sort(), ["a", "b", "web"]);
  deepEqual(few(10, 8), ["web"]);
  const three = (a: number, b: number) =>
    toGraph(
      {
        edges: [edge("a", a), edge("b", b), edge("c", 1)],
        ends: [...ends, end("c")],
      },
      new Set(["web", "b"]),
      3,
    ).nodes.map(({ id }) => id).filter((id) => id !== OTHERS).sort();
  deepEqual(three(10, 8), ["b", "web"]);
  deepEqual(three(30, 8), ["a", "web"]);
});

Deno.test("a pair is one link, with what it speaks; gathered links have no quantiles", () => {
  const parts = { failed: 1, requestBytes: 10, responseBytes: 20 };
  const elapsedTime = { p50: 1, p95: 2, p99: 3 };
  const edges = [
    {
      src: "a",
      dst: "b",
      protocol: "http",
      count: 5,
      ...parts,
      elapsedTime,
    },
    { src: "a", dst: "b", protocol: "dns", count: 3, ...parts, elapsedTime },
    { count: 2, ...parts, elapsedTime },
    { src: "b", dst: "b", protocol: "dns", count: 1, ...parts, elapsedTime },
  ];
  const ends = ["a", "b"].map((end): MapEnd => ({
    end,
    by: "name",
    value: end,
  }));
  const { links, nodes } = toGraph({ edges, ends });
  deepEqual(
    links.map((
      { src, dst, count, failed, bytes },
    ) => [src, dst, count, failed, bytes]),
    [["a", "b", 8, 2, 60], [OTHERS, OTHERS, 2, 1, 30], ["b", "b", 1, 1, 30]],
  );
  deepEqual(links[0]!.parts.map(({ protocol }) => protocol), ["http", "dns"]);
  deepEqual(links[0]!.parts[0]!.elapsedTime, elapsedTime);
  const b = nodes.find(({ id }) => id === "b")!;
  deepEqual([b.count, b.sent.count, b.served.count], [9, 1, 9]);
  const label = (hasRoom: boolean) =>
    labelOf(links[0]!, 2e6, hasRoom).map(({ text }) => text);
  deepEqual(label(true), ["http +1", "4.0/s", "1.00 ms", "25 %"]);
  deepEqual(label(false), ["http +1", "4.0/s", "25 %"]);
});

Deno.test("an end is asked for by what it was told apart by", () => {
  const workload: MapEnd = {
    end: "web.shop",
    by: "workload",
    value: "web",
    namespace: "shop",
  };
  deepEqual(picksOf(workload, "src"), [
    { path: "src.workload", value: "web" },
    { path: "src.namespace", value: "shop" },
  ]);
  const address: MapEnd = { end: "10.0.0.1", by: "ip", value: "10.0.0.1" };
  deepEqual(picksOf(address), [{ path: "ip", value: "10.0.0.1" }]);
  deepEqual(picksOf(undefined, "dst"), []);
});

Deno.test("a title has its namespace apart, and DNS names whole", () => {
  const end = (value: string, namespace?: string): MapEnd => ({
    end: value,
    by: "name",
    value,
    ...namespace && { namespace },
  });
  deepEqual(titleOf(end("carts.shop", "shop"), 0), {
    main: "carts",
    rest: "shop",
  });
  deepEqual(titleOf(end("api.shop"), 0), { main: "api.shop", rest: "" });
  deepEqual(titleOf(undefined, 7), { main: "7 others", rest: "" });
});

Deno.test("rates are in the unit that suits", () => {
  equal(formatRate(1000, 1e6), "1,000/s");
  equal(formatRate(25, 10e6), "2.5/s");
  equal(formatRate(3, 60e6), "3.0/min");
  equal(formatRate(1, 3600e6), "1.0/h");
});
