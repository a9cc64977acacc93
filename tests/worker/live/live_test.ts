/**
 * Capture of real packets: a sender on one host, `worker` on the other, both in
 * network namespaces. Needs root; is skipped elsewhere.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Decoder } from "../../../packet/decode.ts";
import { LINKTYPE } from "../../../packet/link.ts";
import { Packet, PROTOCOL } from "../../../packet/packet.ts";
import { lacksNetworks, Network, sleep } from "../../record/network.ts";
import type { Program } from "../../record/program.ts";
import { lacks } from "../../setup.ts";
import { Store } from "../../../worker/shards/store.ts";
import { Facts } from "../../../worker/shards/facts.ts";
import { DiskFolder } from "../../../worker/shards/folder.ts";
import { toName } from "../../../worker/shards/shard.ts";
import { framesOf } from "../shards/stored.ts";
import type { Frame } from "../shards/traffic.ts";
import { makeFrame, numberAt } from "../capture/traffic.ts";

const CLI = fileURLToPath(new URL("../../../cli.ts", import.meta.url));
const SENDER = fileURLToPath(new URL("../capture/send.ts", import.meta.url));
const deno = [Deno.execPath(), "run", "-A"];

/** Flows of the sender, see `makeFrame`, and bytes of their payloads. */
const FLOWS = 1024;

/** How long something may take that should be there at once, ms. */
const PATIENCE = 20_000;

const ignore = lacksNetworks();

/** tcpdump brings libpcap, which `--bpf` needs. */
const lacksLibpcap = lacks("tcpdump");

/** A worker at work on the server, and its folder. */
class Capture {
  readonly program: Program;
  readonly folder: string;
  readonly #network: Network;

  private constructor(network: Network, program: Program, folder: string) {
    this.#network = network;
    this.program = program;
    this.folder = folder;
  }

  static async start(network: Network, ...args: string[]): Promise<Capture> {
    const folder = join(network.folder, "data");
    const program = network.start("server", [
      ...[...deno, CLI, "worker", "--data-dir", folder, "--store", "all"],
      ...args,
    ]);
    const capture = new Capture(network, program, folder);
    await capture.says("capturing on");
    return capture;
  }

  /** Waits until it has said something. */
  async says(text: string): Promise<void> {
    await until(() => this.program.stderr.includes(text), () => {
      const { isRunning, stderr } = this.program;
      return `It ${isRunning ? "runs" : "ended"}, and said: ${stderr}`;
    });
  }

  /** Waits until so many packets are stored, those of other hosts included. */
  async stores(count: number): Promise<void> {
    await until(
      () => this.frames().length >= count,
      () => `${this.frames().length} packets are stored`,
    );
  }

  /** Sends frames to the server; as many as the client can unless told. */
  async send(count: number, perSecond = 100_000, device = "eth0") {
    await this.#network.run("client", [
      ...[...deno, SENDER, device, `${count}`, `${perSecond}`, `${FLOWS}`],
    ]);
  }

  /** What is stored, in order. */
  frames(): Frame[] {
    const store = this.#store;
    return store
      ? Array.from(store.shards("oldest first"), framesOf).flat()
      : [];
  }

  /** Numbers of the sender's frames that are stored, in order. */
  numbers(): number[] {
    return this.frames().map(numberOf).filter((number) => number >= 0);
  }

  /** Paths of the PCAPs. */
  pcaps(): string[] {
    return this.#store!.numbers().map((number) =>
      join(this.folder, toName(number, "pcap"))
    );
  }

  /** Facts of all shards. */
  facts(): Facts[] {
    const folder = DiskFolder.at(this.folder);
    return this.#store!.numbers().flatMap((number) => {
      const file = folder.open(toName(number, "facts"), "read");
      if (!file) return [];
      const facts = Facts.read(file);
      file.close();
      return [facts];
    });
  }

  /** Ends it as Ctrl-C does; gives what it said at last. */
  async end(): Promise<string> {
    await this.program.stop("SIGINT");
    equal(await this.program.ended, 130, this.program.stderr);
    return this.program.stderr.trim().split("\n").at(-1)!;
  }

  get #store(): Store | undefined {
    try {
      return Store.open(this.folder);
    } catch {
      return undefined; // nothing was stored yet
    }
  }
}

/** Whether TCP is what a captured packet carries, in a tunnel or not. */
function isTcp(bytes: Uint8Array): boolean {
  return packetOf(bytes).protocol === PROTOCOL.TCP;
}

function hasPort(bytes: Uint8Array, port: number): boolean {
  const { srcPort, dstPort } = packetOf(bytes);
  return srcPort === port || dstPort === port;
}

