/** Names on every way out of a hub, with a real worker behind it. */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { HUB } from "../../api/paths.ts";
import type { NodeCoverage } from "../../api/messages.ts";
import type { Claim, Names } from "../../entry/names.ts";
import { RemoteWorker } from "../../hub/remote_worker.ts";
import { WorkerServer } from "../../worker/serve/server.ts";
import { type NameSource, PlanNames } from "../../hub/names.ts";
import { MAX_CLAIMS } from "../../api/names.ts";
import { NamesTable } from "../../api/names_table.ts";
import { findFixtures } from "../dissectors/fixtures.ts";
import { framesOf, type TimedFrame } from "../worker/scan/interleaved.ts";
import { planOf } from "../worker/serve/asker.ts";
import {
  importFixtures,
  withFolder,
  withService,
} from "../worker/serve/folders.ts";
import { withGrowing } from "../worker/serve/growing.ts";
import { RunningHub } from "./running_hub.ts";

/** What a cluster would tell, as a test says it. */
class Told implements NameSource {
  #claims: readonly Claim[];
  readonly #listeners = new Set<(claims: readonly Claim[]) => void>();

  constructor(claims: readonly Claim[]) {
    this.#claims = claims;
  }

  claims(from: number, to: number): Iterable<Claim> {
    return this.#claims.filter((claim) => claim.to > from && claim.from < to);
  }

