/** Why the system refuses to capture, in words that say what to do. */
import { ERRNO, NoLibrary, SystemCallError } from "../ffi/libc.ts";
import { CannotCapture } from "./source.ts";

/**
 * What is missing for a capture.
 *
 * @returns a `CannotCapture`, or the error itself if it is a mistake of ours
 */
export function toCannotCapture(error: unknown): unknown {
  if (error instanceof NoLibrary) {
    return new CannotCapture(
      error.denied
        ? "Cannot capture: Deno does not let it. Run it with --allow-ffi"
        : "Cannot capture: this is no Linux system with glibc or musl",
      error.denied,
      error,
    );
  }
  if (!(error instanceof SystemCallError)) return error;
  switch (error.errno) {
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return new CannotCapture(
        "Cannot capture: " +
          (hasNetRaw()
            ? "this process has CAP_NET_RAW and is refused all the same, by a " +
              "seccomp or security profile. Allow it AF_PACKET sockets"
            : "this process lacks the capability CAP_NET_RAW. Run it as root, " +
              "or give it that capability"),
        true,
        error,
      );
    case ERRNO.EAFNOSUPPORT:
      return new CannotCapture(
        "Cannot capture: this kernel has no packet sockets (CONFIG_PACKET)",
        false,
        error,
      );
    case ERRNO.ENOMEM:
    case ERRNO.ENOBUFS:
      return new CannotCapture(
        "Cannot capture: there is no memory for the ring. Name a smaller " +
          "--ring-size",
        false,
        error,
      );
    default:
      return new CannotCapture(
        `Cannot capture: ${error.message}`,
        false,
        error,
      );
  }
}

const CAP_NET_RAW = 13n;

/** Whether the process has the capability, as far as can be told. */
function hasNetRaw(): boolean {
  try {
    const status = Deno.readTextFileSync("/proc/thread-self/status");
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    return (BigInt(`0x${effective}`) >> CAP_NET_RAW & 1n) === 1n;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
