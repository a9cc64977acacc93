/**
 * What was captured in pods' own networks: the same ends in several of them,
 * and connections whose two ways have different ends, in shards that are cut
 * anywhere.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { toParts } from "../../../api/names.ts";
import { NamesTable } from "../../../api/names_table.ts";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import { type Entry, parseId } from "../../../entry/entry.ts";
import { toPlain } from "../../../entry/json.ts";
import { type Claim, NAME_FIELDS } from "../../../entry/names.ts";
import type { FrameBatch } from "../../../packet/frame.ts";
import { LINKTYPE } from "../../../packet/link.ts";
import { toInterface } from "../../../packet/pod_network.ts";
import { exportPackets } from "../../../worker/scan/export.ts";
import { copyLegs, findEntry } from "../../../worker/scan/find_entry.ts";
import { Follower } from "../../../worker/scan/follow.ts";
import { searchStore } from "../../../worker/scan/search_store.ts";
import { linesOf } from "../../../worker/scan/shard_line.ts";
import type { NetworkFact } from "../../../worker/shards/facts.ts";
import type { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { bytes, ipv4, tcp, text } from "../../packet/frames.ts";
import { planOf } from "../serve/asker.ts";
import { MemoryFolder } from "../shards/memory_folder.ts";
import { BEGIN, type Frame, toBatch } from "../shards/traffic.ts";

const SLL2 = [{ linkType: LINKTYPE.LINUX_SLL2, snapLength: 262_144 }];
const TCP = { SYN: 2, ACK: 16 };

/** Pods, by the numbers of their networks. */
const PODS: readonly NetworkFact[] = [1, 2, 3].map((number) => ({
  kind: "network",
  number,
  uid: `uid-${number}`,
  namespace: "shop",
  pod: `pod-${number}`,
  ips: [`10.1.0.${number}`],
}));

const CLAIMS: readonly Claim[] = PODS.map(({ ips, pod, namespace }) => ({
  address: ips[0]!,
  from: 0,
  to: Infinity,
  names: { pod, namespace },
}));

const names = () => new NamesTable(toParts(CLAIMS, NAME_FIELDS));

/** An end as packets have it. */
type At = readonly [ip: string, port: number];

function cooked(network: number, packet: Uint8Array): Uint8Array {
  const index = network === 0 ? 1 : toInterface(network);
  return bytes(
    "0800 0000",
    index.toString(16).padStart(8, "0"),
    "0304 00 06 000000000000 0000",
    packet,
  );
}

function segment(
  network: number,
  [src, srcPort]: At,
  [dst, dstPort]: At,
  numbers: { seq: number; ack: number; flags: number },
  payload = "",
): Uint8Array {
  const body = tcp(text(payload), { srcPort, dstPort, ...numbers });
  return cooked(network, ipv4(6, body, { src, dst }));
}

/**
 * Requests and responses of one connection.
 *
 * @param answers the end that answers come from, where that is another
 */
function conversation(
  network: number,
  client: At,
  server: At,
  paths: readonly string[],
  answers: At = server,
): Uint8Array[] {
  const { SYN, ACK } = TCP;
  const frames = [
    segment(network, client, server, { seq: 99, ack: 0, flags: SYN }),
    segment(network, answers, client, { seq: 299, ack: 100, flags: SYN | ACK }),
  ];
  let [seq, ack] = [100, 300];
  for (const path of paths) {
    const request = `GET ${path} HTTP/1.1\r\nHost: carts\r\n\r\n`;
    const response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const asks = { seq, ack, flags: ACK };
    frames.push(segment(network, client, server, asks, request));
    seq += request.length;
    const says = { seq: ack, ack: seq, flags: ACK };
    frames.push(segment(network, answers, client, says, response));
    ack += response.length;
  }
  return frames;
}

const paths = (prefix: string) => [1, 2, 3, 4].map((n) => `/${prefix}/${n}`);

