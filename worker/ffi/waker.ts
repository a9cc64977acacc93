/** An `eventfd`: wakes a thread that waits in `poll`. */
import { check, libc } from "./libc.ts";

const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;

/**
 * Wakes a thread. File descriptors belong to the process, so that the number
 * alone is what the other thread needs.
 */
export class Waker implements Disposable {
  readonly fd: number;

  /** @throws SystemCallError, NoLibrary */
  constructor() {
    this.fd = check("eventfd", libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  /** Makes the descriptor readable until {@link takeWakes} reads it. */
  wake(): void {
    const one = new BigUint64Array([1n]);
    check("write", Number(libc().write(this.fd, one, 8n)));
  }

  /** Closes it; the other thread must be through with it. */
  [Symbol.dispose](): void {
    libc().close(this.fd);
  }
}

const COUNT = new BigUint64Array(1);

/** How often the thread was woken since it last asked. */
export function takeWakes(fd: number): number {
  return libc().read(fd, COUNT, 8n) === 8n ? Number(COUNT[0]) : 0;
}
