/**
 * Kills a worker under load, again and again: what it has stored must be there
 * when the next one starts.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Store } from "../../../worker/shards/store.ts";
import { Random } from "../../fuzz/random.ts";
import { Network, sleep } from "../../record/network.ts";
import type { Program } from "../../record/program.ts";
import { numberAt } from "../capture/traffic.ts";
import { framesOf } from "../shards/stored.ts";

const CLI = fileURLToPath(new URL("../../../cli.ts", import.meta.url));
const SENDER = fileURLToPath(new URL("../capture/send.ts", import.meta.url));
const deno = [Deno.execPath(), "run", "-A"];

/** Packets that are sent each second. */
const RATE = 30_000;

/** How long a worker may take to start, ms. */
const PATIENCE = 20_000;

/** What came of it. */
export interface Killing {
  /** Packets that were stored in all. */
  readonly packets: number;
  /** Bytes of torn records that were cut. */
  readonly torn: number;
}

/**
 * Starts a worker that captures, kills it after some time, and so on.
 *
 * @throws AssertionError if a packet is lost that was stored, or comes twice, or
 *   if the next worker does not say what happened
 */
export async function killUnderLoad(
  rounds: number,
  seed: number,
): Promise<Killing> {
  await using network = await Network.create();
  const folder = join(network.folder, "data");
  const sender = network.start("client", [
    ...[...deno, SENDER, "eth0", `${RATE * 600}`, `${RATE}`],
  ]);
  const random = new Random(seed);
  /** Number of the first shard that the worker of the round writes. */
  let firstOfNext = 1;
  let [packets, torn] = [0, 0];
  let worker = await start(network, folder);
  for (let round = 0; round < rounds; round++) {
    const first = firstOfNext;
    await sleep(random.int(100, 900));
    const before = numbersFrom(folder, first);
    Deno.kill(worker.pid, "SIGKILL");
    await worker.ended;
    const after = numbersFrom(folder, first);
    firstOfNext = lastShard(folder) + 1;
    deepEqual(after.slice(0, before.length), before, `round ${round}`);
    // On a busy machine the ring may be full before it is read at all, so that
    // some are missing; but none comes twice, or too late.
    const inOrder = [...new Set(after)].sort((a, b) => a - b);
    deepEqual(after, inOrder, `round ${round}: packets are not in order`);
    worker = await start(network, folder);
    match(worker.stderr, /did not end cleanly/, `round ${round}`);
    torn += Number(/(\d+) bytes of a torn record/.exec(worker.stderr)![1]);
    // What it has mended must not have taken anything away.
    const mended = numbersFrom(folder, first, firstOfNext);
    deepEqual(mended, after, `round ${round}: packets were lost in mending`);
    packets += after.length;
  }
  await worker.stop("SIGINT");
  equal(await worker.ended, 130, worker.stderr);
  ok(sender.isRunning, sender.stderr);
  return { packets, torn };
}

async function start(network: Network, folder: string): Promise<Program> {
  const worker = network.start("server", [
    ...[...deno, CLI, "worker", "--data-dir", folder, "--store", "all"],
    ...["--storage-limit", "2GB"],
  ]);
  const deadline = Date.now() + PATIENCE;
  while (!worker.stderr.includes("capturing on")) {
    if (!worker.isRunning || Date.now() > deadline) {
      throw new Error(`It does not start: ${worker.stderr}`);
    }
    await sleep(20);
  }
  return worker;
}

function lastShard(folder: string): number {
  return openStore(folder)?.numbers().at(-1) ?? 0;
}

/** Numbers of the sender's packets in the shards `first` up to `end`. */
function numbersFrom(folder: string, first: number, end = Infinity): number[] {
  const store = openStore(folder);
  if (!store) return [];
  const numbers: number[] = [];
  for (const number of store.numbers().filter((n) => n >= first && n < end)) {
    using shard = store.shard(number);
    if (!shard) continue;
    for (const { bytes } of framesOf(shard)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const found = numberIn(bytes, view);
      if (found >= 0) numbers.push(found);
    }
  }
  return numbers;
}

function openStore(folder: string): Store | undefined {
  try {
    return Store.open(folder);
  } catch {
    return undefined; // it was killed before anything was stored
  }
}

/** The number of a captured frame; -1 if it is not the sender's. */
function numberIn(bytes: Uint8Array, view: DataView): number {
  const ip = bytes[0] === 0x81 ? 24 : 20;
  const header = bytes[ip]! >> 4 === 4 ? 20 : 40;
  const protocol = bytes[ip + (header === 20 ? 9 : 6)];
  const at = ip + header + (protocol === 6 ? 20 : 8);
  return at + 8 > bytes.length ? -1 : numberAt(view, at);
}
