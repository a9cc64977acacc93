/**
 * A folder of shards as its only writer has it: one writer for each link type,
 * a limit on all of them together, and a lock against other processes.
 */
import { MAX_NETWORK } from "../../packet/pod_network.ts";
import type { Fact, InterfaceFact, NetworkFact } from "./facts.ts";
import {
  DiskFolder,
  type Folder,
  readWhole,
  type StoredFile,
} from "./folder.ts";
import {
  attempt,
  LOCK_NAME,
  type Meta,
  readOrInventMeta,
  UnusableFolder,
  writeMeta,
} from "./meta.ts";
import { OpenFlows } from "./open_flows.ts";
import { recover, type RecoveryReport, unlessFull } from "./recovery.ts";
import { Retention, type RetentionOptions } from "./retention.ts";
import { listShards, MAX_SHARD } from "./shard.ts";
import { Store } from "./store.ts";
import {
  ShardWriter,
  type StopCause,
  type WriterSurroundings,
} from "./writer.ts";

const MIB = 1024 * 1024;

/** Bytes of all files, unless `--storage-limit` says otherwise. */
export const DEFAULT_STORAGE_LIMIT = 200e6;

/** Shards that fill the limit, so that deleting one costs a few percent. */
const SHARDS = 32;

/** Bytes of a shard's PCAP. */
const SHARD_BYTES = { LEAST: MIB, MOST: 16 * MIB } as const;

/** Shards that a limit must have room for at least. */
const LEAST_SHARDS = 4;

/** Time that a shard may span, unless told otherwise: an hour. */
const SHARD_DURATION = 3600e6;

/** Writers of different link types that are open at a time. */
const MAX_WRITERS = 16;

/** Shards that are searched for flows that go on after a restart. */
const REMEMBERED = 8;

/** Bytes of a shard's PCAP for a limit on all of them. */
export function toShardBytes(storageLimit: number): number {
  const share = Math.floor(storageLimit / SHARDS);
  return Math.min(SHARD_BYTES.MOST, Math.max(SHARD_BYTES.LEAST, share));
}

/** How a folder is written. */
export interface StoreOptions {
  /** Name of this node; a folder that has a name already keeps it. */
  readonly node: string;
  /** Bytes that all files together may have. */
  readonly storageLimit?: number | undefined;
  /** Bytes of a shard's PCAP, if not a share of the limit. */
  readonly shardBytes?: number | undefined;
  /** Time that a shard may span, µs. */
  readonly shardDuration?: number | undefined;
  /** Number of the first shard of a folder that is empty; 1. */
  readonly firstShard?: number | undefined;
  readonly beforeDelete?: RetentionOptions["beforeDelete"];
}

/** A folder of shards, open for writing: its only writer. */
export class StoreWriter implements Disposable {
  /** The same folder, to read from. */
  readonly store: Store;
  /** What was found and mended when it was opened. */
  readonly recovery: RecoveryReport;
  readonly retention: Retention;
  readonly #lock: StoredFile;
  readonly #surroundings: WriterSurroundings & { shardBytes: number };
  readonly #ownShardBytes: number | undefined;
  #meta: Meta;
  /** What every shard's facts begin with. */
  readonly #common: Fact[] = [];
  /** By link type; the one used last is the last. */
  readonly #writers = new Map<number, ShardWriter>();

