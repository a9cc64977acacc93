/**
 * The hub's view of its cluster: one watch of each kind, shared by all who
 * want to know of it.
 *
 * Pods are a cluster's largest list, and names, targets and workers are all
 * made of them; so they come in once.
 */
import type { Client } from "./client.ts";
import type { ClusterError } from "./cluster_error.ts";
import type { KubeObject, Pod } from "./objects.ts";
import type { Named, Resolver } from "./resolver.ts";
import {
  ENDPOINT_SLICES,
  NODES,
  PODS,
  type Resource,
  SERVICES,
} from "./resource.ts";
import { type Change, follow, type Patience } from "./watch.ts";

/** Who is told. */
export interface Listeners {
  readonly resolver: Resolver;
  /** Targets, workers: whoever follows pods. */
  readonly pods: readonly { take(change: Change<Pod>): void }[];
  /** Told when what is known may be out of date, and no longer so. */
  readonly state?: (
    kind: keyof Named,
    error: ClusterError | undefined,
  ) => void;
}

const WATCHED: readonly [keyof Named, Resource][] = [
  ["nodes", NODES],
  ["services", SERVICES],
  ["slices", ENDPOINT_SLICES],
  ["pods", PODS],
];

/**
 * Watches until the signal says so.
 *
 * @param now µs since 1970; never less than before
 */
export async function observe(
  client: Client,
  { resolver, pods, state }: Listeners,
  signal: AbortSignal,
  now: () => number = () => Date.now() * 1000,
  patience?: Patience,
): Promise<void> {
  await Promise.all(WATCHED.map(async ([kind, resource]) => {
    const changes = follow<KubeObject>(client, resource, {}, signal, patience);
    for await (const change of changes) {
      if (change.kind === "lost") state?.(kind, change.error);
      else if (change.kind === "found") state?.(kind, undefined);
      else {
        // Of the kind that was watched; the watch cannot know it.
        resolver.take(kind, change as Change<Named[typeof kind]>, now());
        if (kind !== "pods") continue;
        for (const listener of pods) listener.take(change as Change<Pod>);
      }
    }
  }));
}
