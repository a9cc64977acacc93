/**
 * Map layout: where the nodes of the service map stand.
 *
 * Who asks stands left of whom it asks, in columns (Sugiyama's method): links
 * that close a circle are set aside, each node stands one column after the last
 * that asks it, columns are ordered so that few links cross, and each node
 * moves to the height of those it speaks with as far as its neighbours let it.
 *
 * What is drawn stays where it is: {@link extended} puts what is new into free
 * places. The same graph gives the same picture, in whatever order it comes.
 */
import { compareText } from "./map_graph.ts";

/** A graph, as far as it matters here. */
export interface LayoutGraph {
  readonly nodes: readonly { readonly id: string; readonly count: number }[];
  readonly links: readonly LayoutLink[];
}

interface LayoutLink {
  readonly src: string;
  readonly dst: string;
  readonly count: number;
}

/** Where a node stands. */
export interface Place {
  /** From the left. */
  readonly column: number;
  /** Of its upper edge, in heights of a row; not less than 0. */
  readonly row: number;
}

/** Where all nodes stand; those of one column at least a row apart. */
export interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  /** Columns that it had when it was made anew. */
  readonly columns: number;
}

export const EMPTY_LAYOUT: Layout = { places: new Map(), columns: 0 };

/** How often columns are ordered, and how often heights are evened out. */
const SWEEPS = 8;

/** Rows within rounding of each other. */
const CLOSE = 1e-9;

/**
 * Places all nodes anew.
 *
 * @param most rows of a column; whoever has no room stands in another beside it
 */
export function arranged(graph: LayoutGraph, most: number): Layout {
  const net = new Net(graph);
  const ranks = ranked(net);
  untangle(ranks, net);
  const columns = ranks.flatMap((rank) => dealt(rank, most));
  const rows = evened(columns, net);
  const top = Math.min(...rows.values());
  const places = new Map<string, Place>();
  for (const [column, ids] of columns.entries()) {
    for (const id of ids) places.set(id, { column, row: rows.get(id)! - top });
  }
  return { places, columns: columns.length };
}

/** The layout with what is new in the graph, and without what is gone. */
export function extended(layout: Layout, graph: LayoutGraph): Layout {
  const net = new Net(graph);
  const places = new Map(
    net.ids.flatMap((id) => {
      const place = layout.places.get(id);
      return place ? [[id, place] as const] : [];
    }),
  );
  const waiting = new Set(net.ids.filter((id) => !places.has(id)));
  while (waiting.size > 0) {
    // Those who speak with somebody that has a place know where they belong.
    const next = waiting.values().find((id) =>
      net.neighbours(id).some((each) =>
        places.has(each)
      )
    ) ?? waiting.values().next().value!;
    places.set(next, freePlace(next, places, net));
    waiting.delete(next);
  }
  return { places, columns: layout.columns };
}

/** Who speaks with whom. */
class Net {
  /** The busiest first. */
  readonly ids: readonly string[];
  readonly links: readonly LayoutLink[];
  readonly #asked: ReadonlyMap<string, string[]>;
  readonly #asking: ReadonlyMap<string, string[]>;

  constructor({ nodes, links }: LayoutGraph) {
    this.ids = [...nodes]
      .sort((a, b) => b.count - a.count || compareText(a.id, b.id))
      .map(({ id }) => id);
    this.links = links.filter(({ src, dst }) => src !== dst).sort((a, b) =>
      compareText(a.src, b.src) || compareText(a.dst, b.dst)
    );
    const ends = (of: "src" | "dst", other: "src" | "dst") =>
      new Map(
        Map.groupBy(this.links, (link) => link[of]).entries().map((
          [id, links],
        ) => [id, links.map((link) => link[other])]),
      );
    this.#asked = ends("src", "dst");
    this.#asking = ends("dst", "src");
  }

  /** Whom a node asks. */
  asked(id: string): readonly string[] {
    return this.#asked.get(id) ?? [];
  }

  /** Who asks it. */
  asking(id: string): readonly string[] {
    return this.#asking.get(id) ?? [];
  }

  neighbours(id: string): readonly string[] {
    return [...this.asking(id), ...this.asked(id)];
  }
}

/** Nodes by rank: who is asked comes after who asks, but for circles. */
function ranked(net: Net): string[][] {
  const order = new Map(sequence(net).map((id, i) => [id, i]));
  const isForward = (src: string, dst: string) =>
    order.get(src)! < order.get(dst)!;
  const ranks = new Map<string, number>();
  for (const id of order.keys()) {
    const before = net.asking(id).filter((each) => isForward(each, id));
    ranks.set(id, Math.max(-1, ...before.map((each) => ranks.get(each)!)) + 1);
  }
  // Whom nobody asks stands close to whom it asks.
  for (const id of order.keys()) {
    if (net.asking(id).some((each) => isForward(each, id))) continue;
    const after = net.asked(id).filter((each) => isForward(id, each));
    const nearest = Math.min(...after.map((each) => ranks.get(each)!));
    if (after.length > 0) ranks.set(id, nearest - 1);
  }
  const byRank = Map.groupBy(net.ids, (id) => ranks.get(id)!);
  return [...byRank].sort(([a], [b]) => a - b).map(([, ids]) => ids);
}

/**
 * All nodes so that few links go back, after Eades, Lin and Smyth, "A fast and
 * effective heuristic for the feedback arc set problem" (1993).
 */
