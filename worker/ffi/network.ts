/** Networks that threads are in (`network_namespaces(7)`). */
import { check, libc, SystemCallError } from "./libc.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;
const CLONE_NEWNET = 0x4000_0000;

/**
 * Has this thread, and no other, be in another network from now on: what
 * sockets it opens, and which interfaces it sees. To do so takes
 * `CAP_SYS_ADMIN`.
 *
 * @param path such as `/run/netns/NAME` or `/proc/PID/ns/net`
 * @throws SystemCallError, NoLibrary
 */
export function enterNetwork(path: string): void {
  const fd = open(path);
  try {
    check("setns", libc().setns(fd, CLONE_NEWNET));
  } finally {
    libc().close(fd);
  }
}

/** The thread is in another network than it should be, and must not go on. */
export class Stranded extends Error {
  override name = "Stranded";
}

/** The network that this thread is in, to come back to. */
export class HomeNetwork implements Disposable {
  readonly #fd: number;

  /** @throws SystemCallError, NoLibrary */
  constructor() {
    this.#fd = open("/proc/thread-self/ns/net");
  }

  /**
   * Does something in another network.
   *
   * @param path as in {@link enterNetwork}
   * @throws SystemCallError if it cannot be entered, and what `act` throws
   * @throws Stranded if there is no way back
   */
  leaveFor<T>(path: string, act: () => T): T {
    enterNetwork(path);
    try {
      return act();
    } finally {
      this.#return();
    }
  }

  #return(): void {
    try {
      check("setns", libc().setns(this.#fd, CLONE_NEWNET));
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      throw new Stranded("The way back from another network is barred", {
        cause: error,
      });
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

/** @throws SystemCallError, NoLibrary */
function open(path: string): number {
  const name = new TextEncoder().encode(`${path}\0`);
  return check("open", libc().open(name, O_RDONLY | O_CLOEXEC));
}
