/**
 * What a capture is told while it runs: what to leave out, whom to listen to,
 * and who wants to know. Needs root; is skipped elsewhere.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Decoder } from "../../../packet/decode.ts";
import { LINKTYPE } from "../../../packet/link.ts";
import { OUTCOME, Packet } from "../../../packet/packet.ts";
import { Random } from "../../fuzz/random.ts";
import type { RecorderState } from "../../../worker/live/recorder.ts";
import { Store } from "../../../worker/shards/store.ts";
import {
  ADDRESS,
  lacksNetworks,
  Network,
  sleep,
} from "../../record/network.ts";
import type { Program } from "../../record/program.ts";
import { framesOf } from "../shards/stored.ts";
import type { Order } from "./steered.ts";

const PROGRAM = fileURLToPath(new URL("steered.ts", import.meta.url));

/** How long something may take that should be there at once, ms. */
const PATIENCE = 20_000;

const ignore = lacksNetworks();

/** A capture on the server. */
class Steered {
  readonly #program: Program;
  readonly #orders: string;
  readonly #folder: string;
  #done = 0;

  private constructor(program: Program, orders: string, folder: string) {
    this.#program = program;
    this.#orders = orders;
    this.#folder = folder;
  }

  static async start(network: Network): Promise<Steered> {
    const folder = join(network.folder, "data");
    const orders = join(network.folder, "orders");
    await Deno.writeTextFile(orders, "");
    const program = network.start("server", [
      ...[Deno.execPath(), "run", "-A", PROGRAM, folder, orders],
    ]);
    const steered = new Steered(program, orders, folder);
    await steered.until(() => program.stdout.includes("started"));
    return steered;
  }

