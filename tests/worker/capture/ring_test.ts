/** The ring, written as the kernel writes it (`linux/if_packet.h`). */
import { deepEqual, equal, throws } from "node:assert/strict";
import { FrameBatch } from "../../../packet/frame.ts";
import { Ring } from "../../../worker/capture/ring.ts";
import { bytes } from "../../packet/frames.ts";
import { toInterface } from "../../../packet/pod_network.ts";
import { KernelRing } from "./kernel_ring.ts";

const BLOCK = 4096;
const BLOCKS = 3;

const kernelRing = (): KernelRing => new KernelRing(BLOCK, BLOCKS);

const PING = bytes("45 00 00 1c 01 02 03");
const COOKED = "0000 00000007 0001 04 06 02000000000a 0000";

function frames(batch: FrameBatch): Uint8Array[] {
  return Array.from({ length: batch.count }, (_, row) => {
    const start = batch.start[row]!;
    return batch.bytes.slice(start, start + batch.captured[row]!);
  });
}

Deno.test("a packet gets a cooked header, and its time to the nanosecond", () => {
  const kernel = kernelRing();
  const ring = new Ring(kernel.bytes, BLOCK);
  const batch = new FrameBatch(8);
  equal(ring.isReady, false);
  equal(ring.next(batch), false);
  kernel.retire([{
    data: PING,
    seconds: 4_000_000_000,
    nanoseconds: 999_999_999,
    original: 1400,
  }]);
  equal(ring.isReady, true);
  equal(ring.next(batch), true);
  deepEqual(frames(batch), [bytes("0800", COOKED, PING)]);
  equal(batch.time[0], 4_000_000_000_999_999);
  equal(batch.nanos[0], 999);
  equal(batch.original[0], 1420);
});

Deno.test("a tag that the kernel took away is put back", () => {
  const kernel = kernelRing();
  const batch = new FrameBatch(8);
  const [valid, validTpid] = [1 << 4, 1 << 6];
  kernel.retire([
    { data: PING, status: valid | validTpid, tci: 0xe064, tpid: 0x88a8 },
    { data: PING, status: valid, tci: 0x0000 },
    { data: PING, tci: 0xe064, tpid: 0x88a8 },
  ]);
  new Ring(kernel.bytes, BLOCK).next(batch);
  deepEqual(frames(batch), [
    bytes("88a8", COOKED, "e064 0800", PING),
    bytes("8100", COOKED, "0000 0800", PING),
    bytes("0800", COOKED, PING),
  ]);
  deepEqual([...batch.original.subarray(0, 3)], [31, 31, 27]);
});

Deno.test("a pod's ring gives its packets an interface of the pod's own", () => {
  const kernel = kernelRing();
  const batch = new FrameBatch(8);
  kernel.retire([{ data: PING, index: 1 }]);
  new Ring(kernel.bytes, BLOCK, toInterface(0x1234)).next(batch);
  const [frame] = frames(batch);
  equal(frame!.subarray(4, 8).toHex(), "80001234");
});

Deno.test("a block is given back only when all of it was taken and let go", () => {
  const kernel = kernelRing();
  const ring = new Ring(kernel.bytes, BLOCK);
  const batch = new FrameBatch(2);
  kernel.retire([{ data: PING }, { data: PING }, { data: PING }]);
  equal(ring.next(batch), true);
  equal(batch.count, 2);
  equal(ring.next(batch), true);
  equal(batch.count, 1);
  equal(kernel.isOurs(0), false);
  equal(ring.isReady, false);
  equal(ring.next(batch), false);
  equal(kernel.isOurs(0), true);
});

Deno.test("blocks are taken in order, round and round, also empty ones", () => {
  const kernel = kernelRing();
  const ring = new Ring(kernel.bytes, BLOCK);
  const batch = new FrameBatch(8);
  const seen: number[] = [];
  for (let round = 0; round < 10; round++) {
    kernel.retire([{ data: bytes([round]) }]);
    kernel.retire([]);
    while (ring.next(batch)) seen.push(...frames(batch).map((f) => f[20]!));
  }
  deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("a kernel that leaves no room for the cooked header is refused", () => {
  const kernel = kernelRing();
  kernel.retire([{ data: PING, offset: 80 }]);
  const ring = new Ring(kernel.bytes, BLOCK);
  throws(() => ring.next(new FrameBatch(1)), /packet at byte 80/);
});