  private constructor(
    folder: Folder,
    { file, wasKilled }: Lock,
    meta: Meta,
    options: StoreOptions,
  ) {
    this.#lock = file;
    this.#ownShardBytes = options.shardBytes;
    this.recovery = recover(folder, wasKilled);
    const newest = listShards(folder).at(-1) ?? 0;
    const nextShard = Math.max(meta.nextShard, newest + 1);
    this.#meta = { ...meta, nextShard, storageLimit: limitOf(options) };
    unlessFull(() => writeMeta(folder, this.#meta));
    this.store = new Store(folder, meta.node);
    this.retention = new Retention(folder, {
      limit: limitOf(options),
      beforeDelete: options.beforeDelete,
    });
    this.retention.makeRoom(0);
    this.#surroundings = {
      folder,
      retention: this.retention,
      shardBytes: shardBytesOf(options),
      shardDuration: options.shardDuration ?? SHARD_DURATION,
      commonFacts: this.#common,
      takeNumber: () => this.#takeNumber(),
    };
  }

  /**
   * Opens a folder to write to it, and mends what a process that died left
   * behind. A folder that is missing is made, for its owner alone.
   *
   * @throws UnusableFolder if another process writes to it, a newer version
   *   wrote it, other files are in it, or the limit is too small
   */
  static open(where: string | Folder, options: StoreOptions): StoreWriter {
    checkLimit(options);
    const folder = typeof where === "string"
      ? attempt(where, () => DiskFolder.made(where))
      : where;
    // Before anything of ours is put among somebody else's files.
    attempt(
      folder.path,
      () => readOrInventMeta(folder, toNewMeta(options)),
    );
    const lock = attempt(folder.path, () => {
      if (folder instanceof DiskFolder) folder.restrict();
      return takeLock(folder);
    });
    try {
      const meta = readOrInventMeta(folder, toNewMeta(options));
      return new StoreWriter(folder, lock, meta, options);
    } catch (error) {
      lock.file.close();
      throw error;
    }
  }

  /** Why packets are not stored at the moment; `undefined` if they are. */
  get stopped(): StopCause | undefined {
    for (const writer of this.#writers.values()) {
      if (writer.stopped) return writer.stopped;
    }
    return undefined;
  }

  /**
   * What writes packets of a link type; a shard has one alone. It is closed
   * with this, or when too many others are in use.
   *
   * Packets of several link types may alternate, as in a capture of a tunnel
   * beside that of the card below it. One shard each is kept open, then: to
   * begin another at every change would make shards of single packets. Shards
   * of different link types therefore overlap in time.
   */
  writer(linkType: number): ShardWriter {
    const writer = this.#writers.get(linkType) ?? this.#begin(linkType);
    this.#writers.delete(linkType);
    this.#writers.set(linkType, writer);
    return writer;
  }

  /**
   * Begins another source: it gets shards of its own, and each of them says
   * where its packets came from. `undefined` is this node's own interfaces.
   */
  beginSource(name: string | undefined): void {
    this.rotate();
    this.#common.length = 0;
    if (name !== undefined) this.addFact({ kind: "source", name });
  }

  /** Notes a fact in each shard of the source, also in those yet to come. */
  addFact(fact: Fact): void {
    this.#common.push(fact);
    for (const writer of this.#writers.values()) {
      if (writer.shard !== undefined) writer.note(fact);
    }
  }

  /**
   * Names the interfaces there are now, in the shards that are open and in
   * those yet to come. Those that are gone are named where they were.
   */
  setInterfaces(interfaces: readonly InterfaceFact[]): void {
    const known = this.#common.filter(isInterface);
    const isNew = ({ id, name }: InterfaceFact) =>
      !known.some((fact) => fact.id === id && fact.name === name);
    const others = this.#common.filter((fact) => !isInterface(fact));
    // In place, for the writers look at it.
    this.#common.splice(0, Infinity, ...others, ...interfaces);
    for (const writer of this.#writers.values()) {
      if (writer.shard === undefined) continue;
      for (const fact of interfaces.filter(isNew)) writer.note(fact);
    }
  }

  /**
   * Says which pods' networks packets are captured in now, as
   * {@link setInterfaces} does for interfaces.
   */
  setNetworks(networks: readonly NetworkFact[]): void {
    const known = new Set(
      this.#common.map((fact) => fact.kind === "network" ? fact.number : 0),
    );
    const others = this.#common.filter(({ kind }) => kind !== "network");
    this.#common.splice(0, Infinity, ...others, ...networks);
    const isNew = ({ number }: NetworkFact) => !known.has(number);
    for (const writer of this.#writers.values()) {
      if (writer.shard === undefined) continue;
      for (const fact of networks.filter(isNew)) writer.note(fact);
    }
  }

  /**
   * A number for a pod's network that none of those has whose packets are kept:
   * they are given out in turn.
   */
  takeNetwork(): number {
    const { nextNetwork = 1 } = this.#meta;
    this.#keepMeta({ nextNetwork: nextNetwork % MAX_NETWORK + 1 });
    return nextNetwork;
  }

  /**
   * Changes the bytes that all files together may have, and deletes what that
   * takes. Shards that begin from now on have the size that goes with it.
   *
   * @throws UnusableFolder if it is too little
   */
  setStorageLimit(storageLimit: number): void {
    const options = { shardBytes: this.#ownShardBytes, storageLimit };
    checkLimit(options);
    this.#surroundings.shardBytes = shardBytesOf(options);
    this.retention.limit = storageLimit;
    this.retention.makeRoom(0);
    this.#keepMeta({ storageLimit });
  }

  /** Stores what was taken. */
  flush(): void {
    for (const writer of this.#writers.values()) writer.flush();
  }

  /** Stores what was taken and ends the shards. */
  rotate(): void {
    for (const writer of this.#writers.values()) writer.rotate();
  }

  /** Ends all writing and lets another process write. */
  close(): void {
    for (const writer of this.#writers.values()) writer.close();
    this.#writers.clear();
    this.#keepMeta({ deletedUntil: this.#deletedUntil() });
    this.#lock.truncate(0);
    this.#lock.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #begin(linkType: number): ShardWriter {
    if (this.#writers.size === MAX_WRITERS) {
      const [oldest, writer] = this.#writers.entries().next().value!;
      writer.close();
      this.#writers.delete(oldest);
    }
    const openFlows = this.#flowsAfterLast(linkType);
    return new ShardWriter(this.#surroundings, linkType, openFlows);
  }

  /** Flows of that link type that went on when writing ended. */
  #flowsAfterLast(linkType: number): OpenFlows {
    let flows = new OpenFlows();
    for (const number of this.store.numbers().slice(-REMEMBERED)) {
      using shard = this.store.attempt(number);
      if (shard?.header.linkType !== linkType) continue;
      flows = flows.after(number, shard.index.flows);
    }
    return flows;
  }

  /** @throws DiskFull */
  #takeNumber(): number {
    const number = this.#meta.nextShard;
    if (number > MAX_SHARD) {
      throw new UnusableFolder(
        `Cannot go on in "${this.store.folder.path}": its ${MAX_SHARD} ` +
          "numbers are used up. Name another folder",
      );
    }
    const deletedUntil = this.#deletedUntil();
    const meta = { ...this.#meta, nextShard: number + 1, deletedUntil };
    writeMeta(this.store.folder, meta);
    this.#meta = meta;
    return number;
  }

  #deletedUntil(): number | undefined {
    const { until } = this.retention.deleted;
    const before = this.#meta.deletedUntil;
    return until === 0 ? before : Math.max(until, before ?? 0);
  }

  #keepMeta(changes: Partial<Meta>): void {
    this.#meta = { ...this.#meta, ...changes };
    unlessFull(() => writeMeta(this.store.folder, this.#meta));
  }
}

function isInterface(fact: Fact): fact is InterfaceFact {
  return fact.kind === "interface";
}

/** What the sizes depend on. */
const toNewMeta = (options: StoreOptions): Meta => ({
  node: options.node,
  nextShard: options.firstShard ?? 1,
  storageLimit: limitOf(options),
});

type Sizes = Pick<StoreOptions, "storageLimit" | "shardBytes">;

function limitOf(options: Sizes): number {
  return options.storageLimit ?? DEFAULT_STORAGE_LIMIT;
}

function shardBytesOf(options: Sizes): number {
  return options.shardBytes ?? toShardBytes(limitOf(options));
}

function checkLimit(options: Sizes): void {
  const least = LEAST_SHARDS * shardBytesOf(options);
  if (limitOf(options) < least) {
    throw new UnusableFolder(
      `Cannot keep packets in ${limitOf(options)} bytes: the storage limit ` +
        `must be at least ${least}`,
    );
  }
}

/** Bytes of the lock's text. */
const MAX_LOCK = 4096;

/** That this process is the folder's only writer, until the file is closed. */
interface Lock {
  readonly file: StoredFile;
  /** Whether whoever had it before did not end by itself: its text is left. */
  readonly wasKilled: boolean;
}

/** @throws UnusableFolder if another process has it */
function takeLock(folder: Folder): Lock {
  const file = folder.open(LOCK_NAME, "append") ??
    folder.open(LOCK_NAME, "create")!;
  if (file.lock("exclusive")) {
    const wasKilled = file.size() > 0;
    unlessFull(() => {
      file.truncate(0);
      const text = `process ${Deno.pid} since ${new Date().toISOString()}\n`;
      file.append(new TextEncoder().encode(text));
    });
    return { file, wasKilled };
  }
  const holder = new TextDecoder().decode(readWhole(file, MAX_LOCK)).trim();
  file.close();
  throw new UnusableFolder(
    `Cannot write to "${folder.path}": ${holder || "another process"} ` +
      "is writing to it. Stop that one, or name another folder",
  );
}
