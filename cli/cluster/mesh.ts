/** What is said of captured pods in which a service mesh's proxy is. */
import type { MeshStatus } from "../../api/hub.ts";

/** Pods that are named one by one. */
const MAX_NAMED = 5;

/** A pod, by what it is called. */
interface Named {
  readonly namespace: string;
  readonly pod: string;
}

/**
 * That nothing is heard inside of some pods, without `--mesh`.
 *
 * @param count of the pods; the names of the first of them will do
 */
export function describeUnheard(
  count: number,
  pods: readonly Named[],
  advice: string,
): string {
  const have = count === 1 ? "pod has" : "pods have";
  return `${count} captured ${have} a service mesh's proxy beside the ` +
    `application (${toNames(count, pods)}): what these two say to each other ` +
    "is not captured, and between pods the mesh may encrypt it. " + advice;
}

/** What a hub says of it, a line each; nothing where no pod is in a mesh. */
export function describeMesh(
  { isEntered, pods, unheard, first }: MeshStatus,
): string[] {
  if (pods === 0) return [];
  if (!isEntered) {
    const advice = "This installation is without --mesh: `thresher clean` " +
      "and `thresher tap --mesh` make one that has it";
    return [describeUnheard(unheard, first, advice)];
  }
  const heard = pods - unheard;
  const named = first.slice(0, MAX_NAMED);
  const more = unheard - named.length;
  return [
    `${heard} of ${pods} captured pods with a service mesh's proxy are heard ` +
    "inside, too",
    ...named.map(({ namespace, pod, reason }) =>
      `${namespace}/${pod}: not heard inside: ${reason ?? "unknown"}`
    ),
    ...(more > 0 ? [`and ${more} more are not heard inside`] : []),
  ];
}

function toNames(count: number, pods: readonly Named[]): string {
  const names = pods.slice(0, MAX_NAMED)
    .map(({ namespace, pod }) => `${namespace}/${pod}`);
  const more = count - names.length;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
