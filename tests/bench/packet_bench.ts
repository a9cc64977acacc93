/**
 * Frames a second: decoding one by one, glancing at batches, reading and
 * writing savefiles.
 *
 * The workload is what a node of a cluster sees: of eight packets of HTTP over
 * TCP three are bare acknowledgments, three hold a few hundred bytes, and two
 * are full segments; plain, or between two nodes in VXLAN.
 */
import { PacketColumns, UNSURE } from "../../packet/columns.ts";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { LINKTYPE } from "../../packet/link.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import {
  ofBytes,
  type SavefileFormat,
  SavefileReader,
  SavefileWriter,
} from "../../packet/savefile.ts";
import * as f from "../packet/frames.ts";
import { pcap } from "../packet/savefiles.ts";

const FRAMES = 1000;
const SIZES = [0, 0, 120, 300, 0, 700, 1448, 1448];

/** Frames of one kind, and as a savefile of records in microseconds. */
function workload(linkType: number, wrap: (segment: Uint8Array) => Uint8Array) {
  const frames = Array.from(
    { length: FRAMES },
    (_, n) =>
      wrap(f.tcp(new Uint8Array(SIZES[n % SIZES.length]!), {
        srcPort: 32_768 + (n >> 3),
        dstPort: n % 3 === 0 ? 5432 : 8080,
        seq: n * 100_000,
      })),
  );
  const file = pcap(
    frames.map((frame, fraction) => ({ frame, fraction })),
    { linkType },
  );
  return { linkType, file };
}

const WORKLOADS = {
  "Ethernet, IPv4": workload(
    LINKTYPE.ETHERNET,
    (segment) => f.ethernet(0x0800, f.ipv4(6, segment)),
  ),
  "Ethernet, IPv6": workload(
    LINKTYPE.ETHERNET,
    (segment) => f.ethernet(0x86dd, f.ipv6(6, segment)),
  ),
  "SLL2, IPv4": workload(
    LINKTYPE.LINUX_SLL2,
    (segment) => f.sll2(0x0800, f.ipv4(6, segment)),
  ),
  "VXLAN": workload(LINKTYPE.ETHERNET, (segment) =>
    f.ethernet(
      0x0800,
      f.ipv4(17, f.vxlan(f.ethernet(0x0800, f.ipv4(6, segment)))),
    )),
};

/** All frames of a file as one batch. */
function batchOf(file: Uint8Array) {
  const reader = new SavefileReader(ofBytes(file), { bufferSize: file.length });
  const batch = new FrameBatch(FRAMES);
  if (!reader.next(batch) || batch.count !== FRAMES) throw new Error("Torn");
  return { batch, interfaces: reader.interfaces };
}

for (const [name, { linkType, file }] of Object.entries(WORKLOADS)) {
  const { batch, interfaces } = batchOf(file);
  const decoder = new Decoder();
  const packet = new Packet();
  const columns = new PacketColumns(FRAMES);

  Deno.bench(`decode 1,000 frames: ${name}`, () => {
    let packets = 0;
    for (let row = 0; row < FRAMES; row++) {
      const outcome = decoder.decode(
        batch.bytes,
        batch.start[row]!,
        batch.captured[row]!,
        batch.original[row]!,
        linkType,
        batch.time[row]!,
        row,
        packet,
      );
      if (outcome === OUTCOME.PACKET && packet.protocol === 6) packets++;
    }
    if (packets !== FRAMES) throw new Error(`Got ${packets}`);
  });

  Deno.bench(`glance at 1,000 frames: ${name}`, () => {
    columns.fill(batch, interfaces);
    const isSure = columns.protocol[0] !== UNSURE;
    if (isSure !== (name !== "VXLAN")) throw new Error("Another workload");
  });
}

// 100 times the same, so that the buffer is filled anew: 50 MB.
const { file } = WORKLOADS["SLL2, IPv4"];
const large = new Uint8Array(24 + (file.length - 24) * 100);
for (let n = 0; n < 100; n++) {
  large.set(file.subarray(24), 24 + n * (file.length - 24));
}
large.set(file.subarray(0, 24));

Deno.bench("read 100,000 frames", () => {
  const reader = new SavefileReader(ofBytes(large));
  const batch = new FrameBatch(4096);
  let frames = 0;
  while (reader.next(batch)) frames += batch.count;
  if (frames !== 100_000) throw new Error(`Got ${frames}`);
});

for (const format of ["pcap-micro", "pcap", "pcapng"] as SavefileFormat[]) {
  Deno.bench(`export port 8080 of 100,000 frames as ${format}`, () => {
    const reader = new SavefileReader(ofBytes(large));
    const writer = new SavefileWriter(
      { write: () => {} },
      format,
      reader.interfaces[0]!,
    );
    const batch = new FrameBatch(4096);
    const columns = new PacketColumns(4096);
    const rows = new Uint32Array(4096);
    while (reader.next(batch)) {
      columns.fill(batch, reader.interfaces);
      let count = 0;
      for (let row = 0; row < batch.count; row++) {
        const isWanted = columns.srcPort[row] === 8080 ||
          columns.dstPort[row] === 8080;
        if (isWanted) rows[count++] = row;
      }
      writer.copyRows(batch, rows, count);
    }
    writer.flush();
    if (writer.frames !== 66_600) throw new Error(`Got ${writer.frames}`);
  });
}
