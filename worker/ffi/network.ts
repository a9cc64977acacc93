/** Networks that threads are in (`network_namespaces(7)`). */
import { check, libc } from "./libc.ts";

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
  const name = new TextEncoder().encode(`${path}\0`);
  const fd = check("open", libc().open(name, O_RDONLY | O_CLOEXEC));
  try {
    check("setns", libc().setns(fd, CLONE_NEWNET));
  } finally {
    libc().close(fd);
  }
}
