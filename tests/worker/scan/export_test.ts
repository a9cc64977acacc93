/** What an export keeps is what a search of the same packets finds. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOLS } from "../../../dissectors/registry.ts";
import type { FrameBatch } from "../../../packet/frame.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { exportPackets } from "../../../worker/scan/export.ts";
import {
  ofSavefile,
  type PacketSource,
} from "../../../worker/scan/packet_source.ts";
import { searchSavefile } from "../../../worker/scan/search_savefile.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { linesOf } from "../../../worker/scan/shard_line.ts";
import { importSavefiles } from "../../../worker/shards/import.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";
import { planOf } from "../serve/asker.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";

/** Takes an export, and remembers when its packets were captured. */
class Kept {
  readonly times: number[] = [];

  begin(): void {}

  rows({ time }: FrameBatch, rows: Uint32Array, count: number): void {
    for (const row of rows.subarray(0, count)) this.times.push(time[row]!);
  }

  held({ time }: FrameBatch): void {
    this.times.push(time[0]!);
  }
}

/** Times of the packets that an exact export keeps. */
async function kept(source: PacketSource, kfl: string): Promise<number[]> {
  const output = new Kept();
  const options = { plan: planOf(kfl), protocols: PROTOCOLS, exact: true };
  await exportPackets(source, output, options);
  return output.times;
}

const fixture = findFixtures().find(({ name }) =>
  name === "redis/pipelined.pcap"
)!;

Deno.test("the packets of one entry are exported from a savefile by its id", async () => {
  const found = new Map<string, number>();
  using file = openSavefile(fixture.path);
  await searchSavefile(file, "a.pcap", {
    plan: planOf(""),
    protocols: PROTOCOLS,
    onMatch: ({ id, timestamp }) => found.set(id, timestamp),
  });
  ok(found.size > 3);
  for (const [id, timestamp] of found) {
    using file = openSavefile(fixture.path);
    const times = await kept(ofSavefile(file, "a.pcap"), `id == "${id}"`);
    equal(times[0], timestamp, id);
  }
  using same = openSavefile(fixture.path);
  const [id] = found.keys();
  const elsewhere = ofSavefile(same, "b.pcap");
  deepEqual(await kept(elsewhere, `id == "${id}"`), []);
});

Deno.test("the packets of one entry are exported from shards by its id", async () => {
  using writer = StoreWriter.open(new MemoryFolder(), {
    node: "test",
    storageLimit: 2 ** 30,
    shardBytes: 700,
  });
  using file = openSavefile(fixture.path);
  await importSavefiles(writer, [{ name: "x", file }]);
  const found = new Map<string, number>();
  await searchStore(writer.store, {
    plan: planOf(""),
    protocols: PROTOCOLS,
    onMatch: ({ id, timestamp }) => found.set(id, timestamp),
  });
  const shards = new Set([...found.keys()].map((id) => id.split("~")[1]));
  ok(shards.size > 2);
  for (const [id, timestamp] of found) {
    const [line] = linesOf(writer.store);
    const times = await kept(line!, `id == "${id}"`);
    equal(times[0], timestamp, id);
  }
});
