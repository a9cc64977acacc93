/** A data folder that grows while it is asked about. */
import type { CaptureState, TargetsOrder } from "../../../api/worker.ts";
import type { Capture } from "../../../worker/serve/capture.ts";
import { WorkerService } from "../../../worker/serve/service.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { store, type TimedFrame } from "../scan/interleaved.ts";

/** Stores packets when it is told to, where a capture does when they come. */
export class GrowingFolder implements Capture {
  readonly writer: StoreWriter;
  order: TargetsOrder | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(
    folder: string,
    shardBytes?: number,
    storageLimit = 2 ** 30,
    node = "test",
  ) {
    this.writer = StoreWriter.open(folder, {
      node,
      storageLimit,
      shardBytes,
    });
  }

  get state(): CaptureState {
    return {
      since: 0,
      interfaces: ["eth0"],
      packets: 7,
      bytes: 700,
      droppedByKernel: 1,
      notStored: 0,
      copies: 0,
      ownTraffic: 0,
    };
  }

  /** Whether anybody wants to know. */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  onStored(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setStorageLimit(bytes: number): Promise<void> {
    return Promise.try(() => this.writer.setStorageLimit(bytes));
  }

  target(order: TargetsOrder): Promise<void> {
    this.order = order;
    return Promise.resolve();
  }

  /** Stores frames, and says so. */
  store(frames: readonly TimedFrame[]): void {
    store(this.writer, frames);
    this.stored();
  }

  /** Says that something was stored. */
  stored(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A worker over a folder that grows, whose faults fail the test. */
export async function withGrowing(
  folder: string,
  use: (service: WorkerService, growing: GrowingFolder) => Promise<void>,
  sizes: { shardBytes?: number; storageLimit?: number } = {},
): Promise<void> {
  const faults: string[] = [];
  const growing = new GrowingFolder(
    folder,
    sizes.shardBytes,
    sizes.storageLimit,
  );
  using _writer = growing.writer;
  const service = new WorkerService({
    name: "test",
    version: "0",
    folder,
    capture: growing,
    threads: 1,
    onFault: (text) => faults.push(text),
  });
  try {
    await use(service, growing);
  } finally {
    service.close();
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
