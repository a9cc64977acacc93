/**
 * Map picture: the service map in pixels. Nodes are boxes, links are curves
 * from side to side of them, which pass columns that lie between through their
 * gaps, and each link has a label where there is room.
 */
import { compareText } from "./map_graph.ts";
import type { Layout } from "./map_layout.ts";

/** Sizes, px. */
export interface Measures {
  /** Of a node. */
  readonly width: number;
  readonly height: number;
  /** Between two columns, and between two rows. */
  readonly columnGap: number;
  readonly rowGap: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** What is to be drawn of a link. */
export interface PictureLink {
  readonly id: string;
  readonly src: string;
  readonly dst: string;
  /** Width of its label, px. */
  readonly labelWidth: number;
}

/** A link as it is drawn. */
export interface Curve {
  /** Of an SVG path. */
  readonly line: string;
  /** Its head, of another. */
  readonly arrow: string;
  readonly middle: Point;
  /** Where its label is; absent where that would lie on something else. */
  readonly label?: Box;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Box>;
  /** By the ids of links. */
  readonly curves: ReadonlyMap<string, Curve>;
}

/** Around all of it; twice that to the right, where links bulge. */
export const MARGIN = 32;

/** Height of a label, and what is kept free around it. */
export const LABEL_HEIGHT = 18;
const LABEL_GAP = 2;

/** Most between two links that end at the same side of a node. */
const PORT = 8;

/** Of a side, at its corners, where no link ends. */
const CORNER = 6;

/** How far a link to its own column bulges, at least. */
const BULGE = 34;

/** How high a link to its own node goes, about. */
const LOOP = 28;

const ARROW = { length: 7, half: 4 } as const;

/** Between what lies side by side: links that pass, and nodes. */
const PASSING = 5;

/** Sums may be off by less, px. */
const CLOSE = 1e-6;

/** Where labels may stand along a curve, the best first. */
const LABEL_PLACES = [0.5, 0.38, 0.62, 0.27, 0.73];

/**
 * @param links the most important first: their labels are placed first
 */
export function pictured(
  layout: Layout,
  links: readonly PictureLink[],
  measures: Measures,
): Picture {
  const boxes = boxesOf(layout, measures);
  const routes = routesOf(links, boxes);
  const obstacles = [...boxes.values()];
  const curves = new Map<string, Curve>();
  for (const [i, { id, labelWidth }] of links.entries()) {
    const route = routes[i]!;
    const label = labelOn(route, labelWidth, obstacles);
    if (label) obstacles.push(label);
    curves.set(id, {
      line: lineOf(route),
      arrow: arrowOf(route),
      middle: pointOn(route, 0.5),
      ...label && { label },
    });
  }
  const right = Math.max(0, ...obstacles.map(({ x, width }) => x + width));
  const bottom = Math.max(
    0,
    ...obstacles.map(({ y, height }) => y + height),
    ...routes.flatMap(({ points }) => points.map(({ y }) => y)),
  );
  return {
    width: right + 2 * MARGIN,
    height: bottom + MARGIN,
    boxes,
    curves,
  };
}

function boxesOf(
  { places }: Layout,
  { width, height, columnGap, rowGap }: Measures,
): Map<string, Box> {
  const toBox = ({ column, row }: { column: number; row: number }): Box => ({
    x: MARGIN + column * (width + columnGap),
    y: MARGIN + row * (height + rowGap),
    width,
    height,
  });
  return new Map([...places].map(([id, place]) => [id, toBox(place)]));
}

/** Cubic Bézier curves, and which way the last goes at its end. */
interface Route {
  /** Where it begins, and for each curve two handles and an end. */
  readonly points: readonly Point[];
  /** Of length 1. */
  readonly heading: Point;
}

const RIGHT: Point = { x: 1, y: 0 };
const LEFT: Point = { x: -1, y: 0 };
const DOWN: Point = { x: 0, y: 1 };

type Side = "left" | "right";

/** Where a link leaves a node, or comes in. */
interface Port {
  readonly node: string;
  readonly side: Side;
  /** Of the other end, px: links are ordered by it, so that fewer cross. */
  readonly toward: number;
}

/** How each link goes; those at one side of a node stand apart. */
function routesOf(
  links: readonly PictureLink[],
  boxes: ReadonlyMap<string, Box>,
): Route[] {
  const ports = new Map(
    links.filter(({ src, dst }) => src !== dst)
      .map((link) => [link, portsOf(link, boxes)]),
  );
  const heights = portHeights([...ports.values()].flat(), boxes);
  const at = (port: Port): Point => {
    const { x, width } = boxes.get(port.node)!;
    return { x: port.side === "left" ? x : x + width, y: heights.get(port)! };
  };
  const gaps = new Gaps([...boxes.values()]);
  return links.map((link) => {
    const ends = ports.get(link);
    if (!ends) return looping(boxes.get(link.src)!);
    const [from, to] = [at(ends[0]), at(ends[1])];
    return ends[0].side === ends[1].side
      ? bulging(from, to)
      : across([from, ...gaps.between(from, to), to]);
  });
}

/** Where a link begins and where it ends. */
function portsOf(
  { src, dst }: PictureLink,
  boxes: ReadonlyMap<string, Box>,
): [Port, Port] {
  const [from, to] = [boxes.get(src)!, boxes.get(dst)!];
  const isBack = to.x < from.x;
  const begin: Side = isBack ? "left" : "right";
  const end: Side = isBack || to.x === from.x ? "right" : "left";
  return [
    { node: src, side: begin, toward: to.y },
    { node: dst, side: end, toward: from.y },
  ];
}

/** Heights of all ports, px from the top. */
function portHeights(
  ports: readonly Port[],
  boxes: ReadonlyMap<string, Box>,
): Map<Port, number> {
  const heights = new Map<Port, number>();
  const sides = Map.groupBy(ports, ({ node, side }) => `${side} ${node}`);
  for (const all of sides.values()) {
    const { y, height } = boxes.get(all[0]!.node)!;
    const step = Math.min(PORT, (height - 2 * CORNER) / (all.length - 1 || 1));
    const sorted = all.toSorted((a, b) => a.toward - b.toward);
    for (const [i, port] of sorted.entries()) {
      const offset = (i - (all.length - 1) / 2) * step;
      heights.set(port, y + height / 2 + offset);
    }
  }
  return heights;
}

/** Gaps of columns, through which links pass that end further on. */
class Gaps {
  /** Boxes of each column, from the left. */
  readonly #columns: readonly (readonly Box[])[];
  /** Heights at which links pass already, by column, px. */
  readonly #passed = new Map<readonly Box[], number[]>();

