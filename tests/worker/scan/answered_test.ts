/**
 * Law: an end that nobody claims is called as the last answer before its entry
 * said, in whatever shards the answers lie, whether message tables are there or
 * not; and no stage rules out what such a name makes match.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { AnsweredNames } from "../../../entry/answered_names.ts";
import type { Plan } from "../../../kfl/plan.ts";
import { compileQuery } from "../../../kfl/query.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { answeredIn } from "../../../worker/scan/answered.ts";
import { exportPackets } from "../../../worker/scan/export.ts";
import { Follower } from "../../../worker/scan/follow.ts";
import { searchSavefile } from "../../../worker/scan/search_savefile.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { linesOf } from "../../../worker/scan/shard_line.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import {
  BEGIN,
  ETHERNET,
  type Frame,
  LINKTYPE_ETHERNET,
  toBatch,
} from "../shards/traffic.ts";
import { datagram, type Fault, lookup } from "./lookups.ts";

const HOSTS = ["a.example", "b.example", "api.c.example"];
const CLIENT = [10, 0, 0, 1];

/** Some answers are not to be believed. */
const FAULTS: readonly Fault[] = [
  ...["none", "none", "none", "unasked", "failed", "wrong port"] as const,
];

/** A datagram to an address, and what its last answer before called it. */
interface Sent {
  readonly port: number;
  readonly name: string | undefined;
}

/** Traffic in which names are asked for, well and badly, and addresses used. */
class Traffic {
  readonly frames: Frame[] = [];
  readonly sent: Sent[] = [];
  readonly #random: Random;
  readonly #names = new Map<number, string>();
  #time = BEGIN;
  #port = 2000;

  constructor(random: Random, count: number) {
    this.#random = random;
    while (this.sent.length < count) {
      if (random.chance(0.6)) this.#send(random.int(1, 6));
      else this.#ask(random.int(1, 6), random.pick(HOSTS));
    }
  }

  #send(host: number): void {
    const port = this.#port++;
    const dst = { address: [192, 0, 2, host], port: 7000 };
    this.#put(datagram({ address: CLIENT, port }, dst));
    this.sent.push({ port, name: this.#names.get(host) });
  }

  #ask(host: number, name: string): void {
    const client = { address: CLIENT, port: this.#port++ };
    const fault = this.#random.pick(FAULTS);
    const frames = lookup(client, name, [192, 0, 2, host], fault);
    for (const bytes of frames) this.#put(bytes);
    if (fault === "none") this.#names.set(host, name);
  }

  #put(bytes: Uint8Array): void {
    this.#time += this.#random.int(1, 20_000);
    this.frames.push({
      ...{ time: this.#time, nanos: 0, bytes, interface: 0 },
      original: bytes.length,
    });
  }
}

/** A folder that has the traffic, in shards of so many bytes. */
function stored(
  folder: MemoryFolder | string,
  { frames }: Traffic,
  shardBytes: number,
): void {
  using writer = StoreWriter.open(folder, {
    ...{ node: "test", storageLimit: 2 ** 30, shardBytes },
  });
  const batch = toBatch(frames);
  const line = writer.writer(LINKTYPE_ETHERNET);
  line.append(batch, ETHERNET, 0, batch.count);
  writer.rotate();
}

const planOf = (kfl: string, options = {}): Plan =>
  compileQuery(kfl, SCHEMA, { now: 0, ...options }).plan!;

/** What is asked, and which datagrams match. */
const QUERIES: [kfl: string, matches: (sent: Sent) => boolean][] = [
  ["dst.port == 7000", () => true],
  [
    'dst.port == 7000 and dst.name == "a.example"',
    ({ name }) => name === "a.example",
  ],
  [
    'dst.port == 7000 and not dst.name endsWith "c.example"',
    ({ name }) => !name?.endsWith("c.example"),
  ],
  [
    "dst.port == 7000 and not exists(dst.name)",
    ({ name }) => name === undefined,
  ],
  [
    'udp and name == "b.example" and dst.port == 7000',
    ({ name }) => name === "b.example",
  ],
];

/** Ports of the datagrams that were found, as a client has them. */
class Found {
  readonly ports: number[] = [];

