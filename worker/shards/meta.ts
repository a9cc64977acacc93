/**
 * What a folder of shards is: `store.json`.
 *
 * It names the node whose packets these are, keeps the next shard's number so
 * that none is used twice even if all are deleted, and has the version of the
 * format: a folder of a later version is left alone.
 */
import { MAX_NETWORK } from "../../packet/pod_network.ts";
import type { Folder } from "./folder.ts";
import { readWhole, toFinished } from "./folder.ts";
import { isOfRows, ORDER_NAME } from "./guests.ts";
import { listShards, parseName } from "./shard.ts";

const NAME = "store.json";

/** The file whose lock makes a process the folder's only writer. */
export const LOCK_NAME = "writer.lock";

const FORMAT = 1;

/** Bytes of the file. */
const MAX_META = 64 * 1024;

/** What a folder says of itself. */
export interface Meta {
  /** Name of the node that captured; part of every entry's id. */
  readonly node: string;
  /** Number of the next shard. */
  readonly nextShard: number;
  /** Bytes that all files together may have. */
  readonly storageLimit: number;
  /** Number of the next network of a pod; absent before there was one. */
  readonly nextNetwork?: number | undefined;
  /** Greatest time of what was deleted, µs since 1970; absent if nothing was. */
  readonly deletedUntil?: number | undefined;
}

/** A folder that cannot be used; its message says why and what to do. */
export class UnusableFolder extends Error {
  override name = "UnusableFolder";
  /** Whether what is missing is a right. */
  readonly denied: boolean;

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.denied = cause instanceof Deno.errors.PermissionDenied ||
      cause instanceof Deno.errors.NotCapable;
  }
}

/** Says in our words why the file system refuses a folder. */
export function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    const why = error instanceof Deno.errors.NotFound
      ? "no such folder"
      : error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : error.message;
    throw new UnusableFolder(`Cannot open "${path}": ${why}`, error);
  }
}

/** Whether the operating system, or Deno in its place, refused a call. */
function isOfSystem(error: unknown): error is Error {
  return error instanceof Deno.errors.NotCapable ||
    error instanceof Error && "code" in error;
}

/**
 * Reads what a folder says of itself.
 *
 * @returns `undefined` if it says nothing, or nothing that can be read
 * @throws UnusableFolder if it is of a later version
 */
export function readMeta(folder: Folder): Meta | undefined {
  const file = folder.open(NAME, "read");
  if (!file) return undefined;
  const bytes = readWhole(file, MAX_META);
  file.close();
  const json = bytes && parseJson(new TextDecoder().decode(bytes));
  if (!isRecord(json) || typeof json.format !== "number") return undefined;
  if (json.format > FORMAT) {
    throw new UnusableFolder(
      `Cannot open "${folder.path}": a newer Thresher wrote it (format ` +
        `${json.format}, this one knows ${FORMAT}). Use that one, or another folder`,
    );
  }
  const { node, nextShard, storageLimit, nextNetwork, deletedUntil } = json;
  if (typeof node !== "string" || node === "") return undefined;
  if (!isCount(nextShard) || !isCount(storageLimit)) return undefined;
  const until = typeof deletedUntil === "number" ? deletedUntil : undefined;
  return {
    node,
    nextShard,
    storageLimit,
    nextNetwork: isNetwork(nextNetwork) ? nextNetwork : undefined,
    deletedUntil: until,
  };
}

/**
 * What a folder says of itself, or what it would if nothing says it yet.
 *
 * @param fresh of a folder that is empty
 * @throws UnusableFolder if it is of a later version, or holds files that are
 *   not ours: retention deletes files, and must never delete anybody else's
 */
export function readOrInventMeta(
  folder: Folder,
  fresh: Meta,
): Meta {
  const meta = readMeta(folder);
  if (meta) return meta;
  const stranger = folder.names().find((name) => !isOurs(name));
  if (stranger !== undefined) {
    throw new UnusableFolder(
      `Cannot keep packets in "${folder.path}": it holds other files, such ` +
        `as "${stranger}". Name an empty folder`,
    );
  }
  const newest = listShards(folder).at(-1);
  return newest === undefined ? fresh : { ...fresh, nextShard: newest + 1 };
}

/** @throws DiskFull */
export function writeMeta(folder: Folder, meta: Meta): void {
  const json = JSON.stringify({ format: FORMAT, ...meta }, null, 2);
  folder.replace(NAME, new TextEncoder().encode(json + "\n"));
}

/** Whether a file of that name is one that we write. */
function isOurs(name: string): boolean {
  const finished = toFinished(name);
  return finished === NAME || finished === LOCK_NAME ||
    finished === ORDER_NAME || isOfRows(name) ||
    parseName(finished) !== undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isNetwork(value: unknown): value is number {
  return isCount(value) && value > 0 && value <= MAX_NETWORK;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
