/** Rows of answers that wait in a data folder. */
import { deepEqual, equal, throws } from "node:assert/strict";
import { Sorter } from "../../../worker/scan/sorter.ts";
import { CannotKeepRuns } from "../../../worker/scan/runs.ts";
import { roomForRows, WaitingRows } from "../../../worker/scan/waiting_rows.ts";
import { Store } from "../../../worker/shards/store.ts";
import { StoreWriter } from "../../../worker/shards/store_writer.ts";
import { importFixtures, withFolder } from "../serve/folders.ts";

const MEGABYTE = new Uint8Array(1e6);

const rowsIn = (folder: string): string[] =>
  [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.startsWith("rows"));

Deno.test("rows beyond memory wait in the folder, and leave nothing behind", async () => {
  await withFolder((folder) => {
    using sorter = new Sorter({
      order: "desc",
      memory: 20_000,
      store: () => new WaitingRows(folder),
    });
    for (let i = 0; i < 20_000; i++) {
      const key = { timestamp: i * 7919 % 20_000, node: 0, place: i, n: 0 };
      sorter.add(key, String(key.timestamp));
    }
    equal(rowsIn(folder).length, 1);
    const texts = Array.from(
      sorter.rows(),
      (row) => new TextDecoder().decode(row),
    );
    deepEqual(texts, Array.from({ length: 20_000 }, (_, i) => `${19_999 - i}`));
    deepEqual(rowsIn(folder), []);
    return Promise.resolve();
  });
});

Deno.test("rows of all queries of a folder have one bound", async () => {
  await withFolder((folder) => {
    const room = roomForRows(folder);
    const some = Math.floor(room / 2e6);
    const first = new WaitingRows(folder);
    first.write(Array(some).fill(MEGABYTE));
    const second = new WaitingRows(folder);
    throws(() => second.write(Array(some + 2).fill(MEGABYTE)), CannotKeepRuns);
    second.close();
    // There is room again for whoever comes next.
    const third = new WaitingRows(folder);
    third.write([MEGABYTE]);
    first.close();
    third.close();
    deepEqual(rowsIn(folder), []);
    return Promise.resolve();
  });
});

Deno.test("what a thread that is gone has left takes nobody's room", async () => {
  await withFolder((folder) => {
    const left = `${folder}/rows.0123abcd.unfinished`;
    Deno.writeFileSync(left, new Uint8Array(roomForRows(folder) + 1));
    const rows = new WaitingRows(folder);
    rows.write([MEGABYTE]);
    rows.close();
    deepEqual(rowsIn(folder), []);
    return Promise.resolve();
  });
});

Deno.test("rows that wait delete no packets, and grow with the limit", async () => {
  await withFolder(async (folder) => {
    await importFixtures(folder, ["redis/pipelined.pcap"]);
    const packets = Store.open(folder).bytes;
    using rows = new DisposableRows(folder);
    rows.write(Array(8).fill(MEGABYTE));
    const before = roomForRows(folder);
    // Less than the rows have.
    const storageLimit = 2 ** 22;
    using writer = StoreWriter.open(folder, { node: "test", storageLimit });
    writer.setStorageLimit(storageLimit);
    equal(Store.open(folder).bytes, packets);
    equal(before - roomForRows(folder), (2 ** 30 - storageLimit) / 4);
  });
});

/** One that is closed at the end of a test. */
class DisposableRows extends WaitingRows implements Disposable {
  [Symbol.dispose](): void {
    this.close();
  }
}
