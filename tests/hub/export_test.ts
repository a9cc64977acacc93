/** Exports: what several workers have, as one file that other tools read. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { HUB, WORKER } from "../../api/paths.ts";
import { MISSING_HEADER } from "../../hub/routes/export.ts";
import { toHar } from "../../hub/export/har.ts";
import { FrameBatch } from "../../packet/frame.ts";
import {
  ofBytes,
  SavefileReader,
  SavefileWriter,
} from "../../packet/savefile.ts";
import { Random } from "../fuzz/random.ts";
import { compareStored, makeEntries } from "./batches.ts";
import { RunningHub } from "./running_hub.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

interface Frame {
  readonly time: number;
  readonly nanos: number;
  readonly bytes: Uint8Array;
}

const ETHERNET = 1;
const RAW = 101;

/** Frames of one node, in order. */
function someFrames(random: Random, count: number): Frame[] {
  let time = 1e15;
  return Array.from({ length: count }, () => ({
    time: time += random.int(0, 50),
    nanos: random.int(0, 999),
    bytes: random.bytes(random.int(20, 1500)),
  })).sort((a, b) => a.time - b.time || a.nanos - b.nanos);
}

/** A savefile with these frames. */
function toSavefile(
  frames: readonly Frame[],
  linkType: number,
  format: "pcap" | "pcapng" = "pcap",
): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const writer = new SavefileWriter(
    { write: (bytes) => pieces.push(new Uint8Array(bytes)) },
    format,
    { linkType, snapLength: 0, name: "eth0" },
  );
  const batch = new FrameBatch(1);
  batch.count = 1;
  for (const { time, nanos, bytes } of frames) {
    batch.bytes = bytes;
    batch.time[0] = time;
    batch.nanos[0] = nanos;
    batch.captured[0] = batch.original[0] = bytes.length;
    writer.copy(batch, 0);
  }
  writer.flush();
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** What a savefile holds. */
function readSavefile(bytes: Uint8Array): {
  format: string;
  interfaces: (string | undefined)[];
  frames: (Frame & { interface: number })[];
} {
  const reader = new SavefileReader(ofBytes(bytes));
  const batch = new FrameBatch(100);
  const frames: (Frame & { interface: number })[] = [];
  while (reader.next(batch)) {
    for (let row = 0; row < batch.count; row++) {
      const start = batch.start[row]!;
      frames.push({
        time: batch.time[row]!,
        nanos: batch.nanos[row]!,
        bytes: batch.bytes.slice(start, start + batch.captured[row]!),
        interface: batch.interface[row]!,
      });
    }
  }
  equal(reader.damage, undefined);
  return {
    format: reader.format,
    interfaces: reader.interfaces.map(({ name }) => name),
    frames,
  };
}

/** A worker that sends a savefile in pieces of any size. */
function sending(
  node: string,
  savefile: Uint8Array<ArrayBuffer>,
  random: Random,
): ScriptedWorker {
  return new ScriptedWorker(node, [], {
    routes: (path) => {
      if (path !== WORKER.packets) return undefined;
      return new Response(ReadableStream.from(inPieces(savefile, random)));
    },
  });
}

function* inPieces(
  bytes: Uint8Array<ArrayBuffer>,
  random: Random,
): Iterable<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length;) {
    const end = at + random.pick([1, 7, 100, 5000]);
    yield bytes.slice(at, end);
    at = end;
  }
}

const bytesOf = async (response: Response): Promise<Uint8Array> =>
  new Uint8Array(await response.arrayBuffer());

Deno.test("packets of several workers become one savefile, in order of their times", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const parts = Array.from(
      { length: random.int(1, 4) },
      () => someFrames(random, random.int(0, 80)),
    );
    const links = parts.map((frames, i) =>
      sending(`node-${i}`, toSavefile(frames, ETHERNET), random)
    );
    await using hub = await RunningHub.start({ links });
    const format = random.pick(["pcap", "pcapng"] as const);
    const response = await hub.post(HUB.export, { kfl: "", format });
    equal(response.status, 200);
    const { frames, ...file } = readSavefile(await bytesOf(response));
    equal(file.format, format);
    const strip = ({ time, nanos, bytes }: Frame) => ({ time, nanos, bytes });
    const order = (a: Frame, b: Frame) => a.time - b.time || a.nanos - b.nanos;
    const expected = parts.flat().sort(order).map(strip);
    deepEqual(
      frames.map(({ time, nanos }) => [time, nanos]),
      expected.map(({ time, nanos }) => [time, nanos]),
      `seed ${seed}`,
    );
    deepEqual(
      new Set(frames.map(({ bytes }) => bytes.toHex())),
      new Set(expected.map(({ bytes }) => bytes.toHex())),
    );
  }
});

