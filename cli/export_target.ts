/** The file that an export writes: whole, or not at all. */
import type { ByteSink } from "../packet/savefile_writer.ts";
import { CommandError, EXIT, exitCodeFor, reasonOf } from "./exit.ts";
import { writeAll } from "./output.ts";
import { statOf } from "./places.ts";

/** Where a savefile goes; a file that was not kept is removed again. */
export interface Target extends ByteSink, Disposable {
  keep(): void;
}

/**
 * Opens a file to write; `-` is standard output.
 *
 * What a file held before is only thrown away when there is something to write,
 * so that a mistake in the arguments does no harm to it.
 *
 * @throws CommandError
 */
export function openTarget(path: string): Target {
  return path === "-" ? new StandardOutput() : new FileTarget(path);
}

class StandardOutput implements Target {
  write(bytes: Uint8Array): void {
    writeAll(Deno.stdout, bytes, "standard output");
  }

  keep(): void {}

  [Symbol.dispose](): void {}
}

class FileTarget implements Target {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  /** Whether it is a file that is ours to remove, or a device, or a pipe. */
  readonly #isFile: boolean;
  /** Whether nothing is lost when it is removed. */
  #isOurs: boolean;
  #isKept = false;

  constructor(path: string) {
    this.#path = path;
    this.#isOurs = statOf(path) === undefined;
    this.#file = open(path);
    this.#isFile = this.#file.statSync().isFile;
  }

  write(bytes: Uint8Array): void {
    if (this.#isFile && !this.#isOurs) this.#file.truncateSync();
    this.#isOurs = true;
    writeAll(this.#file, bytes, `"${this.#path}"`);
  }

  keep(): void {
    this.#isKept = true;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#isFile && this.#isOurs && !this.#isKept) {
      Deno.removeSync(this.#path);
    }
  }
}

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, mode: 0o600 });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new CommandError(
      exitCodeFor(error),
      `Cannot write "${path}": ${reason}`,
      error,
    );
  }
}

/** @throws CommandError if the output is one of the inputs */
export function refuseOverwriting(
  inputs: readonly string[],
  output: string,
): void {
  const target = identityOf(output);
  if (target === undefined) return;
  for (const path of inputs) {
    if (identityOf(path) !== target) continue;
    throw new CommandError(
      EXIT.MISUSED,
      `"${output}" is read and cannot be written at once: name another file with -o`,
    );
  }
}

/** What a path leads to, by device and inode. */
function identityOf(path: string): string | undefined {
  const info = path === "-" ? undefined : statOf(path);
  return info?.isFile ? `${info.dev} ${info.ino}` : undefined;
}
