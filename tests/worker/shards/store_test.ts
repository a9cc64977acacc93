import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { DiskFolder, DiskFull } from "../../../worker/shards/folder.ts";
import { UnusableFolder } from "../../../worker/shards/meta.ts";
import { parseName } from "../../../worker/shards/shard.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { lacks } from "../../setup.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { allFrames, loadFrames } from "./stored.ts";
import {
  ETHERNET,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  makeTraffic,
  toBatch,
  toIpPacket,
} from "./traffic.ts";

const OPTIONS = { node: "node-a", storageLimit: 2 ** 30, shardBytes: 20_000 };

const isUnix = Deno.build.os !== "windows";

/** A folder that is gone when the test has ended. */
class TemporaryFolder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "thresher-shards-" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Writes some traffic. */
function write(where: string | MemoryFolder, seed: number, count = 300): void {
  using writer = StoreWriter.open(where, OPTIONS);
  const batch = toBatch(makeTraffic(seed, count));
  writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
}

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

Deno.test({
  name: "a folder is for its owner alone, and so is every file in it",
  ignore: !isUnix,
  fn() {
    using temporary = new TemporaryFolder();
    const path = join(temporary.path, "above", "data");
    write(path, 1);
    equal(modeOf(path), "700");
    for (const { name } of Deno.readDirSync(path)) {
      equal(modeOf(join(path, name)), "600", name);
    }
    const open = join(temporary.path, "open");
    Deno.mkdirSync(open, { mode: 0o755 });
    write(open, 1);
    equal(modeOf(open), "700");
  },
});

Deno.test("a folder with other files in it is refused and left as it is", () => {
  using temporary = new TemporaryFolder();
  const file = join(temporary.path, "thesis.txt");
  Deno.writeTextFileSync(file, "years of work");
  if (isUnix) Deno.chmodSync(temporary.path, 0o755);
  throws(() => write(temporary.path, 1), (error) => {
    ok(error instanceof UnusableFolder);
    ok(error.message.includes("thesis.txt"));
    return true;
  });
  deepEqual(
    Array.from(Deno.readDirSync(temporary.path), ({ name }) => name),
    ["thesis.txt"],
  );
  if (isUnix) equal(modeOf(temporary.path), "755");
});

Deno.test("what is no folder of packets cannot be read", () => {
  using temporary = new TemporaryFolder();
  const file = join(temporary.path, "file");
  Deno.writeTextFileSync(file, "");
  for (const path of [join(temporary.path, "none"), file, temporary.path]) {
    throws(() => Store.open(path), UnusableFolder);
  }
  for (const path of [file, join(file, "below")]) {
    throws(() => StoreWriter.open(path, OPTIONS), UnusableFolder);
  }
});

Deno.test("a shard that is read stays on the disk until it no longer is", () => {
  using temporary = new TemporaryFolder();
  const path = join(temporary.path, "data");
  const options = { ...OPTIONS, storageLimit: 100_000 };
  using writer = StoreWriter.open(path, options);
  const batch = toBatch(makeTraffic(5, 2000));
  const target = writer.writer(LINKTYPE_ETHERNET);
  target.append(batch, ETHERNET, 0, 100);
  target.flush();
  {
    using shard = Store.open(path).shard(1)!;
    target.append(batch, ETHERNET, 100, 1500);
    target.flush();
    equal(writer.store.numbers()[0], 1);
    ok(shard.columns().count > 0);
  }
  target.append(batch, ETHERNET, 1500, 2000);
  target.flush();
  ok(writer.store.numbers()[0]! > 1);
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name);
  equal(names.some((name) => name.startsWith("1.")), false);
});

Deno.test("a second writer is refused, and told who the first one is", () => {
  using temporary = new TemporaryFolder();
  const path = join(temporary.path, "data");
  const first = StoreWriter.open(path, OPTIONS);
  throws(() => StoreWriter.open(path, OPTIONS), (error) => {
    ok(error instanceof UnusableFolder);
    ok(error.message.includes(`process ${Deno.pid} `), error.message);
    return true;
  });
  Store.open(path);
  first.close();
  StoreWriter.open(path, OPTIONS).close();
});

Deno.test("a folder of a newer version is refused by readers and writers", () => {
  const folder = new MemoryFolder();
  write(folder, 1);
  const meta = JSON.parse(
    new TextDecoder().decode(folder.bytes("store.json")),
  );
  const newer = JSON.stringify({ ...meta, format: 2 });
  folder.put("store.json", new TextEncoder().encode(newer));
  const refused = (error: unknown) =>
    error instanceof UnusableFolder && error.message.includes("newer Thresher");
  throws(() => Store.open(folder), refused);
  throws(() => StoreWriter.open(folder, OPTIONS), refused);
});

Deno.test("a folder that no longer says what it is is taken up again", () => {
  for (
    const content of ["", "{", "[]", '{"format":1}', '{"format":1,"node":5}']
  ) {
    const folder = new MemoryFolder();
    write(folder, 1);
    const frames = allFrames(folder);
    const newest = Store.open(folder).numbers().at(-1)!;
    folder.put("store.json", new TextEncoder().encode(content));
    throws(() => Store.open(folder), UnusableFolder);
    write(folder, 2, 1);
    deepEqual(allFrames(folder).slice(0, -1), frames);
    equal(Store.open(folder).numbers().at(-1), newest + 1);
  }
});

Deno.test("a node keeps its name, and numbers are never used twice", () => {
  const folder = new MemoryFolder();
  write(folder, 1);
  const newest = Store.open(folder).numbers().at(-1)!;
  for (const { name } of folder.list()) {
    if (parseName(name)) folder.remove(name);
  }
  using writer = StoreWriter.open(folder, { ...OPTIONS, node: "other" });
  equal(writer.store.node, "node-a");
  const batch = toBatch(makeTraffic(2, 1));
  const target = writer.writer(LINKTYPE_ETHERNET);
  target.append(batch, ETHERNET, 0, 1);
  target.flush();
  equal(target.shard, newest + 1);
});