/** Conversations of all pods and of the node, mixed; of each in its order. */
function traffic(random: Random): Frame[] {
  const all = [
    // The same ends, everywhere.
    ...[0, 1, 2, 3].map((network) =>
      conversation(
        network,
        ["127.0.0.1", 40000],
        ["127.0.0.1", 8080],
        paths(`local-${network}`),
      )
    ),
    // Redirected, and meant for different services.
    ...[1, 2].map((network) =>
      conversation(
        network,
        [`10.1.0.${network}`, 42000],
        ["127.0.0.1", 15001],
        paths(`out-${network}`),
        [`10.96.0.${network}`, 80],
      )
    ),
    conversation(
      3,
      ["127.0.0.6", 43000],
      ["10.1.0.3", 8080],
      paths("in-3"),
    ),
  ];
  const frames: Frame[] = [];
  for (let time = BEGIN; all.some(({ length }) => length > 0);) {
    const bytes = random.pick(all.filter(({ length }) => length > 0)).shift()!;
    time += random.int(1, 20_000);
    const original = bytes.length;
    frames.push({ time, nanos: 0, bytes, original, interface: 0 });
  }
  return frames;
}

/** What each entry has to be: ends, pods and leg. */
function expected(path: string): string {
  const [, kind, number] = /^\/(\w+)-(\d)\//.exec(path)!;
  const pod = `pod-${number}`;
  const own = `10.1.0.${number}`;
  if (kind === "out") {
    return `${own} (${pod}) > 10.96.0.${number}:80 (undefined) outbound`;
  }
  if (kind === "in") {
    return `127.0.0.6 via ${own} (${pod}) > ${own}:8080 (${pod}) inbound`;
  }
  const end = number === "0" ? "127.0.0.1" : `127.0.0.1 via ${own}`;
  const name = number === "0" ? "undefined" : pod;
  const server = end.replace("127.0.0.1", "127.0.0.1:8080");
  return `${end} (${name}) > ${server} (${name}) undefined`;
}

function toText({ src, dst, leg }: Pick<Entry, "src" | "dst" | "leg">): string {
  const via = (podIp: string | undefined) => podIp ? ` via ${podIp}` : "";
  return `${src.ip}${via(src.podIp)} (${src.pod}) > ` +
    `${dst.ip}:${dst.port}${via(dst.podIp)} (${dst.pod}) ${leg}`;
}

const pathOf = (summary: string) => summary.split(" ")[1]!;

/** Entries by their ids: what they asked for, and as JSON. */
async function searched(
  store: Store,
  kfl: string,
): Promise<Map<string, { path: string; json: string }>> {
  const found = new Map<string, { path: string; json: string }>();
  await searchStore(store, {
    plan: planOf(kfl),
    protocols: PROTOCOLS,
    names: names(),
    onMatch: (entry) => {
      const path = pathOf(entry.summary);
      equal(toText(entry), expected(path), path);
      const json = JSON.stringify(toPlain(entry, SCHEMA));
      found.set(entry.id, { path, json });
    },
  });
  return found;
}