  /** Gives an order; gives what was answered. */
  async order(order: Order): Promise<unknown> {
    const line = `${JSON.stringify(order)}\n`;
    await Deno.writeTextFile(this.#orders, line, { append: true });
    const answers = () =>
      this.said().filter((said) =>
        said === "done" || typeof said === "object" && "refused" in said!
      );
    await this.until(() => answers().length > this.#done);
    return answers()[this.#done++];
  }

  /** Ends it; gives what became of the packets. */
  async end(): Promise<RecorderState> {
    await this.order({ stop: true });
    equal(await this.#program.ended, 0, this.#program.stderr);
    return (this.said().at(-1) as { state: RecorderState }).state;
  }

  said(): unknown[] {
    const lines = this.#program.stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  /** Times at which it was told that packets were stored, ms. */
  stored(): number[] {
    return this.said().flatMap((said) =>
      typeof said === "object" && "stored" in said!
        ? [said.stored as number]
        : []
    );
  }

  /** Ports of all packets kept, the lesser one first, each pair once. */
  ports(): string[] {
    const store = Store.open(this.#folder);
    const all = Array.from(store.shards("oldest first"), framesOf).flat();
    const ports = all.map(({ bytes }) => portsOf(bytes)).filter(Boolean);
    return [...new Set(ports)].sort();
  }

  /** How many packets were kept that went to a port, by their source. */
  packetsTo(port: number): Map<string, number> {
    const store = Store.open(this.#folder);
    const sent = new Map<string, number>();
    for (const shard of store.shards("oldest first")) {
      for (const { bytes } of framesOf(shard)) {
        const packet = decoded(bytes);
        if (packet?.dstPort !== port) continue;
        const source = bytes.subarray(packet.src, packet.src + 4).join(".");
        sent.set(source, (sent.get(source) ?? 0) + 1);
      }
    }
    return sent;
  }

  async until(isTrue: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!isTrue()) {
      if (!this.#program.isRunning || Date.now() > deadline) {
        throw new Error(`${this.#program.stdout}${this.#program.stderr}`);
      }
      await sleep(5);
    }
  }
}

const decoder = new Decoder();

/** A frame's packet, if it is one. */
function decoded(bytes: Uint8Array): Packet | undefined {
  const packet = new Packet();
  const { length } = bytes;
  const type = LINKTYPE.LINUX_SLL2;
  const outcome = decoder.decode(bytes, 0, length, length, type, 0, 0, packet);
  return outcome === OUTCOME.PACKET ? packet : undefined;
}

/** The lower port of a packet; "" without one. */
function portsOf(bytes: Uint8Array): string {
  const packet = decoded(bytes);
  if (!packet || packet.srcPort === 0) return "";
  return `${Math.min(packet.srcPort, packet.dstPort)}`;
}

/** A server that answers each connection with some bytes, on each port. */
const SERVER = `
for (const port of Deno.args.map(Number)) {
  const listener = Deno.listen({ hostname: "::", port });
  void (async () => {
    for await (const connection of listener) {
      void connection.write(new Uint8Array(20_000)).then(() => connection.close());
    }
  })();
}`;

const CLIENT = `
const [hostname, ...ports] = Deno.args;
for (const port of ports) {
  const connection = await Deno.connect({ hostname, port: Number(port) });
  for await (const _ of connection.readable);
}`;

/** Runs a test with two hosts, of which one serves. */
function test(
  name: string,
  ports: readonly number[],
  run: (
    network: Network,
    visit: (host: string, ...ports: number[]) => Promise<unknown>,
  ) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      await using network = await Network.create();
      const code = (text: string, args: readonly unknown[]) => [
        ...[Deno.execPath(), "eval", "--quiet", text],
        ...args.map(String),
      ];
      const server = network.start("server", code(SERVER, ports));
      for (const port of ports) await network.listens(server, port);
      await run(
        network,
        (host, ...ports) =>
          network.run("client", code(CLIENT, [host, ...ports])),
      );
    },
  });
}

const { ip, ip6 } = ADDRESS.server;

test("our own traffic is left out in the kernel, and counted", [
  7001,
  7002,
], async (network, visit) => {
  const steered = await Steered.start(network);
  equal(
    await steered.order({
      exclude: { listening: [{ ip: "::", port: 7001 }], connections: [] },
    }),
    "done",
  );
  // A second capture, which counts what there is of it.
  const dump = network.start("server", [
    ...["tcpdump", "-i", "eth0", "-n", "-w", "/dev/null", "tcp port 7001"],
  ]);
  while (!dump.stderr.includes("listening")) await sleep(20);
  for (const host of [ip, ip6]) await visit(host, 7001, 7002);
  await sleep(300);
  await dump.stop("SIGINT");
  await dump.ended;
  const there = Number(/(\d+) packets received/.exec(dump.stderr)?.[1]);
  ok(there > 12, dump.stderr);
  const { own } = await steered.end();
  deepEqual(steered.ports(), ["7002"]);
  equal(own, there);
});

test("what is ours and whom to listen to can be changed at any time", [
  7001,
  7002,
], async (network, visit) => {
  const steered = await Steered.start(network);
  const none = { listening: [], connections: [] };
  await steered.order({
    exclude: { ...none, listening: [{ ip, port: 7001 }] },
  });
  await steered.order({ exclude: none });
  await visit(ip, 7001);
  await steered.order({ target: [{ ip: "10.20.0.77" }] });
  await visit(ip, 7002);
  await steered.order({ target: null });
  const many = Array.from({ length: 3000 }, (_, i) => ({ ip, port: i + 1 }));
  const answer = await steered.order({ exclude: { ...none, listening: many } });
  match((answer as { refused: string }).refused, /more than 4096 steps/);
  // What was refused has changed nothing.
  await visit(ip6, 7001);
  match(
    JSON.stringify(await steered.order({ storageLimit: 1000 })),
    /must be at least/,
  );
  equal(await steered.order({ storageLimit: 32 * 2 ** 20 }), "done");
  const { own } = await steered.end();
  equal(own, 0);
  deepEqual(steered.ports(), ["7001"]);
});

/** Sends datagrams to a port from some addresses, by turns. */
const SENDER = `
const [to, port, count, ...from] = Deno.args;
const sockets = from.map((hostname) =>
  Deno.listenDatagram({ transport: "udp", hostname, port: 0 }));
const target = { transport: "udp", hostname: to, port: Number(port) };
for (let i = 0; i < Number(count); i++) {
  for (const socket of sockets) await socket.send(new Uint8Array(4), target);
  if (i % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}`;

test(
  "targets come and go under load, and who stays loses no packet",
  [],
  async (network) => {
    const stays = ADDRESS.client.ip;
    const never = stays.replace(/\d+$/, "77");
    await network.run("client", [
      ...["ip", "address", "add", `${never}/24`, "dev", "eth0"],
    ]);
    const steered = await Steered.start(network);
    const random = new Random(1);
    /** Others, all of whom are elsewhere. */
    const others = (count: number) =>
      Array.from({ length: count }, () => ({
        ip: `172.${random.int(0, 255)}.${random.int(0, 255)}.1`,
        ...random.chance(0.5) && { ports: [9000] },
      }));
    await steered.order({ target: [] });
    await steered.order({ target: [{ ip: stays }] });
    const count = 10_000;
    const sender = network.start("client", [
      ...[Deno.execPath(), "eval", "--quiet", "--unstable-net", SENDER, ip],
      ...["9000", `${count}`, stays, never],
    ]);
    // As many as the kernel tells apart, more than that, and few.
    for (let i = 0; sender.isRunning; i++) {
      const target = [...others([5, 900, 4000][i % 3]!), { ip: stays }];
      equal(await steered.order({ target }), "done");
    }
    equal(await sender.ended, 0, sender.stderr);
    const { droppedByKernel } = await steered.end();
    equal(droppedByKernel, 0);
    deepEqual([...steered.packetsTo(9000)], [[stays, count]]);
  },
);

test("who wants to know is told soon that packets were stored", [
  7001,
], async (network, visit) => {
  const steered = await Steered.start(network);
  await visit(ip, 7001);
  await sleep(200);
  deepEqual(steered.stored(), []);
  await steered.order({ listen: true });
  const start = Date.now();
  for (let told = 0; told < 5; told = steered.stored().length) {
    await visit(ip, 7001);
    await steered.until(() => steered.stored().length > told);
  }
  const most = (Date.now() - start) / 50 + 1;
  ok(steered.stored().length <= most, `${steered.stored().length} times`);
  await steered.order({ listen: false });
  const before = steered.stored().length;
  await visit(ip, 7001);
  await steered.end();
  equal(steered.stored().length, before);
});
