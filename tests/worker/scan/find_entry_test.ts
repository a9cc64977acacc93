/** One entry, found by its id, is what a search of everything gives. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { parseId } from "../../../entry/entry.ts";
import { toPlain } from "../../../entry/json.ts";
import type { DissectedEntry } from "../../../dissectors/dissected.ts";
import { SavefileReader } from "../../../packet/savefile.ts";
import { FrameBatch } from "../../../packet/frame.ts";
import { toPlace } from "../../../stream/reader.ts";
import {
  copyLegs,
  findEntry,
  type Stretch,
} from "../../../worker/scan/find_entry.ts";
import { PacketOutput } from "../../../worker/scan/packet_output.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { SourceScan } from "../../../worker/scan/source_scan.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { importSavefiles } from "../../../worker/shards/import.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import type { Store } from "../../../worker/shards/store.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import { planOf } from "../serve/asker.ts";

const toText = (entry: DissectedEntry) =>
  JSON.stringify(toPlain(entry, SCHEMA));

async function imported(path: string, shardBytes: number): Promise<Store> {
  using writer = StoreWriter.open(new MemoryFolder(), {
    node: "test",
    storageLimit: 2 ** 30,
    shardBytes,
  });
  using file = openSavefile(path);
  await importSavefiles(writer, [{ name: "x", file }]);
  return writer.store;
}

/** All entries of a folder, by their ids. */
async function searched(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await searchStore(store, {
    plan: planOf(""),
    protocols: PROTOCOLS,
    onMatch: (entry) => found.set(entry.id, toText(entry)),
  });
  return found;
}

for (const { name, path } of findFixtures()) {
  Deno.test(`each entry of ${name} is found by its id`, async () => {
    for (const shardBytes of [900, 20_000]) {
      const store = await imported(path, shardBytes);
      // Without and with the checkpoints that a search leaves behind.
      for (const all of [await searched(store), await searched(store)]) {
        for (const [id, expected] of [...all].slice(0, 40)) {
          let found: string | undefined;
          const origin = await findEntry(store, parseId(id)!, {
            protocols: PROTOCOLS,
            onEntry: (entry) => found = toText(entry),
          });
          ok(typeof origin === "object", `${id}: ${origin}`);
          equal(found, expected, id);
        }
      }
    }
  });
}

/** Takes a savefile into memory. */
class Gathered {
  readonly #parts: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
  }

  /** Summaries of all entries in it. */
  summaries(): string[] {
    const all = this.#parts.flatMap((part) => [...part]);
    let at = 0;
    const reader = new SavefileReader({
      read(into) {
        const part = all.slice(at, at + into.length);
        into.set(part);
        at += part.length;
        return part.length === 0 ? null : part.length;
      },
    });
    const found: string[] = [];
    const scan = new SourceScan("test", {
      plan: planOf(""),
      protocols: PROTOCOLS,
      onMatch: ({ summary }) => found.push(summary),
    });
    const batch = new FrameBatch(64);
    for (let first = 0; reader.next(batch); first += batch.count) {
      for (let i = 0; i < batch.count; i++) {
        const { linkType } = reader.interfaces[batch.interface[i]!]!;
        scan.frame(batch, i, linkType, toPlace(0, first + i));
      }
    }
    scan.end();
    return found;
  }
}

/** What an export of an entry's packets has in it. */
async function exported(
  store: Store,
  id: string,
  conversation: boolean,
): Promise<string[]> {
  let stretches: Stretch[] = [];
  const origin = await findEntry(store, parseId(id)!, {
    protocols: PROTOCOLS,
    readsOn: conversation,
    onEntry: ({ messages }) => {
      stretches = messages.map(({ first, last }) => ({
        first: first.place,
        last: last.place,
      }));
    },
  });
  ok(typeof origin === "object");
  if (conversation) stretches = [origin.whole];
  const sink = new Gathered();
  const output = new PacketOutput(sink, "pcap");
  const legs = conversation ? origin.legs : origin.legs.slice(0, 1);
  await copyLegs(store, origin.line, legs, stretches, output, {});
  output.finish();
  return sink.summaries();
}

Deno.test("the packets of an entry have it in them, those of its conversation all", async () => {
  const { path } = findFixtures().find(({ name }) =>
    name === "redis/types.pcap"
  )!;
  const store = await imported(path, 3000);
  const ids: [id: string, summary: string][] = [];
  await searchStore(store, {
    plan: planOf("redis"),
    protocols: PROTOCOLS,
    onMatch: ({ id, summary }) => ids.push([id, summary]),
  });
  const all = ids.map(([, summary]) => summary);
  ok(all.length > 3);
  for (const [id, summary] of ids) {
    const few = await exported(store, id, false);
    ok(few.includes(summary), `${id}: ${few}`);
    ok(few.length < all.length);
  }
  deepEqual(await exported(store, ids[0]![0], true), all);
});

Deno.test("it is said whether an entry was deleted or never was", async () => {
  const { path } = findFixtures().find(({ name }) =>
    name === "redis/types.pcap"
  )!;
  const store = await imported(path, 3000);
  const find = (id: string) =>
    findEntry(store, parseId(id)!, { protocols: PROTOCOLS, onEntry() {} });
  store.folder.remove("1.pcap");
  equal(await find("test~1~4~0"), "deleted");
  equal(await find("test~0~4~0"), "unknown");
  equal(await find("test~999~4~0"), "unknown");
  equal(await find("test~2~100000~0"), "unknown");
  equal(await find("test~2~0~77"), "unknown");
  equal(await find("other~2~0~0"), "unknown");
});
