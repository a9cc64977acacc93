/**
 * The C library, by the names and numbers that glibc and musl share on x86_64
 * and aarch64.
 */

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  mmap: {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  if_nameindex: { parameters: [], result: "pointer" },
  if_freenameindex: { parameters: ["pointer"], result: "void" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** glibc's name, and musl's on each machine. */
const NAMES: readonly string[] = [
  "libc.so.6",
  `libc.musl-${Deno.build.arch}.so.1`,
  `ld-musl-${Deno.build.arch}.so.1`,
];

/** Errors of system calls that are told apart. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EINVAL: 22,
  ENETDOWN: 100,
  EAFNOSUPPORT: 97,
  ENOBUFS: 105,
} as const;

/** What users know these errors by. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [ERRNO.EPERM, "operation not permitted"],
  [ERRNO.ENOENT, "no such file"],
  [ERRNO.ENOMEM, "out of memory"],
  [ERRNO.EACCES, "permission denied"],
  [ERRNO.EINVAL, "the kernel does not take these arguments"],
  [ERRNO.ENETDOWN, "the network is down"],
  [ERRNO.EAFNOSUPPORT, "the kernel has no such sockets"],
  [ERRNO.ENOBUFS, "out of buffers"],
]);

/** A system call that failed. */
export class SystemCallError extends Error {
  override name = "SystemCallError";
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${REASONS.get(errno) ?? `error ${errno}`}`);
    this.errno = errno;
  }
}

/** The library cannot be opened: another system, or no right to. */
export class NoLibrary extends Error {
  override name = "NoLibrary";
  /** Whether what is missing is Deno's permission. */
  readonly denied: boolean;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.denied = cause instanceof Deno.errors.NotCapable;
  }
}

/**
 * Opens the first library that there is.
 *
 * @throws NoLibrary
 */
export function openLibrary<S extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> {
  let cause: unknown;
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch (error) {
      cause ??= error;
    }
  }
  throw new NoLibrary(`Cannot open any of ${names.join(", ")}`, cause);
}

let opened: Symbols | undefined;
let errno: Deno.UnsafePointerView | undefined;

/**
 * The library's functions, opened once for each thread and never closed.
 *
 * @throws NoLibrary
 */
export function libc(): Symbols {
  return opened ??= openLibrary(NAMES, SYMBOLS).symbols;
}

/** Why the last call of this thread failed, one of {@link ERRNO} or another. */
export function lastError(): number {
  // Its place belongs to the thread and stays.
  errno ??= new Deno.UnsafePointerView(libc().__errno_location()!);
  return errno.getInt32();
}

/**
 * The result of a call, if it is no failure.
 *
 * @param call its name, for the message
 * @throws SystemCallError
 */
export function check(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call, lastError());
  return result;
}

/** What `mmap` gives when it fails. */
const MAP_FAILED = 2n ** 64n - 1n;

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/**
 * Maps the memory that a file descriptor shares with the kernel.
 *
 * @returns its bytes, which must not be touched after {@link unmap}
 * @throws SystemCallError
 */
export function map(fd: number, size: number): Uint8Array<ArrayBuffer> {
  const pointer = libc().mmap(
    null,
    BigInt(size),
    PROT_READ_WRITE,
    MAP_SHARED,
    fd,
    0n,
  );
  if (!pointer || Deno.UnsafePointer.value(pointer) === MAP_FAILED) {
    throw new SystemCallError("mmap", lastError());
  }
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, size));
}

/** Ends a mapping that {@link map} made. */
export function unmap(bytes: Uint8Array<ArrayBuffer>): void {
  libc().munmap(Deno.UnsafePointer.of(bytes), BigInt(bytes.length));
}

/** Interfaces that are listed. */
const MAX_INTERFACES = 65_536;

/** Bytes of `struct if_nameindex`: the index, padding, and the name's address. */
const NAME_INDEX = 16;

/**
 * Names of the network interfaces there are, by their index.
 *
 * @throws SystemCallError
 */
export function listInterfaces(): Map<number, string> {
  const list = libc().if_nameindex();
  if (!list) throw new SystemCallError("if_nameindex", lastError());
  const names = new Map<number, string>();
  const view = new Deno.UnsafePointerView(list);
  for (let at = 0; at < MAX_INTERFACES * NAME_INDEX; at += NAME_INDEX) {
    const index = view.getUint32(at);
    if (index === 0) break;
    const name = view.getPointer(at + 8)!;
    names.set(index, Deno.UnsafePointerView.getCString(name));
  }
  libc().if_freenameindex(list);
  return names;
}
