import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { Decoder } from "../../../packet/decode.ts";
import {
  OUTCOME,
  Packet,
  PROTOCOL,
  TCP,
  toAddress,
} from "../../../packet/packet.ts";
import { FlowTable } from "../../../stream/flow_table.ts";
import { BLOCK } from "../../../worker/shards/blocks.ts";
import {
  ColumnBuilder,
  isFlow,
  KIND,
  NO_FLOW,
  PacketRows,
  SEEN,
} from "../../../worker/shards/columns.ts";
import { Damaged, toChecksum } from "../../../worker/shards/encoding.ts";
import { LiveIndex } from "../../../worker/shards/live_index.ts";
import { buildSidecar } from "../../../worker/shards/recovery.ts";
import { type ShardIndex, Sidecar } from "../../../worker/shards/sidecar.ts";
import { decodeHeader } from "../../../worker/shards/sidecar_header.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { concat, Random } from "../../fuzz/random.ts";
import * as f from "../../packet/frames.ts";
import { MemoryFolder } from "./memory_folder.ts";
import {
  BEGIN,
  ETHERNET,
  type Frame,
  LINKTYPE_ETHERNET,
  makeBusyServer,
  makeTraffic,
  toBatch,
  toEthernet,
  toIpPacket,
} from "./traffic.ts";

/** A folder with one shard of these frames. */
function written(frames: readonly Frame[]): MemoryFolder {
  const folder = new MemoryFolder();
  const options = {
    node: "n",
    storageLimit: 2 ** 30,
    shardBytes: 2 ** 26,
    shardDuration: Infinity,
  };
  using writer = StoreWriter.open(folder, options);
  const batch = toBatch(frames);
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  return folder;
}

function toFrame(
  time: number,
  packet: Parameters<typeof toIpPacket>[0],
): Frame {
  const bytes = toEthernet(toIpPacket(packet));
  return { time, nanos: 0, bytes, original: bytes.length, interface: 0 };
}

/** EtherType. */
const ARP = [0x08, 0x06];

const client = { address: [10, 0, 0, 9], port: 40000 };
const server = { address: [10, 0, 0, 1], port: 80 };

Deno.test("a sidecar tells the flows of a shard: ends, times, counts, flags", () => {
  const tcp = { protocol: PROTOCOL.TCP };
  const udp = { protocol: PROTOCOL.UDP };
  const folder = written([
    toFrame(BEGIN + 5, {
      ...tcp,
      src: client,
      dst: server,
      flags: TCP.SYN,
      payload: 0,
    }),
    toFrame(BEGIN + 9, {
      ...tcp,
      src: server,
      dst: client,
      flags: TCP.SYN | TCP.ACK,
      payload: 0,
    }),
    toFrame(BEGIN + 7, { ...udp, src: client, dst: server, payload: 30 }),
    toFrame(BEGIN + 8, {
      ...tcp,
      src: server,
      dst: client,
      flags: TCP.RST,
      payload: 7,
    }),
    {
      time: BEGIN + 6,
      nanos: 0,
      bytes: Uint8Array.from({ length: 42 }, (_, at) => ARP[at - 12] ?? 0),
      original: 99,
      interface: 0,
    },
  ]);
  const sidecar = Sidecar.decode(folder.bytes("1.idx"));
  deepEqual(sidecar.header, decodeHeader(folder.bytes("1.idx")));
  equal(sidecar.header.linkType, LINKTYPE_ETHERNET);
  equal(sidecar.header.packets, 5);
  equal(sidecar.header.first, BEGIN + 5);
  equal(sidecar.header.last, BEGIN + 9);
  equal(sidecar.header.kinds, KIND.TCP | KIND.UDP | KIND.OTHER);
  equal(sidecar.header.pcapBytes, folder.bytes("1.pcap").length);
  const { flows } = sidecar;
  equal(flows.count, 2);
  equal(flows.addresses.count, 2);
  const rows = [0, 1].map((row) => ({
    protocol: flows.protocol[row],
    version: flows.ipVersion(row),
    client: `${flows.clientIp(row)}:${flows.clientPort[row]}`,
    server: `${flows.serverIp(row)}:${flows.serverPort[row]}`,
    first: flows.first[row]! - BEGIN,
    last: flows.last[row]! - BEGIN,
    packets: [flows.clientPackets[row], flows.serverPackets[row]],
    bytes: [flows.clientBytes[row], flows.serverBytes[row]],
    seen: flows.seen[row],
    over: flows.isOver(row),
  }));
  deepEqual(rows, [
    {
      protocol: PROTOCOL.TCP,
      version: 4,
      client: "10.0.0.9:40000",
      server: "10.0.0.1:80",
      first: 5,
      last: 9,
      packets: [1, 2],
      bytes: [0, 7],
      seen: SEEN.CLIENT_SYN | SEEN.SERVER_SYN | SEEN.RESET,
      over: true,
    },
    {
      protocol: PROTOCOL.UDP,
      version: 4,
      client: "10.0.0.9:40000",
      server: "10.0.0.1:80",
      first: 7,
      last: 7,
      packets: [1, 0],
      bytes: [30, 0],
      seen: 0,
      over: false,
    },
  ]);
  const columns = new PacketRows();
  sidecar.columns(columns);
  deepEqual([...columns.flow.subarray(0, 5)], [0, 0, 1, 0, NO_FLOW.OTHER]);
  equal(columns.offset[0], 24 + 16);
});

