/**
 * How fast packets become shards, and shards become columns again.
 *
 * The traffic is that of a busy server: 1,500 connections, every other packet
 * a full segment and the rest acknowledgements, 790 bytes each on average.
 */
import { FrameBatch } from "../../packet/frame.ts";
import { PacketRows } from "../../worker/shards/columns.ts";
import { buildSidecar } from "../../worker/shards/recovery.ts";
import { Sidecar } from "../../worker/shards/sidecar.ts";
import { StoreWriter } from "../../worker/shards/store_writer.ts";
import { MemoryFolder } from "../worker/shards/memory_folder.ts";
import {
  ETHERNET,
  LINKTYPE_ETHERNET,
  makeBusyServer,
  toBatch,
} from "../worker/shards/traffic.ts";

const FLOWS = 1500;
const PACKETS = 64_000;

const bare = toBatch(makeBusyServer(PACKETS, FLOWS));
const folder = new MemoryFolder();
const MIB = 1024 * 1024;

function write(batch: FrameBatch): MemoryFolder {
  const folder = new MemoryFolder();
  const options = {
    node: "bench",
    storageLimit: 1024 * MIB,
    shardBytes: 64 * MIB,
  };
  using writer = StoreWriter.open(folder, options);
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  return folder;
}

const written = write(bare);
const pcap = written.bytes("1.pcap");
const sidecar = written.bytes("1.idx");
folder.put("1.pcap", pcap);

const size = `${(pcap.length / 1e6).toFixed(0)} MB, ${PACKETS} packets`;
console.log(
  `${size}: a sidecar of ${(100 * sidecar.length / pcap.length).toFixed(2)} %`,
);

Deno.bench(`shards: write ${size}, and their sidecar`, () => {
  write(bare);
});

Deno.bench(`shards: build the sidecar of ${size}`, () => {
  const file = folder.open("1.pcap", "read")!;
  const { whole } = buildSidecar(file);
  if (whole !== pcap.length) throw new Error(`Read ${whole}`);
});

const columns = new PacketRows();
Deno.bench(`shards: read the columns of ${size} from a sidecar`, () => {
  columns.count = 0;
  Sidecar.decode(sidecar).columns(columns);
  if (columns.count !== PACKETS) throw new Error(`Got ${columns.count}`);
});
