/**
 * Conversations whose addresses a kernel translated, in captures of all the
 * node's interfaces (`translated/record.ts`): each is shown once, whoever asks
 * and however.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { type End, type Entry, parseId } from "../../../entry/entry.ts";
import { toPlain } from "../../../entry/json.ts";
import { FrameBatch } from "../../../packet/frame.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { exportPackets } from "../../../worker/scan/export.ts";
import { copyLegs, findEntry } from "../../../worker/scan/find_entry.ts";
import { Follower } from "../../../worker/scan/follow.ts";
import { ofSavefile } from "../../../worker/scan/packet_source.ts";
import { searchSavefile } from "../../../worker/scan/search_savefile.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { importSavefiles } from "../../../worker/shards/import.ts";
import type { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { planOf } from "../serve/asker.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";

const pathOf = (name: string) =>
  new URL(`translated/${name}.pcap`, import.meta.url).pathname;

const CLIENT = "10.1.0.7";
const CLIENT6 = "fd01::7";
const SERVER = "10.1.0.9:8080";
const SERVER6 = "[fd01::9]:8080";
const OTHER = "10.1.0.10";
const DNS = "10.96.0.10";

/** Summary, client, server and, in brackets, the service's address. */
const SHOWN: { readonly [name: string]: readonly string[] } = {
  service: [
    `GET /four: ${CLIENT} -> ${SERVER} (10.96.0.80)`,
    `GET /six: ${CLIENT6} -> ${SERVER6} (fd96::80)`,
    `GET /direct: ${CLIENT} -> ${SERVER}`,
  ],
  masquerade: [
    `GET /four: ${CLIENT} -> ${SERVER} (10.96.0.80)`,
    `GET /six: ${CLIENT6} -> ${SERVER6} (fd96::80)`,
    `GET /node-port: 192.0.2.50 -> ${SERVER} (192.0.2.1)`,
    `GET /egress: ${CLIENT} -> 192.0.2.50:8080`,
  ],
  hairpin: [`GET /self: 10.1.0.9 -> ${SERVER} (10.96.0.80)`],
  two_services: [
    `GET /one: ${CLIENT} -> ${SERVER} (10.96.0.80)`,
    `GET /two: ${CLIENT} -> ${SERVER} (10.96.0.81)`,
    `GET /three: ${OTHER} -> ${SERVER} (10.96.0.80)`,
  ],
  port_reuse: [
    `GET /first: ${CLIENT} -> ${SERVER} (10.96.0.80)`,
    `GET /second: ${CLIENT} -> ${SERVER} (10.96.0.80)`,
  ],
  dns: [
    `A carts.shop.svc: ${CLIENT} -> ${OTHER}:5353 (${DNS})`,
    `A carts.shop.svc: ${CLIENT6} -> [fd01::10]:5353 (fd96::a)`,
    `A carts.shop.svc: ${CLIENT} -> ${OTHER}:5353 (${DNS})`,
    `A carts.shop.svc: ${CLIENT} -> ${OTHER}:5353 (${DNS})`,
    // Asked without the service, on an interface more: sent twice, in a file.
    `A carts.shop.svc: ${CLIENT} -> 10.1.0.9:5353`,
    `A carts.shop.svc: ${CLIENT} -> 10.1.0.9:5353`,
  ],
  dns_masquerade: [
    `A carts.shop.svc: ${CLIENT} -> 10.1.0.9:5353 (${DNS})`,
    `A carts.shop.svc: ${CLIENT6} -> [fd01::9]:5353 (fd96::a)`,
  ],
  dns_moves: [
    `A carts.shop.svc: ${CLIENT} -> ${OTHER}:5353 (${DNS})`,
    `A carts.shop.svc: ${CLIENT} -> 10.1.0.9:5353 (${DNS})`,
  ],
};

/** Filters that prune, by addresses of every leg. */
const FILTERS = [
  "dst.ip == 10.1.0.9",
  "src.ip == 10.1.0.7",
  "dst.serviceIp == 10.96.0.80",
  "dst.serviceIp == 10.96.0.10 and dns",
  "ip == 10.96.0.81",
  "ip in 10.96.0.0/12",
  "dst.ip == 10.96.0.80",
  "ip == 169.254.1.1 or ip == 192.0.2.1",
  "not ip == 10.96.0.80",
  'dst.serviceIp == 10.96.0.80 and request.path contains "four"',
  "ip == fd96::80 and http",
  "port == 80",
  "dst.serviceIp == nil",
];

const toShown = ({ summary, src, dst }: Entry) => {
  const service = dst.serviceIp === undefined ? "" : ` (${dst.serviceIp})`;
  return `${summary}: ${src.ip} -> ${toText(dst)}${service}`;
};

const toText = ({ ip, port }: End) =>
  ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;

/** What a query over the savefile gives, as `tell` tells it. */
async function inSavefile<T>(
  name: string,
  kfl: string,
  tell: (entry: Entry) => T,
): Promise<T[]> {
  const found: T[] = [];
  using file = openSavefile(pathOf(name));
  await searchSavefile(file, "x", {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    onMatch: (entry) => found.push(tell(entry)),
  });
  return found;
}