function packetOf(bytes: Uint8Array): Packet {
  const packet = new Packet();
  const { length } = bytes;
  const type = LINKTYPE.LINUX_SLL2;
  new Decoder().decode(bytes, 0, length, length, type, 0, 0, packet);
  return packet;
}

async function until(
  isTrue: () => boolean,
  complaint: () => string,
): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(complaint());
    await sleep(20);
  }
}

/** A captured frame's number; -1 if it is not the sender's. */
function numberOf({ bytes }: Frame): number {
  // Of the sender's frames IP begins behind the cooked header, or a tag.
  const ip = bytes[0] === 0x81 ? 24 : 20;
  const header = bytes[ip]! >> 4 === 4 ? 20 : 40;
  const protocol = bytes[ip + (header === 20 ? 9 : 6)];
  const at = ip + header + (protocol === 6 ? 20 : 8);
  if (at + 8 > bytes.length) return -1;
  return numberAt(new DataView(bytes.buffer, bytes.byteOffset), at);
}

/** What a frame of the sender is, once captured. */
function toCaptured(number: number, device: number): string {
  const { frame, at } = makeFrame(number % FLOWS, payloadOf(number));
  new DataView(frame.buffer).setUint32(at, number);
  new DataView(frame.buffer).setUint32(at + 4, ~number >>> 0);
  const index = device.toString(16).padStart(8, "0");
  // It is addressed to none of the hosts: PACKET_OTHERHOST.
  const cooked = `0000${index}00010306${frame.subarray(6, 12).toHex()}0000`;
  return frame.subarray(12, 14).toHex() + cooked + frame.subarray(14).toHex();
}

/** As the sender's. */
const payloadOf = (number: number): number =>
  number % 4 < 2 ? 16 : 2 * 340 - 16;

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

/** Runs a test with two hosts. */
function test(
  name: string,
  run: (network: Network) => Promise<void>,
  skip = false,
): void {
  Deno.test({
    name,
    ignore: ignore || skip,
    async fn() {
      await using network = await Network.create();
      await run(network);
    },
  });
}

test("every packet is kept whole, once and in order", async (network) => {
  const capture = await Capture.start(network, "--storage-limit", "64MiB");
  const device = Number(
    (await network.run("server", "cat /sys/class/net/eth0/ifindex")).trim(),
  );
  await capture.send(30_000);
  const said = await capture.end();
  match(said, /none was lost/);
  const frames = capture.frames().filter((frame) => numberOf(frame) >= 0);
  deepEqual(frames.map(numberOf), range(0, 30_000));
  for (const [number, { bytes, original }] of frames.entries()) {
    equal(bytes.toHex(), toCaptured(number, device));
    equal(original, bytes.length);
  }
  ok(capture.pcaps().length > 3, "there are several shards");
});

test(
  "tcpdump and tshark open every shard, also the one being written",
  async (network) => {
    const capture = await Capture.start(network, "--storage-limit", "64MiB");
    const sending = capture.send(40_000, 10_000);
    await capture.stores(10_000);
    for (const pcap of capture.pcaps()) {
      for (const reader of ["tcpdump", "tshark"]) {
        const { success, stderr } = await new Deno.Command(reader, {
          args: ["-n", "-r", pcap],
          stdout: "null",
        }).output();
        const said = new TextDecoder().decode(stderr);
        ok(success, `${reader}: ${said}`);
        ok(!/truncated|cut short|damaged/.test(said), said);
      }
    }
    await sending;
    await capture.end();
    deepEqual(capture.numbers(), range(0, 40_000));
    const counts = await Promise.all(
      capture.pcaps().map(async (pcap) => {
        const text = await network.run("server", [
          ...["tcpdump", "-n", "-t", "-r", pcap, "src", "port", "10004"],
        ]);
        return text.split("\n").filter(Boolean).length;
      }),
    );
    equal(counts.reduce((a, b) => a + b), Math.ceil(40_000 / FLOWS));
  },
  lacks("tcpdump", "tshark"),
);

test("queries are answered while packets come", async (network) => {
  const capture = await Capture.start(network);
  await capture.send(2000);
  await capture.stores(2000);
  const count = await network.run("server", [
    ...[...deno, CLI, "query", "port == 10004", "--count"],
    ...["--data-dir", capture.folder],
  ]);
  equal(count.trim(), "1");
  ok(capture.program.isRunning);
  await capture.end();
});

