/**
 * Map graph: what the service map draws. Ends are its nodes, and each pair of
 * them that speaks is a link, whatever protocols it speaks.
 *
 * A page cannot show thousands of either, so the rarest ends are gathered into
 * one node, and the rarest links left out; the graph says how many.
 */
import type { MapAnswer, MapEdge, MapEnd, Summary } from "../../api/hub.ts";

/** Nodes that are drawn, with the one of all others. */
export const MAX_NODES = 60;

/** Links that are drawn. */
export const MAX_LINKS = 200;

/** An end that is drawn already stays until another is so much busier. */
const STAYING = 2;

/** The id of the node that stands for all others; no end is called so. */
export const OTHERS = "";

/** A node: one end, or all others. */
export interface MapNode {
  readonly id: string;
  /** Absent for all others. */
  readonly end?: MapEnd | undefined;
  /** Entries of which it is an end. */
  readonly count: number;
  /** As the client. */
  readonly sent: Tally;
  /** As the server. */
  readonly served: Tally;
}

/** Entries, those that failed, and bytes both ways. */
export interface Tally {
  readonly count: number;
  readonly failed: number;
  readonly bytes: number;
}

/** All that one end asks another. */
export interface MapLink extends Tally {
  readonly id: string;
  readonly src: string;
  readonly dst: string;
  /** Each protocol that it speaks, the busiest first. */
  readonly parts: readonly LinkPart[];
}

/** What a link amounts to by one protocol. */
export interface LinkPart extends Tally {
  readonly protocol: string;
  /** ms; absent where nothing was answered, and where links were gathered. */
  readonly elapsedTime?: Summary["elapsedTime"];
}

export interface MapGraph {
  /** The busiest first. */
  readonly nodes: readonly MapNode[];
  /** The busiest first. */
  readonly links: readonly MapLink[];
  /** Ends that are in the node of all others. */
  readonly gathered: number;
  /** Links that are not drawn. */
  readonly undrawn: number;
}

export const EMPTY_GRAPH: MapGraph = {
  nodes: [],
  links: [],
  gathered: 0,
  undrawn: 0,
};

/** What share failed, of 1. */
export const failureOf = ({ count, failed }: Tally): number =>
  failed / Math.max(1, count);

/**
 * The graph of an answer.
 *
 * @param drawn ids of what is drawn now, and is not to come and go
 */
export function toGraph(
  { edges, ends }: Pick<MapAnswer, "edges" | "ends">,
  drawn: ReadonlySet<string> = new Set(),
  most: number = MAX_NODES,
): MapGraph {
  const shown = busiest(edges, drawn, most);
  const idOf = (end: string | undefined) =>
    end !== undefined && shown.has(end) ? end : OTHERS;
  const links = linksOf(edges, idOf);
  const known = new Map(ends.map((each) => [each.end, each]));
  return {
    nodes: nodesOf(links, known),
    links: links.slice(0, MAX_LINKS),
    gathered: known.size - shown.size,
    undrawn: Math.max(0, links.length - MAX_LINKS),
  };
}

/** The ends that have nodes of their own. */
function busiest(
  edges: readonly MapEdge[],
  drawn: ReadonlySet<string>,
  most: number,
): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { src, dst, count } of edges) {
    for (const end of new Set([src, dst])) {
      if (end !== undefined) counts.set(end, (counts.get(end) ?? 0) + count);
    }
  }
  if (counts.size <= most) return new Set(counts.keys());
  const weight = (end: string, count: number) =>
    count * (drawn.has(end) ? STAYING : 1);
  const ranked = [...counts].sort(([a, m], [b, n]) =>
    weight(b, n) - weight(a, m) || compareText(a, b)
  );
  return new Set(ranked.slice(0, most - 1).map(([end]) => end));
}

/** All links, the busiest first. */
function linksOf(
  edges: readonly MapEdge[],
  idOf: (end: string | undefined) => string,
): MapLink[] {
  const pairs = Map.groupBy(
    edges,
    ({ src, dst }) => JSON.stringify([idOf(src), idOf(dst)]),
  );
  const links = Array.from(pairs, ([id, all]): MapLink => {
    const [src, dst] = JSON.parse(id);
    return { id, src, dst, parts: partsOf(all), ...sum(all.map(toTally)) };
  });
  return links.sort((a, b) => b.count - a.count || compareText(a.id, b.id));
}

function partsOf(edges: readonly MapEdge[]): LinkPart[] {
  const byProtocol = Map.groupBy(edges, ({ protocol }) => protocol ?? "");
  const parts = Array.from(byProtocol, ([protocol, all]): LinkPart => ({
    protocol,
    ...sum(all.map(toTally)),
    // Quantiles of several cannot be put together.
    ...all.length === 1 && { elapsedTime: all[0]!.elapsedTime },
  }));
  return parts.sort((a, b) =>
    b.count - a.count || compareText(a.protocol, b.protocol)
  );
}

function nodesOf(
  links: readonly MapLink[],
  ends: ReadonlyMap<string, MapEnd>,
): MapNode[] {
  const sent = Map.groupBy(links, ({ src }) => src);
  const served = Map.groupBy(links, ({ dst }) => dst);
  const ids = new Set([...sent.keys(), ...served.keys()]);
  const nodes = Array.from(ids, (id): MapNode => {
    const [out, back] = [sent.get(id) ?? [], served.get(id) ?? []];
    const itself = out.find(({ dst }) => dst === id)?.count ?? 0;
    const node = { id, sent: sum(out), served: sum(back) };
    const count = node.sent.count + node.served.count - itself;
    return { ...node, end: ends.get(id), count };
  });
  return nodes.sort((a, b) => b.count - a.count || compareText(a.id, b.id));
}

const toTally = (
  { count, failed, requestBytes, responseBytes }: Summary,
): Tally => ({ count, failed, bytes: requestBytes + responseBytes });

function sum(tallies: readonly Tally[]): Tally {
  let [count, failed, bytes] = [0, 0, 0];
  for (const each of tallies) {
    count += each.count;
    failed += each.failed;
    bytes += each.bytes;
  }
  return { count, failed, bytes };
}

/** The same order whatever the reader's language. */
export const compareText = (a: string, b: string): number =>
  a < b ? -1 : a > b ? 1 : 0;
