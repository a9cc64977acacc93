/**
 * What storing packets costs once the kernel has them: from the ring to shards,
 * in memory. As an interface brings them: 1,024 flows, IPv4 and IPv6, TCP and
 * UDP, some behind VLAN tags, 400 bytes on average. The time is for each pass
 * over a ring of 16 MiB.
 */
import process from "node:process";
import { FrameBatch } from "../../packet/frame.ts";
import { Ring } from "../../worker/capture/ring.ts";
import type {
  KernelCounters,
  LiveSource,
} from "../../worker/capture/source.ts";
import { Recorder } from "../../worker/live/recorder.ts";
import { StoreWriter } from "../../worker/shards/store_writer.ts";
import {
  type KernelPacket,
  KernelRing,
  spaceOf,
} from "../worker/capture/kernel_ring.ts";
import { makeFrame } from "../worker/capture/traffic.ts";

const MIB = 1024 * 1024;
const BLOCK = MIB / 2;
const BLOCKS = 32;
const FLOWS = 1024;

/** Passes over the ring that are measured together. */
const PASSES = 2;

/** A ring that is full again as soon as it is empty. */
class FullRing implements LiveSource {
  readonly interfaces = [{ linkType: 276, snapLength: 262_144, name: "any" }];
  readonly names: ReadonlyMap<number, string> = new Map([[7, "eth0"]]);
  readonly isOver = true;
  packets = 0;
  readonly #kernel = new KernelRing(BLOCK, BLOCKS);
  readonly #ring = new Ring(this.#kernel.bytes, BLOCK);

  constructor() {
    const packets = Array.from({ length: FLOWS }, (_, flow) => toPacket(flow));
    for (let block = 0, next = 0; block < BLOCKS; block++) {
      const taken: KernelPacket[] = [];
      for (let at = 48;; next++) {
        const packet = packets[next % FLOWS]!;
        at += spaceOf(packet);
        if (at > BLOCK) break;
        taken.push(packet);
      }
      this.packets += taken.length;
      this.#kernel.retire(taken);
    }
    const batch = new FrameBatch(4096);
    while (this.#ring.next(batch));
  }

  counters(): KernelCounters {
    return { accepted: 0, dropped: 0, own: 0 };
  }

  aim(): void {}

  wait(): void {
    this.#kernel.retireAllAgain();
  }

  next(batch: FrameBatch): boolean {
    return this.#ring.next(batch);
  }

  stop(): void {}

  [Symbol.dispose](): void {}
}

/** A frame of the sender as the kernel hands it over. */
function toPacket(flow: number): KernelPacket {
  const { frame } = makeFrame(flow, flow % 4 < 2 ? 16 : 664);
  const view = new DataView(frame.buffer);
  const isTagged = view.getUint16(12) === 0x8100;
  const begin = isTagged ? 18 : 14;
  return {
    data: frame.subarray(begin),
    type: view.getUint16(begin - 2),
    seconds: 1_700_000_000,
    nanoseconds: flow * 1000,
    kind: 3,
    ...isTagged && { status: 1 | 1 << 4 | 1 << 6, tci: 0x6007, tpid: 0x8100 },
  };
}

const folder = Deno.makeTempDirSync({ prefix: "thresher-bench-" });
const source = new FullRing();
const store = StoreWriter.open(folder, {
  node: "bench",
  storageLimit: 2048 * MIB,
});
const recorder = new Recorder(source, store);
addEventListener("unload", () => {
  store.close();
  Deno.removeSync(folder, { recursive: true });
});

const title = `recorder: a ring of ${source.packets} packets into shards`;

Deno.bench(title, () => recorder.turn());

// Among other things that the machine does, the best of many short stretches
// tells more than their mean: deno run -A tests/bench/recorder_bench.ts 100
if (import.meta.main && Deno.args.length > 0) {
  const stretches = Number(Deno.args[0]);
  const costs = Array.from({ length: stretches }, () => {
    const begin = process.cpuUsage();
    for (let i = 0; i < PASSES; i++) recorder.turn();
    const { user, system } = process.cpuUsage(begin);
    return (user + system) / (PASSES * source.packets);
  }).sort((a, b) => a - b);
  const at = (part: number) => costs[Math.floor(part * stretches)]!.toFixed(3);
  console.log(
    `${at(0)} us of processor a packet at best, ${at(0.1)} ${at(0.25)} ${
      at(0.5)
    }`,
  );
}
