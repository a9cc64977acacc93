/**
 * Map walk: where the arrow keys lead on the service map. Up and down go
 * through all nodes; right and left go along the links, from a node to what it
 * asks or who asks it, by way of the link between them, beside which up and
 * down find the others of that node.
 */
import type { MapGraph, MapLink } from "./map_graph.ts";

/** What has the focus: a node; or a link, and from which end it was come to. */
export type Stop =
  | { readonly node: string }
  | { readonly link: string; readonly from: "src" | "dst" };

export type Step = "up" | "down" | "left" | "right" | "first" | "last";

/** What the keys are called in events. */
export const STEPS: Readonly<Record<string, Step>> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
  Home: "first",
  End: "last",
};

/**
 * Where a step leads; to where it began if there is nothing.
 *
 * @param order ids of all nodes, as they are read
 */
export function walk(
  stop: Stop,
  step: Step,
  { links }: Pick<MapGraph, "links">,
  order: readonly string[],
): Stop {
  if (step === "first" || step === "last") {
    const node = order.at(step === "first" ? 0 : -1);
    return node === undefined ? stop : { node };
  }
  const places = new Map(order.map((id, i) => [id, i]));
  /** Links of a node, as their other ends are read. */
  const linksAt = (node: string, end: "src" | "dst"): MapLink[] => {
    const other = end === "src" ? "dst" : "src";
    return links.filter((link) => link[end] === node)
      .sort((a, b) => places.get(a[other])! - places.get(b[other])!);
  };
  if ("node" in stop) {
    if (step === "up" || step === "down") {
      const next = order[places.get(stop.node)! + (step === "up" ? -1 : 1)];
      return next === undefined ? stop : { node: next };
    }
    const from = step === "right" ? "src" : "dst";
    const [link] = linksAt(stop.node, from);
    return link ? { link: link.id, from } : stop;
  }
  const link = links.find(({ id }) => id === stop.link);
  if (!link) return stop;
  if (step === "right") return { node: link.dst };
  if (step === "left") return { node: link.src };
  const beside = linksAt(link[stop.from], stop.from);
  const next = beside[beside.indexOf(link) + (step === "up" ? -1 : 1)];
  return next ? { link: next.id, from: stop.from } : stop;
}