  listen(heard: (claims: readonly Claim[]) => void): Disposable {
    this.#listeners.add(heard);
    return { [Symbol.dispose]: () => this.#listeners.delete(heard) };
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  hear(claim: Claim): void {
    this.#claims = [...this.#claims, claim];
    for (const heard of this.#listeners) heard([claim]);
  }
}

const CLIENT = "10.20.0.1";
const SERVER = "10.20.0.2";

const WEB = {
  pod: "web-1",
  namespace: "shop",
  service: "web",
  workload: "web",
  node: "node-a",
  zone: "west",
  labels: { app: "web" },
  name: "web.shop",
} satisfies Names;

const named = (pod: string): Names => ({
  pod,
  namespace: "data",
  service: "cache",
  name: "cache.data",
});

/** The client for ever; the server's pod is replaced in the midst of it. */
function claimsUntil(middle: number): Claim[] {
  return [
    { address: CLIENT, from: -Infinity, to: Infinity, names: WEB },
    { address: SERVER, from: 0, to: middle, names: named("cache-0") },
    { address: SERVER, from: middle, to: Infinity, names: named("cache-1") },
  ];
}

interface Line {
  readonly id: string;
  readonly timestamp: string;
  readonly src: Names & { ip: string; port: number };
  readonly dst: Names & { ip: string; port: number };
  readonly done?: { matches: number };
  readonly coverage?: NodeCoverage[];
}

async function linesOf(hub: RunningHub, query: string): Promise<Line[]> {
  const response = await hub.fetch(`${HUB.query}?${query}`);
  equal(response.status, 200);
  const text = await response.text();
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const kfl = (filter: string): string => `kfl=${encodeURIComponent(filter)}`;

const microsOf = (timestamp: string): number =>
  Date.parse(timestamp.slice(0, 19) + "Z") * 1000 +
  Number(timestamp.slice(20, 26));

/** A hub with names over the fixture, and the times of its entries. */
async function withHub(
  use: (hub: RunningHub, middle: number, all: Line[]) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    await withService(folder, async (service) => {
      await using bare = await RunningHub.start({ links: [service] });
      const all = (await linesOf(bare, "")).slice(0, -1);
      ok(all.every(({ src, dst }) => !src.name && !dst.name));
      const middle = microsOf(all[all.length >> 1]!.timestamp);
      const names = new Told(claimsUntil(middle));
      await using hub = await RunningHub.start({ links: [service], names });
      await use(hub, middle, all);
    });
  });
}

Deno.test("every entry has the names of its time", async () => {
  await withHub(async (hub, middle, all) => {
    const lines = (await linesOf(hub, "")).slice(0, -1);
    equal(lines.length, all.length);
    const pods = new Set<string>();
    for (const { timestamp, src, dst } of lines) {
      const { ip, port, ...names } = src;
      equal(ip, CLIENT);
      ok(port > 0);
      deepEqual(names, WEB);
      const pod = microsOf(timestamp) < middle ? "cache-0" : "cache-1";
      equal(dst.pod, pod);
      pods.add(pod);
    }
    equal(pods.size, 2);
    for (
      const { src, dst } of (await linesOf(hub, "output=row")).slice(0, -1)
    ) {
      const { zone: _, labels: __, ...ofRow } = WEB;
      deepEqual(src, { ...ofRow, ip: CLIENT, port: src.port });
      equal(dst.name, "cache.data");
    }
  });
});

Deno.test("a filter of names finds what one of addresses and times does", async () => {
  await withHub(async (hub, middle, all) => {
    const time = new Date(middle / 1000).toISOString().slice(0, 19);
    const at = `"${time}.${String(middle % 1e6).padStart(6, "0")}Z"`;
    const same: readonly [string, string][] = [
      ['dst.service == "cache"', ""],
      ['dst.service == "carts"', "false"],
      ['not dst.service == "carts"', ""],
      ['pod == "cache-0"', `timestamp < ${at}`],
      ['dst.pod == r"-1$" or src.pod == "x"', `timestamp >= ${at}`],
      ["src.namespace != dst.namespace", ""],
      ['src.labels.app == "web" and dst.zone == nil', ""],
      ['src.service == "cache"', "false"],
      ['node == "test"', ""],
    ];
    for (const [names, addresses] of same) {
      const idsOf = async (filter: string) =>
        (await linesOf(hub, kfl(filter))).slice(0, -1).map(({ id }) => id);
      deepEqual(await idsOf(names), await idsOf(addresses), names);
      const counted = await linesOf(hub, `${kfl(names)}&output=count`);
      equal(counted[0]!.done!.matches, (await idsOf(addresses)).length, names);
    }
    ok(all.length > 3);
  });
});

Deno.test("a name that nobody has rules out every flow", async () => {
  await withHub(async (hub) => {
    const question = kfl('service == "carts"');
    const [line] = await linesOf(hub, `${question}&output=count`);
    const [{ stages }] = line!.coverage as [NodeCoverage];
    equal(stages.flow!.out, 0);
    ok(stages.flow!.in > 0);
  });
});

Deno.test("one entry has its names, and none of them if they are hidden", async () => {
  await withHub(async (hub, _middle, [first]) => {
    const path = `${HUB.entries}/${encodeURIComponent(first!.id)}`;
    const entry = await (await hub.fetch(path)).json();
    equal(entry.src.name, "web.shop");
    deepEqual(entry.src.labels, WEB.labels);
    equal(entry.dst.pod, "cache-0");
    const hidden = await (await hub.fetch(
      `${path}?${kfl('redact("src.ip", "src.name", "dst.pod")')}`,
    )).text();
    ok(!hidden.includes(CLIENT) && !hidden.includes("web.shop"));
    ok(!hidden.includes("cache-0") && hidden.includes("cache.data"));
    const rows = await linesOf(
      hub,
      `${kfl('redact("src.name", "dst.pod")')}&output=row`,
    );
    notEqual(rows[0]!.src.name, "web.shop");
    ok(!JSON.stringify(rows).includes("cache-0"));
  });
});

Deno.test("exports and aggregates have names", async () => {
  await withHub(async (hub, _middle, all) => {
    const exported = async (filter: string, format: string) => {
      const body = { kfl: filter, format };
      const response = await hub.post(HUB.export, body);
      equal(response.status, 200);
      return new Uint8Array(await response.arrayBuffer());
    };
    const csv = new TextDecoder().decode(await exported("", "csv"));
    match(csv, /,web\.shop,\d+,cache\.data,6379,/);
    match(csv, /,10\.20\.0\.1,web-1,shop,web,web,node-a,10\.20\.0\.2,cache-0,/);
    const lines = new TextDecoder().decode(await exported("", "jsonl"));
    ok(lines.startsWith("{") && lines.includes('"name":"cache.data"'));
    const packets = await exported('dst.service == "cache"', "pcap");
    deepEqual(packets, await exported(`dst.ip == ${SERVER}`, "pcap"));
    const none = await exported('dst.service == "carts"', "pcap");
    ok(packets.length > 1000 && none.length === 24);
    const exact = 'dst.pod == "cache-1" and redis';
    const some = await exported(exact, "pcap");
    ok(some.length > 24);
    const map = await (await hub.fetch(`${HUB.map}?kfl=`)).json();
    const [{ src, dst, count }] = map.edges;
    deepEqual([src, dst, count], ["web.shop", "cache.data", all.length]);
    const stats = await hub.fetch(`${HUB.stats}?${kfl('pod == "cache-1"')}`);
    ok((await stats.json()).all.count < all.length);
  });
});

Deno.test("names are offered, whether they have said anything or not", async () => {
  await withHub(async (hub) => {
    const valuesOf = async (query: string) => {
      const answer = await (await hub.fetch(`${HUB.values}?${query}`)).json();
      return answer.values.map(({ value }: { value: string }) => value);
    };
    deepEqual((await valuesOf("path=src.pod")).sort(), ["cache-1", "web-1"]);
    deepEqual(
      await valuesOf(`path=${encodeURIComponent('dst.labels["app"]')}`),
      [
        "web",
      ],
    );
    const said = await valuesOf(`path=dst.pod&${kfl("redis")}`);
    deepEqual(said.sort(), ["cache-0", "cache-1"]);
    const text = "src.pod == ";
    const completion = await (await hub.post(HUB.complete, { kfl: text }))
      .json();
    const texts = completion.suggestions.map(({ text }: { text: string }) =>
      text
    );
    ok(texts.includes('"web-1"'), JSON.stringify(texts));
  });
});

Deno.test("workers whose node cannot match are not asked, and that is said", async () => {
  await withHub(async (hub, _middle, all) => {
    const coverageOf = async (filter: string) => {
      const lines = await linesOf(hub, kfl(filter));
      const { coverage, done } = lines.at(-1)!;
      return [done!.matches, coverage![0]!] as const;
    };
    for (
      const filter of [
        'node == "other"',
        'node.name != "test"',
        'not (node == "test" or redis)',
        'redis and node in ["a", "b"]',
      ]
    ) {
      const [matches, { node, notAsked, missing }] = await coverageOf(filter);
      deepEqual([matches, node, missing], [0, "test", undefined], filter);
      equal(notAsked, "Nothing of this node can match");
    }
    for (
      const filter of [
        'node == "test"',
        'node == "other" or redis',
        'not node == "other"',
      ]
    ) {
      const [matches, { notAsked }] = await coverageOf(filter);
      deepEqual([matches, notAsked], [all.length, undefined], filter);
    }
  });
});

Deno.test("a large table reaches a worker over the network, whole", async () => {
  const others = Array.from({ length: 40_000 }, (_, i): Claim => ({
    address: `10.77.${i >> 8}.${i & 255}`,
    from: 0,
    to: Infinity,
    names: named(`other-${i}`),
  }));
  const names = new Told([...others, ...claimsUntil(0)]);
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    await withService(folder, async (service) => {
      const secret = "0123456789abcdef";
      await using server = await WorkerServer.start({
        ...{ service, secret, hostname: "127.0.0.1", port: 0 },
        onFault: (error) => {
          throw error;
        },
      });
      const url = `ws://127.0.0.1:${server.port}`;
      const links = [new RemoteWorker(url, { secret })];
      await using hub = await RunningHub.start({ links, names });
      const lines = await linesOf(hub, kfl('dst.pod == "cache-1"'));
      ok(lines.length > 1);
      for (const { dst } of lines.slice(0, -1)) equal(dst.pod, "cache-1");
      const body = { kfl: 'dst.pod == "cache-1"', format: "pcap" };
      const packets = await hub.post(HUB.export, body);
      ok((await packets.bytes()).length > 1000);
    });
  });
});

