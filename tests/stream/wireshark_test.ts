/**
 * Random connections, counted by us and by tshark 4.0: the numbers must be the
 * same.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { Packet, PROTOCOL, TCP } from "../../packet/packet.ts";
import { TcpAnalysis, type TcpDirection } from "../../stream/tcp_analysis.ts";
import { Random } from "../fuzz/random.ts";

const CONNECTIONS = 400;

/** Times between segments, µs: around the limits that the rules have. */
const PAUSES = [10, 500, 2_000, 4_000, 15_000, 30_000, 400_000];

/** One end of a connection that is being made up. */
class Sender {
  readonly packets: Packet[] = [];
  next: number;
  window = 500;
  readonly port: number;

  constructor(port: number, isn: number) {
    this.port = port;
    this.next = isn;
  }
}

/** Makes up connections that lose, repeat, reorder and idle. */
class Traffic {
  readonly packets: Packet[] = [];
  #time = 1_700_000_000_000_000;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  connection(port: number): void {
    const random = this.#random;
    const client = new Sender(port, random.int(0, 2 ** 32 - 1));
    const server = new Sender(80, random.int(0, 2 ** 32 - 1));
    if (random.chance(0.8)) this.#open(client, server);
    for (let n = random.int(1, 60); n > 0; n--) {
      const [own, other] = random.chance(0.5)
        ? [client, server]
        : [server, client];
      this.#event(own, other);
    }
  }

  #open(client: Sender, server: Sender): void {
    const random = this.#random;
    this.#send(client, server, TCP.SYN, 0);
    if (random.chance(0.1)) this.#repeat(client);
    this.#send(server, client, TCP.SYN | TCP.ACK, 0);
    if (random.chance(0.1)) this.#repeat(server);
    if (random.chance(0.9)) this.#send(client, server, TCP.ACK, 0);
  }

  #event(own: Sender, other: Sender): void {
    const random = this.#random;
    const what = random.int(0, 99);
    if (what < 35) this.#send(own, other, TCP.ACK, random.int(1, 100));
    else if (what < 55) this.#send(own, other, TCP.ACK, 0);
    else if (what < 65) this.#repeat(own);
    else if (what < 72) own.next += random.int(1, 100); // lost by the capture
    else if (what < 77) this.#keepAlive(own, other);
    else if (what < 82) own.window = random.pick([0, 500, 600]);
    else if (what < 92) this.#swap();
    else if (what < 95) this.#send(own, other, TCP.ACK, 1);
    else if (what < 98) this.#send(own, other, TCP.FIN | TCP.ACK, 0);
    else this.#send(own, other, TCP.RST, 0);
  }

  #send(own: Sender, other: Sender, flags: number, size: number): void {
    const packet = new Packet();
    packet.bytes = new Uint8Array([10, 0, 0, own.port === 80 ? 2 : 1]);
    packet.srcPort = own.port;
    packet.dstPort = other.port;
    packet.flags = flags;
    packet.seq = own.next >>> 0;
    packet.ack = (flags & TCP.ACK) !== 0 ? other.next >>> 0 : 0;
    packet.window = own.window;
    packet.end = size;
    own.next += size + ((flags & (TCP.SYN | TCP.FIN)) !== 0 ? 1 : 0);
    own.packets.push(packet);
    this.#push(packet);
  }

  #repeat(own: Sender): void {
    if (own.packets.length === 0) return;
    const packet = copy(this.#random.pick(own.packets));
    // To Wireshark a SYN sent again after a FIN or RST is another connection.
    if (own.packets.length > 1 && (packet.flags & TCP.SYN) !== 0) return;
    if (packet.end > 1 && this.#random.chance(0.3)) packet.end--;
    this.#push(packet);
  }

  #keepAlive(own: Sender, other: Sender): void {
    own.next--;
    this.#send(own, other, TCP.ACK, this.#random.int(0, 1));
    own.next = own.packets.at(-1)!.seq + 1;
  }

  /** Two segments are captured in the other order. */
  #swap(): void {
    const [one, two] = this.packets.slice(-2);
    if (!one || !two || (one.flags | two.flags) & TCP.SYN) return;
    [one.time, two.time] = [two.time, one.time];
    this.packets.splice(-2, 2, two, one);
  }

  #push(packet: Packet): void {
    this.#time += this.#random.pick(PAUSES);
    packet.time = this.#time;
    this.packets.push(packet);
  }
}

function copy(packet: Packet): Packet {
  return Object.assign(new Packet(), packet);
}

/** Counters of one direction, in the order of {@link FIELDS}. */
type Row = readonly number[];

const FIELDS = [
  "tcp.analysis.retransmission",
  "tcp.analysis.out_of_order",
  "tcp.analysis.duplicate_ack",
  "tcp.analysis.zero_window",
  "tcp.analysis.keep_alive",
];

function toRow(direction: TcpDirection): Row {
  return [
    direction.retransmissions,
    direction.outOfOrder,
    direction.duplicateAcks,
    direction.zeroWindows,
    direction.keepAlives,
  ];
}

