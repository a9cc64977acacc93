/** The ring, written as the kernel writes it (`linux/if_packet.h`). */
import { deepEqual, equal, throws } from "node:assert/strict";
import { FrameBatch } from "../../../packet/frame.ts";
import { Ring } from "../../../worker/capture/ring.ts";
import { bytes } from "../../packet/frames.ts";

const BLOCK = 4096;
const BLOCKS = 3;

/** A packet as the kernel hands it over. */
interface KernelPacket {
  readonly data: Uint8Array;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  readonly original?: number;
  readonly status?: number;
  readonly tci?: number;
  readonly tpid?: number;
  readonly offset?: number;
}

/** The kernel's side of a ring. */
class Kernel {
  readonly bytes = new Uint8Array(BLOCK * BLOCKS);
  readonly #view = new DataView(this.bytes.buffer);
  #block = 0;

  /** Fills the next block and hands it over. */
  retire(packets: readonly KernelPacket[]): void {
    const begin = BLOCK * this.#block;
    equal(this.#view.getUint32(begin + 8, true), 0, "the block is not ours");
    this.bytes.fill(0xee, begin + 48, begin + BLOCK);
    let at = begin + 48;
    for (const packet of packets) at += this.#write(at, packet);
    this.#view.setUint32(begin + 12, packets.length, true);
    this.#view.setUint32(begin + 16, 48, true);
    this.#view.setUint32(begin + 8, 1, true);
    this.#block = (this.#block + 1) % BLOCKS;
  }

  isOurs(block: number): boolean {
    return this.#view.getUint32(BLOCK * block + 8, true) === 0;
  }

  #write(at: number, packet: KernelPacket): number {
    const { data, offset = 96 } = packet;
    const size = offset + Math.ceil(data.length / 8) * 8;
    const header = new DataView(this.bytes.buffer, at);
    header.setUint32(0, size, true);
    header.setUint32(4, packet.seconds ?? 0, true);
    header.setUint32(8, packet.nanoseconds ?? 0, true);
    header.setUint32(12, data.length, true);
    header.setUint32(16, packet.original ?? data.length, true);
    header.setUint32(20, packet.status ?? 1, true);
    header.setUint16(24, offset, true);
    header.setUint32(32, packet.tci ?? 0, true);
    header.setUint16(36, packet.tpid ?? 0, true);
    const address = bytes("1100 0800 07000000 0100 04 06 02000000000a beef");
    this.bytes.set(address, at + 48);
    this.bytes.set(data, at + offset);
    return size;
  }
}

const PING = bytes("45 00 00 1c 01 02 03");
const COOKED = "0000 00000007 0001 04 06 02000000000a beef";

function frames(batch: FrameBatch): Uint8Array[] {
  return Array.from({ length: batch.count }, (_, row) => {
    const start = batch.start[row]!;
    return batch.bytes.slice(start, start + batch.captured[row]!);
  });
}

Deno.test("a packet gets a cooked header, and its time to the nanosecond", () => {
  const kernel = new Kernel();
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
  const kernel = new Kernel();
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

Deno.test("a block is given back only when all of it was taken and let go", () => {
  const kernel = new Kernel();
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
  const kernel = new Kernel();
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
  const kernel = new Kernel();
  kernel.retire([{ data: PING, offset: 80 }]);
  const ring = new Ring(kernel.bytes, BLOCK);
  throws(() => ring.next(new FrameBatch(1)), /packet at byte 80/);
});
