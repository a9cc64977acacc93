/** The recorder, with an array in the kernel's place. */
import { deepEqual, equal } from "node:assert/strict";
import type { FrameBatch } from "../../../packet/frame.ts";
import type {
  KernelCounters,
  LiveSource,
} from "../../../worker/capture/source.ts";
import { Recorder } from "../../../worker/live/recorder.ts";
import { Facts } from "../../../worker/shards/facts.ts";
import { toName } from "../../../worker/shards/shard.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { bytes, ipv4, sll2, udp } from "../../packet/frames.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import { allFrames } from "../shards/stored.ts";

const MIB = 2 ** 20;
const SLL2 = 276;

/** Packets from an array; a turn takes what is in it. */
class ArraySource implements LiveSource {
  readonly interfaces = [{ linkType: SLL2, snapLength: 1000, name: "any" }];
  names: ReadonlyMap<number, string> = new Map([[7, "eth0"]]);
  waiting: Uint8Array[] = [];
  dropped = 0;
  /** What comes between the stop and the end. */
  late: Uint8Array[] = [];
  isStopped = false;

  get isOver(): boolean {
    return this.isStopped && this.waiting.length === 0 &&
      this.late.length === 0;
  }

  counters(): KernelCounters {
    return { accepted: 0, dropped: this.dropped, own: 0 };
  }

  aim(): void {}

  wait(): void {
    if (this.isStopped) this.waiting.push(...this.late.splice(0, 1));
  }

  next(batch: FrameBatch): boolean {
    const frame = this.waiting.shift();
    if (!frame) return false;
    batch.bytes = frame;
    batch.count = 1;
    batch.start[0] = 0;
    batch.captured[0] = batch.original[0] = frame.length;
    batch.time[0] = 1_700_000_000e6;
    batch.nanos[0] = 5;
    return true;
  }

  stop(): void {
    this.isStopped = true;
  }

  [Symbol.dispose](): void {}
}

const frame = (n: number): Uint8Array =>
  sll2(0x0800, ipv4(17, udp(2000, bytes([n]))));

function begin(): {
  source: ArraySource;
  folder: MemoryFolder;
  store: StoreWriter;
  recorder: Recorder;
} {
  const [source, folder] = [new ArraySource(), new MemoryFolder()];
  const store = StoreWriter.open(folder, { node: "n", storageLimit: 4 * MIB });
  return { source, folder, store, recorder: new Recorder(source, store) };
}

function factsOf(folder: MemoryFolder, shard: number): Facts {
  using file = withClose(folder.open(toName(shard, "facts"), "read")!);
  return Facts.read(file);
}

function withClose<T extends { close(): void }>(file: T): T & Disposable {
  return Object.assign(file, { [Symbol.dispose]: () => file.close() });
}

Deno.test("what waits is stored with each turn", () => {
  const { source, folder, recorder } = begin();
  for (const n of [1, 2, 3]) {
    source.waiting.push(frame(n), frame(n));
    recorder.turn();
    equal(allFrames(folder).length, 2 * n);
    equal(recorder.state.packets, 2 * n);
  }
  deepEqual(allFrames(folder).map(({ bytes }) => bytes.at(-1)), [
    ...[1, 1, 2, 2, 3, 3],
  ]);
});

Deno.test("what comes until the end is stored", () => {
  const { source, folder, recorder } = begin();
  source.waiting.push(frame(1));
  source.late.push(frame(2), frame(3));
  recorder.finish();
  equal(allFrames(folder).length, 3);
});

Deno.test("drops are facts of the shard, with the packet they stand before", () => {
  const { source, folder, recorder, store } = begin();
  source.waiting.push(frame(1));
  recorder.turn();
  source.dropped = 5;
  source.late.push(frame(2));
  recorder.finish();
  equal(recorder.state.droppedByKernel, 5);
  store.rotate();
  const [drop, ...more] = factsOf(folder, 1).drops;
  deepEqual([drop?.cause, drop?.packets, drop?.packet], ["kernel", 5, 2]);
  deepEqual(more, []);
});

Deno.test("interfaces are named in the shards, also those that come later", () => {
  const { source, folder, recorder, store } = begin();
  source.waiting.push(frame(1));
  recorder.turn();
  source.names = new Map([[7, "eth0"], [9, "veth3"]]);
  source.waiting.push(frame(1));
  recorder.turn();
  source.names = new Map([[9, "late0"]]);
  source.waiting.push(frame(1));
  recorder.turn();
  store.rotate();
  source.waiting.push(frame(1));
  recorder.turn();
  const namesIn = (shard: number) =>
    [...factsOf(folder, shard).interfaces.values()]
      .filter(({ id }) => id > 0).map(({ id, name }) => `${id} ${name}`);
  deepEqual(namesIn(1), ["7 eth0", "9 late0"]);
  deepEqual(namesIn(2), ["9 late0"]);
});