Deno.test("packets of several link types come as pcapng, with each node's interfaces", async () => {
  const random = new Random(1);
  const links = [
    sending("a", toSavefile(someFrames(random, 5), ETHERNET), random),
    sending("b", toSavefile(someFrames(random, 5), RAW, "pcapng"), random),
  ];
  await using hub = await RunningHub.start({ links });
  const response = await hub.post(HUB.export, { kfl: "", format: "pcap" });
  equal(response.headers.get("content-type"), "application/x-pcapng");
  match(response.headers.get("content-disposition")!, /thresher\.pcapng/);
  const file = readSavefile(await bytesOf(response));
  deepEqual(file.interfaces, ["a", "b: eth0"]);
  equal(file.frames.filter((each) => each.interface === 1).length, 5);
});

Deno.test("nodes that could not be asked are named, and no packets are a savefile", async () => {
  const random = new Random(1);
  const links = [
    sending("a", toSavefile([], ETHERNET), random),
    sending("b", toSavefile([], ETHERNET), random),
  ];
  await using hub = await RunningHub.start({ links });
  links[1]!.down = "Connection refused";
  const response = await hub.post(HUB.export, { kfl: "", format: "pcap" });
  equal(
    decodeURIComponent(response.headers.get(MISSING_HEADER)!),
    "b: Connection refused",
  );
  equal(readSavefile(await bytesOf(response)).frames.length, 0);
  links[0]!.down = "Connection refused";
  const refused = await hub.post(HUB.export, { kfl: "", format: "pcap" });
  equal(refused.status, 502);
  await refused.body?.cancel();
});

Deno.test("a transfer breaks off when a worker's does, so that no part is taken for all", async () => {
  const random = new Random(2);
  const whole = toSavefile(someFrames(random, 50), ETHERNET);
  const links = [sending("a", whole.slice(0, -100), random)];
  await using hub = await RunningHub.start({ links });
  await rejects(async () => {
    const response = await hub.post(HUB.export, { kfl: "", format: "pcap" });
    await response.arrayBuffer();
  });
  equal(hub.faults.length, 1);
});

Deno.test("entries leave as lines of JSON and as CSV", async () => {
  const entries = makeEntries(new Random(4), "a", 30).sort(compareStored);
  const links = [new ScriptedWorker("a", entries)];
  await using hub = await RunningHub.start({ links });
  const lines = await (await hub.post(HUB.export, { kfl: "", format: "jsonl" }))
    .text();
  deepEqual(
    lines.trimEnd().split("\n").map((line) => JSON.parse(line)),
    entries,
  );
  const csv = await (await hub.post(HUB.export, { kfl: "", format: "csv" }))
    .text();
  const [head, first, ...rest] = csv.trimEnd().split("\r\n");
  match(head!, /^id,timestamp,protocol,/);
  match(first!, new RegExp(`^a~0~${entries[0]!.place}~${entries[0]!.n},2001-`));
  equal(rest.length, 29);
});

Deno.test("nothing in a CSV is a formula, and commas and quotes stay in their cell", async () => {
  const [entry] = makeEntries(new Random(4), "a", 1);
  const text = '=cmd|"x",\n1';
  const links = [new ScriptedWorker("a", [{ ...entry!, text }])];
  await using hub = await RunningHub.start({ links });
  const csv = await (await hub.post(HUB.export, { kfl: "", format: "csv" }))
    .text();
  ok(csv.includes(`,"'=cmd|""x"",\n1",`), csv);
});