  constructor(boxes: readonly Box[]) {
    const columns = Map.groupBy(boxes, ({ x }) => x);
    this.#columns = [...columns].sort(([a], [b]) => a - b)
      .map(([, column]) => column);
  }

  /** Points in pairs: where a link enters each column, and where it leaves. */
  between(from: Point, to: Point): Point[] {
    const isBack = to.x < from.x;
    const [left, right] = isBack ? [to.x, from.x] : [from.x, to.x];
    const passed = this.#columns.filter(([box]) =>
      box!.x >= left && box!.x + box!.width <= right
    );
    return (isBack ? passed.toReversed() : passed).flatMap((column) => {
      const { x, width } = column[0]!;
      const share = (x + width / 2 - from.x) / (to.x - from.x);
      const y = this.#pass(column, from.y + share * (to.y - from.y));
      const sides = [{ x, y }, { x: x + width, y }];
      return isBack ? sides.reverse() : sides;
    });
  }

  /** The height nearest to a wanted one at which nothing is. */
  #pass(column: readonly Box[], wanted: number): number {
    const passed = this.#passed.get(column) ?? [];
    this.#passed.set(column, passed);
    const isFree = (y: number) =>
      y >= PASSING &&
      passed.every((each) => Math.abs(each - y) > PASSING - CLOSE) &&
      column.every((box) =>
        y <= box.y - PASSING || y >= box.y + box.height + PASSING
      );
    const edges = column.flatMap((box) => [
      box.y - PASSING,
      box.y + box.height + PASSING,
    ]);
    const beside = passed.flatMap((y) => [y - PASSING, y + PASSING]);
    const lowest = Math.max(...edges, ...passed) + 2 * PASSING;
    const y = [wanted, ...edges, ...beside, lowest].filter(isFree)
      .sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0]!;
    passed.push(y);
    return y;
  }
}