test("a packet on the loopback interface is kept once", async (network) => {
  const capture = await Capture.start(network);
  const send = "echo -n loop > /dev/udp/127.0.0.1/7777";
  await network.run("server", ["bash", "-c", send]);
  await capture.end();
  const sent = capture.frames().filter(({ bytes }) =>
    bytes.subarray(-4).toHex() === "6c6f6f70" && bytes[29] === 17
  );
  equal(sent.length, 1);
});

test("an interface that comes later is captured, and named", async (network) => {
  const capture = await Capture.start(network);
  await network.run(
    "server",
    "ip link add late0 type veth peer name late1 && " +
      "ip link set late0 up && ip link set late1 up",
  );
  await network.run("server", [
    ...[...deno, SENDER, "late0", "100", "10000", `${FLOWS}`],
  ]);
  await capture.stores(100); // that they come in at the other is no news
  await network.run("server", "ip link delete late0");
  await capture.send(100);
  match(await capture.end(), /\d+ copies/);
  equal(capture.numbers().length, 200);
  const names = capture.facts().flatMap(({ interfaces }) =>
    [...interfaces.values()].map(({ name }) => name)
  );
  for (const name of ["lo", "eth0", "late0", "late1"]) {
    ok(names.includes(name), `${name} is among ${names}`);
  }
});

/**
 * A pod behind a bridge on the server, joined to the client's by VXLAN: what it
 * says passes three interfaces of the server.
 */
const POD = `set -e
unshare --net sleep 1000 & pod=$!
sleep 0.2
ip link add br0 type bridge
ip link add pod0 type veth peer name eth1
ip link set eth1 netns $pod
ip link add vx0 type vxlan id 42 dstport 8472 local $SERVER remote $CLIENT dev eth0
for port in pod0 vx0; do ip link set $port master br0 up; done
ip link set br0 up
nsenter -t $pod -n ip link set eth1 up
nsenter -t $pod -n ip address add 10.30.0.2/24 dev eth1
nsenter -t $pod -n ip address add fd30::2/64 dev eth1 nodad
echo "joined $pod"
wait`;

const FAR_POD = `set -e
ip link add vx0 type vxlan id 42 dstport 8472 local $CLIENT remote $SERVER dev eth0
ip link set vx0 up
ip address add 10.30.0.1/24 dev vx0
ip address add fd30::1/64 dev vx0 nodad`;

test("what a pod says to another node is kept once", async (network) => {
  const pod = network.start("server", POD);
  await until(() => pod.stdout.includes("joined"), () => pod.stderr);
  await network.run("client", FAR_POD);
  const inPod = ["nsenter", "-n", "-t", /joined (\d+)/.exec(pod.stdout)![1]!];
  const capture = await Capture.start(network);
  const dump = network.start("server", [
    ...["tcpdump", "-i", "pod0", "-n", "-w", "/dev/null", "tcp"],
  ]);
  await until(() => dump.stderr.includes("listening"), () => dump.stderr);
  const server = network.start("server", [
    ...[...inPod, Deno.execPath(), "eval", "--quiet"],
    `Deno.serve({ hostname: "::", port: 8080 }, () =>
       new Response(new Uint8Array(300_000)))`,
  ]);
  await network.listens(server, 8080);
  await network.run("client", [
    ...[Deno.execPath(), "eval", "--quiet"],
    `for (const host of ["10.30.0.2", "[fd30::2]"]) {
       await (await fetch("http://" + host + ":8080/")).bytes();
     }`,
  ]);
  await sleep(300);
  await dump.stop("SIGINT");
  await dump.ended;
  const said = await capture.end();
  const there = Number(/(\d+) packets received/.exec(dump.stderr)?.[1]);
  const copies = Number(/(\d+) copies/.exec(said)?.[1]);
  const segments = capture.frames().filter(({ bytes }) => isTcp(bytes));
  ok(there > 30, dump.stderr);
  equal(segments.length, there);
  // Those from the far pod at the bridge, and all of them at vx0 and eth0.
  ok(copies >= 2 * there, `${copies} copies of ${there} packets`);
  const count = await network.run("server", [
    ...[...deno, CLI, "query", "http and response.status == 200", "--count"],
    ...["--data-dir", capture.folder],
  ]);
  equal(count.trim(), "2");
}, lacks("tcpdump"));

/** Members of entries that are times. */
const MEASURED = new Set(["timestamp", "elapsedTime", "rtt", "duration"]);