/** An entry as `query --json` writes it. */
const exchange = (part: object = {}) => ({
  id: "a~0~1~0",
  protocol: "http",
  version: "1.1",
  timestamp: "2026-11-23T10:13:00.123456Z",
  elapsedTime: 12.5,
  src: { ip: "10.0.0.1", port: 4000 },
  dst: { ip: "10.0.0.2", port: 80 },
  request: {
    method: "POST",
    url: "http://carts/api?x=1",
    headers: { host: "carts", "x-a": ["1", "2"] },
    queryString: { x: "1" },
    cookies: { a: "b" },
    contentType: "application/json",
    body: "{}",
    bodySize: 2,
  },
  response: {
    status: 201,
    statusText: "Created",
    headers: { location: "/api/1" },
    contentType: "image/png",
    body: { base64: "iVBORw==" },
    bodySize: 4,
  },
  ...part,
});

/** The rules of HAR 1.2 that tools check. */
function validateHar(har: unknown): void {
  const text = (value: unknown) => equal(typeof value, "string");
  const number = (value: unknown) => equal(typeof value, "number");
  const pairs = (list: unknown) => {
    ok(Array.isArray(list));
    for (const { name, value } of list) [name, value].forEach(text);
  };
  // deno-lint-ignore no-explicit-any
  const { log } = har as any;
  equal(log.version, "1.2");
  [log.creator.name, log.creator.version].forEach(text);
  ok(Array.isArray(log.entries));
  for (const entry of log.entries) {
    ok(!Number.isNaN(Date.parse(entry.startedDateTime)));
    number(entry.time);
    const { request, response, timings } = entry;
    [request.method, request.url, request.httpVersion].forEach(text);
    ok(URL.canParse(request.url), request.url);
    for (const half of [request, response]) {
      [half.headers, half.cookies].forEach(pairs);
      [half.headersSize, half.bodySize].forEach(number);
      text(half.httpVersion);
    }
    pairs(request.queryString);
    if (request.postData) {
      [request.postData.mimeType, request.postData.text].forEach(text);
    }
    number(response.status);
    [response.statusText, response.redirectURL].forEach(text);
    number(response.content.size);
    text(response.content.mimeType);
    equal(typeof entry.cache, "object");
    const { send, wait, receive } = timings;
    for (const time of [send, wait, receive]) ok(time >= 0);
    ok(Math.abs(send + wait + receive - entry.time) < 1e-9);
  }
}

Deno.test("HTTP leaves as HAR 1.2, and nothing else does", async () => {
  const made = makeEntries(new Random(4), "a", 4).sort(compareStored);
  const texts = [
    exchange(),
    exchange({ protocol: "dns", request: { questions: [] } }),
    exchange({ response: undefined, elapsedTime: undefined }),
    exchange({ request: "[REDACTED]" }),
  ];
  const links = [
    new ScriptedWorker(
      "a",
      made.map((each, i) => ({ ...each, text: JSON.stringify(texts[i]) })),
    ),
  ];
  await using hub = await RunningHub.start({ links });
  const response = await hub.post(HUB.export, { kfl: "", format: "har" });
  const har = await response.json();
  validateHar(har);
  equal(har.log.entries.length, 2);
  const [first, second] = har.log.entries;
  deepEqual(first.request.headers, [
    { name: "host", value: "carts" },
    { name: "x-a", value: "1" },
    { name: "x-a", value: "2" },
  ]);
  deepEqual(first.response.content, {
    size: 4,
    mimeType: "image/png",
    text: "iVBORw==",
    encoding: "base64",
  });
  equal(first.serverIPAddress, "10.0.0.2");
  equal(second.response.status, 0);
});

Deno.test("whatever was hidden in an entry, its HAR is sound", () => {
  const random = new Random(5);
  const hide = (value: unknown): unknown => {
    if (random.chance(0.15)) {
      return random.pick(["[REDACTED]", undefined, 5, null]);
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(hide);
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, hide(each)]),
    );
  };
  let made = 0;
  for (let i = 0; i < 2000; i++) {
    const entry = hide(exchange());
    if (typeof entry !== "object" || entry === null) continue;
    const har = toHar(
      { ...entry as object, timestamp: "2026-11-23T10:13:00Z" },
    );
    if (!har) continue;
    validateHar({
      log: {
        version: "1.2",
        creator: { name: "Thresher", version: "1" },
        entries: [har],
      },
    });
    made++;
  }
  ok(made > 300, `${made} were made`);
});