Deno.test("every frame of a fragmented packet is marked, and the packet counted", () => {
  const whole = toIpPacket({
    src: client,
    dst: server,
    protocol: PROTOCOL.UDP,
    payload: 100,
  });
  const folder = written([0, 1, 2].map((n) => {
    const isLast = n === 2;
    const payload = whole.subarray(
      20 + n * 40,
      isLast ? undefined : 60 + n * 40,
    );
    const packet = concat(whole.subarray(0, 20), payload);
    const view = new DataView(packet.buffer);
    view.setUint16(2, packet.length);
    view.setUint16(4, 7);
    view.setUint16(6, n * 5 | (isLast ? 0 : 0x2000));
    const bytes = toEthernet(packet);
    const original = bytes.length;
    return { time: BEGIN + n, nanos: 0, bytes, original, interface: 0 };
  }));
  const sidecar = Sidecar.decode(folder.bytes("1.idx"));
  const rows = new PacketRows();
  sidecar.columns(rows);
  deepEqual([...rows.flow.subarray(0, 3)], Array(3).fill(NO_FLOW.FRAGMENT));
  equal(sidecar.header.kinds, KIND.UDP | KIND.FRAGMENT);
  equal(sidecar.blocks.hasFragments[0], 1);
  const { flows } = sidecar;
  equal(flows.count, 1);
  equal(flows.clientPackets[0], 1);
  equal(flows.clientBytes[0], 100);
  equal(flows.first[0], BEGIN);
  equal(flows.last[0], BEGIN + 2);
});

Deno.test("law: a sidecar built from the PCAP is the one that was written, byte for byte", () => {
  const random = new Random(11);
  for (let seed = 0; seed < 60; seed++) {
    const frames = makeTraffic(seed, random.int(1, 3000), { most: 120 });
    const folder = new MemoryFolder();
    const options = {
      node: "n",
      storageLimit: 2 ** 30,
      shardBytes: random.int(2000, 200_000),
    };
    {
      using writer = StoreWriter.open(folder, options);
      const batch = toBatch(frames);
      const target = writer.writer(LINKTYPE_ETHERNET);
      for (let from = 0; from < batch.count;) {
        const to = Math.min(batch.count, from + random.int(1, 700));
        target.append(batch, ETHERNET, from, to);
        if (random.chance(0.3)) target.flush();
        from = to;
      }
    }
    const names = folder.list().map(({ name }) => name);
    const sidecars = names.filter((name) => name.endsWith(".idx"));
    ok(sidecars.length > 0);
    for (const name of sidecars) {
      const pcap = folder.open(name.replace("idx", "pcap"), "append")!;
      const size = pcap.size();
      deepEqual(buildSidecar(pcap).sidecar, folder.bytes(name), `seed ${seed}`);
      // A torn tail: the next record's beginning.
      pcap.append(random.bytes(random.int(1, 15)));
      const { sidecar, whole } = buildSidecar(pcap);
      equal(whole, size);
      deepEqual(sidecar, folder.bytes(name), `seed ${seed}, torn`);
    }
  }
});

