import { deepEqual } from "node:assert/strict";
import { join } from "node:path";
import { concat } from "../fuzz/random.ts";
import { concatenate } from "./concatenate.ts";

/** A record of a classic PCAP: seconds, and bytes of that value. */
function record(seconds: number, size: number): Uint8Array {
  const bytes = new Uint8Array(16 + size).fill(seconds);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, seconds, true);
  view.setUint32(8, size, true);
  view.setUint32(12, size, true);
  return bytes;
}

Deno.test("copies of a capture follow each other in time", async () => {
  const header = new Uint8Array(24).fill(0xa1);
  const records = [record(100, 60), record(101, 0), record(104, 9)];
  const folder = await Deno.makeTempDir();
  try {
    const [source, target] = [join(folder, "one"), join(folder, "three")];
    await Deno.writeFile(source, concat(header, ...records));
    await concatenate(source, target, 3);
    const later = (seconds: number) =>
      records.map((bytes) => {
        const copy = bytes.slice();
        const view = new DataView(copy.buffer);
        view.setUint32(0, view.getUint32(0, true) + seconds, true);
        return copy;
      });
    deepEqual(
      await Deno.readFile(target),
      concat(header, ...records, ...later(6), ...later(12)),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
