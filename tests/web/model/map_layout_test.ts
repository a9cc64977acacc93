/** Laws of the service map's layout, on made-up graphs. */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  type MapGraph,
  type MapNode,
  toGraph,
} from "../../../web/model/map_graph.ts";
import {
  apart,
  arranged,
  extended,
  type Layout,
} from "../../../web/model/map_layout.ts";
import { pictured, readingOrder } from "../../../web/model/map_picture.ts";
import { type Step, type Stop, walk } from "../../../web/model/map_walk.ts";
import { Random } from "../../fuzz/random.ts";
import { randomMap, shuffled } from "./random_map.ts";

const ROWS = 8;

const SIZES = { width: 150, height: 30, columnGap: 100, rowGap: 10 };

/** Graphs of all sizes; each law is looked at for all of them. */
function* graphs(): Iterable<[random: Random, graph: MapGraph]> {
  for (let seed = 1; seed <= 120; seed++) {
    const random = new Random(seed);
    yield [random, toGraph(randomMap(random, random.int(1, 90)))];
  }
}

/** Fails where two of one column are closer than a row. */
function checkApart({ places }: Layout): void {
  const columns = Map.groupBy(places.values(), ({ column }) => column);
  for (const column of columns.values()) {
    const rows = column.map(({ row }) => row).sort((a, b) => a - b);
    ok(rows[0]! >= 0);
    for (const [i, row] of rows.entries()) {
      if (i > 0) ok(row - rows[i - 1]! > 1 - 1e-6, `${rows}`);
    }
  }
}

const without = ({ nodes, links, ...rest }: MapGraph, gone: Set<MapNode>) => {
  const ids = new Set([...gone].map(({ id }) => id));
  return {
    ...rest,
    nodes: nodes.filter((node) => !gone.has(node)),
    links: links.filter(({ src, dst }) => !ids.has(src) && !ids.has(dst)),
  };
};

const picture = (layout: Layout, { links }: MapGraph) =>
  pictured(layout, links.map((link) => ({ ...link, labelWidth: 80 })), SIZES);

Deno.test("each node has a place, and no two overlap", () => {
  for (const [, graph] of graphs()) {
    const layout = arranged(graph, ROWS);
    equal(layout.places.size, graph.nodes.length);
    checkApart(layout);
    const columns = Map.groupBy(layout.places.values(), (each) => each.column);
    ok(columns.values().every((all) => all.length <= ROWS));
    equal(columns.size, layout.columns);
  }
});

Deno.test("a graph gives one layout, in whatever order it comes", () => {
  for (const [random, graph] of graphs()) {
    const other = {
      nodes: shuffled(random, graph.nodes),
      links: shuffled(random, graph.links),
    };
    const byId = ({ places }: Layout) =>
      [...places].sort(([a], [b]) => a < b ? -1 : 1);
    deepEqual(byId(arranged(other, ROWS)), byId(arranged(graph, ROWS)));
  }
});

Deno.test("what is drawn stays where it is when others come or go", () => {
  for (const [random, graph] of graphs()) {
    const later = new Set(graph.nodes.filter(() => random.chance(0.3)));
    const before = without(graph, later);
    const layout = arranged(before, ROWS);
    const after = extended(layout, graph);
    checkApart(after);
    equal(after.places.size, graph.nodes.length);
    for (const [id, place] of layout.places) {
      deepEqual(after.places.get(id), place);
    }
    deepEqual(extended(after, graph).places, after.places);
    const rest = extended(after, before);
    deepEqual(rest.places, layout.places);
  }
});

Deno.test("who asks stands left of whom it asks, where nobody asks back", () => {
  const chain = ["web", "carts", "orders", "ledger", "cache"];
  const nodes = chain.map((id) => ({ id, count: 1 }));
  const links = chain.slice(1).map((dst, i) => ({
    src: chain[i]!,
    dst,
    count: 1,
  }));
  const { places, columns } = arranged({ nodes, links }, ROWS);
  deepEqual(chain.map((id) => places.get(id)!.column), [0, 1, 2, 3, 4]);
  equal(columns, 5);
  // All in one line.
  ok(chain.every((id) => places.get(id)!.row === 0));
  const circle = [...links, { src: "cache", dst: "web", count: 1 }];
  equal(arranged({ nodes, links: circle }, ROWS).places.size, 5);
});

