/** Numbers of shards: those of one node's folders do not meet. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { parseId, toId } from "../../../entry/entry.ts";
import { MAX_SHARD } from "../../../worker/shards/shard.ts";
import { firstShardAt } from "../../../worker/shards/numbering.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { MemoryFolder } from "./memory_folder.ts";
import {
  ETHERNET,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
} from "./traffic.ts";

const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;

/** Stores some packets in shards of their own. @returns their numbers */
function store(folder: MemoryFolder, firstShard: number): number[] {
  using writer = StoreWriter.open(folder, {
    node: "node-a",
    storageLimit: 2e7,
    shardBytes: 30_000,
    firstShard,
  });
  const batch = toBatch(makeTraffic(1, 500));
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  return writer.store.numbers();
}

Deno.test("a folder that is begun later has greater numbers", () => {
  const [first, later] = [NOW, NOW + 60_000].map((now) =>
    store(new MemoryFolder(), firstShardAt(now))
  );
  ok(first!.length > 1);
  equal(first![0], firstShardAt(NOW));
  ok(later![0]! > first!.at(-1)!);
});

Deno.test("a folder that is there already goes on where it was", () => {
  const folder = new MemoryFolder();
  const before = store(folder, 7);
  const after = store(folder, firstShardAt(NOW));
  deepEqual(after.slice(0, before.length), before);
  equal(after[before.length], before.at(-1)! + 1);
});

Deno.test("numbers leave room for all that a folder will hold, whenever it begins", () => {
  for (let day = 0; day < 40_000; day += 97) {
    const first = firstShardAt(NOW + day * DAY);
    ok(first >= 1 && first <= MAX_SHARD / 2 + 1, `${first}`);
  }
  // Of more than a year, none is used twice.
  ok(firstShardAt(NOW + DAY) !== firstShardAt(NOW + 366 * DAY));
});

Deno.test("the last of them stands exactly in ids, and in places of rows", () => {
  const id = { node: "node-a", shard: MAX_SHARD, packet: 2 ** 24 - 1, n: 3 };
  deepEqual(parseId(toId(id)), id);
  ok(Number.isSafeInteger(MAX_SHARD * 2 ** 24 + 2 ** 24 - 1));
});
