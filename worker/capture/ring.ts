/**
 * The ring that the kernel writes packets into, TPACKET_V3: blocks of packets
 * in memory that is shared with it (`linux/if_packet.h`,
 * Documentation/networking/packet_mmap.rst).
 *
 * A block is the kernel's until it is full or its time is over; then it is ours
 * until we give it back. Frames are not copied: between the kernel's header and
 * the bytes of a packet there is room for a cooked header, which is made there
 * out of what the kernel says, and a frame begins with it.
 *
 * ```
 * 0         48              68      ≥92
 * │ header  │ sockaddr_ll   │ room  │ the packet, from its network header on
 *                         └ SLL2, tag ┘
 * ```
 *
 * All of it is little endian, as are the machines that we run on; a network's
 * 16 bits are swapped where they stand in the middle of a word.
 */
import type { FrameBatch } from "../../packet/frame.ts";
import { RECORDS } from "../../packet/frame.ts";

/** Bytes of the cooked header that frames begin with. */
export const SLL2_HEADER = 20;

/** Bytes of a VLAN tag. */
const TAG = 4;

/** Bytes that are put before a packet at most. */
export const MAX_COOKED: number = SLL2_HEADER + TAG;

/** Words of a block's header. */
const BLOCK = { STATUS: 2, PACKETS: 3, FIRST: 4 } as const;

/** Words of a packet's header, and of the `sockaddr_ll` behind it. */
const WORD = {
  NEXT: 0,
  SECONDS: 1,
  NANOSECONDS: 2,
  CAPTURED: 3,
  ORIGINAL: 4,
  STATUS: 5,
  OFFSETS: 6,
  TCI: 8,
  TPID: 9,
  FAMILY_PROTOCOL: 12,
  INDEX: 13,
  HARDWARE: 14,
  ADDRESS: 15,
} as const;

/** Where a packet's bytes begin at the least, for the cooked header to fit. */
const LEAST_OFFSET: number = (WORD.ADDRESS + 2) * 4 + MAX_COOKED;

/** Block status: who may touch it. */
const KERNEL = 0;
const USER = 1;

/** Packet status: the kernel took a tag away, and which kind it was. */
const TAG_VALID = 1 << 4;
const TPID_VALID = 1 << 6;

/** The usual kind of tag, IEEE 802.1Q. */
const TPID_8021Q = 0x8100;

/** The blocks of a ring, taken one after the other. */
export class Ring {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array;
  readonly #status: Int32Array;
  readonly #blockSize: number;
  readonly #blocks: number;
  /** What stands in cooked headers for the interface; 0 for the kernel's. */
  readonly #ofInterface: number;
  /** The block that is read, or will be next. */
  #block = 0;
  #isHeld = false;
  /** Packets of it that were not given yet. */
  #left = 0;
  /** Where the next of them begins. */
  #at = 0;