/** Answers with what looks like nothing that we know, and then with HTTP. */
const STRANGE = `
const noise = new Uint8Array(20_000).fill(0xfe);
for (const [port, say] of [[7001, noise], [8080, undefined]]) {
  if (!say) {
    Deno.serve({ hostname: "::", port }, () => new Response(noise));
    continue;
  }
  const listener = Deno.listen({ hostname: "::", port });
  void (async () => {
    for await (const connection of listener) {
      const asked = new Uint8Array(5000);
      for (let n = 0; n < 100; n++) {
        await connection.read(asked);
        await connection.write(say);
      }
      connection.close();
    }
  })();
}`;

const ASK_STRANGERS = `
const { SERVER } = Deno.env.toObject();
const connection = await Deno.connect({ hostname: SERVER, port: 7001 });
const strange = new Uint8Array(3000).fill(0xfd);
for (let n = 0; n < 100; n++) {
  await connection.write(strange);
  for (let left = 20_000; left > 0;) {
    left -= await connection.read(new Uint8Array(left));
  }
  await new Promise((done) => setTimeout(done, 10));
}
for await (const _ of connection.readable);
for (let n = 0; n < 5; n++) {
  await (await fetch("http://" + SERVER + ":8080/" + n)).bytes();
}`;

test(
  "of what nothing dissects headers are kept, and its entry is the same",
  async (network) => {
    const server = network.start("server", [
      ...[Deno.execPath(), "eval", "--quiet", STRANGE],
    ]);
    for (const port of [7001, 8080]) await network.listens(server, port);
    const capture = await Capture.start(network, "--store", "dissectable");
    const file = join(network.folder, "all.pcap");
    const dump = network.start("server", [
      ...[
        "tcpdump",
        "-i",
        "eth0",
        "-n",
        "-Z",
        "root",
        "-U",
        "-w",
        file,
        "--time-stamp-precision=nano",
      ],
    ]);
    await until(() => dump.stderr.includes("listening"), () => dump.stderr);
    await network.run("client", [
      ...[Deno.execPath(), "eval", "--quiet", ASK_STRANGERS],
    ]);
    await sleep(1500);
    await dump.stop("SIGINT");
    await dump.ended;
    await capture.end();
    const query = async (...source: string[]) => {
      const lines = await network.run("server", [
        ...[...deno, CLI, "query", "tcp or http", "--json", ...source],
      ]);
      return lines.trim().split("\n").map((line) => {
        // The kernel takes the time anew for each who listens.
        const entry = JSON.parse(
          line,
          (name, value) => MEASURED.has(name) ? undefined : value,
        );
        delete entry.id;
        delete entry.node;
        // The bytes that a flow began with are shown as far as they are kept.
        if (entry.protocol === "tcp") {
          delete entry.request?.body;
          delete entry.response?.body;
        }
        return entry;
      });
    };
    const kept = await query("--data-dir", capture.folder);
    const all = await query("--pcap", file);
    // The client may open a connection that it does not need.
    equal(kept.filter(({ protocol }) => protocol === "http").length, 5);
    equal(kept.filter(({ dst }) => dst.port === 7001).length, 1);
    deepEqual(kept, all);
    const bytes = (port: number) =>
      capture.frames().filter(({ bytes }) => hasPort(bytes, port))
        .reduce((sum, { bytes }) => sum + bytes.length, 0);
    ok(bytes(8080) > 100_000);
    ok(bytes(7001) < 1_200_000, `${bytes(7001)} of 2,000,000 bytes`);
  },
  lacks("tcpdump"),
);

test("named interfaces alone are captured, also when they are back", async (network) => {
  const make = "ip link add late0 type veth peer name late1 && " +
    "ip link set late0 up && ip link set late1 up";
  const sendLate = (count: number) =>
    network.run("server", [
      ...[...deno, SENDER, "late1", `${count}`, "10000", `${FLOWS}`],
    ]);
  await network.run("server", make);
  const capture = await Capture.start(network, "-i", "late0", "lo");
  await sendLate(10);
  await capture.send(1000);
  await capture.stores(10);
  await network.run("server", "ip link delete late0");
  await network.run("server", make);
  await sendLate(20);
  await capture.end();
  deepEqual(capture.numbers(), [...range(0, 10), ...range(0, 20)]);
});

test("--bpf is a filter of the kernel", async (network) => {
  const capture = await Capture.start(
    network,
    ...["--bpf", "udp src port 10002 or tcp src port 10003"],
  );
  await capture.send(3000);
  const said = await capture.end();
  match(said, /: 6 packets .* were captured/);
  const expected = range(0, 3000).filter((number) =>
    [2, 3].includes(number % FLOWS)
  );
  deepEqual(capture.numbers(), expected);
}, lacksLibpcap);

