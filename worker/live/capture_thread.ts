/**
 * The thread that captures: waits for packets and stores them. It turns to what
 * it is told only when it is woken for that.
 */
import { AfPacket } from "../capture/af_packet.ts";
import { toCannotCapture } from "../capture/failure.ts";
import { SNAP_LENGTH } from "../capture/filter.ts";
import { MeshCapture } from "../capture/mesh_capture.ts";
import { CannotCapture, type LiveSource } from "../capture/source.ts";
import { ERRNO, SystemCallError } from "../ffi/libc.ts";
import { BadExpression } from "../ffi/libpcap.ts";
import { enterNetwork, Stranded } from "../ffi/network.ts";
import { takeWakes } from "../ffi/waker.ts";
import { UnusableFolder } from "../shards/meta.ts";
import { firstShardAt } from "../shards/numbering.ts";
import { StoreWriter } from "../shards/store_writer.ts";
import type { CaptureNews, CaptureOrder, CaptureStart } from "./messages.ts";
import { ProbeQueueWriter } from "./probe_queue.ts";
import { Recorder, type RecorderState } from "./recorder.ts";

/** The scope of a thread's module, of which the types here know nothing. */
const thread = globalThis as unknown as {
  onmessage:
    | ((event: MessageEvent<CaptureStart | CaptureOrder>) => void)
    | null;
  postMessage(news: CaptureNews): void;
  close(): void;
};

/** How often the state is told while it changes, ms. */
const TELL = 1000;

/** How often it is told that packets were stored, ms. */
const TELL_STORED = 50;

/** Orders that came and were not read yet, and who waits for one. */
const orders: CaptureOrder[] = [];
let onOrder = (): void => {};

thread.onmessage = async ({ data }) => {
  if ("kind" in data) {
    orders.push(data);
    return onOrder();
  }
  thread.postMessage(await toOutcome(data));
  thread.close();
};

async function nextOrder(): Promise<CaptureOrder> {
  while (orders.length === 0) {
    await new Promise<void>((resolve) => onOrder = resolve);
  }
  return orders.shift()!;
}

/** What it came to. Told when all is closed: who hears it may end the process. */
async function toOutcome(start: CaptureStart): Promise<CaptureNews> {
  try {
    return { kind: "ended", state: await capture(start) };
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
async function capture(start: CaptureStart): Promise<RecorderState> {
  if (start.network !== undefined) enter(start.network);
  let opened: StoreWriter | undefined;
  using source = openSource(start, () => opened!.takeNetwork());
  using store = opened = StoreWriter.open(start.folder, {
    node: start.node,
    storageLimit: start.storageLimit,
    firstShard: firstShardAt(Date.now()),
  });
  if (start.entersPods) source.aim(start.aim);
  const { probing } = start;
  const recorder = new Recorder(
    source,
    store,
    probing && { ...probing, queue: new ProbeQueueWriter(probing.queue) },
  );
  const teller = new Teller(recorder);
  thread.postMessage({ kind: "started", recovery: store.recovery });
  for (let runs = true; runs;) {
    recorder.turn(teller.patience);
    for (let wakes = takeWakes(start.wakeFd); wakes > 0; wakes--) {
      const order = await nextOrder();
      if (order.kind === "stop") runs = false;
      else obey(order, source, store, teller);
    }
    teller.tell();
  }
  recorder.finish();
  store.rotate();
  return recorder.state;
}

/**
 * Pods' networks are yet to be entered, for their numbers are kept in a folder
 * that is not made before it is certain that there is something to keep.
 *
 * @throws CannotCapture
 */
function openSource(start: CaptureStart, takeNumber: () => number): LiveSource {
  const options = { ...start, snapLength: SNAP_LENGTH };
  if (!start.entersPods) return AfPacket.open(options);
  const aim = { ...start.aim, networks: [] };
  return MeshCapture.open({ ...options, aim, takeNumber });
}

/** @throws CannotCapture */
function enter(network: string): void {
  try {
    enterNetwork(network);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw toCannotCapture(error);
    const { errno, message } = error;
    const isDenied = errno === ERRNO.EPERM || errno === ERRNO.EACCES;
    throw new CannotCapture(
      isDenied
        ? `Cannot capture in the network "${network}": that takes the ` +
          "capability CAP_SYS_ADMIN"
        : `Cannot capture in the network "${network}": ${message}`,
      isDenied,
      error,
    );
  }
}

/** Does what it is told, and answers. */
function obey(
  order: Exclude<CaptureOrder, { kind: "stop" }>,
  source: LiveSource,
  store: StoreWriter,
  teller: Teller,
): void {
  let refusal: string | undefined;
  try {
    if (order.kind === "aim") source.aim(order.aim);
    else if (order.kind === "listen") teller.isHeard = order.isHeard;
    else store.setStorageLimit(order.storageLimit);
  } catch (error) {
    const isRefusal = error instanceof BadExpression ||
      error instanceof UnusableFolder;
    if (!isRefusal) throw error;
    refusal = error.message;
  }
  thread.postMessage({ kind: "answer", refusal });
}

/** Tells the one who started us what has changed, and not too often. */
class Teller {
  /** Whether somebody wants to know that packets were stored. */
  isHeard = false;
  readonly #recorder: Recorder;
  #state: RecorderState | undefined;
  #stateAt = -Infinity;
  #stored = 0;
  #storedAt = -Infinity;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** How long nothing need be told, ms. */
  get patience(): number {
    if (!this.#hasStored) return TELL;
    return Math.max(0, this.#storedAt + TELL_STORED - performance.now());
  }

  tell(): void {
    const now = performance.now();
    if (this.#hasStored && now - this.#storedAt >= TELL_STORED) {
      thread.postMessage({ kind: "stored" });
      this.#stored = this.#recorder.stored;
      this.#storedAt = now;
    }
    if (now - this.#stateAt < TELL) return;
    const { state } = this.#recorder;
    if (this.#state && isSame(state, this.#state)) return;
    thread.postMessage({ kind: "state", state });
    this.#state = state;
    this.#stateAt = now;
  }

  /** Whether it is to be told that packets were stored. */
  get #hasStored(): boolean {
    return this.isHeard && this.#recorder.stored !== this.#stored;
  }
}

function isSame(a: RecorderState, b: RecorderState): boolean {
  const names = Object.keys(a) as (keyof RecorderState)[];
  return names.every((name) => a[name] === b[name]);
}

/** What went wrong, if the surroundings are to blame. */
function toFailure(error: unknown): CaptureNews | undefined {
  if (error instanceof CannotCapture || error instanceof UnusableFolder) {
    return { kind: "failed", message: error.message, denied: error.denied };
  }
  const isOfSystem = error instanceof Error &&
    ("code" in error || error instanceof SystemCallError ||
      error instanceof Stranded);
  if (!isOfSystem) return undefined;
  return {
    kind: "failed",
    message: `Cannot go on capturing: ${error.message}`,
    denied: false,
  };
}