/** Through points from one column to others; pairs of them lie level. */
function across(stops: readonly Point[]): Route {
  const points = [stops[0]!];
  for (const [i, to] of stops.entries()) {
    const from = stops[i - 1];
    if (!from) continue;
    const reach = (to.x - from.x) * (i % 2 === 1 ? 0.45 : 1 / 3);
    points.push(
      { x: from.x + reach, y: from.y },
      { x: to.x - reach, y: to.y },
      to,
    );
  }
  return { points, heading: stops.at(-1)!.x > stops[0]!.x ? RIGHT : LEFT };
}

/** Within one column: out to the right and back. */
function bulging(from: Point, to: Point): Route {
  const x = from.x + BULGE + Math.min(40, Math.abs(to.y - from.y) / 8);
  return {
    points: [from, { x, y: from.y }, { x, y: to.y }, to],
    heading: LEFT,
  };
}

/** From a node to itself: over its upper side. */
function looping({ x, y, width }: Box): Route {
  const [from, to] = [x + width * 0.62, x + width * 0.38];
  return {
    points: [
      { x: from, y },
      { x: from + LOOP / 2, y: y - LOOP },
      { x: to - LOOP / 2, y: y - LOOP },
      { x: to, y },
    ],
    heading: DOWN,
  };
}

function lineOf({ points, heading }: Route): string {
  const [start, ...rest] = points as [Point, ...Point[]];
  const to = rest.pop()!;
  // It ends within its head, whose tip would else be as blunt as it is wide.
  const end = {
    x: to.x - heading.x * (ARROW.length - 1),
    y: to.y - heading.y * (ARROW.length - 1),
  };
  return `M${text(start)}C${[...rest, end].map(text).join(" ")}`;
}

function arrowOf({ points, heading: { x, y } }: Route): string {
  const { length, half } = ARROW;
  const to = points.at(-1)!;
  const corner = (side: 1 | -1): Point => ({
    x: to.x - x * length - side * y * half,
    y: to.y - y * length + side * x * half,
  });
  return `M${text(to)}L${text(corner(-1))}L${text(corner(1))}Z`;
}

const text = ({ x, y }: Point): string => `${rounded(x)},${rounded(y)}`;

const rounded = (number: number): number => Math.round(number * 10) / 10;

/** @param share of the way, of 1: each curve is as much of it */
function pointOn({ points }: Route, share: number): Point {
  const curves = (points.length - 1) / 3;
  const curve = Math.min(curves - 1, Math.floor(share * curves));
  const t = share * curves - curve;
  const [p, q, r, s] = points.slice(3 * curve, 3 * curve + 4) as [
    Point,
    Point,
    Point,
    Point,
  ];
  const u = 1 - t;
  const at = (axis: "x" | "y") =>
    u * u * u * p[axis] + 3 * u * u * t * q[axis] + 3 * u * t * t * r[axis] +
    t * t * t * s[axis];
  return { x: at("x"), y: at("y") };
}

/** A place for a label on a curve that no obstacle has. */
function labelOn(
  route: Route,
  width: number,
  obstacles: readonly Box[],
): Box | undefined {
  // Between the last two columns: there it is nearest to whom it asks.
  const curves = (route.points.length - 1) / 3;
  for (const place of LABEL_PLACES) {
    const { x, y } = pointOn(route, (curves - 1 + place) / curves);
    const box = {
      x: x - width / 2,
      y: y - LABEL_HEIGHT / 2,
      width,
      height: LABEL_HEIGHT,
    };
    if (!obstacles.some((each) => touches(box, each))) return box;
  }
  return undefined;
}

/** Whether two boxes are closer than they should be. */
function touches(a: Box, b: Box): boolean {
  return a.x < b.x + b.width + LABEL_GAP && b.x < a.x + a.width + LABEL_GAP &&
    a.y < b.y + b.height + LABEL_GAP && b.y < a.y + a.height + LABEL_GAP;
}

/** Ids of nodes as they are read: by columns, from the top. */
export function readingOrder({ boxes }: Picture): string[] {
  return [...boxes].sort(([a, p], [b, q]) =>
    p.x - q.x || p.y - q.y || compareText(a, b)
  ).map(([id]) => id);
}