function sequence(net: Net): string[] {
  const left: string[] = [];
  const right: string[] = [];
  const rest = new Set(net.ids);
  const isAlone = (ids: readonly string[]) => !ids.some((id) => rest.has(id));
  const surplus = (id: string) => {
    let sum = 0;
    for (const { src, dst, count } of net.links) {
      if (src === id && rest.has(dst)) sum += count;
      if (dst === id && rest.has(src)) sum -= count;
    }
    return sum;
  };
  while (rest.size > 0) {
    const ids = [...rest];
    const sink = ids.find((id) => isAlone(net.asked(id)));
    const source = ids.find((id) => isAlone(net.asking(id)));
    const next = sink ?? source ?? greatest(ids, surplus);
    if (next === sink) right.push(next);
    else left.push(next);
    rest.delete(next);
  }
  return [...left, ...right.reverse()];
}

/** The first of those for which a number is greatest. */
function greatest(
  ids: readonly string[],
  numberOf: (id: string) => number,
): string {
  let best = ids[0]!;
  let most = numberOf(best);
  for (const id of ids.slice(1)) {
    const number = numberOf(id);
    if (number > most) [best, most] = [id, number];
  }
  return best;
}

/** Orders each rank by where its neighbours stand, there and back again. */
function untangle(ranks: string[][], net: Net): void {
  const at = new Map<string, number>();
  const note = (ids: readonly string[]) => {
    for (const [i, id] of ids.entries()) at.set(id, (i + 0.5) / ids.length);
  };
  for (const ids of ranks) note(ids);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isBack = sweep % 2 === 1;
    for (const ids of isBack ? ranks.toReversed() : ranks) {
      const wanted = new Map(ids.map((id) => {
        const before = isBack ? net.asked(id) : net.asking(id);
        const those = before.length > 0 ? before : net.neighbours(id);
        return [id, mean(those.map((each) => at.get(each)!)) ?? at.get(id)!];
      }));
      ids.sort((a, b) =>
        wanted.get(a)! - wanted.get(b)! || at.get(a)! - at.get(b)!
      );
      note(ids);
    }
  }
}

/** A rank as columns of at most so many rows, each in the rank's order. */
function dealt(rank: readonly string[], most: number): string[][] {
  const columns = Math.ceil(rank.length / Math.max(1, most));
  return Array.from(
    { length: columns },
    (_, column) => rank.filter((_, i) => i % columns === column),
  );
}

/** Rows of all nodes, near those they speak with. */
function evened(
  columns: readonly (readonly string[])[],
  net: Net,
): Map<string, number> {
  const rows = new Map<string, number>();
  for (const ids of columns) {
    for (const [i, id] of ids.entries()) rows.set(id, i - (ids.length - 1) / 2);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const ids of sweep % 2 === 1 ? columns.toReversed() : columns) {
      const wanted = ids.map((id) =>
        mean(net.neighbours(id).map((each) => rows.get(each)!)) ?? rows.get(id)!
      );
      for (const [i, row] of apart(wanted).entries()) rows.set(ids[i]!, row);
    }
  }
  return rows;
}

/**
 * Rows at least one apart, in the given order and as near as can be to what is
 * wanted: least squares, by pooling neighbours that are too close.
 */
export function apart(wanted: readonly number[]): number[] {
  const pools: { sum: number; size: number }[] = [];
  for (const [i, row] of wanted.entries()) {
    // Without its distance to the first, each may be where the one before is.
    let pool = { sum: row - i, size: 1 };
    for (let last = pools.at(-1); last; last = pools.at(-1)) {
      if (last.sum / last.size < pool.sum / pool.size) break;
      pool = { sum: last.sum + pool.sum, size: last.size + pool.size };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ sum, size }) => Array<number>(size).fill(sum / size))
    .map((row, i) => row + i);
}

/** The free place that suits a node best, among those that are taken. */
function freePlace(
  id: string,
  places: ReadonlyMap<string, Place>,
  net: Net,
): Place {
  const placesOf = (ids: readonly string[]) =>
    ids.flatMap((each) => places.get(each) ?? []);
  const [asking, asked] = [placesOf(net.asking(id)), placesOf(net.asked(id))];
  const columnsOf = (all: readonly Place[]) => all.map(({ column }) => column);
  const column = asking.length > 0
    ? Math.max(...columnsOf(asking)) + 1
    : asked.length > 0
    ? Math.max(0, Math.min(...columnsOf(asked)) - 1)
    : 0;
  const taken = [...places.values()].filter((each) => each.column === column)
    .map(({ row }) => row);
  const wanted = mean([...asking, ...asked].map(({ row }) => row)) ??
    Math.max(-1, ...taken) + 1;
  return { column, row: freeRow(wanted, taken) };
}

/** The row nearest to a wanted one that is free, and one apart from others. */
function freeRow(wanted: number, taken: readonly number[]): number {
  const isFree = (row: number) =>
    row >= 0 && taken.every((each) => Math.abs(each - row) >= 1 - CLOSE);
  return [wanted, ...taken.flatMap((row) => [row - 1, row + 1])]
    .filter(isFree)
    .sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted) || a - b)[0] ??
    Math.max(-1, ...taken) + 1;
}

function mean(numbers: readonly number[]): number | undefined {
  if (numbers.length === 0) return undefined;
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
