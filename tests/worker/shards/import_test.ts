import { deepEqual, equal, ok } from "node:assert/strict";
import { FrameBatch } from "../../../packet/frame.ts";
import { ofBytes, SavefileReader } from "../../../packet/savefile.ts";
import {
  type OpenSavefile,
  openSavefile,
} from "../../../worker/capture/savefile.ts";
import { importSavefiles } from "../../../worker/shards/import.ts";
import { MAX_CAPTURED } from "../../../worker/shards/pcap_file.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { concat } from "../../fuzz/random.ts";
import { captures, hasCaptures, pathOf } from "../../packet/captures.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { framesOf } from "./stored.ts";
import type { Frame } from "./traffic.ts";

const OPTIONS = {
  node: "n",
  storageLimit: 2 ** 30,
  shardDuration: Infinity,
};

/** A frame with what it begins with. */
interface Linked extends Frame {
  readonly linkType: number;
}

/** All frames of a savefile, by link type, as a shard can hold them. */
function framesByLinkType(reader: SavefileReader): Map<number, Linked[]> {
  const frames = new Map<number, Linked[]>();
  const batch = new FrameBatch(1000);
  while (reader.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const { linkType } = reader.interfaces[batch.interface[i]!]!;
      const start = batch.start[i]!;
      const captured = Math.min(batch.captured[i]!, MAX_CAPTURED);
      const list = frames.get(linkType) ?? [];
      frames.set(linkType, list);
      list.push({
        time: batch.time[i]!,
        nanos: batch.nanos[i]!,
        bytes: batch.bytes.slice(start, start + captured),
        original: batch.original[i]!,
        interface: batch.interface[i]!,
        linkType,
      });
    }
  }
  return frames;
}

/** What a store holds of each link type. */
function storedByLinkType(store: Store): Map<number, Linked[]> {
  const frames = new Map<number, Linked[]>();
  for (const shard of store.shards("oldest first")) {
    const { linkType } = shard.header;
    const list = frames.get(linkType) ?? [];
    frames.set(linkType, list);
    for (const frame of framesOf(shard)) list.push({ ...frame, linkType });
  }
  return frames;
}

/** A savefile in memory. */
function opened(bytes: Uint8Array): OpenSavefile {
  const open = () => new SavefileReader(ofBytes(bytes));
  let reader = open();
  return {
    path: "memory",
    size: bytes.length,
    canRewind: true,
    get reader() {
      return reader;
    },
    get position() {
      return reader.position;
    },
    rewind() {
      reader = open();
    },
    [Symbol.dispose]() {},
  };
}

/** A block of a pcapng file (draft-ietf-opsawg-pcapng §3.1), little endian. */
function block(type: number, ...body: readonly (number | Uint8Array)[]) {
  const parts = body.map((part) =>
    typeof part === "number" ? word(part) : concat(
      part,
      new Uint8Array(-part.length & 3),
    )
  );
  const size = 12 + parts.reduce((sum, { length }) => sum + length, 0);
  return concat(word(type), word(size), ...parts, word(size));
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** An option: code, size, value. */
function option(code: number, value: Uint8Array): Uint8Array {
  const head = word(value.length << 16 | code);
  return concat(head, value, new Uint8Array(-value.length & 3));
}

const text = (value: string) => new TextEncoder().encode(value);

/** Two link types that alternate, with a key log and a count of drops. */
function mixedPcapng(): Uint8Array {
  const nanoseconds = option(9, Uint8Array.of(9));
  const describe = (linkType: number, name: string) =>
    block(1, linkType, 65535, option(2, text(name)), nanoseconds, 0);
  const packet = (id: number, n: number) => {
    const time = 1_700_000_000_000_000_000n + BigInt(n) * 1_000_001n;
    const frame = new Uint8Array(30 + n).fill(n);
    return block(
      6,
      id,
      Number(time >> 32n),
      Number(time & 0xffff_ffffn),
      frame.length,
      frame.length + 5,
      frame,
    );
  };
  return concat(
    block(0x0a0d0d0a, 0x1a2b3c4d, 1, 0xffff_ffff, 0xffff_ffff),
    describe(1, "eth0"),
    describe(101, "tun0"),
    describe(1, "eth1"),
    block(10, 0x544c534b, 9, text("KEYS OF 1")),
    ...Array.from({ length: 60 }, (_, n) => packet(n % 3, n)),
    block(5, 0, 0, 0, option(5, concat(word(7), word(0))), 0),
  );
}

Deno.test("a capture of two link types becomes shards of one each, with all it knew", async () => {
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, OPTIONS);
  const sources = [{ name: "mixed.pcapng", file: opened(mixedPcapng()) }];
  const [imported] = await importSavefiles(writer, sources);
  writer.close();
  deepEqual(imported, {
    name: "mixed.pcapng",
    packets: 60,
    dropped: 7,
    damage: undefined,
  });
  const expected = framesByLinkType(opened(mixedPcapng()).reader);
  const store = Store.open(folder);
  deepEqual(storedByLinkType(store), expected);
  equal(store.numbers().length, 2);
  for (const shard of store.shards("oldest first")) {
    equal(shard.facts.source, "mixed.pcapng");
    const [secrets] = shard.facts.secrets;
    deepEqual(new TextDecoder().decode(secrets!.data), "KEYS OF 1");
    const isEthernet = shard.header.linkType === 1;
    const known = [...shard.facts.interfaces.values()];
    deepEqual(
      known.map(({ id, name }) => `${id} ${name}`),
      isEthernet ? ["0 eth0", "2 eth1"] : ["1 tun0"],
    );
  }
  const drops = Array.from(
    store.shards("oldest first"),
    ({ facts }) => facts.drops.reduce((sum, { packets }) => sum + packets, 0),
  );
  equal(drops.reduce((sum, packets) => sum + packets, 0), 7);
});

Deno.test("each savefile has shards of its own", async () => {
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, OPTIONS);
  const sources = ["a", "b"].map((name) => ({
    name,
    file: opened(mixedPcapng()),
  }));
  await importSavefiles(writer, sources);
  writer.close();
  const names = Array.from(
    Store.open(folder).shards("oldest first"),
    ({ facts }) => facts.source,
  );
  deepEqual(names, ["a", "a", "b", "b"]);
});

Deno.test("of a damaged savefile what comes before the damage is imported", async () => {
  const whole = mixedPcapng();
  const folder = new MemoryFolder();
  const writer = StoreWriter.open(folder, OPTIONS);
  const file = opened(whole.slice(0, whole.length - 300));
  const [imported] = await importSavefiles(writer, [{ name: "cut", file }]);
  writer.close();
  ok(imported!.damage);
  ok(imported!.packets > 50 && imported!.packets < 60);
  const stored = Store.open(folder).survey();
  equal(
    stored.reduce((sum, { packets }) => sum + packets, 0),
    imported!.packets,
  );
});

Deno.test({
  name: "real captures come back as they were, packet by packet",
  ignore: !hasCaptures,
  async fn() {
    for (const capture of captures) {
      const folder = new MemoryFolder();
      const writer = StoreWriter.open(folder, OPTIONS);
      using file = openSavefile(pathOf(capture));
      await importSavefiles(writer, [{ name: capture, file }]);
      writer.close();
      file.rewind();
      const expected = framesByLinkType(file.reader);
      const stored = storedByLinkType(Store.open(folder));
      deepEqual(stored, expected, capture);
    }
  },
});
