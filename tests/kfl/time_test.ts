import { equal } from "node:assert/strict";
import {
  formatAddress,
  isWithin,
  normalizeAddress,
  parseAddress,
  parseNetwork,
} from "../../kfl/address.ts";
import {
  formatDuration,
  formatTime,
  parseDatetime,
  parseDuration,
  parseTime,
} from "../../kfl/time.ts";
import { Random } from "../fuzz/random.ts";

Deno.test("times are RFC 3339, to the microsecond", () => {
  equal(parseTime("1970-01-01T00:00:00Z"), 0);
  equal(parseTime("1970-01-01T00:00:00.000001Z"), 1);
  equal(parseTime("1970-01-01t00:00:00.1234569z"), 123_456);
  equal(parseTime("1970-01-01 01:00:00+01:00"), 0);
  equal(parseTime("1969-12-31T23:59:59-00:30"), 30 * 60e6 - 1e6);
  equal(parseTime("1970-01-02"), 86_400e6);
  equal(parseTime("0001-01-01T00:00:00Z"), -62_135_596_800e6);
  equal(parseTime("2016-12-31T23:59:60Z"), parseTime("2017-01-01T00:00:00Z"));
});

Deno.test("what is no time is none", () => {
  for (
    const text of [
      "",
      "yesterday",
      "2026-13-01",
      "2026-00-01",
      "2026-02-29",
      "2026-04-31",
      "2026-11-23T24:00:00Z",
      "2026-11-23T10:60:00Z",
      "2026-11-23T10:00:61Z",
      "2026-11-23T10:00:00",
      "2026-11-23T10:00:00.Z",
      "2026-11-23T10:00Z",
    ]
  ) equal(parseTime(text), undefined, text);
  equal(parseTime("2024-02-29"), Date.UTC(2024, 1, 29) * 1000);
  equal(parseTime("2000-02-29"), Date.UTC(2000, 1, 29) * 1000);
  equal(parseTime("2100-02-29"), undefined);
});

Deno.test("a time reads back as what was written", () => {
  const random = new Random(1);
  for (let n = 0; n < 1000; n++) {
    const us = random.int(-6e10, 4e12) * 1000 + random.int(0, 999);
    equal(parseTime(formatTime(us)), us);
  }
});

Deno.test("datetime also takes Kubeshark's spelling", () => {
  equal(
    parseDatetime("1/2/2026, 3:04:05.006 PM"),
    parseTime("2026-01-02T15:04:05.006Z"),
  );
  equal(parseDatetime("12/31/2026, 12:00:00 AM"), parseTime("2026-12-31"));
  equal(parseDatetime("2026-12-31"), parseTime("2026-12-31"));
  equal(parseDatetime("13/1/2026, 1:00:00 AM"), undefined);
  equal(parseDatetime("1/1/2026, 13:00:00 AM"), undefined);
  equal(parseDatetime("1/1/2026, 0:00:00 AM"), undefined);
});

Deno.test("durations", () => {
  equal(parseDuration("150us"), 150);
  equal(parseDuration("150µs"), 150);
  equal(parseDuration("2h30m"), 9_000_000_000);
  equal(formatDuration(0), "0s");
  equal(formatDuration(1_500_000), "1500ms");
  equal(formatDuration(90_000_000), "90s");
  equal(formatDuration(-60_000_000), "-1m");
  equal(formatDuration(604_800_000_000), "1w");
  const random = new Random(2);
  for (let n = 0; n < 1000; n++) {
    const us = random.int(0, 1e9) * random.pick([1, 1000, 1e6]);
    equal(parseDuration(formatDuration(us)), us);
  }
});

Deno.test("addresses are written as inet_ntop writes them", () => {
  const same: { readonly [text: string]: string } = {
    "10.0.0.1": "10.0.0.1",
    "2001:DB8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
    "0:0:0:0:0:0:0:0": "::",
    "::1": "::1",
    "1::": "1::",
    "::ffff:10.0.0.1": "::ffff:10.0.0.1",
    "::10.0.0.1": "::10.0.0.1",
    "0:0:0:0:0:ffff:a00:1": "::ffff:10.0.0.1",
    "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8",
    "1:0:3:4:5:6:7:8": "1:0:3:4:5:6:7:8",
    "64:ff9b::192.0.2.33": "64:ff9b::c000:221",
  };
  for (const [text, written] of Object.entries(same)) {
    equal(normalizeAddress(text), written);
  }
  for (
    const text of [
      "",
      "10.0.0",
      "10.0.0.256",
      "1.2.3.4.5",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "::1.2.3",
      "g::",
      "1:2:3:4:5:6:7::8",
    ]
  ) equal(normalizeAddress(text), undefined, text);
  const random = new Random(3);
  for (let n = 0; n < 1000; n++) {
    const groups = Array.from(
      { length: random.pick([2, 8]) },
      () => random.pick([0, 0, 1, 0xffff, random.int(0, 0xffff)]),
    );
    const text = formatAddress(groups);
    equal(parseAddress(text)?.join(), groups.join(), text);
  }
});

Deno.test("networks hold the addresses that begin like them", () => {
  const within = (address: string, network: string) =>
    isWithin(address, parseNetwork(network)!);
  equal(within("10.255.0.1", "10.0.0.0/8"), true);
  equal(within("11.0.0.1", "10.0.0.0/8"), false);
  equal(within("10.0.0.3", "10.0.0.2/31"), true);
  equal(within("10.0.0.4", "10.0.0.2/31"), false);
  equal(within("10.0.0.1", "10.0.0.1/32"), true);
  equal(within("1.2.3.4", "0.0.0.0/0"), true);
  equal(within("::1", "0.0.0.0/0"), false);
  equal(within("fe80::1", "fe80::/10"), true);
  equal(within("fec0::1", "fe80::/10"), false);
  equal(within("2001:db8::1", "::/0"), true);
  equal(within("no address", "::/0"), false);
  equal(parseNetwork("10.0.0.0"), undefined);
  equal(parseNetwork("10.0.0.0/33"), undefined);
  equal(parseNetwork("::/129"), undefined);
  equal(parseNetwork("x/8"), undefined);
});