test(
  "what the kernel drops is counted, said and kept as a fact",
  async (network) => {
    // Nothing but what is sent, so that it adds up.
    const bpf = ["--bpf", "dst port 9999"];
    const capture = await Capture.start(network, "--ring-size", "2MiB", ...bpf);
    Deno.kill(capture.program.pid, "SIGSTOP");
    await capture.send(20_000);
    Deno.kill(capture.program.pid, "SIGCONT");
    await capture.says("some are lost");
    await capture.send(100);
    const said = await capture.end();
    const counts = /(\d+) packets .* kernel dropped (\d+),/.exec(said)!;
    const [kept, dropped] = [Number(counts[1]), Number(counts[2])];
    ok(dropped > 1000, said);
    equal(capture.frames().length, kept);
    equal(capture.numbers().length + dropped, 20_100);
    const drops = capture.facts().flatMap(({ drops }) => drops);
    equal(drops.reduce((sum, { packets }) => sum + packets, 0), dropped);
    deepEqual([...new Set(drops.map(({ cause }) => cause))], ["kernel"]);
  },
  lacksLibpcap,
);

test("a worker goes on where the one before ended", async (network) => {
  const first = await Capture.start(network);
  await first.send(100);
  await first.stores(100);
  Deno.kill(first.program.pid, "SIGKILL");
  await first.program.ended;
  const second = await Capture.start(network);
  await second.says("did not end cleanly");
  await second.send(50);
  await second.end();
  deepEqual(second.numbers(), [...range(0, 100), ...range(0, 50)]);
});

test(
  "what is missing for a capture is said, each with its exit code",
  async (network) => {
    const folder = join(network.folder, "data");
    const worker = [...deno, CLI, "worker", "--data-dir", folder];
    const fails = async (
      code: number,
      message: RegExp,
      args: readonly string[],
      before: readonly string[] = [],
    ) => {
      const program = network.start("server", [...before, ...worker, ...args]);
      equal(await program.ended, code, program.stderr);
      match(program.stderr, message);
    };
    const without = [...["setpriv", "--bounding-set", "-net_raw"], "--"];
    await fails(3, /lacks the capability CAP_NET_RAW/, [], without);
    await fails(1, /"eth9": no such interface among .*eth0/, ["-i", "eth9"]);
    await fails(2, /filter "tcp prot": .*syntax/, ["--bpf", "tcp prot"]);
    await fails(2, /filter "ether host .*ethernet/, [
      "--bpf",
      "ether host 02:00:00:00:00:01",
    ]);
    await fails(1, /storage limit must be at least/, [
      "--storage-limit",
      "1MB",
    ]);
    await fails(1, /network "\/none": open: no such file/, [
      ...["--network", "/none"],
    ]);
    await fails(
      3,
      /takes the capability CAP_SYS_ADMIN/,
      ["--network", "/proc/self/ns/net"],
      [...["setpriv", "--bounding-set", "-sys_admin"], "--"],
    );
    const other = await Capture.start(network);
    await fails(1, /is writing to it/, []);
    await other.end();
  },
  lacksLibpcap,
);

test("another network than the worker's own can be captured", async (network) => {
  const pod = network.start("client", ["sleep", "600"]);
  const path = `/proc/${pod.pid}/ns/net`;
  const own = Deno.readLinkSync("/proc/self/ns/net");
  await until(() => Deno.readLinkSync(path) !== own, () => "It is not there");
  const capture = await Capture.start(network, "--network", path);
  // What nobody elsewhere sees.
  await capture.send(100, 10_000, "lo");
  await capture.stores(100);
  await capture.end();
  deepEqual(capture.numbers(), range(0, 100));
});

test("a worker whose folder is taken away ends, and says why", async (network) => {
  const capture = await Capture.start(network, "--storage-limit", "8MB");
  await Deno.remove(capture.folder, { recursive: true });
  await capture.send(5000);
  await until(
    () => !capture.program.isRunning,
    () => `It goes on: ${capture.program.stderr}`,
  );
  equal(await capture.program.ended, 1);
  match(capture.program.stderr, /Cannot go on capturing: no such file/i);
});

test("a quiet worker hardly works", async (network) => {
  const capture = await Capture.start(network);
  // /proc/PID/stat counts user and system time in hundredths of a second.
  const { pid } = capture.program;
  const ticks = async () =>
    (await Deno.readTextFile(`/proc/${pid}/stat`)).split(" ").slice(13, 15)
      .reduce((sum, text) => sum + Number(text), 0);
  await sleep(500);
  const before = await ticks();
  await sleep(3000);
  const used = await ticks() - before;
  ok(used < 30, `${used / 100} s of 3 s`);
  await capture.end();
});
