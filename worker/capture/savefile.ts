/**
 * Savefiles as sources of frames: found, opened and named.
 */
import { basename, join } from "node:path";
import { Damage } from "../../packet/format.ts";
import {
  type ByteSource,
  NotASavefile,
  SavefileReader,
} from "../../packet/savefile.ts";
import { unpacked } from "./compressed.ts";

/** Folders inside folders that are searched for savefiles. */
const MAX_DEPTH = 16;

/** A savefile by its path. */
export interface SavefilePath {
  readonly path: string;
  /** Whether it was named, or merely found in a folder that was. */
  readonly named: boolean;
}

/** Why a savefile could not be opened; its message says which and what to do. */
export class CannotOpen extends Error {
  override name = "CannotOpen";
  /** Whether what is missing is a right. */
  readonly denied: boolean;

  constructor(path: string, why: string, cause: unknown, denied = false) {
    super(`Cannot open "${path}": ${why}`, { cause });
    this.denied = denied;
  }
}

/**
 * The files that the arguments name: files as they are, folders by everything
 * in them, in the order of their names. `-` is standard input.
 *
 * @throws CannotOpen
 */
export function findSavefiles(args: readonly string[]): SavefilePath[] {
  const found: SavefilePath[] = [];
  for (const path of args) {
    if (path === "-") {
      found.push({ path, named: true });
      continue;
    }
    const info = attempt(path, () => Deno.statSync(path));
    if (!info.isDirectory) found.push({ path, named: true });
    else found.push(...filesBelow(path, 0));
  }
  return found;
}

function filesBelow(folder: string, depth: number): SavefilePath[] {
  if (depth > MAX_DEPTH) return [];
  const entries = attempt(folder, () => [...Deno.readDirSync(folder)]);
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return filesBelow(path, depth + 1);
    return entry.isFile ? [{ path, named: false }] : [];
  });
}

/** An open savefile. */
export interface OpenSavefile extends Disposable {
  readonly path: string;
  readonly reader: SavefileReader;
  /** Bytes in it as it lies there, where that is known. */
  readonly size: number | undefined;
  /** Bytes of them read so far. */
  readonly position: number;
  /** Whether it can be read again: standard input and pipes cannot. */
  readonly canRewind: boolean;
  /** Begins anew. */
  rewind(): void;
}

/**
 * Opens a savefile, which may be compressed. The caller closes it.
 *
 * @throws CannotOpen
 */
export function openSavefile(path: string): OpenSavefile {
  const standardInput = path === "-";
  const file = standardInput
    ? undefined
    : attempt(path, () => Deno.openSync(path));
  try {
    let position = 0;
    const source: ByteSource = {
      read(into) {
        const size = (file ?? Deno.stdin).readSync(into);
        position += size ?? 0;
        return size;
      },
    };
    const info = file?.statSync();
    const size = info?.isFile ? info.size : undefined;
    let reader = new SavefileReader(unpacked(source));
    return {
      path,
      get reader() {
        return reader;
      },
      size,
      get position() {
        return position;
      },
      canRewind: size !== undefined,
      rewind() {
        if (!file) throw new Error("Standard input can be read only once");
        file.seekSync(0, Deno.SeekMode.Start);
        position = 0;
        reader = new SavefileReader(unpacked(source));
      },
      [Symbol.dispose]() {
        file?.close();
      },
    };
  } catch (error) {
    file?.close();
    if (error instanceof NotASavefile || error instanceof Damage) {
      throw new CannotOpen(path, error.message, error);
    }
    throw error;
  }
}

/**
 * Names for sources: a savefile's is its file name, `name#2` for a second one
 * (DESIGN §5).
 */
export function nameSources(paths: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return paths.map((path) => {
    const name = path === "-" ? "stdin" : basename(path).replaceAll("~", "-");
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  });
}

/** Runs a call to the file system and says in our words how it failed. */
function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CannotOpen(path, "no such file or folder", error);
    }
    if (
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable
    ) {
      throw new CannotOpen(path, "permission denied", error, true);
    }
    if (error instanceof Error) {
      throw new CannotOpen(path, error.message, error);
    }
    throw error;
  }
}
