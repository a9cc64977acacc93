/**
 * A scan thread that can be broken: what is asked for packets says how. Else it
 * is as every scan thread.
 */
import "../../../worker/serve/scan_thread.ts";
import type { ThreadOrder } from "../../../worker/serve/thread_messages.ts";

const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<ThreadOrder>) => void;
};
const obey = thread.onmessage;

thread.onmessage = (event) => {
  const { data: order } = event;
  const isOdd = order.kind === "file" && order.wanted.what === "packets";
  const how = isOdd && order.wanted.ask;
  if (how === "break") throw new Error("broken on purpose");
  // Until the process ends: nothing else wakes it.
  if (how === "hang") {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  obey(event);
};
