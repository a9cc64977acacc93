/**
 * The network interfaces of this machine, as they come, go and are renamed.
 *
 * The kernel tells of changes by a netlink socket (`rtnetlink(7)`); what there
 * is then is read anew, so that nothing depends on every message being heard.
 */
import { check, libc, listInterfaces } from "../ffi/libc.ts";

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

/** The group of messages about links. */
const RTMGRP_LINK = 1;

/** Bytes of `struct sockaddr_nl`. */
const ADDRESS = 12;

/** Messages are thrown away unread, whatever their size. */
const SCRATCH = new Uint8Array(64);

/** Names by index, kept up to date. */
export class Links implements Disposable {
  /** Readable once something has changed. */
  readonly fd: number;
  #names: ReadonlyMap<number, string> = new Map();

  /** @throws SystemCallError, NoLibrary */
  constructor() {
    this.fd = check(
      "socket",
      libc().socket(
        AF_NETLINK,
        SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
        NETLINK_ROUTE,
      ),
    );
    try {
      const address = new Uint8Array(ADDRESS);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_NETLINK, true);
      view.setUint32(8, RTMGRP_LINK, true);
      check("bind", libc().bind(this.fd, address, ADDRESS));
      this.#names = listInterfaces();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** As last read. */
  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  /**
   * Reads what there is, after {@link fd} became readable.
   *
   * @returns whether it differs from before
   */
  refresh(): boolean {
    // Until there is nothing, or that some messages were lost: no matter.
    while (libc().read(this.fd, SCRATCH, BigInt(SCRATCH.length)) > 0);
    const before = this.#names;
    this.#names = listInterfaces();
    return !isSame(before, this.#names);
  }

  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}

function isSame(
  a: ReadonlyMap<number, string>,
  b: ReadonlyMap<number, string>,
): boolean {
  return a.size === b.size &&
    [...a].every(([index, name]) => b.get(index) === name);
}