/** The same over shards. */
async function inStore<T>(
  store: Store,
  kfl: string,
  tell: (entry: Entry) => T,
): Promise<T[]> {
  const found: T[] = [];
  await searchStore(store, {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    onMatch: (entry) => found.push(tell(entry)),
    stretch: 1,
  });
  return found;
}

async function imported(name: string, shardBytes: number): Promise<Store> {
  using writer = StoreWriter.open(new MemoryFolder(), {
    node: "x",
    storageLimit: 2 ** 30,
    shardBytes,
  });
  using file = openSavefile(pathOf(name));
  await importSavefiles(writer, [{ name: "x", file }]);
  return writer.store;
}

const toJson = (entry: Entry) => JSON.stringify(toPlain(entry, SCHEMA));
const withoutId = (json: string) => json.replace(/"id":"[^"]*",/, "");

for (const [name, expected] of Object.entries(SHOWN)) {
  Deno.test(`${name}: each conversation is shown once, by its own ends`, async () => {
    const shown = await inSavefile(name, "", toShown);
    deepEqual(shown.sort(), [...expected].sort());
  });

  Deno.test(`${name}: what is ruled out early cannot match`, async () => {
    const all = await inSavefile(name, "", ({ id }) => id);
    for (const kfl of FILTERS) {
      const found = await inSavefile(name, kfl, ({ id }) => id);
      const rest = await inSavefile(name, `not (${kfl})`, ({ id }) => id);
      deepEqual([...found, ...rest].sort(), all.toSorted(), kfl);
    }
  });

  Deno.test(`${name}: shards answer as the savefile, wherever they begin`, async () => {
    for (const shardBytes of [300, 700, 2000]) {
      const store = await imported(name, shardBytes);
      // The first time there are no checkpoints to begin at.
      for (const kfl of ["", ...FILTERS, "", ...FILTERS]) {
        const found = await inStore(store, kfl, toJson);
        const wanted = await inSavefile(name, kfl, toJson);
        deepEqual(
          found.map(withoutId).sort(),
          wanted.map(withoutId).sort(),
          `${shardBytes} ${kfl}`,
        );
      }
    }
  });

  Deno.test(`${name}: an entry is found by its id as a search gives it`, async () => {
    for (const shardBytes of [300, 2000, 1 << 20]) {
      const store = await imported(name, shardBytes);
      for (const _ of ["without checkpoints", "with them"]) {
        const all = await inStore(store, "", (e) => [e.id, toJson(e)] as const);
        for (const [id, wanted] of all) {
          let found: string | undefined;
          const onEntry = (entry: Entry) => found = toJson(entry);
          await findEntry(store, parseId(id)!, {
            protocols: PROTOCOLS,
            onEntry,
          });
          equal(found, wanted);
        }
      }
    }
  });

  Deno.test(`${name}: whoever follows gets what a search gives`, async () => {
    const store = await imported(name, 700);
    const followed: string[] = [];
    const follower = new Follower(store, {
      plan: planOf(""),
      protocols: PROTOCOLS,
      onMatch: (entry) => followed.push(toJson(entry)),
    });
    while (!follower.read(() => true));
    follower.end();
    const searched = await inStore(store, "", toJson);
    deepEqual(followed.sort(), searched.sort());
  });
}

/** Counts packets of an export. */
class Counted {
  packets = 0;
  begin(): void {}
  rows(_batch: FrameBatch, _rows: Uint32Array, count: number): void {
    this.packets += count;
  }
  held(): void {
    this.packets++;
  }
}

Deno.test("an export of conversations has all their legs, an exact one the leg that is shown", async () => {
  const count = async (kfl: string, exact: boolean) => {
    using file = openSavefile(pathOf("service"));
    const counted = new Counted();
    const options = { plan: planOf(kfl), protocols: PROTOCOLS, exact };
    await exportPackets(ofSavefile(file, "x"), counted, options);
    return counted.packets;
  };
  const one = 'request.path == "/four"';
  // Ten packets on each of two interfaces.
  equal(await count(one, false), 20);
  equal(await count(one, true), 2);
  equal(await count("dst.serviceIp == 10.96.0.80", false), 20);
  equal(
    await count("dst.serviceIp == 10.96.0.80 and requestSize > 1", false),
    20,
  );
  // Where headers decide, each packet's own.
  equal(await count("ip == 10.96.0.80", false), 10);
});

Deno.test("the packets of an entry's conversation are those of all its legs", async () => {
  for (const shardBytes of [700, 1 << 20]) {
    const store = await imported("masquerade", shardBytes);
    const [id] = await inStore(store, 'request.path == "/four"', (e) => e.id);
    const origin = await findEntry(store, parseId(id!)!, {
      protocols: PROTOCOLS,
      readsOn: true,
      onEntry() {},
    });
    ok(typeof origin === "object");
    const counted = new Counted();
    const { line, legs, whole } = origin;
    await copyLegs(store, line, legs, [whole], counted, {});
    equal(counted.packets, 20);
  }
});

Deno.test("packets of legs that are not shown are counted", async () => {
  using file = openSavefile(pathOf("hairpin"));
  const { replay } = await searchSavefile(file, "x", {
    plan: planOf(""),
    protocols: PROTOCOLS,
    onMatch() {},
  });
  // All but the SYN, which came before there was another leg.
  equal(replay.copies, 9);
});
