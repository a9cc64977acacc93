/**
 * A folder of shards as a whole, for any number of readers.
 */
import { Damaged } from "./encoding.ts";
import { DiskFolder, type Folder } from "./folder.ts";
import { type Columns, encodeMessageTable } from "./message_table.ts";
import { attempt, readMeta, UnusableFolder } from "./meta.ts";
import { unlessFull } from "./recovery.ts";
import { listShards, parseName, Shard, toName } from "./shard.ts";

/** A shard at a glance. */
export interface ShardSummary {
  readonly number: number;
  readonly linkType: number;
  readonly packets: number;
  /** Bytes of its PCAP. */
  readonly bytes: number;
  /** Least and greatest time, µs since 1970. */
  readonly first: number;
  readonly last: number;
  /** Bits of `KIND`. */
  readonly kinds: number;
}

/** A folder of shards, open for reading. */
export class Store {
  readonly folder: Folder;
  /** Name of the node whose packets these are. */
  readonly node: string;
  /** Shards that were met in which nothing can be read. */
  readonly unreadable: Set<number> = new Set();

  /** A folder that is known to hold shards; others are opened. */
  constructor(folder: Folder, node: string) {
    this.folder = folder;
    this.node = node;
  }

  /**
   * Opens a folder to read it, also while another process writes.
   *
   * @throws UnusableFolder
   */
  static open(where: string | Folder): Store {
    const folder = typeof where === "string" ? existingFolder(where) : where;
    const meta = attempt(folder.path, () => readMeta(folder));
    if (meta) return new Store(folder, meta.node);
    throw new UnusableFolder(
      `Cannot open "${folder.path}": no packets were ever kept in it`,
    );
  }

  /** Numbers of the shards there are, the oldest first. */
  numbers(): number[] {
    return listShards(this.folder);
  }

  /**
   * A shard, which the caller closes; `undefined` if it is gone.
   *
   * @throws Damaged if nothing in it can be read
   */
  shard(number: number): Shard | undefined {
    return Shard.open(this.folder, number);
  }

  /**
   * The shards there are, one after the other. Each is open until the next is
   * asked for. Those deleted meanwhile are left out, and so are those in which
   * nothing can be read: {@link unreadable} names them.
   */
  *shards(order: "oldest first" | "newest first"): Generator<Shard> {
    const numbers = this.numbers();
    if (order === "newest first") numbers.reverse();
    for (const number of numbers) {
      const shard = this.attempt(number);
      if (!shard) continue;
      try {
        yield shard;
      } finally {
        shard.close();
      }
    }
  }

  /** Bytes of all packets. Opens no shard. */
  get bytes(): number {
    return this.folder.list().reduce(
      (sum, { name, size }) =>
        parseName(name)?.part === "pcap" ? sum + size : sum,
      0,
    );
  }

  /** Every shard at a glance, the oldest first. */
  survey(): ShardSummary[] {
    return Array.from(this.shards("oldest first"), (shard) => {
      const { header } = shard;
      return {
        number: shard.number,
        linkType: header.linkType,
        packets: header.packets,
        bytes: header.pcapBytes,
        first: header.first,
        last: header.last,
        kinds: header.kinds,
      };
    });
  }

  /**
   * Greatest time of packets that were deleted to make room, µs since 1970;
   * `undefined` if none were.
   */
  get deletedUntil(): number | undefined {
    return readMeta(this.folder)?.deletedUntil;
  }

  /**
   * Puts what dissections found beside a shard, in place of what was there.
   *
   * @param shard open, so that it is not deleted meanwhile
   * @returns whether there was room, and the right to write
   */
  putMessageTable(shard: Shard, key: string, columns: Columns): boolean {
    const table = encodeMessageTable(key, columns);
    const limit = readMeta(this.folder)?.storageLimit ?? Infinity;
    const used = this.folder.list().reduce((sum, { size }) => sum + size, 0);
    if (used + table.length > limit) return false;
    const name = toName(shard.number, "msg");
    try {
      const put = () => this.folder.replace(name, table);
      return attempt(this.folder.path, () => unlessFull(put));
    } catch (error) {
      // Who may only read does without.
      if (!(error instanceof UnusableFolder)) throw error;
      return false;
    }
  }

  /** As {@link shard}, but notes one in which nothing can be read. */
  attempt(number: number): Shard | undefined {
    try {
      return this.shard(number);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      this.unreadable.add(number);
      return undefined;
    }
  }
}

/** The folder at `path` for reading. */
function existingFolder(path: string): Folder {
  const info = attempt(path, () => Deno.statSync(path));
  if (info.isDirectory) return DiskFolder.at(path);
  throw new UnusableFolder(`Cannot open "${path}": it is no folder`);
}