Deno.test("law: columns are those that decoding each frame by itself gives", () => {
  for (let seed = 100; seed < 130; seed++) {
    const frames = makeTraffic(seed, 1500);
    const folder = written(frames);
    const sidecar = Sidecar.decode(folder.bytes("1.idx"));
    const columns = new PacketRows();
    sidecar.columns(columns);
    equal(columns.count, frames.length);
    const pcap = folder.bytes("1.pcap");
    const decoder = new Decoder();
    const packet = new Packet();
    frames.forEach((frame, row) => {
      equal(columns.time[row], frame.time);
      equal(columns.captured[row], frame.bytes.length);
      const at = columns.offset[row]!;
      deepEqual(pcap.slice(at, at + frame.bytes.length), frame.bytes);
      const outcome = decoder.decode(
        frame.bytes,
        0,
        frame.bytes.length,
        frame.original,
        LINKTYPE_ETHERNET,
        frame.time,
        row,
        packet,
      );
      const flow = columns.flow[row]!;
      const isWhole = outcome === OUTCOME.PACKET &&
        packet.fragments.length === 0;
      equal(isFlow(flow), isWhole, `row ${row}`);
      if (!isWhole) return;
      const { flows } = sidecar;
      const ends = [
        `${flows.clientIp(flow)}:${flows.clientPort[flow]}`,
        `${flows.serverIp(flow)}:${flows.serverPort[flow]}`,
      ];
      const { bytes, src, dst, ipVersion, srcPort, dstPort } = packet;
      const expected = [
        `${toAddress(bytes, src, ipVersion)}:${srcPort}`,
        `${toAddress(bytes, dst, ipVersion)}:${dstPort}`,
      ];
      deepEqual(ends.toSorted(), expected.toSorted());
      ok(flows.first[flow]! <= frame.time && frame.time <= flows.last[flow]!);
    });
  }
});

Deno.test("law: flows are those that a flow table finds packet by packet", () => {
  let packets = 0;
  for (let seed = 200; seed < 230; seed++) {
    const frames = makeTraffic(seed, 3000, { most: 60 });
    const builder = new ColumnBuilder();
    const columns = new PacketRows();
    builder.add(toBatch(frames), ETHERNET, 0, frames.length, columns);
    const decoder = new Decoder();
    const packet = new Packet();
    const table = new FlowTable({ onEnd() {}, keepsHeads: false });
    const sent = new Map<string, number>();
    frames.forEach(({ bytes, original, time }, row) => {
      const { length } = bytes;
      const type = LINKTYPE_ETHERNET;
      const outcome = decoder.decode(
        ...[bytes, 0, length, original, type, time, row, packet] as const,
      );
      if (outcome !== OUTCOME.PACKET || packet.fragments.length > 0) return;
      const { id } = table.find(packet);
      equal(columns.flow[row], id, `seed ${seed}, row ${row}`);
      const side = `${id} ${table.fromClient ? "client" : "server"}`;
      sent.set(side, (sent.get(side) ?? 0) + 1);
      sent.set(`${side} bytes`, (sent.get(`${side} bytes`) ?? 0) + packet.size);
      packets++;
    });
    const { flows } = builder;
    for (let row = 0; row < flows.count; row++) {
      const counted = (of: string) => sent.get(`${row} ${of}`) ?? 0;
      equal(flows.clientPackets[row], counted("client"));
      equal(flows.serverPackets[row], counted("server"));
      equal(flows.clientBytes[row], counted("client bytes"));
      equal(flows.serverBytes[row], counted("server bytes"));
    }
  }
  ok(packets > 50_000);
});

Deno.test("law: a block's least and greatest hold for each of its packets", () => {
  for (let seed = 200; seed < 220; seed++) {
    const folder = written(makeTraffic(seed, 2 * BLOCK + seed, { most: 90 }));
    const file = folder.open("1.pcap", "read")!;
    const indexes: ShardIndex[] = [
      Sidecar.decode(folder.bytes("1.idx")),
      new LiveIndex(file),
    ];
    for (const index of indexes) checkBlocks(index);
    deepEqual(blocksOf(indexes[0]!), blocksOf(indexes[1]!));
    deepEqual({ ...indexes[1]!.header }, headerOf(indexes[0]!));
  }
});

/** What every index has in its header. */
function headerOf({ header }: ShardIndex): unknown {
  const { linkType, packets, flows, pcapBytes, first, last, kinds } = header;
  return { linkType, packets, flows, pcapBytes, first, last, kinds };
}

function blocksOf({ blocks }: ShardIndex): unknown {
  const { count } = blocks;
  return Object.entries(blocks).flatMap(([name, column]) =>
    ArrayBuffer.isView(column)
      ? [[name, Array.from((column as Uint32Array).subarray(0, count))]]
      : []
  );
}

