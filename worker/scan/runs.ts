/** Sorted runs of a {@link Sorter} in a temporary file. */
import type { RunStore } from "./sorter.ts";

/** Bytes to gather before writing. */
const CHUNK = 1024 * 1024;

/** Rows that do not fit into memory fit nowhere else; the message says why. */
export class CannotKeepRuns extends Error {
  override name = "CannotKeepRuns";
}

/** Keeps runs in one file, one behind the other. */
export class FileRuns implements RunStore {
  readonly #file: Deno.FsFile;
  readonly #ends: number[] = [];
  #size = 0;

  /**
   * @param open gives an empty file, to be read and written
   * @throws CannotKeepRuns
   */
  constructor(open: () => Deno.FsFile) {
    this.#file = orCannotKeep(open);
  }

  /** @throws CannotKeepRuns */
  write(run: Iterable<Uint8Array>): void {
    this.#file.seekSync(this.#size, Deno.SeekMode.Start);
    const buffer = new Uint8Array(CHUNK);
    let filled = 0;
    for (const row of run) {
      if (filled + row.length > CHUNK) {
        this.#writeAll(buffer.subarray(0, filled));
        filled = 0;
      }
      if (row.length > CHUNK) this.#writeAll(row);
      else {
        buffer.set(row, filled);
        filled += row.length;
      }
    }
    this.#writeAll(buffer.subarray(0, filled));
    this.#ends.push(this.#size);
  }

  readers(): ((into: Uint8Array) => number | null)[] {
    return this.#ends.map((end, i) => {
      let at = this.#ends[i - 1] ?? 0;
      return (into) => {
        if (at >= end) return null;
        this.#file.seekSync(at, Deno.SeekMode.Start);
        const size = Math.min(into.length, end - at);
        const got = this.#file.readSync(into.subarray(0, size));
        if (got === null) return null;
        at += got;
        return got;
      };
    });
  }

  close(): void {
    this.#file.close();
  }

  #writeAll(bytes: Uint8Array): void {
    orCannotKeep(() => {
      for (let at = 0; at < bytes.length;) {
        at += this.#file.writeSync(bytes.subarray(at));
      }
    });
    this.#size += bytes.length;
  }
}

/**
 * Keeps runs in an unnamed file where the system has such files: it is deleted
 * as soon as it is open, so that nothing is left behind however the process
 * ends.
 */
export class TemporaryRuns extends FileRuns {
  /** @throws CannotKeepRuns */
  constructor() {
    super(() => {
      const path = Deno.makeTempFileSync({ prefix: "thresher-" });
      const file = Deno.openSync(path, { read: true, write: true });
      Deno.removeSync(path);
      return file;
    });
  }
}

function orCannotKeep<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new CannotKeepRuns(
      "Cannot keep rows in a temporary file, which TMPDIR can put elsewhere",
      { cause },
    );
  }
}
