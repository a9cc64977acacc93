/** Sorted runs of a {@link Sorter} in a temporary file. */
import type { RunStore } from "./sorter.ts";

/** Bytes to gather before writing. */
const CHUNK = 1024 * 1024;

/** Rows that do not fit into memory fit nowhere else; its cause says why. */
export class CannotKeepRuns extends Error {
  override name = "CannotKeepRuns";

  constructor(cause: unknown) {
    super(
      "Cannot keep rows in a temporary file, which TMPDIR can put elsewhere",
      {
        cause,
      },
    );
  }
}

/**
 * Keeps runs in one unnamed file: it is deleted as soon as it is open, so that
 * nothing is left behind however the process ends.
 */
export class TemporaryRuns implements RunStore {
  readonly #file: Deno.FsFile;
  readonly #ends: number[] = [];
  #size = 0;

  /**
   * @param dir where the file is; by default where the system has such files
   * @throws CannotKeepRuns
   */
  constructor(dir?: string) {
    this.#file = orCannotKeep(() => {
      const path = Deno.makeTempFileSync({ dir, prefix: "thresher-" });
      const file = Deno.openSync(path, { read: true, write: true });
      Deno.removeSync(path);
      return file;
    });
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

function orCannotKeep<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new CannotKeepRuns(error);
  }
}