/** A conversation as it would be captured now. */
function framesNow(): TimedFrame[] {
  const { path } = findFixtures().find(({ name }) =>
    name === "redis/pipelined.pcap"
  )!;
  const now = Date.now() * 1000;
  return framesOf(path).map((frame, i) => ({ ...frame, time: now + i }));
}

/** Follows until the lines are enough; then what they were. */
async function follow(
  hub: RunningHub,
  filter: string,
  act: (lines: Line[]) => void | Promise<void>,
  isEnough: (lines: Line[]) => boolean,
): Promise<Line[]> {
  const stop = new AbortController();
  const response = await hub.fetch(
    `${HUB.query}?follow=true&${kfl(filter)}`,
    { signal: stop.signal },
  );
  const lines: Line[] = [];
  let rest = "";
  let hasActed = false;
  const stream = response.body!.pipeThrough(new TextDecoderStream());
  for await (const text of stream) {
    rest += text;
    const parts = rest.split("\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      // Coverage is said as soon as the query runs.
      if (!line.id) {
        if (!hasActed) await act(lines);
        hasActed = true;
      } else lines.push(line);
    }
    if (isEnough(lines)) break;
  }
  stop.abort();
  return lines;
}

Deno.test("an entry waits for the name of an end that has just come", async () => {
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const names = new Told([
        { address: CLIENT, from: -Infinity, to: Infinity, names: WEB },
      ]);
      await using hub = await RunningHub.start({ links: [service], names });
      const lines = await follow(
        hub,
        'dst.service == "cache"',
        () => {
          growing.store(framesNow());
          // As a watch hears of a pod: a moment after its first packets.
          setTimeout(() =>
            names.hear({
              address: SERVER,
              from: 0,
              to: Infinity,
              names: named("cache-9"),
            }), 300);
        },
        ({ length }) => length >= 3,
      );
      for (const { dst } of lines) equal(dst.pod, "cache-9");
      const ids = lines.map(({ id }) => id);
      deepEqual(ids, [...new Set(ids)]);
    })
  );
});