Deno.test("rows are one apart, and where they are wanted if there is room", () => {
  deepEqual(apart([0, 5, 9]), [0, 5, 9]);
  deepEqual(apart([3, 3, 3]), [2, 3, 4]);
  deepEqual(apart([]), []);
  const random = new Random(3);
  for (let i = 0; i < 200; i++) {
    const wanted = Array.from(
      { length: random.int(1, 20) },
      () => random.int(-50, 50) / 7,
    );
    const rows = apart(wanted);
    const mean = (all: readonly number[]) =>
      all.reduce((sum, each) => sum + each, 0) / all.length;
    ok(rows.every((row, i) => i === 0 || row - rows[i - 1]! > 1 - 1e-9));
    ok(Math.abs(mean(rows) - mean(wanted)) < 1e-9);
  }
});

Deno.test("links pass no node that they do not end at, and labels lie on nothing", () => {
  for (const [, graph] of graphs()) {
    const { boxes, curves, width, height } = picture(
      arranged(graph, ROWS),
      graph,
    );
    const labels = [...curves.values()].flatMap(({ label }) => label ?? []);
    const solid = [...boxes.values(), ...labels];
    for (const [i, a] of solid.entries()) {
      const isInside = Math.min(a.x, a.y) >= 0 && a.x + a.width <= width &&
        a.y + a.height <= height;
      ok(isInside, `${JSON.stringify(a)} in ${width} by ${height}`);
      for (const b of solid.slice(i + 1)) {
        const isApart = a.x >= b.x + b.width || b.x >= a.x + a.width ||
          a.y >= b.y + b.height || b.y >= a.y + a.height;
        ok(isApart, `${JSON.stringify(a)} ${JSON.stringify(b)}`);
      }
    }
    for (const { src, dst, id } of graph.links) {
      if (src === dst) continue;
      for (const { x, y } of levelParts(curves.get(id)!.line)) {
        for (const [node, box] of boxes) {
          const isInside = x > box.x && x < box.x + box.width &&
            y > box.y && y < box.y + box.height;
          ok(!isInside, `${src} to ${dst} passes ${node}`);
        }
      }
    }
  }
});

/** The middles of a line's level parts, which are those that pass a column. */
function levelParts(line: string): { x: number; y: number }[] {
  const [start, rest] = line.slice(1).split("C") as [string, string];
  const points = [start, ...rest.split(" ")].map((point) =>
    point.split(",").map(Number) as [number, number]
  );
  return points.flatMap(([x, y], i) => {
    const end = points[i + 3];
    const isLevel = i % 6 === 3 && end !== undefined && i + 3 < points.length;
    return isLevel && end[1] === y ? [{ x: (x + end[0]) / 2, y }] : [];
  });
}

Deno.test("arrow keys lead to every node and link", () => {
  for (const [, graph] of graphs()) {
    const order = readingOrder(picture(arranged(graph, ROWS), graph));
    deepEqual([...order].sort(), graph.nodes.map(({ id }) => id).sort());
    const start: Stop = { node: order.at(-1)! };
    const seen = new Map<string, Stop>();
    const waiting = [walk(start, "first", graph, order)];
    for (let stop = waiting.pop(); stop; stop = waiting.pop()) {
      const key = JSON.stringify(stop);
      if (seen.has(key)) continue;
      seen.set(key, stop);
      const steps: Step[] = ["up", "down", "left", "right"];
      waiting.push(...steps.map((step) => walk(stop, step, graph, order)));
    }
    const stops = [...seen.values()];
    const nodes = stops.flatMap((stop) => "node" in stop ? [stop.node] : []);
    const links = stops.flatMap((stop) => "link" in stop ? [stop.link] : []);
    equal(new Set(nodes).size, graph.nodes.length);
    equal(new Set(links).size, graph.links.length);
  }
});
