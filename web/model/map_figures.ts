/** Map figures: what the service map says of its nodes and links, in words. */
import type { MapEnd } from "../../api/hub.ts";
import type { Pick } from "./filter_edit.ts";
import {
  counted,
  formatLatency,
  formatRate,
  formatShare,
  toShown,
} from "./format.ts";
import {
  failureOf,
  type LinkPart,
  type MapLink,
  type MapNode,
  type Tally,
} from "./map_graph.ts";

/** From which share of failures on something is shown as failing, of 1. */
export const FAILING = 0.05;

/** Time by which rates are told; of less, counts are, µs. */
const LEAST_SPAN = 1e6;

export const isFailing = (tally: Tally): boolean => failureOf(tally) >= FAILING;

/** A rate; the count itself where there is no time to speak of. @param span µs */
export function rateText(count: number, span: number): string {
  return span < LEAST_SPAN ? `${count}×` : formatRate(count, span);
}

/** What a node is called, in two parts. */
export interface Title {
  readonly main: string;
  /** Where it is; `""` if that is not known. */
  readonly rest: string;
}

/** @param gathered how many ends are in the node of all others */
export function titleOf(end: MapEnd | undefined, gathered: number): Title {
  if (!end) return { main: counted(gathered, "other"), rest: "" };
  const { namespace, value } = end;
  const tail = `.${namespace}`;
  const isTold = namespace !== undefined && value.endsWith(tail);
  return {
    main: toShown(isTold ? value.slice(0, -tail.length) : value),
    rest: toShown(namespace ?? ""),
  };
}

/** All of it, as people and filters write it. */
export const nameOf = (end: MapEnd | undefined, gathered: number): string =>
  end ? toShown(end.end) : counted(gathered, "other end");

/** What is said of a node beside its name. */
export function describeNode({ sent, served }: MapNode): string {
  const sides = [["asks", sent], ["answers", served]] as const;
  return sides.filter(([, { count }]) => count > 0)
    .map(([verb, tally]) => `${verb} ${entriesOf(tally)}`)
    .join("; ");
}

/** What a link is spoken as. */
export function describeLink(
  { parts }: MapLink,
  [src, dst]: readonly [string, string],
): string {
  const figures = parts.map((part) => {
    const { protocol, elapsedTime } = part;
    const latency = elapsedTime
      ? `, half within ${formatLatency(elapsedTime.p50)}`
      : "";
    return `${toShown(protocol || "others")} ${entriesOf(part)}${latency}`;
  });
  return `${src} to ${dst}: ${figures.join("; ")}`;
}

function entriesOf(tally: Tally): string {
  const entries = counted(tally.count, "entry").replace(/ys$/, "ies");
  return tally.failed === 0
    ? entries
    : `${entries}, ${formatShare(tally.failed, tally.count)} failed`;
}

/** A piece of a link's label. */
export interface LabelPiece {
  readonly text: string;
  readonly kind: "protocol" | "figure" | "failed";
}

/**
 * What stands at a link.
 *
 * @param hasRoom also for how long answers took
 * @param span of time that was counted, µs
 */
export function labelOf(
  link: MapLink,
  span: number,
  hasRoom: boolean,
): LabelPiece[] {
  const [first, ...more] = link.parts as [LinkPart, ...LinkPart[]];
  const name = toShown(first.protocol || "others");
  const p50 = first.elapsedTime?.p50;
  return [
    {
      text: more.length > 0 ? `${name} +${more.length}` : name,
      kind: "protocol",
    },
    { text: rateText(link.count, span), kind: "figure" },
    ...hasRoom && p50 !== undefined
      ? [{ text: formatLatency(p50), kind: "figure" } as const]
      : [],
    ...link.failed > 0
      ? [
        {
          text: formatShare(link.failed, link.count),
          kind: "failed",
        } as const,
      ]
      : [],
  ];
}

/** What a click on a node or, with a side, one end of a link asks for. */
export function picksOf(
  end: MapEnd | undefined,
  side?: "src" | "dst",
): Pick[] {
  if (!end) return [];
  const { by, value, namespace } = end;
  const prefix = side ? `${side}.` : "";
  return [
    { path: `${prefix}${by}`, value },
    // Two namespaces may each have a workload that is called so.
    ...by === "workload" && namespace !== undefined
      ? [{ path: `${prefix}namespace`, value: namespace }]
      : [],
  ];
}