function checkBlocks(index: ShardIndex): void {
  const { blocks } = index;
  const all = new PacketRows();
  index.columns(all);
  equal(blocks.packets, all.count);
  for (let block = 0; block < blocks.count; block++) {
    const part = new PacketRows();
    index.columns(part, block, block + 1);
    equal(part.count, blocks.to[block]! - blocks.from[block]!);
    equal(part.offset[0], blocks.begin[block]);
    for (let i = 0; i < part.count; i++) {
      const row = blocks.from[block]! + i;
      equal(part.time[i], all.time[row]);
      equal(part.flow[i], all.flow[row]);
      ok(part.time[i]! >= blocks.firstTime[block]!);
      ok(part.time[i]! <= blocks.lastTime[block]!);
      ok(part.captured[i]! >= blocks.leastCaptured[block]!);
      ok(part.captured[i]! <= blocks.greatestCaptured[block]!);
      ok(part.offset[i]! + part.captured[i]! <= blocks.end[block]!);
      const flow = part.flow[i]!;
      if (flow === NO_FLOW.FRAGMENT) equal(blocks.hasFragments[block], 1);
      if (!isFlow(flow)) continue;
      ok(flow >= blocks.leastFlow[block]!);
      ok(flow <= blocks.greatestFlow[block]!);
    }
  }
}

Deno.test("columns of a growing shard are those of a shard that was all there", () => {
  const random = new Random(5);
  const folder = written(makeTraffic(7, 4000, { most: 60 }));
  const pcap = folder.bytes("1.pcap");
  folder.put("2.pcap", pcap.slice(0, 24));
  const growing = folder.open("2.pcap", "append")!;
  const index = new LiveIndex(growing);
  equal(index.refresh(), false);
  for (let at = 24; at < pcap.length;) {
    const to = Math.min(pcap.length, at + random.int(1, 30_000));
    growing.append(pcap.slice(at, to));
    index.refresh();
    at = to;
  }
  const whole = Sidecar.decode(folder.bytes("1.idx"));
  deepEqual(index.header, headerOf(whole));
  deepEqual(blocksOf(index), blocksOf(whole));
  checkBlocks(index);
});

Deno.test("a sidecar takes at most one percent of a busy server's packets", () => {
  const folder = written(makeBusyServer(20_000, 1500));
  const share = folder.bytes("1.idx").length / folder.bytes("1.pcap").length;
  ok(share <= 0.01, `${share}`);
});

Deno.test("a changed sidecar is damaged, wherever it was changed", () => {
  const sidecar = written(makeTraffic(4, 300)).bytes("1.idx");
  for (let at = 0; at < sidecar.length; at++) {
    const changed = sidecar.slice();
    changed[at]! ^= 1 << at % 8;
    throws(() => Sidecar.decode(changed), Damaged, `byte ${at}`);
  }
  for (let size = 0; size < sidecar.length; size++) {
    throws(() => Sidecar.decode(sidecar.subarray(0, size)), Damaged);
  }
});

/** Frames of the kinds whose decoding decides what flows a shard has. */
const KNOWN: readonly Uint8Array[] = [
  f.ethernet(0x0800, f.ipv4(6, f.tcp(f.text("GET /")))),
  f.ethernet(0x86dd, f.ipv6(6, f.tcp(f.text("GET /")))),
  f.ethernet(0x0800, f.ipv4(17, f.udp(53, f.text("query")))),
  f.ethernet(0x0800, f.ipv4(132, f.sctp(f.text("chunk")))),
  f.ethernet(0x0800, f.ipv4(1, f.icmp(8, f.text("ping")))),
  f.ethernet(0x8100, f.tag(0x0800, f.ipv4(6, f.tcp(f.text("tagged"))))),
  f.ethernet(
    0x0800,
    f.ipv4(17, f.vxlan(f.ethernet(0x0800, f.ipv4(6, f.tcp(f.text("in")))))),
  ),
  f.ethernet(0x0806, f.text("who has 10.0.0.1?")),
  f.text("nonsense"),
];

Deno.test("known frames give the sidecar of this version", () => {
  const folder = written([
    ...KNOWN.map((bytes, n): Frame => ({
      time: BEGIN + n,
      nanos: n,
      bytes,
      original: bytes.length,
      interface: 0,
    })),
    ...makeTraffic(1, 2500),
  ]);
  const checksum = toChecksum(folder.bytes("1.idx")).toString(16);
  equal(
    checksum,
    "c41d3dc4",
    "Sidecars have changed, so those on disks no longer fit: raise VERSION in " +
      `worker/shards/sidecar_header.ts, then write ${checksum} here`,
  );
});