  readonly onMatch = ({ src }: { src: { port?: number | undefined } }) => {
    this.ports.push(src.port!);
  };

  /** Says whether it is what should have been. */
  check({ sent }: Traffic, matches: (sent: Sent) => boolean, what: string) {
    const expected = sent.filter(matches).map(({ port }) => port);
    ok(expected.length > 0, what);
    deepEqual(this.ports.sort((a, b) => a - b), expected, what);
  }
}

Deno.test("a savefile's ends are called as its answers say", async () => {
  const traffic = new Traffic(new Random(1), 300);
  const folder = await Deno.makeTempDir();
  try {
    stored(folder, traffic, 2 ** 24);
    for (const [kfl, matches] of QUERIES) {
      using file = openSavefile(`${folder}/1.pcap`);
      const found = new Found();
      await searchSavefile(file, "test", {
        plan: planOf(kfl),
        protocols: PROTOCOLS,
        answered: new AnsweredNames(),
        onMatch: found.onMatch,
      });
      found.check(traffic, matches, kfl);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (const shardBytes of [1500, 6000, 2 ** 24]) {
  Deno.test(`ends in shards of ${shardBytes} bytes are called so`, async () => {
    const traffic = new Traffic(new Random(shardBytes), 300);
    for (const [first, ...others] of [QUERIES, QUERIES.toReversed()]) {
      const folder = new MemoryFolder();
      stored(folder, traffic, shardBytes);
      const shards = new Store(folder, "test");
      // The first finds no message tables, which others do.
      for (const [kfl, matches] of [first!, ...others, first!]) {
        for (const stretch of [1, 4000]) {
          const found = new Found();
          await searchStore(shards, {
            plan: planOf(kfl),
            protocols: PROTOCOLS,
            answered: new AnsweredNames(),
            onMatch: found.onMatch,
            stretch,
          });
          found.check(traffic, matches, kfl);
        }
        checkFollower(shards, traffic, kfl, matches);
        await checkExport(shards, traffic, kfl, matches);
      }
    }
  });
}

/** Following from the beginning. */
function checkFollower(
  shards: Store,
  traffic: Traffic,
  kfl: string,
  matches: (sent: Sent) => boolean,
): void {
  const found = new Found();
  const follower = new Follower(shards, {
    plan: planOf(kfl, { follow: true }),
    protocols: PROTOCOLS,
    answered: new AnsweredNames(),
    after: { completed: 0, place: 0, n: 0 },
    onMatch: found.onMatch,
  });
  ok(follower.read(() => true));
  follower.end();
  follower.release();
  found.check(traffic, matches, kfl);
}

async function checkExport(
  shards: Store,
  traffic: Traffic,
  kfl: string,
  matches: (sent: Sent) => boolean,
): Promise<void> {
  for (const exact of [false, true]) {
    let packets = 0;
    for (const line of linesOf(shards)) {
      await exportPackets(
        line,
        {
          begin() {},
          rows: (_batch, _rows, count) => packets += count,
          held: () => packets++,
        },
        {
          plan: planOf(kfl),
          protocols: PROTOCOLS,
          answered: exact
            ? undefined
            : await answeredIn(shards, { protocols: PROTOCOLS }),
          exact,
        },
      );
    }
    equal(packets, traffic.sent.filter(matches).length, kfl);
  }
}

Deno.test("what answers say is found without searching for it twice", async () => {
  const traffic = new Traffic(new Random(5), 300);
  const folder = new MemoryFolder();
  stored(folder, traffic, 6000);
  const shards = new Store(folder, "test");
  const ask = () => answeredIn(shards, { protocols: PROTOCOLS });
  const first = [...await ask()];
  ok(first.length > 10);
  deepEqual([...await ask()], first);
});
