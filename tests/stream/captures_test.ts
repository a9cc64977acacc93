/**
 * Streams of the shared captures against what tshark made of them.
 *
 * The captures lie beside the repository, not in it. Differences that are
 * right, by RFC or FIELDS §8, are listed below with their reasons.
 */
import { ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import { ofBytes, SavefileReader } from "../../packet/savefile.ts";
import type { Flow } from "../../stream/flow.ts";
import type { FlowEnd } from "../../stream/flow_end.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { Reassembler, type Sink } from "../../stream/reassembly.ts";
import { TcpAnalysis, type TcpDirection } from "../../stream/tcp_analysis.ts";

const CAPTURES = "../shared/captures";

/**
 * Captures that need not agree: `malformed/` was damaged on purpose, so that
 * lengths, flags and numbers contradict each other, and versions of tshark do
 * too. The others:
 */
const EXPLAINED: { readonly [capture: string]: string } = {
  "ip-fragments/ip_fragmented_garbage.pcap":
    "tshark takes a first fragment for a segment",
  "ldap/ldap.pcapng": "31 days of silence end a connection",
  "linktype/SllPacket.pcap": "tshark counts captured bytes as sent",
  "mqtt/mqtt-events-invalid-qos.pcap": "bytes lost before a FIN are a hole",
  "tcp/tcp-leading-gap.pcap": "bytes lost after a SYN are a hole",
  "tcp/tcpseq_synthetic.pcap": "tshark counts no holes where numbers wrap",
  "tcp/test1-out-of-order.pcap":
    "joined in the middle, a stream begins with the first segment",
  "tcp/test5-lines-randomized.pcap":
    "a SYN older than the rest is its connection's",
};

interface Truth {
  readonly tcp?: { readonly streams: readonly TruthStream[] };
}

interface TruthStream {
  readonly a: string;
  readonly b: string;
  readonly syn: number;
  readonly synack: number;
  readonly analysis?: { readonly [name: string]: number };
  readonly a_dir: TruthDirection;
  readonly b_dir: TruthDirection;
}

interface TruthDirection {
  readonly frames: number;
  readonly bytes: number;
  readonly unique: number;
  readonly gaps: number;
  /** Bytes before the first gap, and a prefix of their hash. */
  readonly contig?: number;
  readonly sha256?: string;
}

/** One direction: its bytes up to the first gap. */
class Direction implements Sink {
  readonly reassembler = new Reassembler();
  readonly hash = createHash("sha256");
  contiguous = 0;
  #isWhole = true;

  data(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isWhole) return;
    this.hash.update(bytes.subarray(start, end));
    this.contiguous += end - start;
  }

  gap(): void {
    this.#isWhole = false;
  }

  fin(): void {}
}

interface Streams {
  readonly low: Direction;
  readonly high: Direction;
}

/** The TCP flows of a savefile, in the order in which they began. */
function flowsOf(path: string): Flow<Streams>[] {
  const flows: Flow<Streams>[] = [];
  const table = new FlowTable<Streams>({
    onEnd(flow) {
      if (!flow.state) return;
      const { low, high } = flow.state;
      low.reassembler.end(low);
      high.reassembler.end(high);
      flows.push(flow);
    },
  });
  const reader = new SavefileReader(ofBytes(Deno.readFileSync(path)));
  const batch = new FrameBatch(1024);
  const decoder = new Decoder();
  const packet = new Packet();
  while (reader.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const outcome = decoder.decode(
        batch.bytes,
        batch.start[i]!,
        batch.captured[i]!,
        batch.original[i]!,
        reader.interfaces[batch.interface[i]!]!.linkType,
        batch.time[i]!,
        0,
        packet,
      );
      if (outcome === OUTCOME.PACKET) addPacket(table, packet);
    }
  }
  table.endAll();
  return flows.sort((a, b) => a.id - b.id);
}

function addPacket(table: FlowTable<Streams>, packet: Packet): void {
  const flow = table.find(packet);
  if (flow.transport !== "tcp") return;
  flow.state ??= { low: new Direction(), high: new Direction() };
  const { low, high } = flow.state;
  const [own, other] = table.fromLow ? [low, high] : [high, low];
  other.reassembler.acknowledge(packet, other);
  own.reassembler.add(packet, own);
}