/**
 * The row with segments out of order counted as sent again. Wireshark 4.0 sets
 * a counter of repeated ACKs to -1 when bytes were acknowledged that it did
 * not see, and then takes that for very many: some segments that were
 * overtaken it calls fast retransmissions.
 */
function joined([retransmissions, outOfOrder, ...others]: Row): Row {
  return [retransmissions! + outOfOrder!, ...others];
}

/** What we count, by the client's port: of the client, of the server. */
function ours(packets: readonly Packet[]): Map<number, [Row, Row]> {
  const analyses = new Map<number, TcpAnalysis>();
  for (const packet of packets) {
    const isClient = packet.dstPort === 80;
    const port = isClient ? packet.srcPort : packet.dstPort;
    const analysis = analyses.get(port) ?? new TcpAnalysis();
    analyses.set(port, analysis);
    analysis.add(packet, isClient);
  }
  return new Map(
    [...analyses].map(([port, { low, high }]) =>
      [port, [toRow(low), toRow(high)]] as const
    ),
  );
}

/** What tshark counts. */
function theirs(packets: readonly Packet[]): Map<number, [Row, Row]> {
  const file = Deno.makeTempFileSync({ suffix: ".pcap" });
  try {
    Deno.writeFileSync(file, toPcap(packets));
    const { code, stdout, stderr } = new Deno.Command("tshark", {
      args: [
        ...["-n", "-r", file, "-T", "fields", "-e", "tcp.srcport"],
        ...["-e", "tcp.dstport", ...FIELDS.flatMap((field) => ["-e", field])],
      ],
    }).outputSync();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(decoder.decode(stderr));
    const counts = new Map<number, [number[], number[]]>();
    for (const line of decoder.decode(stdout).trimEnd().split("\n")) {
      const [source, target, ...values] = line.split("\t");
      const port = Math.max(Number(source), Number(target));
      if (!counts.has(port)) {
        counts.set(port, [Array(5).fill(0), Array(5).fill(0)]);
      }
      const row = counts.get(port)![target === "80" ? 0 : 1];
      values.forEach((value, i) => row[i]! += value ? 1 : 0);
    }
    return counts;
  } finally {
    Deno.removeSync(file);
  }
}

/** A savefile of raw IPv4 (LINKTYPE_RAW). */
function toPcap(packets: readonly Packet[]): Uint8Array {
  const size = packets.reduce((sum, packet) => sum + 56 + packet.end, 24);
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint32(4, 0x00020004);
  view.setUint32(16, 0xffff);
  view.setUint32(20, 101);
  let at = 24;
  for (const packet of packets) {
    const length = 40 + packet.end;
    view.setUint32(at, Math.floor(packet.time / 1e6));
    view.setUint32(at + 4, packet.time % 1e6);
    view.setUint32(at + 8, length);
    view.setUint32(at + 12, length);
    const ip = at + 16;
    view.setUint16(ip, 0x4500);
    view.setUint16(ip + 2, length);
    view.setUint16(ip + 8, 0x4000 | PROTOCOL.TCP);
    view.setUint32(ip + 12, packet.dstPort === 80 ? 0x0a000001 : 0x0a000002);
    view.setUint32(ip + 16, packet.dstPort === 80 ? 0x0a000002 : 0x0a000001);
    const tcp = ip + 20;
    view.setUint16(tcp, packet.srcPort);
    view.setUint16(tcp + 2, packet.dstPort);
    view.setUint32(tcp + 4, packet.seq);
    view.setUint32(tcp + 8, packet.ack);
    view.setUint16(tcp + 12, 0x5000 | packet.flags);
    view.setUint16(tcp + 14, packet.window);
    at += 16 + length;
  }
  return new Uint8Array(view.buffer);
}

/** Whether tshark is there in the version whose rules these are. */
function hasTshark(): boolean {
  try {
    const { stdout } = new Deno.Command("tshark", { args: ["--version"] })
      .outputSync();
    const [version] = new TextDecoder().decode(stdout).split("\n");
    if (version!.includes(" 4.0.")) return true;
    console.log(`ignore: needs tshark 4.0, this is ${version}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("ignore: tshark is not installed");
  }
  return false;
}

Deno.test({
  name: "random connections are counted as Wireshark counts them",
  ignore: !hasTshark(),
  fn() {
    const traffic = new Traffic(new Random(20));
    for (let n = 0; n < CONNECTIONS; n++) traffic.connection(1000 + n);
    const found = ours(traffic.packets);
    const expected = theirs(traffic.packets);
    let different = 0;
    for (const [port, rows] of expected) {
      deepEqual(found.get(port)!.map(joined), rows.map(joined), `${port}`);
      if (!isDeepStrictEqual(found.get(port), rows)) different++;
    }
    equal(found.size, expected.size);
    ok(different <= CONNECTIONS / 50, `${different} differ`);
  },
});
