/**
 * The thread that captures: waits for packets, stores them, and hears of
 * nothing else but that it shall end.
 */
import { AfPacket } from "../capture/af_packet.ts";
import { SNAP_LENGTH } from "../capture/filter.ts";
import { CannotCapture } from "../capture/source.ts";
import { SystemCallError } from "../ffi/libc.ts";
import { UnusableFolder } from "../shards/meta.ts";
import { StoreWriter } from "../shards/store_writer.ts";
import type { CaptureNews, CaptureOrder } from "./messages.ts";
import { Recorder, type RecorderState } from "./recorder.ts";

/** The scope of a thread's module, of which the types here know nothing. */
const thread = globalThis as unknown as {
  onmessage: ((event: MessageEvent<CaptureOrder>) => void) | null;
  postMessage(news: CaptureNews): void;
  close(): void;
};

/** How often the state is told while it changes, ms. */
const TELL = 1000;

thread.onmessage = ({ data }) => {
  thread.postMessage(toOutcome(data));
  thread.close();
};

/** What it came to. Told when all is closed: who hears it may end the process. */
function toOutcome(order: CaptureOrder): CaptureNews {
  try {
    return { kind: "ended", state: capture(order) };
  } catch (error) {
    const failure = toFailure(firstOf(error));
    // A mistake of ours, for the one who started us to throw.
    if (!failure) throw error;
    return failure;
  }
}

/** What failed first, when to clean up after it failed as well. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}

/** Captures until it is told to end; gives what became of the packets. */
function capture(order: CaptureOrder): RecorderState {
  using source = AfPacket.open({ ...order, snapLength: SNAP_LENGTH });
  using store = StoreWriter.open(order.folder, {
    node: order.node,
    storageLimit: order.storageLimit,
  });
  const recorder = new Recorder(source, store);
  thread.postMessage({ kind: "started", recovery: store.recovery });
  let told = recorder.state;
  let toldAt = -Infinity;
  while (Atomics.load(order.control, 0) === 0) {
    recorder.turn();
    const now = performance.now();
    if (now - toldAt < TELL) continue;
    const { state } = recorder;
    if (isSame(state, told)) continue;
    thread.postMessage({ kind: "state", state });
    told = state;
    toldAt = now;
  }
  recorder.finish();
  store.rotate();
  return recorder.state;
}

function isSame(a: RecorderState, b: RecorderState): boolean {
  return a.packets === b.packets && a.droppedByKernel === b.droppedByKernel &&
    a.notStored === b.notStored && a.stopped === b.stopped;
}

/** What went wrong, if the surroundings are to blame. */
function toFailure(error: unknown): CaptureNews | undefined {
  if (error instanceof CannotCapture || error instanceof UnusableFolder) {
    return { kind: "failed", message: error.message, denied: error.denied };
  }
  const isOfSystem = error instanceof Error &&
    ("code" in error || error instanceof SystemCallError);
  if (!isOfSystem) return undefined;
  return {
    kind: "failed",
    message: `Cannot go on capturing: ${error.message}`,
    denied: false,
  };
}