/** The paths of which a filter wants the entries. */
const FILTERS: readonly [string, (path: string) => boolean][] = [
  ["http", () => true],
  [`src.pod == "pod-1"`, (path) => /-1\//.test(path)],
  [`not (src.pod == "pod-1")`, (path) => !/-1\//.test(path)],
  [`dst.pod == "pod-2"`, (path) => path.startsWith("/local-2/")],
  ["dst.ip == 10.96.0.2", (path) => path.startsWith("/out-2/")],
  ["dst.port == 80", (path) => path.startsWith("/out-")],
  ["port == 15001", () => false],
  ["src.podIp == 10.1.0.3", (path) => /-3\//.test(path)],
];

const PATHS = [
  ...["local-0", "local-1", "local-2", "local-3"],
  ...["out-1", "out-2", "in-3"],
].flatMap(paths);

function open(folder: MemoryFolder, shardBytes: number): StoreWriter {
  const writer = StoreWriter.open(folder, {
    node: "test",
    storageLimit: 2 ** 30,
    shardBytes,
  });
  writer.setNetworks(PODS);
  return writer;
}

function keep(writer: StoreWriter, frames: readonly Frame[]): void {
  const { length } = frames;
  writer.writer(LINKTYPE.LINUX_SLL2).append(toBatch(frames), SLL2, 0, length);
  writer.flush();
}

for (let seed = 0; seed < 8; seed++) {
  Deno.test(`pods are told apart wherever shards end, seed ${seed}`, async () => {
    const random = new Random(seed);
    const folder = new MemoryFolder();
    const shardBytes = random.pick([700, 3000, 100_000]);
    const frames = traffic(random);
    {
      using first = open(folder, shardBytes);
      keep(first, frames.splice(0, random.int(1, frames.length - 1)));
    }
    // Whoever goes on after a restart knows as much.
    using writer = open(folder, shardBytes);
    keep(writer, frames);
    writer.rotate();
    const { store } = writer;
    // Without and with what an earlier search left behind.
    for (let round = 0; round < 2; round++) {
      for (const [kfl, wants] of FILTERS) {
        const found = [...(await searched(store, kfl)).values()];
        deepEqual(
          found.map(({ path }) => path).sort(),
          PATHS.filter(wants).sort(),
          kfl,
        );
      }
    }
  });
}

Deno.test("each entry of a pod is found by its id, with its packets", async () => {
  for (const shardBytes of [700, 100_000]) {
    using writer = open(new MemoryFolder(), shardBytes);
    keep(writer, traffic(new Random(7)));
    writer.rotate();
    const { store } = writer;
    // Without checkpoints, which a search leaves, and with them.
    const all = await searched(store, "http");
    for (const [id, { path }] of all) {
      let text: string | undefined;
      const origin = await findEntry(store, parseId(id)!, {
        protocols: PROTOCOLS,
        readsOn: true,
        onEntry: (entry) => {
          entry.nameEnds(names());
          text = toText(entry);
        },
      });
      equal(text, expected(path));
      ok(typeof origin === "object");
      const { line, legs, whole } = origin;
      const kept = new Kept();
      await copyLegs(store, line, legs, [whole], kept, {});
      // Both ways: the handshake, and four questions with their answers.
      equal(kept.packets, 10, path);
    }
    equal(all.size, PATHS.length);
  }
});

/** Counts what an export gives. */
class Kept {
  packets = 0;
  begin(): void {}
  rows(_: FrameBatch, _rows: Uint32Array, count: number): void {
    this.packets += count;
  }
  held(): void {
    this.packets++;
  }
}

Deno.test("conversations of a pod are exported whole, and no other's", async () => {
  using writer = open(new MemoryFolder(), 3000);
  keep(writer, traffic(new Random(9)));
  writer.rotate();
  const [line] = linesOf(writer.store);
  for (
    const [kfl, packets] of [
      [`src.pod == "pod-1"`, 20],
      ["dst.ip == 10.96.0.2", 10],
      [`dst.pod == "pod-3" and request.path startsWith "/in"`, 10],
      [`src.pod == "pod-9"`, 0],
    ] as const
  ) {
    const kept = new Kept();
    await exportPackets(line!, kept, {
      plan: planOf(kfl),
      protocols: PROTOCOLS,
      names: names(),
      exact: false,
    });
    equal(kept.packets, packets, kfl);
  }
});

Deno.test("whoever follows knows a pod that came after it began", () => {
  using writer = open(new MemoryFolder(), 2 ** 20);
  const found: string[] = [];
  const follower = new Follower(writer.store, {
    plan: planOf(`src.pod == "pod-4"`),
    protocols: PROTOCOLS,
    names: new NamesTable(
      toParts([{
        address: "10.1.0.4",
        from: 0,
        to: Infinity,
        names: { pod: "pod-4" },
      }], NAME_FIELDS),
      true,
    ),
    onMatch: (entry) => found.push(toText(entry)),
  });
  const frameOf = (bytes: Uint8Array, n: number): Frame => ({
    time: BEGIN + n,
    nanos: 0,
    bytes,
    original: bytes.length,
    interface: 0,
  });
  const say = (network: number) =>
    keep(
      writer,
      conversation(network, ["127.0.0.1", 5000], ["127.0.0.1", 80], ["/"])
        .map(frameOf),
    );
  say(1);
  follower.read(() => true);
  deepEqual(found, []);
  const pod: NetworkFact = {
    kind: "network",
    number: 4,
    uid: "uid-4",
    namespace: "shop",
    pod: "pod-4",
    ips: ["10.1.0.4"],
  };
  writer.setNetworks([...PODS, pod]);
  say(4);
  follower.read(() => true);
  follower.release();
  const end = "127.0.0.1 via 10.1.0.4 (pod-4)";
  deepEqual(found, [`${end} > ${end.replace(" via", ":80 via")} undefined`]);
});

Deno.test("numbers of networks are not given out twice, also after a restart", () => {
  const folder = new MemoryFolder();
  const taken: number[] = [];
  for (let n = 0; n < 3; n++) {
    using writer = open(folder, 2 ** 20);
    taken.push(writer.takeNetwork(), writer.takeNetwork());
  }
  deepEqual(taken, [1, 2, 3, 4, 5, 6]);
});
