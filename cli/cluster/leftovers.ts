/**
 * What is left of runs that were cut off before they could remove what they
 * made, or before they had made a hub.
 */
import { type Client, isFault, nameOf } from "../../k8s/client.ts";
import { leftovers } from "../../k8s/deploy.ts";
import { LABELS } from "../../k8s/identity.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { toAge } from "./age.ts";

/** Objects that are named one by one. */
const MAX_NAMED = 3;

/**
 * What is there of runs that have no hub, a line for each run; nothing where
 * this account may not see it.
 *
 * @param namespace absent for everywhere
 */
export async function describeLeftovers(
  client: Client,
  namespace: string | undefined,
): Promise<string[]> {
  let all: KubeObject[];
  try {
    all = await leftovers(client, { namespace });
  } catch (error) {
    if (!isFault(error, "forbidden")) throw error;
    return [];
  }
  const runs = Map.groupBy(
    all,
    ({ metadata }) => metadata?.labels?.[LABELS.instance],
  );
  return [...runs].map(([run, objects]) => describeRun(run, objects));
}

function describeRun(
  run: string | undefined,
  objects: readonly KubeObject[],
): string {
  const names = objects.slice(0, MAX_NAMED).map(nameOf).join(", ");
  const more = objects.length - MAX_NAMED;
  const made = objects.map(({ metadata }) => metadata?.creationTimestamp)
    .filter((time) => time !== undefined).sort()[0];
  const age = made === undefined ? "" : ` ${toAge(made)}`;
  const who = run === undefined ? "was made" : `run ${run} made`;
  return `something is left of what ${who}${age}: ${names}${
    more > 0 ? ` and ${more} more` : ""
  }. \`thresher clean\` removes it`;
}
