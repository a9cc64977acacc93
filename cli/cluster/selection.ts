/** Which pods a command line picks, and what it says of them. */
import type { TargetSelection, TargetsStatus } from "../../api/hub.ts";
import { BadSelection, isEverything } from "../../api/selection.ts";
import { type Client, isFault } from "../../k8s/client.ts";
import type { Pod } from "../../k8s/objects.ts";
import { PODS } from "../../k8s/resource.ts";
import { compileSelection, type Picks, toTarget } from "../../k8s/targets.ts";
import { CommandError, EXIT } from "../exit.ts";
import { describeUnheard } from "./mesh.ts";
import { toTable } from "./text_table.ts";

/** Options that pick pods. */
export interface SelectionOptions {
  readonly namespaces?: readonly string[];
  readonly allNamespaces?: true;
  readonly excludeNamespaces?: readonly string[];
  readonly selector?: string;
}

/** Pods that are shown one by one. */
const MAX_SHOWN = 10;

/** Whether anything picks pods. */
export const isPicky = (
  regex: string | undefined,
  { namespaces, allNamespaces, excludeNamespaces, selector }: SelectionOptions,
): boolean =>
  [regex, namespaces, allNamespaces, excludeNamespaces, selector]
    .some((given) => given !== undefined);

/**
 * What is picked: in one namespace unless something else is said, as kubectl
 * has it.
 *
 * @param namespace the context's
 */
export function toSelection(
  regex: string | undefined,
  options: SelectionOptions,
  namespace: string,
): TargetSelection {
  const { namespaces, allNamespaces, excludeNamespaces, selector } = options;
  const isWide = allNamespaces || excludeNamespaces;
  const only = namespaces ?? (isWide ? undefined : [namespace]);
  return {
    ...(regex && { pod: regex }),
    ...(only && { namespaces: only }),
    ...(excludeNamespaces && { excludeNamespaces }),
    ...(selector && { labels: selector }),
  };
}

/** @throws CommandError for an expression or labels that cannot be read */
export function compileOrRefuse(selection: TargetSelection): Picks {
  try {
    return compileSelection(selection);
  } catch (error) {
    if (!(error instanceof BadSelection)) throw error;
    throw new CommandError(EXIT.MISUSED, error.message, error);
  }
}

/** For people: `pods named "web" in namespace shop with app=web`. */
export function describeSelection(selection: TargetSelection): string {
  if (isEverything(selection)) return "all pods, and the nodes themselves";
  const { pod, namespaces, excludeNamespaces, labels } = selection;
  return [
    pod ? `pods whose name has "${pod}"` : "all pods",
    namespaces?.length ? `in ${namespaces.join(", ")}` : "in all namespaces",
    excludeNamespaces?.length ? `but ${excludeNamespaces.join(", ")}` : "",
    labels ? `with the labels ${labels}` : "",
  ].filter(Boolean).join(" ");
}

/**
 * A table of the pods that match now, or why there is none; and what will not
 * be heard of them.
 *
 * @param isEntered whether workers will enter the networks of pods (`--mesh`)
 * @returns a piece of text for each
 */
export async function previewSelection(
  client: Client,
  selection: TargetSelection,
  isEntered: boolean,
): Promise<string[]> {
  const picks = compileOrRefuse(selection);
  const { namespaces = [] } = selection;
  const [only] = namespaces;
  const what = describeSelection(selection);
  let pods: Pod[];
  try {
    pods = await client.listAll<Pod>(PODS, {
      namespace: namespaces.length === 1 ? only : undefined,
    });
  } catch (error) {
    if (!isFault(error, "forbidden")) throw error;
    return [`captures ${what}; this account may not list them, the hub will`];
  }
  const found = pods.filter(picks).flatMap((pod) => toTarget(pod) ?? []);
  if (found.length === 0) {
    const hint = isEverything(selection)
      ? ""
      : "; -A would take all namespaces, and pods that come later are " +
        "captured as they come";
    return [`captures ${what}: none is there now${hint}`];
  }
  const rows = found.slice(0, MAX_SHOWN).map((pod) => [
    `  ${pod.namespace}`,
    pod.name,
    pod.node,
  ]);
  const rest = found.length - rows.length;
  const table = toTable(["  NAMESPACE", "POD", "NODE"], rows) +
    (rest > 0 ? `\n  and ${rest} more` : "");
  const text = `captures ${what}: ${found.length} now\n${table}`;
  const meshed = found.filter(({ mesh }) => mesh)
    .map(({ namespace, name }) => ({ namespace, pod: name }));
  if (isEntered || meshed.length === 0) return [text];
  const advice = "With --mesh it is captured, too";
  const unheard = describeUnheard(meshed.length, meshed, advice);
  return [text, `warning: ${unheard}`];
}

/** What the hub made of it. */
export function describeTargets(
  { all, picked, nodes }: TargetsStatus,
): string {
  const set = nodes.filter(({ state }) => state === "set").length;
  const troubles = nodes.filter(({ state }) => state !== "set")
    .map(({ node, reason }) =>
      `; not yet on ${node}${reason ? `: ${reason}` : ""}`
    );
  const what = all ? "everything is" : `${picked} pods are`;
  return `${what} captured on ${set} of ${nodes.length} nodes` +
    troubles.join("");
}
