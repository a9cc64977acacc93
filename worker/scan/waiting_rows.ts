/**
 * Rows of answers that wait in a data folder, beside the packets.
 *
 * They come on top of its limit, for a query must not delete what it asks
 * about; so they have a bound of their own. It holds for all queries of all
 * threads and processes, by what lies in the folder: each file is locked as
 * long as it is in use, and one that is not was left behind by a thread that is
 * gone.
 */
import { DiskFolder } from "../shards/folder.ts";
import { isOfRows, rowsName } from "../shards/guests.ts";
import { readMeta } from "../shards/meta.ts";
import { CannotKeepRuns, FileRuns } from "./runs.ts";

/** Bytes that they may have, whatever the limit of the folder. */
const LEAST = 64 * 1024 * 1024;

/** As many besides as this part of the limit: volumes have that room. */
const SHARE = 1 / 4;

/** Bytes that rows of all queries of a folder may have. */
export function roomForRows(folder: string): number {
  const { storageLimit = 0 } = readMeta(DiskFolder.at(folder)) ?? {};
  return LEAST + Math.floor(storageLimit * SHARE);
}

/** Keeps sorted runs of one query in a data folder. */
export class WaitingRows extends FileRuns {
  readonly #folder: string;
  readonly #name: string;

  /** @throws CannotKeepRuns */
  constructor(folder: string) {
    const name = rowsName();
    super(() => open(`${folder}/${name}`));
    this.#folder = folder;
    this.#name = name;
  }

  /** @throws CannotKeepRuns also if all queries have too many */
  override write(run: Iterable<Uint8Array>): void {
    super.write(run);
    const room = roomForRows(this.#folder);
    if (bytesOfRows(this.#folder) <= room) return;
    const megabytes = Math.floor(room / 1e6);
    throw new CannotKeepRuns(
      `The rows of the queries that run take more than ${megabytes} MB, which ` +
        "is what may wait on this node: ask for less time, or give a limit",
    );
  }

  override close(): void {
    super.close();
    DiskFolder.at(this.#folder).remove(this.#name);
  }
}

function open(path: string): Deno.FsFile {
  const file = Deno.openSync(path, {
    ...{ read: true, write: true, createNew: true, mode: 0o600 },
  });
  file.lockSync(true);
  return file;
}

/** Bytes of the rows that wait; what was left behind is removed. */
function bytesOfRows(path: string): number {
  const folder = DiskFolder.at(path);
  let sum = 0;
  for (const { name, size } of folder.list()) {
    if (!isOfRows(name)) continue;
    const file = folder.open(name, "append");
    if (!file) continue;
    if (file.lock("exclusive")) folder.remove(name);
    else sum += size;
    file.close();
  }
  return sum;
}