Deno.test("who never gets a name is shown without, in order and not late", async () => {
  await withFolder((folder) =>
    withGrowing(folder, async (service, growing) => {
      const names = new Told([
        { address: CLIENT, from: -Infinity, to: Infinity, names: WEB },
      ]);
      await using hub = await RunningHub.start({ links: [service], names });
      const lines = await follow(
        hub,
        'src.service == "web"',
        () => growing.store(framesNow()),
        ({ length }) => length >= 3,
      );
      for (const { src, dst } of lines) {
        equal(src.name, "web.shop");
        equal(dst.name, undefined);
      }
      const times = lines.map(({ timestamp }) => timestamp);
      deepEqual(times, times.toSorted());
      equal(hub.server.metrics.late, 0);
    })
  );
});

Deno.test("whoever follows listens to names for as long as it follows", async () => {
  await withFolder((folder) =>
    withGrowing(folder, async (service) => {
      const names = new Told([]);
      await using hub = await RunningHub.start({ links: [service], names });
      let listeners = 0;
      const follows = follow(
        hub,
        "",
        () => {
          listeners = names.listeners;
        },
        () => listeners > 0,
      );
      await follows;
      equal(listeners, 1);
      while (names.listeners > 0) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })
  );
});

Deno.test("of more names than can be sent the newest are, and that is said", async () => {
  const count = MAX_CLAIMS + 1000;
  const claims = Array.from({ length: count }, (_, i): Claim => ({
    address: `10.${i >> 16}.${i >> 8 & 255}.${i & 255}`,
    from: i,
    to: i + 10,
    names: { pod: `pod-${i}` },
  }));
  const plan = planOf('pod == "x"', { names: [] });
  using names = PlanNames.of({ names: new Told(claims) }, plan)!;
  const table = new NamesTable(await names.parts);
  const podOf = (i: number) =>
    table.at({ ip: claims[i]!.address, port: 1 }, i)?.pod;
  deepEqual([999, 1000, count - 1].map(podOf), [
    undefined,
    "pod-1000",
    `pod-${count - 1}`,
  ]);
  match(names.warnings[0]!, /More names are known than can be sent/);
  equal(
    PlanNames.of({ names: new Told(claims) }, planOf("dns", { names: [] })),
    undefined,
  );
});
