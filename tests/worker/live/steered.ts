/**
 * A capture that is steered: reads orders line by line from the file that it is
 * given, as they are added, and says what came of each as a line of JSON. A
 * program of its own, for it has to run in a network namespace.
 *
 * ```sh
 * deno run -A steered.ts FOLDER ORDERS
 * ```
 */
import type { TargetEnd } from "../../../api/worker.ts";
import { LiveCapture } from "../../../worker/live/live_capture.ts";
import type { OwnTraffic } from "../../../worker/capture/own_traffic.ts";

/** One thing to do. */
export type Order =
  | { readonly exclude: OwnTraffic }
  | { readonly target: readonly TargetEnd[] | null }
  | { readonly storageLimit: number }
  | { readonly listen: boolean }
  | { readonly stop: true };

const [folder, orders] = Deno.args as [string, string];
const say = (value: unknown) => console.log(JSON.stringify(value));

const capture = await LiveCapture.start({
  folder,
  node: "n",
  storageLimit: 64 * 2 ** 20,
});
say("started");

let endListening = () => {};

async function obey(order: Order): Promise<void> {
  if ("exclude" in order) await capture.exclude(order.exclude);
  else if ("target" in order) await capture.target(order.target ?? undefined);
  else if ("stop" in order) await capture.stop();
  else if ("listen" in order) {
    endListening();
    endListening = order.listen
      ? capture.onStored(() => say({ stored: Date.now() }))
      : () => {};
  } else await capture.setStorageLimit(order.storageLimit);
}

let isRunning = true;
void capture.ended.finally(() => isRunning = false);
for (let done = 0; isRunning;) {
  const lines = (await Deno.readTextFile(orders)).split("\n").slice(0, -1);
  for (; done < lines.length; done++) {
    try {
      await obey(JSON.parse(lines[done]!));
      say("done");
    } catch (error) {
      say({ refused: (error as Error).message });
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
}
say({ state: await capture.ended });
