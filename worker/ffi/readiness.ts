/** Many descriptors that are waited for as one (`epoll(7)`). */
import { check, libc } from "./libc.ts";

const EPOLL_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;

/** Bytes of `struct epoll_event`, at most: on x86_64 it is packed. */
const EVENT = 16;

/** A set of descriptors. One that is closed leaves it by itself. */
export class Readiness implements Disposable {
  /** Readable while one of them is, or has an error. */
  readonly fd: number;

  /** @throws SystemCallError, NoLibrary */
  constructor() {
    this.fd = check("epoll_create1", libc().epoll_create1(EPOLL_CLOEXEC));
  }

  /** @throws SystemCallError */
  add(fd: number): void {
    const event = new Uint8Array(EVENT);
    new DataView(event.buffer).setUint32(0, EPOLLIN, true);
    check("epoll_ctl", libc().epoll_ctl(this.fd, EPOLL_CTL_ADD, fd, event));
  }

  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}
