/**
 * An AF_PACKET socket (`packet(7)`): what it hears is told by a filter, and is
 * either put into a ring or merely counted.
 */
import {
  check,
  ERRNO,
  libc,
  map,
  SystemCallError,
  unmap,
} from "../ffi/libc.ts";
import { Ring } from "./ring.ts";

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const ETH_P_ALL = 3;

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const TPACKET_V3 = 2;

/** Bytes of `struct sockaddr_ll`. */
const SOCKADDR_LL = 20;

/** Words of `struct tpacket_stats`, and of `struct tpacket_stats_v3`. */
const STATISTICS = { PLAIN: 2, RING: 3 } as const;

/** Bytes of a slot. The kernel checks it, and with TPACKET_V3 ignores it. */
const FRAME_SIZE = 2048;

/** How long a packet waits in a block that does not fill, ms. */
export const RETIRE = 50;

/** Every interface, in place of one's index. */
export const ALL_INTERFACES = 0;

/** What a socket has counted since it was last asked. */
export interface PacketCounts {
  /** Packets that its filter let by, also those that were dropped. */
  readonly accepted: number;
  /** Those of them for which there was no room. */
  readonly dropped: number;
}

/** A socket of the network that the thread is in when it is opened. */
export class PacketSocket implements Disposable {
  readonly fd: number;
  #memory: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Hears nothing until it {@link listen}s: what its filter is not attached to
   * yet never gets in.
   *
   * @throws SystemCallError, NoLibrary
   */
  constructor() {
    // Of protocol 0, that is, until it is bound.
    this.fd = check(
      "socket",
      libc().socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
    );
  }

  /**
   * Has packets put into a ring, which is gone with the socket.
   *
   * @param blockSize bytes, a multiple of the page size
   * @throws SystemCallError
   */
  makeRing(blockSize: number, blocks: number, ofInterface?: number): Ring {
    const version = Uint32Array.of(TPACKET_V3);
    setOption(this.fd, SOL_PACKET, PACKET_VERSION, version);
    // `struct tpacket_req3`; of the rest nothing is wanted.
    const request = Uint32Array.of(
      ...[blockSize, blocks, FRAME_SIZE],
      ...[blocks * (blockSize / FRAME_SIZE), RETIRE, 0, 0],
    );
    setOption(this.fd, SOL_PACKET, PACKET_RX_RING, request);
    this.#memory = map(this.fd, blocks * blockSize);
    return new Ring(this.#memory, blockSize, ofInterface);
  }

  /** Has the kernel keep as little as it can of what nobody reads. */
  keepNothing(): void {
    // It makes it the least that it knows.
    setOption(this.fd, SOL_SOCKET, SO_RCVBUF, Uint32Array.of(0));
  }

  /**
   * Puts a filter in place of the one before; no packet sees neither.
   *
   * @throws SystemCallError
   */
  attach(program: Uint8Array<ArrayBuffer>): void {
    // `struct sock_fprog`: how many instructions, and where they are.
    const description = new BigUint64Array(2);
    description[0] = BigInt(program.length / 8);
    description[1] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
    setOption(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, description);
  }

  /**
   * Begins to hear an interface, or {@link ALL_INTERFACES}.
   *
   * @throws SystemCallError
   */
  listen(interfaceIndex: number): void {
    const address = new Uint8Array(SOCKADDR_LL);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL);
    view.setInt32(4, interfaceIndex, true);
    check("bind", libc().bind(this.fd, address, SOCKADDR_LL));
  }

  /** What it has counted; it begins at 0 again. */
  take(): PacketCounts {
    const { RING, PLAIN } = STATISTICS;
    const counts = new Uint32Array(this.#memory ? RING : PLAIN);
    getOption(this.fd, SOL_PACKET, PACKET_STATISTICS, counts);
    return { accepted: counts[0]!, dropped: counts[1]! };
  }

  /**
   * Clears the error that an interface leaves which goes down.
   *
   * @throws SystemCallError if it is another
   */
  clearError(): void {
    const value = new Uint32Array(1);
    getOption(this.fd, SOL_SOCKET, SO_ERROR, value);
    const errno = value[0]!;
    if (errno !== 0 && errno !== ERRNO.ENETDOWN) {
      throw new SystemCallError("Capture", errno);
    }
  }

  [Symbol.dispose](): void {
    if (this.#memory) unmap(this.#memory);
    libc().close(this.fd);
  }
}

function setOption(
  fd: number,
  level: number,
  option: number,
  value: Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
): void {
  check(
    "setsockopt",
    libc().setsockopt(fd, level, option, value, value.byteLength),
  );
}

function getOption(
  fd: number,
  level: number,
  option: number,
  value: Uint32Array<ArrayBuffer>,
): void {
  const size = new Uint32Array([value.byteLength]);
  check("getsockopt", libc().getsockopt(fd, level, option, value, size));
}
