/**
 * A folder in memory: with a disk that can be full, a process that can die at
 * any byte, and locks.
 */
import {
  DiskFull,
  type FileEntry,
  type Folder,
  type OpenMode,
  type StoredFile,
} from "../../../worker/shards/folder.ts";

/** A file's content and who has locked it. */
class Content {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  size = 0;
  isRemoved = false;
  readonly shared = new Set<object>();
  exclusive: object | undefined;
}

/** A folder in memory. */
export class MemoryFolder implements Folder {
  readonly path = "memory";
  /** Bytes that all files may have before the disk is full. */
  capacity = Infinity;
  /** Bytes written in all, and after how many the process dies. */
  written = 0;
  diesAfter = Infinity;
  readonly #files = new Map<string, Content>();

  /** Bytes of all files. */
  get used(): number {
    let sum = 0;
    for (const { size } of this.#files.values()) sum += size;
    return sum;
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }

  list(): FileEntry[] {
    return [...this.#files].map(([name, { size }]) => ({ name, size }));
  }

  open(name: string, mode: OpenMode): StoredFile | undefined {
    let content = this.#files.get(name);
    if (!content && mode !== "create") return undefined;
    if (!content) this.#files.set(name, content = new Content());
    if (mode === "create") content.size = 0;
    return new MemoryFile(this, content);
  }

  replace(name: string, bytes: Uint8Array): void {
    const content = new Content();
    this.write(content, bytes);
    const before = this.#files.get(name);
    if (before) before.isRemoved = true;
    this.#files.set(name, content);
  }

  remove(name: string): void {
    const content = this.#files.get(name);
    if (content) content.isRemoved = true;
    this.#files.delete(name);
  }

  /** A file's bytes, as a test wants to see them. */
  bytes(name: string): Uint8Array {
    const content = this.#files.get(name);
    if (!content) throw new Error(`No ${name} in ${[...this.#files.keys()]}`);
    return content.bytes.slice(0, content.size);
  }

  /** Puts a file there, as a test wants it. */
  put(name: string, bytes: Uint8Array): void {
    const content = new Content();
    content.bytes = bytes.slice();
    content.size = bytes.length;
    this.#files.set(name, content);
  }

  /** The same files as a process finds them that starts after this one died. */
  survived(): MemoryFolder {
    const other = new MemoryFolder();
    for (const { name } of this.list()) other.put(name, this.bytes(name));
    return other;
  }

  /** Appends to a file, as far as there is room and life. */
  write(content: Content, bytes: Uint8Array): void {
    if (this.used + bytes.length > this.capacity) {
      throw new DiskFull(`Cannot write ${bytes.length} bytes`);
    }
    const alive = Math.min(bytes.length, this.diesAfter - this.written);
    const wanted = content.size + alive;
    if (wanted > content.bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, 2 * content.bytes.length));
      grown.set(content.bytes.subarray(0, content.size));
      content.bytes = grown;
    }
    content.bytes.set(bytes.subarray(0, alive), content.size);
    content.size = wanted;
    this.written += alive;
    if (alive < bytes.length) throw new Killed();
  }
}

/** The process would be no more. */
export class Killed extends Error {
  override name = "Killed";
}

class MemoryFile implements StoredFile {
  readonly #folder: MemoryFolder;
  readonly #content: Content;

  constructor(folder: MemoryFolder, content: Content) {
    this.#folder = folder;
    this.#content = content;
  }

  size(): number {
    return this.#content.size;
  }

  read(into: Uint8Array, at: number): number {
    const { bytes, size } = this.#content;
    const from = Math.min(at, size);
    const part = bytes.subarray(from, Math.min(size, from + into.length));
    into.set(part);
    return part.length;
  }

  append(bytes: Uint8Array): void {
    this.#folder.write(this.#content, bytes);
  }

  truncate(size: number): void {
    this.#content.size = Math.min(size, this.#content.size);
  }

  lock(kind: "shared" | "exclusive"): boolean {
    const { shared, exclusive } = this.#content;
    if (exclusive !== undefined && exclusive !== this) return false;
    if (kind === "shared") {
      shared.add(this);
      this.#content.exclusive = undefined;
      return true;
    }
    const isFree = shared.size === 0 || shared.size === 1 && shared.has(this);
    if (!isFree) return false;
    shared.delete(this);
    this.#content.exclusive = this;
    return true;
  }

  isRemoved(): boolean {
    return this.#content.isRemoved;
  }

  close(): void {
    this.#content.shared.delete(this);
    if (this.#content.exclusive === this) this.#content.exclusive = undefined;
  }
}
