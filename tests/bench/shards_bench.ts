/**
 * How fast packets become shards, and shards become columns again.
 *
 * The traffic is that of a busy server: 1,500 connections, every other packet
 * a full segment and the rest acknowledgements, 790 bytes each on average.
 */
import { join } from "node:path";
import { FrameBatch } from "../../packet/frame.ts";
import { ofBytes, SavefileReader } from "../../packet/savefile.ts";
import { PacketRows } from "../../worker/shards/columns.ts";
import { DiskFolder } from "../../worker/shards/folder.ts";
import { buildSidecar } from "../../worker/shards/recovery.ts";
import { Sidecar } from "../../worker/shards/sidecar.ts";
import { StoreWriter } from "../../worker/shards/store_writer.ts";
import {
  ETHERNET,
  LINKTYPE_ETHERNET,
  makeBusyServer,
  toBatch,
} from "../worker/shards/traffic.ts";

const FLOWS = 1500;
const PACKETS = 64_000;
const MIB = 1024 * 1024;
const OPTIONS = {
  node: "bench",
  storageLimit: 1024 * MIB,
  shardBytes: 64 * MIB,
};

/** Runs with a folder that is gone afterwards. */
function withFolder<T>(run: (path: string) => T): T {
  const path = Deno.makeTempDirSync({ prefix: "thresher-bench-" });
  try {
    return run(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

/** Writes frames that stand anywhere, as capture gives them. */
function writeBare(path: string): void {
  using writer = StoreWriter.open(path, OPTIONS);
  writer.writer(LINKTYPE_ETHERNET).append(bare, ETHERNET, 0, bare.count);
}

/** Writes runs of records, as a savefile gives them. */
function writeRuns(path: string): void {
  using writer = StoreWriter.open(path, OPTIONS);
  const target = writer.writer(LINKTYPE_ETHERNET);
  const reader = new SavefileReader(ofBytes(pcap));
  const batch = new FrameBatch(4096);
  while (reader.next(batch)) {
    target.append(batch, reader.interfaces, 0, batch.count);
  }
}

const bare = toBatch(makeBusyServer(PACKETS, FLOWS));
const [pcap, sidecar] = withFolder((path) => {
  writeBare(path);
  return [
    Deno.readFileSync(join(path, "1.pcap")),
    Deno.readFileSync(join(path, "1.idx")),
  ] as const;
});

const size = `${(pcap.length / 1e6).toFixed(0)} MB, ${PACKETS} packets`;
console.log(
  `${size}: a sidecar of ${(100 * sidecar.length / pcap.length).toFixed(2)} %`,
);

Deno.bench(`shards: write ${size}, and their sidecar`, () => {
  withFolder(writeBare);
});

Deno.bench(`shards: write ${size} out of a savefile`, () => {
  withFolder(writeRuns);
});

Deno.bench(`shards: build the sidecar of ${size}`, (b) => {
  withFolder((path) => {
    Deno.writeFileSync(join(path, "1.pcap"), pcap);
    const file = DiskFolder.at(path).open("1.pcap", "read")!;
    b.start();
    const { whole } = buildSidecar(file);
    b.end();
    file.close();
    if (whole !== pcap.length) throw new Error(`Read ${whole}`);
  });
});

const rows = new PacketRows();
Deno.bench(`shards: read the columns of ${size} from a sidecar`, () => {
  rows.count = 0;
  Sidecar.decode(sidecar).columns(rows);
  if (rows.count !== PACKETS) throw new Error(`Got ${rows.count}`);
});
