import { deepEqual, equal } from "node:assert/strict";
import {
  ChunkAnalysis,
  DatagramAnalysis,
  type FlowAnalysis,
  restoreAnalysis,
  saveAnalysis,
} from "../../stream/analysis.ts";
import { decodeState, encodeState, type State } from "../../stream/state.ts";
import { TcpAnalysis, type TcpDirection } from "../../stream/tcp_analysis.ts";
import { toPackets } from "./notation.ts";

/** Counters of one direction; those that a case does not name are 0. */
interface Counts {
  readonly packets: number;
  readonly bytes?: number;
  readonly streamBytes?: number;
  readonly gaps?: number;
  readonly retransmissions?: number;
  readonly outOfOrder?: number;
  readonly duplicateAcks?: number;
  readonly zeroWindows?: number;
  readonly keepAlives?: number;
  readonly body?: string;
}

interface Case {
  readonly name: string;
  readonly packets: readonly string[];
  readonly client: Counts;
  readonly server: Counts;
  readonly handshake?: string;
  readonly resetBy?: string;
  readonly closed?: boolean;
  /** µs */
  readonly rtt?: number;
}

const OPEN = ["C SYN seq=99 @0", "S SYN seq=299 ack=100", "C seq=100 ack=300"];

const CASES: readonly Case[] = [
  {
    name: "a connection is counted in both directions",
    packets: [
      ...OPEN,
      'C seq=100 ack=300 "GET /"',
      'S seq=300 ack=105 "200 OK"',
      "C FIN seq=105 ack=306",
      "S FIN seq=306 ack=106",
      "C seq=106 ack=307",
    ],
    client: { packets: 5, bytes: 5, streamBytes: 5, body: "GET /" },
    server: { packets: 3, bytes: 6, streamBytes: 6, body: "200 OK" },
    handshake: "complete",
    closed: true,
    rtt: 2000,
  },
  {
    name: "the round trip is that of the last SYN",
    packets: [
      "C SYN seq=99 @0",
      "C SYN seq=99 @1",
      "S SYN seq=299 ack=100 @1.01",
      "C seq=100 ack=300 @1.03",
    ],
    client: { packets: 3, retransmissions: 1 },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 30_000,
  },
  {
    name: "without a handshake it is the least time from data to its ACK",
    packets: [
      'C seq=100 ack=300 "abc" @1',
      "S seq=300 ack=103 @1.2",
      'C seq=103 ack=300 "def" @2',
      'C seq=106 ack=300 "ghi" @2.1',
      "S seq=300 ack=109 @2.15",
      "S seq=300 ack=109 @2.16",
    ],
    client: { packets: 3, bytes: 9, streamBytes: 9, body: "abcdefghi" },
    server: { packets: 3, duplicateAcks: 1 },
    rtt: 50_000,
  },
  {
    name: "which copy an ACK is for is not guessed",
    packets: [
      'C seq=100 ack=300 "abc" @1',
      'C seq=100 ack=300 "abc" @2',
      "S seq=300 ack=103 @2.001",
    ],
    client: {
      packets: 2,
      bytes: 6,
      streamBytes: 3,
      retransmissions: 1,
      body: "abc",
    },
    server: { packets: 1 },
  },
  {
    name: "an RST to the SYN refuses",
    packets: ["C SYN seq=99", "S RST seq=0 ack=100"],
    client: { packets: 1 },
    server: { packets: 1 },
    handshake: "refused",
    resetBy: "server",
  },
  {
    name: "a client that takes its SYN back was not refused",
    packets: ["C SYN seq=99", "C RST seq=100"],
    client: { packets: 2 },
    server: { packets: 0 },
    handshake: "unanswered",
    resetBy: "client",
  },
  {
    name: "a SYN+ACK that nobody acknowledged is part of a handshake",
    packets: ["C SYN seq=99", "S SYN seq=5 ack=100", "C RST seq=100"],
    client: { packets: 2 },
    server: { packets: 1 },
    resetBy: "client",
  },
  {
    name: "both SYNs of a simultaneous open have to be acknowledged",
    packets: [
      "C SYN seq=99",
      "S SYN seq=299",
      "C SYN seq=99 ack=300",
      "S SYN seq=299 ack=100",
    ],
    client: { packets: 2, retransmissions: 1 },
    server: { packets: 2, retransmissions: 1 },
    handshake: "complete",
  },
  {
    name: "a handshake whose SYN+ACK was not captured is seen in parts",
    packets: ["C SYN seq=99", 'S seq=300 ack=100 "hello"', "S RST seq=305"],
    client: { packets: 1 },
    server: { packets: 2, bytes: 5, streamBytes: 5, body: "hello" },
    resetBy: "server",
  },
  {
    name: "the first RST tells who reset",
    packets: [...OPEN, "S RST seq=300", "C RST seq=100"],
    client: { packets: 3 },
    server: { packets: 2 },
    handshake: "complete",
    resetBy: "server",
    rtt: 2000,
  },
  {
    name: "the payload of an RST is not of the stream",
    packets: [...OPEN, 'S RST seq=300 "why"'],
    client: { packets: 2 },
    server: { packets: 2, bytes: 3 },
    handshake: "complete",
    resetBy: "server",
    rtt: 2000,
  },
  {
    name: "bytes that never came are a hole, also before the FIN",
    packets: [
      ...OPEN,
      'C seq=105 ack=300 "f"',
      'C seq=110 ack=300 "k"',
      "C FIN seq=115 ack=300",
    ],
    client: { packets: 5, bytes: 2, streamBytes: 2, gaps: 3 },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "a hole that was filled later is none",
    packets: [
      ...OPEN,
      'C seq=103 ack=300 "def" @2',
      'C seq=109 ack=300 "jkl" @2',
      'C seq=106 ack=300 "ghi" @2.001',
      'C seq=100 ack=300 "abc" @2.0015',
    ],
    client: {
      packets: 6,
      bytes: 12,
      streamBytes: 12,
      outOfOrder: 2,
      body: "abcdefghijkl",
    },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "a segment a round trip late was sent again",
    packets: [
      ...OPEN,
      'C seq=103 ack=300 "def" @2',
      'C seq=100 ack=300 "abc" @2.0021',
    ],
    client: {
      packets: 4,
      bytes: 6,
      streamBytes: 6,
      retransmissions: 1,
      body: "abcdef",
    },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "a segment after two repeated ACKs for it was sent again at once",
    packets: [
      ...OPEN,
      'C seq=103 ack=300 "def" @2',
      "S seq=300 ack=100 @2.0001",
      "S seq=300 ack=100 @2.0002",
      "S seq=300 ack=100 @2.0003",
      'C seq=100 ack=300 "abc" @2.0004',
    ],
    client: {
      packets: 4,
      bytes: 6,
      streamBytes: 6,
      retransmissions: 1,
      body: "abcdef",
    },
    server: { packets: 4, duplicateAcks: 3 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "data that was acknowledged before was sent again",
    packets: [
      ...OPEN,
      'C seq=100 ack=300 "abc"',
      "S seq=300 ack=103",
      'C seq=100 ack=300 "abc"',
    ],
    client: {
      packets: 4,
      bytes: 6,
      streamBytes: 3,
      retransmissions: 1,
      body: "abc",
    },
    server: { packets: 2 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "SYNs and FINs are sent again too",
    packets: [
      ...OPEN,
      "S SYN seq=299 ack=100",
      "C FIN seq=100 ack=300",
      "C FIN seq=100 ack=300",
    ],
    client: { packets: 4, retransmissions: 1 },
    server: { packets: 2, retransmissions: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "a keep-alive is neither sent again, nor its ACK repeated",
    packets: [
      ...OPEN,
      'C seq=100 ack=300 "a"',
      "S seq=300 ack=101",
      "C seq=100 ack=300",
      "S seq=300 ack=101",
      'C seq=100 ack=300 "?"',
      "S seq=300 ack=101",
    ],
    client: { packets: 5, bytes: 2, streamBytes: 1, keepAlives: 2, body: "a" },
    server: { packets: 4 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "windows that forbid to send are counted, their probes are not",
    packets: [
      ...OPEN,
      'C seq=100 ack=300 "a"',
      "S seq=300 ack=101 win=0",
      'C seq=101 ack=300 "b"',
      "S seq=300 ack=101 win=0",
      'C seq=101 ack=300 "b"',
      "S seq=300 ack=102 win=0",
      "S seq=300 ack=102 win=500",
      'C seq=102 ack=300 "cd"',
    ],
    client: {
      packets: 6,
      bytes: 5,
      streamBytes: 4,
      body: "abcd",
    },
    server: { packets: 5, zeroWindows: 3 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "an ACK with another window is an update and not repeated",
    packets: [
      ...OPEN,
      "S seq=300 ack=100 win=2000",
      "S seq=300 ack=100 win=3000",
      "S seq=300 ack=100 win=3000",
    ],
    client: { packets: 2 },
    server: { packets: 4, duplicateAcks: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "sequence numbers wrap",
    packets: [
      "C SYN seq=0xfffffffd @0",
      "S SYN seq=0xfffffffd ack=0xfffffffe",
      "C seq=0xfffffffe ack=0xfffffffe",
      'C seq=0xfffffffe ack=0xfffffffe "abcd"',
      'S seq=0xfffffffe ack=2 "wxyz"',
      'C seq=2 ack=2 "ef"',
    ],
    client: { packets: 4, bytes: 6, streamBytes: 6, body: "abcdef" },
    server: { packets: 2, bytes: 4, streamBytes: 4, body: "wxyz" },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "bytes that the snapshot length cut count, but are no body",
    packets: [
      ...OPEN,
      'C seq=100 ack=300 "abc" cut=2',
      'C seq=105 ack=300 "fgh"',
    ],
    client: { packets: 4, bytes: 8, streamBytes: 8, body: "abc" },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "the body keeps the first copy of bytes that differ",
    packets: [
      ...OPEN,
      'C seq=102 ack=300 "cd"',
      'C seq=100 ack=300 "abXXe" cut=1',
    ],
    client: {
      packets: 4,
      bytes: 8,
      streamBytes: 6,
      outOfOrder: 1,
      body: "abcde",
    },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 2000,
  },
  {
    name: "the stream of a connection joined later may begin before its start",
    packets: ['C seq=500 ack=1 "def"', 'C seq=497 ack=1 "abc"'],
    client: {
      packets: 2,
      bytes: 6,
      streamBytes: 6,
      outOfOrder: 1,
      body: "def",
    },
    server: { packets: 0 },
  },
  {
    name: "data on a SYN is of the stream",
    packets: ['C SYN seq=99 "hi"', "S SYN seq=5 ack=102", "C seq=102 ack=6"],
    client: { packets: 2, bytes: 2, streamBytes: 2, body: "hi" },
    server: { packets: 1 },
    handshake: "complete",
    rtt: 2000,
  },
];

for (const each of CASES) {
  Deno.test(each.name, () => check(analyse(each.packets, false), each));

  Deno.test(`${each.name}, also saved and restored at every packet`, () => {
    check(analyse(each.packets, true), each);
  });
}

/** Counts a case's packets; C is the low end. */
function analyse(lines: readonly string[], isSaved: boolean): TcpAnalysis {
  let analysis: FlowAnalysis = new TcpAnalysis();
  for (const packet of toPackets(lines)) {
    if (isSaved) analysis = copy(analysis);
    analysis.add(packet, packet.srcPort !== 80);
  }
  return analysis as TcpAnalysis;
}

function copy<A extends FlowAnalysis>(analysis: A): A {
  const saved = decodeState(encodeState(saveAnalysis(analysis))) as State;
  return restoreAnalysis(analysis.transport, saved) as A;
}

function check(analysis: TcpAnalysis, expected: Case): void {
  const { low, high, resetByLow } = analysis;
  deepEqual(toCounts(low), { ...NOTHING, ...expected.client });
  deepEqual(toCounts(high), { ...NOTHING, ...expected.server });
  equal(analysis.handshake(true), expected.handshake ?? "partial");
  const resetBy = resetByLow === undefined
    ? undefined
    : resetByLow
    ? "client"
    : "server";
  equal(resetBy, expected.resetBy);
  equal(low.hasFin && high.hasFin, expected.closed ?? false);
  equal(analysis.rtt && Math.round(analysis.rtt), expected.rtt);
}

const NOTHING: Counts = {
  packets: 0,
  bytes: 0,
  streamBytes: 0,
  gaps: 0,
  retransmissions: 0,
  outOfOrder: 0,
  duplicateAcks: 0,
  zeroWindows: 0,
  keepAlives: 0,
  body: "",
};

function toCounts(direction: TcpDirection): Counts {
  return {
    packets: direction.packets,
    bytes: direction.bytes,
    streamBytes: direction.coverage.size,
    gaps: direction.coverage.holes,
    retransmissions: direction.retransmissions,
    outOfOrder: direction.outOfOrder,
    duplicateAcks: direction.duplicateAcks,
    zeroWindows: direction.zeroWindows,
    keepAlives: direction.keepAlives,
    body: new TextDecoder().decode(direction.headBytes),
  };
}

Deno.test("a body is the first 4 KiB", () => {
  for (const analysis of [new TcpAnalysis(), new DatagramAnalysis()]) {
    const lines = ["a", "b", "c", "d", "e"].map((letter, i) =>
      `C seq=${1 + i * 1000} "${letter.repeat(1000)}"`
    );
    for (const packet of toPackets(lines)) analysis.add(packet, true);
    const body = new TextDecoder().decode(analysis.low.headBytes);
    equal(body.length, 4096);
    equal(body.replace(/(.)\1+/g, "$1"), "abcde");
  }
});

Deno.test("an analysis that keeps no heads has no bodies", () => {
  for (const analysis of [new TcpAnalysis(0), new DatagramAnalysis(0)]) {
    for (const packet of toPackets(['C seq=1 "abc"', 'C seq=0 "xa"'])) {
      analysis.add(packet, true);
    }
    equal(analysis.low.headBytes, undefined);
    equal(analysis.low.head, undefined);
  }
});

Deno.test("datagrams are counted, and their payloads follow each other", () => {
  let analysis = new DatagramAnalysis();
  const packets = toPackets([
    'C UDP "ab"',
    "S UDP",
    'C UDP "cd" cut=3',
    'C UDP "ef"',
  ]);
  for (const packet of packets) {
    analysis = copy(analysis);
    analysis.add(packet, packet.srcPort !== 80);
  }
  deepEqual([analysis.low.packets, analysis.low.bytes], [3, 9]);
  deepEqual([analysis.high.packets, analysis.high.bytes], [1, 0]);
  equal(new TextDecoder().decode(analysis.low.headBytes), "abcd");
});

Deno.test("the chunks of SCTP packets are counted by type", () => {
  let analysis = new ChunkAnalysis();
  const packets = toPackets([
    // INIT of 6 bytes with padding, then DATA
    "C SCTP hex=010000060102ffff00000004",
    // a SACK, and one byte of a header
    "S SCTP hex=0300000400",
    // a chunk shorter than its own header is the last
    "C SCTP hex=000000040000000300000004",
    // a chunk that the snapshot length cut
    "C SCTP hex=00000064 cut=96",
  ]);
  for (const packet of packets) {
    analysis = copy(analysis);
    analysis.add(packet, packet.srcPort !== 80);
  }
  deepEqual([analysis.low.packets, analysis.low.bytes], [3, 124]);
  deepEqual({ ...analysis.low.types }, { 0: 4, 1: 1 });
  deepEqual({ ...analysis.high.types }, { 3: 1 });
});

Deno.test("holes beyond the bound are final", () => {
  const analysis = new TcpAnalysis();
  const lines = ["C SYN seq=0"];
  for (let i = 1; i <= 300; i++) lines.push(`C seq=${i * 10} "x"`);
  lines.push('C seq=1 "123456789"', 'C seq=2991 "123456789"');
  for (const packet of toPackets(lines)) analysis.add(packet, true);
  equal(analysis.low.coverage.holes, 299);
  equal(analysis.low.coverage.size, 309);
});
