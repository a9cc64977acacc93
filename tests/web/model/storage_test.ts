import { equal } from "node:assert/strict";
import type { StorageState } from "../../../api/worker.ts";
import { formatSpan, readSize } from "../../../web/model/format.ts";
import {
  changeText,
  commonLimit,
  reachText,
} from "../../../web/model/storage.ts";

const HOUR = 3600e6;

/** A node that has filled so much of 200 MB in so many hours. */
const store = (used: number, hours: number): StorageState => ({
  limit: 200e6,
  used,
  packets: 1,
  first: 1e15,
  last: 1e15 + hours * HOUR,
});

Deno.test("sizes are read as they are written", () => {
  const sizes = { "2GB": 2e9, "500 MiB": 500 * 2 ** 20, "1.5 g": 1.5e9 };
  for (const [text, bytes] of Object.entries(sizes)) {
    equal(readSize(text), bytes);
  }
  equal(readSize("4096"), 4096);
  for (
    const text of [
      "",
      "0",
      "-1 GB",
      "1 XB",
      "2 GB or so",
      "9e9",
      "1".repeat(400),
    ]
  ) {
    equal(readSize(text), undefined, text);
  }
});

Deno.test("spans are told in their two largest units", () => {
  equal(formatSpan(0), "0 s");
  equal(formatSpan(59e6), "59 s");
  equal(formatSpan(3.2 * HOUR), "3 h 12 min");
  equal(formatSpan(48 * HOUR), "2 d");
  equal(formatSpan(24 * HOUR + 30e6), "1 d");
});

Deno.test("a limit is said to reach as far back as the busiest node lets it", () => {
  const stores = [store(100e6, 10), store(50e6, 20)];
  equal(reachText(stores), "It reaches back 10 h to 20 h now.");
  equal(reachText([]), "Nothing is stored yet.");
  equal(
    changeText(stores, 400e6),
    "Would reach back about 1 d 16 h, at the rate so far.",
  );
  equal(changeText(stores, 60e6), "Deletes the oldest 40.0 MB at once.");
  equal(
    changeText([store(1e6, 0.001)], 4e8),
    "The oldest packets go when it is full.",
  );
  equal(commonLimit(stores), 200e6);
  equal(commonLimit([...stores, { ...stores[0]!, limit: 1 }]), undefined);
});
