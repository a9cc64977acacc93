/** Views, times, values: what the page works out without a browser. */
import { deepEqual, equal } from "node:assert/strict";
import { FLAG } from "../../api/batch.ts";
import { summarizeCoverage } from "../../web/model/coverage.ts";
import {
  formatClock,
  formatDay,
  formatLatency,
  formatSize,
  latencyShare,
  toShown,
} from "../../web/model/format.ts";
import { actionOf, BINDINGS } from "../../web/model/keys.ts";
import { outcomeOf } from "../../web/model/outcome.ts";
import { readTime, writeTime } from "../../web/model/time_text.ts";
import { readView, type View, writeView } from "../../web/model/view.ts";
import { Random } from "../fuzz/random.ts";
import { coverageOf } from "./scripted_hub.ts";

const NOW = Date.UTC(2026, 10, 23, 10, 13) * 1000;
const HOUR = 3_600_000_000;

Deno.test("a view is what its address says, whatever is in it", () => {
  const random = new Random(1);
  const texts = ["", 'http and a == "&?#%+ ü"', "a\nb", "1 < 2 && 3 > 2", "🦈"];
  for (let i = 0; i < 500; i++) {
    const time = () =>
      random.chance(0.5) ? NOW + random.int(0, 1e12) : undefined;
    const view: View = {
      kfl: random.pick(texts),
      from: time(),
      to: time(),
      at: time(),
      entry: random.chance(0.5) ? "node-a~17~204~0" : undefined,
      utc: random.chance(0.5),
      counts: random.chance(0.5),
      map: random.pick([undefined, "name", "workload", "namespace"] as const),
    };
    deepEqual(readView(writeView(view)), view);
  }
  equal(writeView(readView("")), "");
});

Deno.test("what makes no sense in an address is as if it were absent", () => {
  const view = readView("?from=yesterday&to=&at=%00&entry=&tz=mars&x=1");
  equal(writeView(view), "");
});

Deno.test("times are read as people type them", () => {
  const at = (text: string, offset = 0) => {
    const time = readTime(text, NOW, offset);
    return time === undefined ? undefined : writeTime(time, 0);
  };
  equal(at("10:12"), "2026-11-23 10:12:00.000");
  equal(at("9:05"), "2026-11-23 09:05:00.000");
  equal(at("10:12:05.25"), "2026-11-23 10:12:05.250");
  equal(at("10:14"), "2026-11-22 10:14:00.000", "it was not yet today");
  equal(at("2026-11-20"), "2026-11-20 00:00:00.000");
  equal(at("2026-11-20 7:00"), "2026-11-20 07:00:00.000");
  equal(at("2026-11-20T07:00:00Z", 2 * HOUR), "2026-11-20 07:00:00.000");
  equal(at("12:00", 2 * HOUR), "2026-11-23 10:00:00.000");
  equal(at("-15m"), "2026-11-23 09:58:00.000");
  equal(at("-1h30m"), "2026-11-23 08:43:00.000");
  for (const text of ["", "soon", "25:00", "10:99", "2026-13-01", "-15", "1"]) {
    equal(at(text), undefined, text);
  }
});

Deno.test("a time that was written is read as itself", () => {
  for (const offset of [0, 2 * HOUR, -8 * HOUR, 5.5 * HOUR]) {
    const time = NOW - 123_456_000;
    equal(readTime(writeTime(time, offset), NOW, offset), time);
  }
});

Deno.test("times, durations and sizes are short and have their unit", () => {
  equal(formatClock(NOW + 1_234_567, 0), "10:13:01.234");
  equal(formatClock(NOW, 2 * HOUR), "12:13:00.000");
  equal(formatClock(0, -HOUR), "23:00:00.000");
  equal(formatDay(NOW + 14 * HOUR, 0), "2026-11-24");
  equal(formatDay(NaN, 0), "");
  const latencies = [0.0004, 0.35, 1.234, 12.34, 123.4, 999.7, 65_000, 3.6e6];
  deepEqual(latencies.map(formatLatency), [
    ...["0 µs", "350 µs", "1.23 ms", "12.3 ms", "123 ms"],
    ...["1.00 s", "65.0 s", "60 min"],
  ]);
  deepEqual([0, 999, 1000, 12_345, 9_999_999].map(formatSize), [
    ...["0 B", "999 B", "1.00 KB", "12.3 KB", "10.0 MB"],
  ]);
});

Deno.test("a latency's bar grows with it, and stays in its place", () => {
  const shares = [0, 0.1, 1, 10, 100, 1000, 10_000, 1e9].map(latencyShare);
  deepEqual(shares, shares.toSorted((a, b) => a - b));
  equal(shares.at(-1), 1);
  equal(shares.every((share) => share > 0), true);
});

Deno.test("rows show text from the wire short, and nothing in it acts", () => {
  equal(toShown("GET /\r\n"), "GET /‹CR›‹LF›");
  equal(toShown("a\u202egnp.exe"), "a‹202E›gnp.exe");
  equal(toShown("x".repeat(10_000_000)).length, 301);
});

Deno.test("how an exchange ended is told by its flags and status", () => {
  equal(outcomeOf(0, "200"), "ok");
  equal(outcomeOf(0, ""), "unknown");
  equal(outcomeOf(FLAG.FAILED, "404"), "refused");
  equal(outcomeOf(FLAG.FAILED, "503"), "failed");
  equal(outcomeOf(FLAG.FAILED, "NXDOMAIN"), "failed");
  equal(outcomeOf(FLAG.FAILED | FLAG.NO_RESPONSE, ""), "unanswered");
  equal(outcomeOf(FLAG.RESET, "200"), "unanswered");
});

Deno.test("coverage names each cause for something to be missing", () => {
  const clock = () => "10:13:00";
  const missing = { reason: "connection refused", since: NOW };
  const summary = summarizeCoverage(
    [
      coverageOf("a"),
      coverageOf("b", { missing }),
      coverageOf("c", { lost: 1200, deletedUntil: NOW, cut: 1 }),
      coverageOf("d", { notAsked: "Nothing of this node can match" }),
    ],
    NOW - HOUR,
    clock,
  );
  equal(summary.asked, 3);
  equal(summary.answered, 2);
  deepEqual(summary.reasons, [
    "b: does not answer since 10:13:00: connection refused",
    "c: 1,200 packets lost while capturing",
    "c: packets up to 10:13:00 are deleted, to stay in the limit",
    "c: only the beginning of 1 packet was kept",
  ]);
});

Deno.test("every key does one thing, and leaves controls what is theirs", () => {
  const keys = BINDINGS.flatMap((binding) => binding.keys);
  equal(new Set(keys).size, keys.length);
  equal(actionOf("j", false, true), "down");
  equal(actionOf(" ", false, true), undefined, "a button is pressed by it");
  equal(actionOf("Enter", true, false), "open");
  equal(actionOf("q", true, true), undefined);
  equal(actionOf("j", true, false), undefined, "letters can be turned off");
});