  /**
   * @param bytes the whole ring; borrowed for its life
   * @param blockSize a multiple of the page size
   * @param ofInterface what the kernel numbers otherwise
   */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    blockSize: number,
    ofInterface = 0,
  ) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.length / 4,
    );
    this.#status = new Int32Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.length / 4,
    );
    this.#blockSize = blockSize;
    this.#blocks = bytes.length / blockSize;
    this.#ofInterface = ofInterface;
  }

  /** Whether there are packets to be had. */
  get isReady(): boolean {
    return this.#left > 0 || this.#isUsers(this.#upcoming());
  }

  /**
   * Fills a batch with frames of one block, each behind a cooked header
   * (LINKTYPE_LINUX_SLL2). The block they lie in goes back to the kernel with
   * the next call, when all of it was given.
   *
   * @returns whether there were any
   */
  next(batch: FrameBatch): boolean {
    batch.count = 0;
    while (this.#left === 0) {
      if (this.#isHeld) this.#release();
      if (!this.#isUsers(this.#block)) return false;
      this.#take();
    }
    batch.bytes = this.#bytes;
    batch.records = RECORDS.NONE;
    const count = Math.min(this.#left, batch.capacity);
    for (let row = 0; row < count; row++) this.#read(batch, row);
    batch.count = count;
    this.#left -= count;
    return true;
  }

  #isUsers(block: number): boolean {
    const at = block * this.#blockSize / 4 + BLOCK.STATUS;
    return (Atomics.load(this.#status, at) & USER) !== 0;
  }

  #upcoming(): number {
    return this.#isHeld ? (this.#block + 1) % this.#blocks : this.#block;
  }

  #take(): void {
    const begin = this.#block * this.#blockSize;
    const words = begin / 4;
    this.#isHeld = true;
    this.#left = this.#words[words + BLOCK.PACKETS]!;
    this.#at = begin + this.#words[words + BLOCK.FIRST]!;
  }

  #release(): void {
    const at = this.#block * this.#blockSize / 4 + BLOCK.STATUS;
    Atomics.store(this.#status, at, KERNEL);
    this.#isHeld = false;
    this.#block = (this.#block + 1) % this.#blocks;
  }

  /** Reads the next packet into a row, and makes its cooked header. */
  #read(batch: FrameBatch, row: number): void {
    const words = this.#words;
    const at = this.#at >>> 2;
    const offset = words[at + WORD.OFFSETS]! & 0xffff;
    if (offset < LEAST_OFFSET) throw new Error(`A packet at byte ${offset}`);
    const nanoseconds = words[at + WORD.NANOSECONDS]!;
    const micros = Math.trunc(nanoseconds / 1000);
    const start = this.#cook(at, this.#at + offset);
    const cooked = this.#at + offset - start;
    batch.start[row] = start;
    batch.captured[row] = words[at + WORD.CAPTURED]! + cooked;
    batch.original[row] = words[at + WORD.ORIGINAL]! + cooked;
    batch.time[row] = words[at + WORD.SECONDS]! * 1e6 + micros;
    batch.nanos[row] = nanoseconds - micros * 1000;
    batch.interface[row] = 0;
    this.#at += words[at + WORD.NEXT]!;
  }

  /**
   * Makes the cooked header of the packet whose own begins at word `at`, right
   * before its bytes at `data`, with the VLAN tag that the kernel took away.
   *
   * @returns where it begins
   */
  #cook(at: number, data: number): number {
    const words = this.#words;
    const status = words[at + WORD.STATUS]!;
    const isTagged = (status & TAG_VALID) !== 0;
    // Two bytes of address family, then the protocol in network order.
    const family = words[at + WORD.FAMILY_PROTOCOL]!;
    const hardware = words[at + WORD.HARDWARE]!;
    const start = data - (isTagged ? MAX_COOKED : SLL2_HEADER);
    const to = start >>> 2;
    if (isTagged) {
      const tpid = (status & TPID_VALID) !== 0
        ? words[at + WORD.TPID]! & 0xffff
        : TPID_8021Q;
      words[to] = swap16(tpid);
      words[to + SLL2_HEADER / 4] = swap16(words[at + WORD.TCI]! & 0xffff) |
        family & 0xffff_0000;
    } else {
      words[to] = family >>> 16;
    }
    const index = this.#ofInterface || words[at + WORD.INDEX]!;
    words[to + 1] = swap32(index);
    // The hardware's type in network order; kind of packet, length of address.
    words[to + 2] = swap16(hardware & 0xffff) | hardware & 0xffff_0000;
    // Behind an address that is shorter, the kernel leaves what was there.
    const size = hardware >>> 24;
    words[to + 3] = words[at + WORD.ADDRESS]! & firstBytes(size);
    words[to + 4] = words[at + WORD.ADDRESS + 1]! & firstBytes(size - 4);
    return start;
  }
}

/** A mask of a word's first so many bytes. */
function firstBytes(count: number): number {
  if (count <= 0) return 0;
  return count < 4 ? (1 << 8 * count) - 1 : -1;
}

function swap16(value: number): number {
  return value >>> 8 | (value & 0xff) << 8;
}

function swap32(value: number): number {
  return swap16(value >>> 16) | swap16(value & 0xffff) << 16;
}
