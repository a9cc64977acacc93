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

/** The groups of messages about links, and about their addresses. */
const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;

/** Bytes of `struct sockaddr_nl`. */
const ADDRESS = 12;

/** Messages are thrown away unread, whatever their size. */
const SCRATCH = new Uint8Array(64);

/** Names by index, and addresses, kept up to date. */
export class Links implements Disposable {
  /** Readable once something has changed. */
  readonly fd: number;
  #names: ReadonlyMap<number, string> = new Map();
  #addresses: readonly string[] = [];

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
      view.setUint32(
        8,
        RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
        true,
      );
      check("bind", libc().bind(this.fd, address, ADDRESS));
      this.#names = listInterfaces();
      this.#addresses = listAddresses();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** As last read. Another object once they have changed. */
  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  /** This node's own, in order, each once. Another object once they change. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /**
   * Reads what there is, after {@link fd} became readable.
   *
   * @returns whether it differs from before
   */
  refresh(): boolean {
    // Until there is nothing, or that some messages were lost: no matter.
    while (libc().read(this.fd, SCRATCH, BigInt(SCRATCH.length)) > 0);
    const names = listInterfaces();
    const addresses = listAddresses();
    const isRenamed = !isSame(names, this.#names);
    const isMoved = addresses.join() !== this.#addresses.join();
    if (isRenamed) this.#names = names;
    if (isMoved) this.#addresses = addresses;
    return isRenamed || isMoved;
  }

  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}

/** Addresses of all interfaces, in order, each once. */
function listAddresses(): readonly string[] {
  const all = Deno.networkInterfaces().map(({ address }) => address);
  return [...new Set(all)].sort();
}

function isSame(
  a: ReadonlyMap<number, string>,
  b: ReadonlyMap<number, string>,
): boolean {
  return a.size === b.size &&
    [...a].every(([index, name]) => b.get(index) === name);
}
