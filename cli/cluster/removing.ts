/** Takes an installation away, and proves it. */
import type { Client } from "../../k8s/client.ts";
import { persist } from "../../k8s/cluster_error.ts";
import {
  leftovers,
  type Ours,
  type Removal,
  remove,
} from "../../k8s/deploy.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { say } from "../output.ts";
import { LiveLine } from "./live_line.ts";

/**
 * Removes what is ours, shows how far it is, and says what is left.
 *
 * @throws ClusterError if the API server stays away, or refuses
 */
export async function removeAll(client: Client, ours: Ours): Promise<ExitCode> {
  using line = new LiveLine();
  const gone = new Set<string>();
  const removal = await persist(async () => {
    const total = gone.size + (await leftovers(client, ours)).length;
    return await remove(client, ours, (name) => {
      gone.add(name);
      line.show(`removing ${name} (${gone.size} of ${total})`);
    });
  }, (error) => line.show(`waiting to remove: ${error.message}`));
  line.end();
  return sayRemoval(removal, gone.size);
}

function sayRemoval({ kept, left }: Removal, gone: number): ExitCode {
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
    gone > 0
      ? `thresher: ${gone} objects were removed; ${rest} is left of ` +
        "them in the cluster"
      : "thresher: there is nothing to remove",
  );
  return EXIT.DONE;
}
