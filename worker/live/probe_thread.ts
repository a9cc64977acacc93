/** The thread that probes flows. It needs no permission, and has none. */
import type { SharedProbing } from "./messages.ts";
import { ProbeQueueReader } from "./probe_queue.ts";
import { Prober } from "./prober.ts";

/** The scope of a thread's module, of which the types here know nothing. */
const thread = globalThis as unknown as {
  onmessage: ((event: MessageEvent<SharedProbing>) => void) | null;
  close(): void;
};

thread.onmessage = ({ data }) => {
  const queue = new ProbeQueueReader(data.queue);
  const prober = new Prober(new Uint32Array(data.slots));
  while (queue.next()) prober.add(queue);
  thread.close();
};
