/** The kernel's side of a ring (`linux/if_packet.h`). */
import { equal } from "node:assert/strict";
import { bytes } from "../../packet/frames.ts";

/** A packet as the kernel hands it over. */
export interface KernelPacket {
  /** From its network header on. */
  readonly data: Uint8Array;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  readonly original?: number;
  readonly status?: number;
  readonly tci?: number;
  readonly tpid?: number;
  readonly offset?: number;
  /** Of its `sockaddr_ll` in network order: EtherType, interface and kind. */
  readonly type?: number;
  readonly index?: number;
  readonly kind?: number;
}

/** Writes packets into a ring, block by block. */
export class KernelRing {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly blockSize: number;
  readonly #blocks: number;
  readonly #view: DataView;
  #block = 0;

  constructor(blockSize: number, blocks: number) {
    this.blockSize = blockSize;
    this.#blocks = blocks;
    this.bytes = new Uint8Array(blockSize * blocks);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Fills the next block and hands it over. */
  retire(packets: readonly KernelPacket[]): void {
    const begin = this.blockSize * this.#block;
    equal(this.#view.getUint32(begin + 8, true), 0, "the block is not ours");
    this.bytes.fill(0xee, begin + 48, begin + this.blockSize);
    let at = begin + 48;
    for (const packet of packets) at += this.#write(at, packet);
    this.#view.setUint32(begin + 12, packets.length, true);
    this.#view.setUint32(begin + 16, 48, true);
    this.#view.setUint32(begin + 8, 1, true);
    this.#block = (this.#block + 1) % this.#blocks;
  }

  /** Hands all blocks over again, with what they had. */
  retireAllAgain(): void {
    for (let block = 0; block < this.#blocks; block++) {
      equal(this.isOurs(block), true, "the block is not ours");
      this.#view.setUint32(this.blockSize * block + 8, 1, true);
    }
  }

  isOurs(block: number): boolean {
    return this.#view.getUint32(this.blockSize * block + 8, true) === 0;
  }

  #write(at: number, packet: KernelPacket): number {
    const { data, offset = 96 } = packet;
    const size = spaceOf(packet);
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
    header.setUint16(50, packet.type ?? 0x0800);
    header.setUint32(52, packet.index ?? 7, true);
    header.setUint8(58, packet.kind ?? 4);
    this.bytes.set(data, at + offset);
    return size;
  }
}

/** Bytes that a packet takes in a block. */
export function spaceOf({ data, offset = 96 }: KernelPacket): number {
  return offset + Math.ceil(data.length / 8) * 8;
}
