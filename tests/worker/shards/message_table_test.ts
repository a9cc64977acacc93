import { deepEqual, equal } from "node:assert/strict";
import { Damaged } from "../../../worker/shards/encoding.ts";
import {
  encodeMessageTable,
  MessageTable,
} from "../../../worker/shards/message_table.ts";
import { MemoryFolder } from "./memory_folder.ts";

const COLUMNS = {
  status: Uint16Array.of(200, 404, 500),
  failed: Uint8Array.of(0, 1, 1),
  place: Float64Array.of(1.5, 2 ** 52, -1),
  path: Uint32Array.of(0, 2 ** 32 - 1, 1),
  change: Int32Array.of(-1, 0, 1),
  paths: ["/api/cart", "", "/é\ufeff"],
  nothing: new Uint32Array(0),
  noTexts: [],
};

function opened(bytes: Uint8Array): MessageTable {
  const folder = new MemoryFolder();
  folder.put("1.msg", bytes);
  return MessageTable.open(folder.open("1.msg", "read")!);
}

Deno.test("columns are read as they were written, each by itself", () => {
  const table = opened(encodeMessageTable("http 1", COLUMNS));
  equal(table.key, "http 1");
  deepEqual(table.names, Object.keys(COLUMNS));
  deepEqual(table.numbers("status", Uint16Array), COLUMNS.status);
  deepEqual(table.numbers("failed", Uint8Array), COLUMNS.failed);
  deepEqual(table.numbers("place", Float64Array), COLUMNS.place);
  deepEqual(table.numbers("path", Uint32Array), COLUMNS.path);
  deepEqual(table.numbers("change", Int32Array), COLUMNS.change);
  deepEqual(table.numbers("nothing", Uint32Array), COLUMNS.nothing);
  deepEqual(table.texts("paths"), COLUMNS.paths);
  deepEqual(table.texts("noTexts"), []);
});

Deno.test("a column is asked for by its name and type", () => {
  const table = opened(encodeMessageTable("k", COLUMNS));
  equal(table.numbers("other", Uint8Array), undefined);
  equal(table.texts("other"), undefined);
  equal(table.numbers("status", Uint32Array), undefined);
  equal(table.numbers("paths", Uint8Array), undefined);
  equal(table.texts("status"), undefined);
});

Deno.test("a view of a larger array is written as what it shows", () => {
  const column = Uint32Array.of(1, 2, 3, 4).subarray(1, 3);
  const table = opened(encodeMessageTable("k", { column }));
  deepEqual(table.numbers("column", Uint32Array), Uint32Array.of(2, 3));
});

Deno.test("of a table changed or cut anywhere no false column is read", () => {
  const whole = encodeMessageTable("k", COLUMNS);
  const check = (bytes: Uint8Array, where: string) => {
    let table: MessageTable;
    try {
      table = opened(bytes);
    } catch (error) {
      if (error instanceof Damaged) return;
      throw error;
    }
    const status = table.numbers("status", Uint16Array);
    if (status) deepEqual(status, COLUMNS.status, where);
    const place = table.numbers("place", Float64Array);
    if (place) deepEqual(place, COLUMNS.place, where);
    const paths = table.texts("paths");
    if (paths) deepEqual(paths, COLUMNS.paths, where);
  };
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at]! ^= 1 << at % 8;
    check(changed, `byte ${at}`);
    check(whole.slice(0, at), `cut at ${at}`);
  }
});
