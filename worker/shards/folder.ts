/**
 * The folder that shards lie in: the little of a file system that they need.
 *
 * Everything here is synchronous, for the threads that capture and scan do
 * nothing else meanwhile. Memory stands in for the disk in tests, where a disk
 * can be full and a process can die at any byte.
 */

/** A file's name and size. */
export interface FileEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * How a file is opened: one that must be there to be read, the same to be
 * appended to as well, or a new one, empty whatever was there before.
 */
export type OpenMode = "read" | "append" | "create";

/** There is no room for what was to be written; none of it was. */
export class DiskFull extends Error {
  override name = "DiskFull";
}

/** An open file. */
export interface StoredFile {
  /** Bytes, as of now. */
  size(): number;
  /**
   * Reads bytes from `at` on.
   *
   * @returns how many; fewer than asked for only where the file ends
   */
  read(into: Uint8Array, at: number): number;
  /**
   * Writes behind the last byte, all of it in one piece or nothing. When it
   * has returned, the bytes survive the end of this process.
   *
   * @throws DiskFull
   */
  append(bytes: Uint8Array): void;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): void;
  /**
   * Takes an advisory lock, shared with others or exclusive, and says whether
   * it was free. It ends with {@link close}, or with the process.
   */
  lock(kind: "shared" | "exclusive"): boolean;
  /** Whether somebody has removed it since it was opened. */
  isRemoved(): boolean;
  close(): void;
}

/** One folder of files, none of them in folders of their own. */
export interface Folder {
  /** For messages. */
  readonly path: string;
  /** All files, in no order. */
  list(): FileEntry[];
  /** Their names alone, which cost far less. */
  names(): string[];
  /** Whether there is such a file: a tenth of what opening in vain costs. */
  has(name: string): boolean;
  /**
   * `undefined` if there is no such file and the mode wants one.
   *
   * @throws DiskFull
   */
  open(name: string, mode: OpenMode): StoredFile | undefined;
  /**
   * Puts a file in place whole: readers see the old one or the new one.
   *
   * @throws DiskFull
   */
  replace(name: string, bytes: Uint8Array): void;
  /** Removes a file, if it is there. */
  remove(name: string): void;
}

/** How the names end of what {@link Folder.replace} has not yet renamed. */
const UNFINISHED = /\.[0-9a-f]{8}\.unfinished$/;

/** Whether a file of that name was to become another. */
export function isUnfinished(name: string): boolean {
  return UNFINISHED.test(name);
}

/** The name that such a file was to have; of others their own. */
export function toFinished(name: string): string {
  return name.replace(UNFINISHED, "");
}

/** All bytes of a file, or `undefined` where it has more than `most`. */
export function readWhole(
  file: StoredFile,
  most: number,
): Uint8Array<ArrayBuffer> | undefined {
  const size = file.size();
  if (size > most) return undefined;
  const bytes = new Uint8Array(size);
  return bytes.subarray(0, file.read(bytes, 0));
}

/** A folder on a disk. Its files are 0600; the folder itself is 0700. */
export class DiskFolder implements Folder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** The folder at `path`, which must exist. */
  static at(path: string): DiskFolder {
    return new DiskFolder(path);
  }

  /** The folder at `path`, made with those above it where it is missing. */
  static made(path: string): DiskFolder {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    return new DiskFolder(path);
  }

  /** Takes from everybody but the owner what they may do here. */
  restrict(): void {
    if (Deno.build.os === "windows") return;
    const mode = Deno.statSync(this.path).mode ?? 0o700;
    if (mode & 0o077) Deno.chmodSync(this.path, 0o700);
  }

  names(): string[] {
    return [...Deno.readDirSync(this.path)].filter(({ isFile }) => isFile)
      .map(({ name }) => name);
  }

  list(): FileEntry[] {
    const entries: FileEntry[] = [];
    for (const name of this.names()) {
      const size = unlessMissing(() => Deno.statSync(this.#at(name)).size);
      if (size !== undefined) entries.push({ name, size });
    }
    return entries;
  }

  has(name: string): boolean {
    const look = () => Deno.statSync(this.#at(name));
    return unlessMissing(look) !== undefined;
  }

  open(name: string, mode: OpenMode): StoredFile | undefined {
    const open = () =>
      Deno.openSync(this.#at(name), {
        read: true,
        append: mode !== "read",
        create: mode === "create",
        mode: 0o600,
      });
    const file = orDiskFull(
      `open ${name}`,
      // A new file is only missing if its folder is.
      mode === "create" ? open : () => unlessMissing(open),
    );
    if (!file) return undefined;
    // `append` and `truncate` exclude each other when a file is opened. What has
    // nothing is left as it is: of a file that was cut to nothing, ext4 writes
    // all to the disk when it is closed, and the closer waits.
    if (mode === "create" && file.statSync().size > 0) file.truncateSync(0);
    return new DiskFile(file);
  }

  replace(name: string, bytes: Uint8Array): void {
    // Several may be about to put a file of that name in place.
    const mark = crypto.getRandomValues(new Uint8Array(4)).toHex();
    const unfinished = `${name}.${mark}.unfinished`;
    const file = this.open(unfinished, "create")!;
    try {
      file.append(bytes);
    } catch (error) {
      file.close();
      this.remove(unfinished);
      throw error;
    }
    file.close();
    // Recovery may have removed it; only caches are written meanwhile.
    unlessMissing(() => Deno.renameSync(this.#at(unfinished), this.#at(name)));
  }

  remove(name: string): void {
    unlessMissing(() => Deno.removeSync(this.#at(name)));
  }

  #at(name: string): string {
    return `${this.path}/${name}`;
  }
}

/** An open file on a disk. */
class DiskFile implements StoredFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  size(): number {
    return this.#file.statSync().size;
  }

  read(into: Uint8Array, at: number): number {
    this.#file.seekSync(at, Deno.SeekMode.Start);
    let done = 0;
    while (done < into.length) {
      const got = this.#file.readSync(done ? into.subarray(done) : into);
      if (got === null) break;
      done += got;
    }
    return done;
  }

  append(bytes: Uint8Array): void {
    let done = 0;
    try {
      orDiskFull(`write ${bytes.length} bytes`, () => {
        while (done < bytes.length) {
          done += this.#file.writeSync(done ? bytes.subarray(done) : bytes);
        }
      });
    } catch (error) {
      if (done > 0) this.truncate(this.size() - done);
      throw error;
    }
  }

  truncate(size: number): void {
    this.#file.truncateSync(size);
  }

  lock(kind: "shared" | "exclusive"): boolean {
    return this.#file.tryLockSync(kind === "exclusive");
  }

  isRemoved(): boolean {
    return this.#file.statSync().nlink === 0;
  }

  close(): void {
    this.#file.close();
  }
}

/** What the system calls it when there is no room, or no more for this user. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Makes that failure a {@link DiskFull}. */
function orDiskFull<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const isFull = error instanceof Error && "code" in error &&
      FULL.has(String(error.code));
    if (!isFull) throw error;
    throw new DiskFull(`Cannot ${what}: the disk is full`, { cause: error });
  }
}

function unlessMissing<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