/** What differs between a flow and the truth's stream. */
function* differences(
  flow: Flow<Streams>,
  stream: TruthStream,
): Generator<string> {
  const analysis = flow.analysis as TcpAnalysis;
  const isALow = toText(flow.clientIsLow ? flow.client : flow.server) ===
    stream.a;
  if (stream.syn + stream.synack > 0 && toText(flow.client) !== stream.a) {
    yield `client ${toText(flow.client)}, not ${stream.a}`;
  }
  const { low, high } = analysis;
  for (const [name, count] of Object.entries(ANALYSIS)) {
    const found = count(low) + count(high);
    const expected = stream.analysis?.[name] ?? 0;
    if (found !== expected) yield `${name} ${found}, not ${expected}`;
  }
  const { state } = flow;
  const [a, b] = isALow ? [low, high] : [high, low];
  const [bytesA, bytesB] = isALow
    ? [state!.low, state!.high]
    : [state!.high, state!.low];
  yield* directionDifferences("a", a, bytesA, stream.a_dir);
  yield* directionDifferences("b", b, bytesB, stream.b_dir);
}

const ANALYSIS: {
  readonly [name: string]: (direction: TcpDirection) => number;
} = {
  retransmission: (direction) => direction.retransmissions,
  out_of_order: (direction) => direction.outOfOrder,
  duplicate_ack: (direction) => direction.duplicateAcks,
  zero_window: (direction) => direction.zeroWindows,
  keep_alive: (direction) => direction.keepAlives,
};

function* directionDifferences(
  name: string,
  counts: TcpDirection,
  bytes: Direction,
  truth: TruthDirection,
): Generator<string> {
  const rows = [
    ["packets", counts.packets, truth.frames],
    ["bytes", counts.bytes, truth.bytes],
    ["distinct bytes", counts.coverage.size, truth.unique],
    ["gaps", counts.coverage.holes, truth.gaps],
    ["bytes in order", bytes.contiguous, truth.contig],
    ["sha256", bytes.hash.digest("hex").slice(0, 16), truth.sha256],
  ] as const;
  for (const [what, found, expected] of rows) {
    if (expected === undefined || found === expected) continue;
    yield `${name}: ${what} ${found}, not ${expected}`;
  }
}

function toText({ ip, port }: FlowEnd): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Values by the ends they have, in whichever direction. */
function byEnds<T>(
  values: readonly T[],
  endsOf: (value: T) => readonly [string, string],
): Map<string, T[]> {
  return Map.groupBy(values, (value) => [...endsOf(value)].sort().join(" "));
}

Deno.test({
  name: "streams of the shared captures are those that tshark found",
  ignore: !isThere(),
  fn() {
    let compared = 0;
    const unexplained: string[] = [];
    for (const { name } of Deno.readDirSync(`${CAPTURES}/truth`)) {
      const capture = name.replace("__", "/").replace(/\.json$/, "");
      const path = `${CAPTURES}/truth/${name}`;
      const { tcp } = JSON.parse(Deno.readTextFileSync(path)) as Truth;
      const expected = byEnds(tcp?.streams ?? [], ({ a, b }) => [a, b]);
      const found = byEnds(
        flowsOf(`${CAPTURES}/${capture}`),
        ({ client, server }) => [toText(client), toText(server)],
      );
      for (const ends of new Set([...expected.keys(), ...found.keys()])) {
        const streams = expected.get(ends) ?? [];
        const flows = found.get(ends) ?? [];
        compared += streams.length;
        const complaints = flows.length === streams.length
          ? flows.flatMap((flow, i) => [...differences(flow, streams[i]!)])
          : [`${flows.length} flows, not ${streams.length}`];
        if (complaints.length === 0 || isExplained(capture)) continue;
        unexplained.push(`${capture} ${ends}: ${complaints.join("; ")}`);
      }
    }
    ok(compared > 1000, `Only ${compared} streams`);
    ok(unexplained.length === 0, unexplained.join("\n"));
  },
});

function isExplained(capture: string): boolean {
  return capture.startsWith("malformed/") || capture in EXPLAINED;
}

function isThere(): boolean {
  const isThere = existsSync(`${CAPTURES}/truth`);
  if (!isThere) console.log(`ignore: no captures in ${CAPTURES}`);
  return isThere;
}
