import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DiskFolder } from "../../../worker/shards/folder.ts";
import { isClean, recover } from "../../../worker/shards/recovery.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { Random } from "../../fuzz/random.ts";
import { lacks } from "../../setup.ts";
import { numberedFrame, numberOf } from "./numbered.ts";
import { framesOf } from "./stored.ts";

const ROUNDS = 15;

const PROGRAM = fileURLToPath(new URL("killed_writer.ts", import.meta.url));

/**
 * Lets a process write until it is killed.
 *
 * @param first number of its first packet
 * @returns number behind the last packet that it said was stored
 */
async function writeUntilKilled(
  folder: string,
  first: number,
  random: Random,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, folder, String(first), String(first)],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    if (said === "") {
      setTimeout(() => child.kill("SIGKILL"), random.int(0, 300));
    }
    said += decoder.decode(chunk);
  }
  const { signal } = await child.status;
  equal(signal, "SIGKILL", await errors);
  return Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
}

/** Numbers of all packets in a folder; each is checked to be what it was. */
function readNumbers(store: Store): number[] {
  return Array.from(
    store.shards("oldest first"),
    (shard) =>
      framesOf(shard).map(({ time, bytes }) => {
        const number = numberOf(bytes);
        deepEqual({ time, bytes }, numberedFrame(number));
        return number;
      }),
  ).flat();
}

Deno.test({
  name: "a writer that is killed loses nothing that was stored",
  ignore: Deno.build.os === "windows" || lacks("tcpdump"),
  async fn() {
    const above = await Deno.makeTempDir({ prefix: "thresher-kill-" });
    const path = join(above, "data");
    const random = new Random(1);
    let next = 0;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const stored = await writeUntilKilled(path, next, random);
        ok(stored > next, `round ${round}`);
        // Also before anything is mended.
        const before = readNumbers(Store.open(path));
        using writer = StoreWriter.open(path, {
          node: "n",
          storageLimit: 8_000_000,
          shardBytes: 250_000,
        });
        const numbers = readNumbers(writer.store);
        // Rebuilding what was torn may take room, which the oldest shard gives.
        deepEqual(numbers, before.slice(before.length - numbers.length));
        const oldest = numbers[0]!;
        deepEqual(numbers, numbers.map((_, n) => oldest + n));
        next = numbers.at(-1)! + 1;
        ok(next >= stored, `round ${round}: ${next} of ${stored}`);
        await checkFiles(path, writer.store);
        ok(isClean(recover(DiskFolder.at(path))));
      }
    } finally {
      await Deno.remove(above, { recursive: true });
    }
  },
});

Deno.test({
  name: "another process reads whole packets while one writes and deletes",
  ignore: Deno.build.os === "windows",
  async fn() {
    const above = await Deno.makeTempDir({ prefix: "thresher-read-" });
    const path = join(above, "data");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM, path, "0", "1"],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    // What it says must be taken from it, or it would wait.
    let said = 0;
    const taken = child.stdout.pipeTo(
      new WritableStream({
        write() {
          said++;
        },
      }),
    );
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    let newest = 0;
    let open = 0;
    try {
      // Some forty shards fill the limit: until many were deleted.
      while (newest < 100) {
        await delay(10);
        ok(!hasEnded, "the writer has ended by itself");
        if (said === 0) continue;
        for (const shard of Store.open(path).shards("oldest first")) {
          const frames = framesOf(shard);
          if (!shard.isSealed) open++;
          newest = Math.max(newest, shard.number);
          // One that has just begun has a header alone.
          if (frames.length === 0) continue;
          const first = numberOf(frames[0]!.bytes);
          frames.forEach(({ time, bytes }, n) => {
            deepEqual({ time, bytes }, numberedFrame(first + n));
          });
        }
      }
    } finally {
      if (!hasEnded) child.kill("SIGKILL");
      await taken;
      await child.status;
      await Deno.remove(above, { recursive: true });
    }
    ok(open > 0);
  },
});

/** Every shard opens in tcpdump, and all together are below the limit. */
async function checkFiles(path: string, store: Store): Promise<void> {
  for (const { number, packets } of store.survey()) {
    const { stdout, success } = await new Deno.Command("tcpdump", {
      args: ["--count", "-n", "-r", join(path, `${number}.pcap`)],
      stdout: "piped",
      stderr: "null",
    }).output();
    ok(success, `${number}.pcap`);
    equal(
      new TextDecoder().decode(stdout).trim(),
      `${packets} packet${packets === 1 ? "" : "s"}`,
    );
  }
  let used = 0;
  for (const { name } of Deno.readDirSync(path)) {
    used += Deno.statSync(join(path, name)).size;
  }
  ok(used <= 8_000_000, `${used}`);
}
