/**
 * Law: a folder of shards answers as the savefile it was imported from, in
 * whatever places the shards begin, whether message tables are there or not.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { toPlain } from "../../../entry/json.ts";
import type { QueryOptions } from "../../../kfl/plan.ts";
import { compileQuery } from "../../../kfl/query.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { encodeState } from "../../../stream/state.ts";
import { searchSavefile } from "../../../worker/scan/search_savefile.ts";
import { KEY, searchStore } from "../../../worker/scan/search_store.ts";
import { importSavefiles } from "../../../worker/shards/import.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import {
  ETHERNET,
  LINKTYPE_ETHERNET,
  makeTraffic,
  toBatch,
} from "../shards/traffic.ts";

const QUERIES: [kfl: string, options?: Partial<QueryOptions>][] = [
  [""],
  ["http"],
  ["redis or dns"],
  ["tcp and failed"],
  ["not http and not tls"],
  ["", { order: "desc", limit: 3 }],
  ["http", { order: "desc", limit: 2 }],
];

for (const { name, path } of findFixtures()) {
  Deno.test(`a folder of shards answers as ${name}`, async () => {
    for (const shardBytes of [700, 5000]) {
      const folder = await Deno.makeTempDir();
      try {
        await importInto(folder, path, shardBytes);
        for (const stretch of [1, 2000]) await compare(folder, path, stretch);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }
  });
}

async function importInto(
  folder: string,
  path: string,
  shardBytes: number,
): Promise<void> {
  using writer = StoreWriter.open(folder, {
    node: "test",
    storageLimit: 2 ** 30,
    shardBytes,
  });
  using file = openSavefile(path);
  await importSavefiles(writer, [{ name: "x", file }]);
}

async function compare(
  folder: string,
  path: string,
  stretch: number,
): Promise<void> {
  for (const [kfl, options] of QUERIES) {
    const compiled = compileQuery(kfl, SCHEMA, { now: 0, ...options });
    ok(compiled.plan, kfl);
    const plan = compiled.plan;
    const expected: string[] = [];
    using file = openSavefile(path);
    await searchSavefile(file, "test", {
      plan,
      protocols: PROTOCOLS,
      onMatch: (entry) => expected.push(toText(entry)),
    });
    const found: string[] = [];
    await searchStore(Store.open(folder), {
      plan,
      protocols: PROTOCOLS,
      onMatch: (entry) => found.push(toText(entry)),
      stretch,
    });
    const order = plan.order === "asc" ? 1 : -1;
    const sorted = (texts: string[]) =>
      texts.sort((a, b) => order * (a < b ? -1 : 1)).slice(0, plan.limit);
    deepEqual(sorted(found), sorted(expected), kfl);
  }
}

/** An entry as text that sorts by time; ids differ, for shards are numbered. */
function toText(entry: Parameters<typeof toPlain>[0]): string {
  const { id: _, timestamp, ...rest } = toPlain(entry, SCHEMA);
  return `${timestamp} ${JSON.stringify(rest)}`;
}

Deno.test("a checkpoint that nobody can go on with is passed over", async () => {
  const { path } = findFixtures().find(({ name }) =>
    name === "redis/pipelined.pcap"
  )!;
  const folder = await Deno.makeTempDir();
  try {
    await importInto(folder, path, 700);
    await compare(folder, path, 1);
    const stale = [
      new Uint8Array(0),
      encodeState({ nextTick: 0 }),
      encodeState({ flows: [1], tracks: [{ flow: 9 }], low: [], high: [] }),
    ];
    const store = Store.open(folder);
    let spoilt = 0;
    for (const shard of store.shards("oldest first")) {
      const protocols = shard.messageTable(KEY)?.texts("protocols");
      if (!protocols) continue;
      const checkpoint = stale[spoilt++ % stale.length]!;
      ok(store.putMessageTable(shard, KEY, { checkpoint, protocols }));
    }
    ok(spoilt > 3);
    await compare(folder, path, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (const name of [undefined, "x.pcap"]) {
  const where = name ?? "what was captured here";
  Deno.test(`packets of ${where} that were cut are ${name ? "" : "not "}missed`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const options = { node: "n", storageLimit: 2 ** 30 };
      using writer = StoreWriter.open(folder, options);
      writer.beginSource(name);
      const batch = toBatch(makeTraffic(1, 50));
      for (let i = 0; i < batch.count; i++) batch.original[i]! += 1000;
      writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
      writer.rotate();
      const { plan } = compileQuery("", SCHEMA, { now: 0 });
      const coverages = await searchStore(writer.store, {
        plan: plan!,
        protocols: PROTOCOLS,
        onMatch() {},
      });
      deepEqual(coverages.map(({ cut }) => cut), [name ? batch.count : 0]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("packets that are passed over are counted as if they were read", async () => {
  // So many that those of flows that are ruled out are not even loaded.
  const frames = makeTraffic(2, 20_000);
  const batch = toBatch(frames);
  using writer = StoreWriter.open(new MemoryFolder(), {
    node: "n",
    storageLimit: 2 ** 30,
  });
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  writer.rotate();
  const counts = async (kfl: string) => {
    const { plan } = compileQuery(kfl, SCHEMA, { now: 0 });
    const [coverage] = await searchStore(writer.store, {
      plan: plan!,
      protocols: PROTOCOLS,
      onMatch() {},
    });
    const { packets, first, last, others, malformed } = coverage!;
    return { packets, first, last, others, malformed };
  };
  const whole = await counts("");
  equal(whole.packets, batch.count);
  deepEqual(await counts("port == 1"), whole);
});
