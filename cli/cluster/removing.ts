/** Takes an installation away, and proves it. */
import type { Client } from "../../k8s/client.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";
import {
  leftovers,
  type Ours,
  type Removal,
  remove,
} from "../../k8s/deploy.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { say } from "../output.ts";
import { LiveLine } from "./live_line.ts";

/** How long an API server that is away is waited for, ms. */
const PATIENCE_MS = 60_000;

const PAUSE_MS = 1000;

/**
 * Removes what is ours, shows how far it is, and says what is left.
 *
 * @throws ClusterError if the API server stays away, or refuses
 */
export async function removeAll(client: Client, ours: Ours): Promise<ExitCode> {
  using line = new LiveLine();
  const removal = await persist(line, async () => {
    const all = await leftovers(client, ours);
    let count = 0;
    return await remove(client, ours, (name) => {
      line.show(`removing ${name} (${++count} of ${all.length})`);
    });
  });
  line.end();
  return sayRemoval(removal);
}

function sayRemoval({ removed, kept, left }: Removal): ExitCode {
  for (const { name, why } of kept) say(`thresher: ${name} stays: ${why}`);
  if (left.length > 0) {
    say(
      `thresher: still there: ${left.join(", ")}. ` +
        "`kubectl get -o yaml` says what holds them; then `thresher clean`",
    );
    return EXIT.FAILED;
  }
  const rest = kept.length > 0 ? "nothing else" : "nothing";
  say(
    removed.length > 0
      ? `thresher: ${removed.length} objects were removed; ${rest} is left of ` +
        "them in the cluster"
      : "thresher: there is nothing to remove",
  );
  return EXIT.DONE;
}

/** Tries again while the API server is away. */
async function persist<T>(
  line: LiveLine,
  attempt: () => Promise<T>,
): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isPassing = error instanceof ClusterError && error.isPassing;
      if (!isPassing || Date.now() > end) throw error;
      line.show(`waiting to remove: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
