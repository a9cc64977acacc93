/**
 * Writes numbered packets to a folder until it is killed, and says after each
 * write how many are stored. A program of its own, for {@link "./kill_test.ts"}.
 */
import { FrameBatch } from "../../../packet/frame.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { ETHERNET, LINKTYPE_ETHERNET } from "./traffic.ts";
import { numberedFrame } from "./numbered.ts";

const [folder, first, seed] = Deno.args as [string, string, string];

const writer = StoreWriter.open(folder, {
  node: "n",
  storageLimit: 8_000_000,
  shardBytes: 250_000,
});
const target = writer.writer(LINKTYPE_ETHERNET);
const random = new Random(Number(seed));
const encoder = new TextEncoder();
const batch = new FrameBatch(200);
batch.bytes = new Uint8Array(200 * 1600);

for (let number = Number(first);;) {
  batch.count = random.int(1, 200);
  let at = 0;
  for (let row = 0; row < batch.count; row++) {
    const { time, bytes } = numberedFrame(number++);
    batch.bytes.set(bytes, at);
    batch.start[row] = at;
    batch.captured[row] = batch.original[row] = bytes.length;
    batch.time[row] = time;
    at += bytes.length;
  }
  target.append(batch, ETHERNET, 0, batch.count);
  target.flush();
  if (target.stopped) throw new Error(target.stopped);
  Deno.stdout.writeSync(encoder.encode(`${number}\n`));
}