Deno.test("a limit without room for a few shards is refused", () => {
  for (const storageLimit of [0, 1000, 79_999]) {
    throws(
      () => StoreWriter.open(new MemoryFolder(), { ...OPTIONS, storageLimit }),
      UnusableFolder,
    );
  }
  StoreWriter.open(new MemoryFolder(), { ...OPTIONS, storageLimit: 80_000 });
});

Deno.test("shards come in either order, and at a glance", () => {
  const folder = new MemoryFolder();
  write(folder, 1);
  const store = Store.open(folder);
  const numbers = store.numbers();
  ok(numbers.length > 2);
  const seen = (order: "oldest first" | "newest first") =>
    Array.from(store.shards(order), ({ number }) => number);
  deepEqual(seen("oldest first"), numbers);
  deepEqual(seen("newest first"), numbers.toReversed());
  const survey = store.survey();
  deepEqual(survey.map(({ number }) => number), numbers);
  for (const { number, packets, first, last } of survey) {
    using shard = store.shard(number)!;
    const columns = shard.columns();
    equal(columns.count, packets);
    const times = columns.time.subarray(0, columns.count);
    equal(Math.min(...times), first);
    equal(Math.max(...times), last);
  }
});

Deno.test("frames are loaded alone, in any selection", () => {
  const folder = new MemoryFolder();
  const frames = makeTraffic(9, 700, { most: 1400 });
  {
    using writer = StoreWriter.open(folder, {
      ...OPTIONS,
      shardBytes: 2 ** 26,
    });
    const batch = toBatch(frames);
    writer.writer(LINKTYPE_ETHERNET).append(batch, ETHERNET, 0, batch.count);
  }
  using shard = Store.open(folder).shard(1)!;
  for (const step of [1, 2, 7, 50, 699]) {
    const rows = Uint32Array.from(
      { length: Math.ceil(700 / step) },
      (_, n) => n * step,
    );
    deepEqual(loadFrames(shard, rows), Array.from(rows, (row) => frames[row]));
  }
  deepEqual(loadFrames(shard, Uint32Array.of(699)), [frames[699]]);
});

Deno.test("packets of two link types that alternate go into one shard each", () => {
  const folder = new MemoryFolder();
  const frames = makeTraffic(3, 400).map((frame, n) => {
    if (n % 2 === 0) return { ...frame, interface: 0 };
    const bytes = toIpPacket({
      src: { address: [10, 0, 0, 1], port: 5 },
      dst: { address: [10, 0, 0, 2], port: 53 },
      protocol: 17,
      payload: n,
    });
    return { ...frame, bytes, original: bytes.length, interface: 1 };
  });
  const interfaces = [
    ...ETHERNET,
    { linkType: LINKTYPE_RAW, snapLength: 65535, name: "tun0" },
  ];
  {
    using writer = StoreWriter.open(folder, {
      ...OPTIONS,
      shardBytes: 2 ** 26,
    });
    const batch = toBatch(frames);
    for (let row = 0; row < batch.count; row++) {
      const { linkType } = interfaces[row % 2]!;
      writer.writer(linkType).append(batch, interfaces, row, row + 1);
    }
  }
  const survey = Store.open(folder).survey();
  deepEqual(
    survey.map(({ linkType, packets }) => [linkType, packets]),
    [[LINKTYPE_ETHERNET, 200], [LINKTYPE_RAW, 200]],
  );
  const ordered = allFrames(folder).toSorted((a, b) => a.time - b.time);
  deepEqual(ordered, frames.toSorted((a, b) => a.time - b.time));
});

Deno.test({
  name: "a disk without room is told from other failures",
  ignore: Deno.build.os !== "linux",
  fn() {
    const file = DiskFolder.at("/dev").open("full", "append")!;
    throws(() => file.append(new Uint8Array(10)), DiskFull);
    file.close();
  },
});

Deno.test({
  name: "tcpdump and tshark open every shard, also the one being written",
  ignore: lacks("tcpdump", "tshark"),
  async fn() {
    using temporary = new TemporaryFolder();
    const path = join(temporary.path, "data");
    const frames = makeTraffic(12, 1000);
    using writer = StoreWriter.open(path, OPTIONS);
    const batch = toBatch(frames);
    const target = writer.writer(LINKTYPE_ETHERNET);
    target.append(batch, ETHERNET, 0, 990);
    target.flush();
    equal(typeof target.shard, "number");
    let packets = 0;
    for (const number of writer.store.numbers()) {
      const file = join(path, `${number}.pcap`);
      const fields = ["frame.time_epoch", "frame.cap_len", "frame.len"];
      const rows = await run(
        "tshark",
        ...["-r", file, "-T", "fields"],
        ...fields.flatMap((field) => ["-e", field]),
      );
      const own = frames.slice(packets, packets + rows.length);
      deepEqual(
        rows,
        own.map(({ time, nanos, bytes, original }) => {
          const seconds = (time / 1e6).toFixed(6);
          const fraction = String(nanos).padStart(3, "0");
          return `${seconds}${fraction}\t${bytes.length}\t${original}`;
        }),
      );
      const [count] = await run("tcpdump", "--count", "-n", "-r", file);
      equal(count, `${rows.length} packets`);
      packets += rows.length;
    }
    equal(packets, 990);
  },
});

/** A program's lines. */
async function run(program: string, ...args: string[]): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdout: "piped",
    stderr: "piped",
  }).output();
  ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}
