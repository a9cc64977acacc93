/** What shards hold, as tests want to compare it. */
import { FrameBatch } from "../../../packet/frame.ts";
import type { Shard } from "../../../worker/shards/shard.ts";
import { Store } from "../../../worker/shards/store.ts";
import type { Folder } from "../../../worker/shards/folder.ts";
import type { Frame } from "./traffic.ts";

/** All frames of a shard, found by its columns. */
export function framesOf(shard: Shard): Frame[] {
  const columns = shard.columns();
  const rows = Uint32Array.from({ length: columns.count }, (_, row) => row);
  return loadFrames(shard, rows);
}

/** The frames of some rows of a shard. */
export function loadFrames(shard: Shard, rows: Uint32Array): Frame[] {
  const columns = shard.columns();
  const batch = new FrameBatch(64);
  const frames: Frame[] = [];
  for (let from = 0; from < rows.length;) {
    const loaded = shard.load(columns, rows, from, rows.length, batch);
    if (loaded === 0) throw new Error(`Nothing loaded from row ${from}`);
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i]!;
      frames.push({
        time: batch.time[i]!,
        nanos: batch.nanos[i]!,
        bytes: batch.bytes.slice(start, start + batch.captured[i]!),
        original: batch.original[i]!,
        interface: batch.interface[i]!,
      });
    }
    from += loaded;
  }
  return frames;
}

/** All frames in a folder, by shard and in order. */
export function allFrames(folder: Folder): Frame[] {
  return Array.from(Store.open(folder).shards("oldest first"), framesOf).flat();
}
