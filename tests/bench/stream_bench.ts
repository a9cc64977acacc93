/**
 * Packets a second: finding flows, counting them, putting segments in order.
 *
 * The workload is what a busy node sees: many connections whose packets come
 * in bursts of a few, and one connection at full speed. Divide by `PACKETS`.
 */
import { Packet, PROTOCOL, TCP } from "../../packet/packet.ts";
import type { FlowEnding } from "../../stream/flow.ts";
import { FlowTable } from "../../stream/flow_table.ts";
import { Reassembler, type Sink } from "../../stream/reassembly.ts";
import { StreamReader } from "../../stream/reader.ts";
import { Random } from "../fuzz/random.ts";

const PACKETS = 10_000;
const FLOWS = 10_000;
const SEGMENT = 1448;

/** Both directions of many flows, in bursts of up to four packets. */
function packetsOf(flows: number, ipVersion: 4 | 6): Packet[] {
  const random = new Random(flows);
  const packets: Packet[] = [];
  while (packets.length < PACKETS) {
    const flow = random.int(0, flows - 1);
    for (let n = random.int(1, 4); n > 0; n--) {
      packets.push(segmentOf(flow, random.chance(0.5), ipVersion));
    }
  }
  return packets;
}

/** A segment of flow number `flow`, by the client or by the server. */
function segmentOf(
  flow: number,
  fromClient: boolean,
  ipVersion: 4 | 6,
): Packet {
  const packet = new Packet();
  const size = ipVersion === 4 ? 4 : 16;
  const client = new Uint8Array(size).fill(10);
  client[size - 1] = flow;
  client[size - 2] = flow >>> 8;
  const server = new Uint8Array(size).fill(11);
  packet.bytes = new Uint8Array([...client, ...server]);
  packet.src = fromClient ? 0 : size;
  packet.dst = fromClient ? size : 0;
  packet.ipVersion = ipVersion;
  packet.protocol = PROTOCOL.TCP;
  packet.srcPort = fromClient ? 40_000 : 443;
  packet.dstPort = fromClient ? 443 : 40_000;
  packet.flags = TCP.ACK;
  packet.start = packet.end = 2 * size;
  return packet;
}

const onEnd = (_: unknown, ending: FlowEnding) => {
  throw new Error(`A flow ended: ${ending}`);
};

for (const ipVersion of [4, 6] as const) {
  for (const [flows, counts] of [[1, false], [FLOWS, false], [FLOWS, true]]) {
    const packets = packetsOf(Number(flows), ipVersion);
    const table = new FlowTable({ onEnd });
    for (const packet of packets) {
      const flow = table.find(packet);
      if (!counts) flow.analysis = undefined;
    }
    const found = table.found;
    const what = counts ? "found and counted" : "found";
    Deno.bench(
      `flow: 10,000 packets of ${flows} IPv${ipVersion} flows ${what}`,
      () => {
        for (let i = 0; i < PACKETS; i++) table.find(packets[i]!);
        if (table.found !== found) throw new Error(`Found ${table.found}`);
      },
    );
  }
}

/** One direction's segments in order, each with another sequence number. */
function stream(): { readonly packet: Packet; readonly ack: Packet } {
  const packet = new Packet();
  packet.bytes = new Uint8Array(SEGMENT);
  packet.end = SEGMENT;
  packet.flags = TCP.ACK;
  const ack = new Packet();
  ack.flags = TCP.ACK;
  return { packet, ack };
}

class Counter implements Sink {
  bytes = 0;
  data(_bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
  }
  gap(size: number): void {
    throw new Error(`A gap of ${size}`);
  }
  fin(): void {}
}

Deno.bench("reassembly: 10,000 segments in order, with their ACKs", () => {
  const { packet, ack } = stream();
  const reassembler = new Reassembler();
  const sink = new Counter();
  for (let i = 0; i < PACKETS; i++) {
    packet.seq = ack.ack;
    reassembler.add(packet, sink);
    ack.ack += SEGMENT;
    reassembler.acknowledge(ack, sink);
  }
  if (sink.bytes !== PACKETS * SEGMENT) throw new Error(`Got ${sink.bytes}`);
});

Deno.bench("reassembly: 10,000 segments, each pair swapped", () => {
  const { packet } = stream();
  const reassembler = new Reassembler();
  const sink = new Counter();
  for (let i = 0; i < PACKETS; i += 2) {
    // The first pair comes in order, for the stream has to begin somewhere.
    const swapped = i === 0 ? 0 : 1;
    packet.seq = (i + swapped) * SEGMENT;
    reassembler.add(packet, sink);
    packet.seq = (i + 1 - swapped) * SEGMENT;
    reassembler.add(packet, sink);
  }
  if (sink.bytes !== PACKETS * SEGMENT) throw new Error(`Got ${sink.bytes}`);
});

Deno.bench("reader: 10,000 chunks, a message of four bytes length each", () => {
  const chunk = new Uint8Array(104);
  chunk[3] = 100;
  const reader = new StreamReader();
  let messages = 0;
  for (let i = 0; i < PACKETS; i++) {
    reader.append(chunk, 0, chunk.length, i, i);
    reader.mark();
    const message = reader.attempt((r) => {
      const size = r.u32();
      return size === undefined ? undefined : r.bytes(size);
    });
    if (message) messages++;
    reader.retain();
  }
  if (messages !== PACKETS) throw new Error(`Got ${messages}`);
});
