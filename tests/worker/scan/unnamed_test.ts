/** Entries that wait for names. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { toParts } from "../../../api/names.ts";
import { NamesTable } from "../../../api/names_table.ts";
import { NAME_FIELDS, type Names } from "../../../entry/names.ts";
import type { PlacedEntry } from "../../../worker/scan/rendering.ts";
import { PATIENCE, UnnamedEntries } from "../../../worker/scan/unnamed.ts";

const NOW = 1_800_000_000_000_000;
const KNOWN = "10.1.0.1";
const NEW = "10.1.0.2";
const COVERAGE = { matches: 0 };

const part = (address: string, names: Names) =>
  toParts([{ address, from: 0, to: Infinity, names }], NAME_FIELDS);

/** A table in which one address has a name. */
const opened = () => new NamesTable(part(KNOWN, { pod: "web-1" }), true);

function entryAt(time: number, dst: string, src = KNOWN): PlacedEntry {
  return {
    id: "test~0~1~0",
    protocol: "redis",
    transport: "tcp",
    decrypted: false,
    timestamp: time,
    completed: time + 100,
    node: { name: "test" },
    src: { ip: src, port: 40_000 },
    dst: { ip: dst, port: 6379 },
    summary: "GET a",
    failed: false,
    request: { command: "GET", args: ["a"] },
    place: 1,
    n: 0,
  };
}

Deno.test("an entry waits until its end has a name", () => {
  const names = opened();
  const unnamed = new UnnamedEntries(names);
  const entry = entryAt(NOW, NEW);
  ok(unnamed.takes(entry, NOW + 200, COVERAGE));
  deepEqual([...unnamed.due(NOW + 1000)], []);
  for (const each of part(NEW, { pod: "carts-0" })) names.update(each);
  const [waited, ...rest] = [...unnamed.due(NOW + 2000)];
  equal(waited!.entry.dst.pod, "carts-0");
  equal(waited!.entry.src.pod, "web-1");
  deepEqual(waited!.entry.request, entry.request);
  deepEqual(rest, []);
  ok(unnamed.isEmpty);
});

Deno.test("it waits no longer than names take, and is given without", () => {
  const unnamed = new UnnamedEntries(opened());
  ok(unnamed.takes(entryAt(NOW, NEW), NOW + 200, COVERAGE));
  deepEqual([...unnamed.due(NOW + PATIENCE)], []);
  const [waited] = [...unnamed.due(NOW + PATIENCE + 100)];
  equal(waited!.entry.dst.pod, undefined);
});

Deno.test("what has names, is old, or is far from the cluster does not wait", () => {
  const unnamed = new UnnamedEntries(opened());
  ok(!unnamed.takes(entryAt(NOW, KNOWN), NOW + 200, COVERAGE));
  ok(!unnamed.takes(entryAt(NOW, "192.0.2.1"), NOW + 200, COVERAGE));
  ok(!unnamed.takes(entryAt(NOW, NEW), NOW + PATIENCE + 100, COVERAGE));
  ok(unnamed.isEmpty);
});

Deno.test("nothing waits for who was there without a name before", () => {
  const names = opened();
  const unnamed = new UnnamedEntries(names);
  const gateway = "10.1.0.254";
  // As it was read in silence, before what follows.
  ok(!unnamed.takes(entryAt(NOW, gateway), undefined, COVERAGE));
  const later = NOW + PATIENCE + 1;
  ok(!unnamed.takes(entryAt(later, gateway), later, COVERAGE));
  // The other end is waited for all the same, and that alone.
  ok(unnamed.takes(entryAt(later, NEW, gateway), later, COVERAGE));
  for (const each of part(NEW, { pod: "carts-0" })) names.update(each);
  equal([...unnamed.due(later + 200)][0]!.entry.dst.pod, "carts-0");
});

Deno.test("what waits is bounded", () => {
  const unnamed = new UnnamedEntries(opened());
  let waiting = 0;
  for (let i = 0; i < 5000; i++) {
    if (unnamed.takes(entryAt(NOW, NEW), NOW + 200, COVERAGE)) waiting++;
  }
  equal(waiting, 1000);
  equal([...unnamed.due(Infinity)].length, 1000);
  const large = { ...entryAt(NOW, NEW), responseSize: 2 ** 24 };
  ok(unnamed.takes(large, NOW + 200, COVERAGE));
  ok(!unnamed.takes(large, NOW + 200, COVERAGE));
});
