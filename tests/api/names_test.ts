/** Names tables: what a worker reads of them is what the hub was told. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { BadMessage } from "../../api/batch.ts";
import { NamesPart, toParts } from "../../api/names.ts";
import { NamesTable } from "../../api/names_table.ts";
import {
  type Claim,
  NAME_FIELDS,
  type NameField,
  type Names,
  withNames,
} from "../../entry/names.ts";
import { Random } from "../fuzz/random.ts";
import { ADDRESSES, EPOCH, PORTS } from "../kfl/random_filter.ts";
import { nameIn, randomClaims } from "../kfl/random_names.ts";

const END = { ip: "10.1.0.7", port: 80 };

const claim = (
  address: string,
  from: number,
  to: number,
  names: Names,
): Claim => ({ address, from, to, names });

const CARTS = { pod: "carts-0", service: "carts", namespace: "shop" };

/** Only the fields that are asked for. */
function cut(
  names: Names | undefined,
  fields: readonly NameField[],
): object | undefined {
  return names && Object.fromEntries(
    NAME_FIELDS.filter((field) => fields.includes(field))
      .flatMap((field) =>
        names[field] === undefined ? [] : [[field, names[field]]]
      ),
  );
}

Deno.test("law: every look-up is what the claims say, whatever is asked of them", () => {
  const random = new Random(31);
  let found = 0;
  for (let n = 0; n < 300; n++) {
    const claims = randomClaims(random);
    const fields = NAME_FIELDS.filter(() => random.chance(0.5));
    const table = new NamesTable(toParts(claims, fields));
    for (let i = 0; i < 100; i++) {
      const port = random.pick([...PORTS, undefined]);
      const end = { ip: random.pick(ADDRESSES), port };
      const at = EPOCH + random.int(-2_000_000, 4_000_000);
      const wanted = cut(nameIn(claims, end, at), fields);
      deepEqual(table.at(end, at), wanted);
      if (wanted) found++;
      const last = at + random.int(0, 3_000_000);
      const possible = table.during(end, at, last)!;
      for (let time = at; time <= last; time += random.int(1, 300_000)) {
        ok(possible.includes(table.at(end, time)));
      }
    }
  }
  ok(found > 10_000);
});

Deno.test("law: updates make the table what it would be anew", () => {
  const random = new Random(32);
  for (let n = 0; n < 300; n++) {
    const claims = randomClaims(random);
    const cutAt = EPOCH + random.int(-1_000_000, 3_000_000);
    // As a hub knew it then: what began later was not there, nothing had ended.
    const known = claims.filter(({ from }) => from <= cutAt)
      .map((each) => each.to > cutAt ? { ...each, to: Infinity } : each);
    const heard = claims.filter(({ from, to }) =>
      from > cutAt || to > cutAt && to < Infinity
    );
    const table = new NamesTable(toParts(known, NAME_FIELDS), true);
    for (
      const each of random.chance(0.5) ? [heard] : heard.map((one) => [one])
    ) {
      for (const part of toParts(each, NAME_FIELDS)) table.update(part);
    }
    for (let i = 0; i < 100; i++) {
      const port = random.pick([...PORTS, undefined]);
      const end = { ip: random.pick(ADDRESSES), port };
      const at = EPOCH + random.int(-2_000_000, 4_000_000);
      deepEqual(
        cut(table.at(end, at), NAME_FIELDS),
        cut(nameIn(claims, end, at), NAME_FIELDS),
      );
    }
  }
});

Deno.test("of a table that grows nothing is certain but what it was asked for", () => {
  const parts = [...toParts([claim("10.1.0.7", 0, Infinity, CARTS)], ["pod"])];
  deepEqual(new NamesTable(parts).during(END, 1, 9), [{ pod: "carts-0" }]);
  equal(new NamesTable(parts, true).during(END, 1, 9), undefined);
});

Deno.test("what changes in fields that nobody asked for is no change", () => {
  const labelled = (app: string) => ({ ...CARTS, labels: { app } });
  const claims = [
    claim("10.1.0.7", 0, 5, labelled("a")),
    claim("10.1.0.7", 5, 9, labelled("b")),
  ];
  const [part] = [...toParts(claims, ["service"])];
  const held = { from: 0, to: 9, names: { service: "carts" }, isNode: false };
  deepEqual([...new NamesPart(part!).linesOf("10.1.0.7")], [[0, [held]]]);
});

Deno.test("a large table comes in parts, an address in as many as it takes", () => {
  const claims = Array.from(
    { length: 40_000 },
    (_, i) => claim(`10.1.0.${i >> 14}`, i, i + 1, { pod: `pod-${i}` }),
  );
  const parts = [...toParts(claims, ["pod"])];
  ok(parts.length > 3);
  const table = new NamesTable(parts);
  for (const i of [0, 1, 12_345, 16_383, 16_384, 39_999]) {
    const ip = `10.1.0.${i >> 14}`;
    deepEqual(table.at({ ip, port: 1 }, i), { pod: `pod-${i}` });
  }
  equal(table.at({ ip: "10.1.0.9", port: 1 }, 5), undefined);
});

Deno.test("only addresses near to the cluster's are waited for", () => {
  const parts = [...toParts([claim("10.1.0.7", 0, 9, CARTS)], ["pod"])];
  const table = new NamesTable(parts, true);
  ok(table.mayLearn("10.1.200.1"));
  ok(!table.mayLearn("192.0.2.1"));
  const [update] = [...toParts([claim("fd00:1:2:3::7", 0, 9, CARTS)], ["pod"])];
  table.update(update!);
  ok(table.mayLearn("fd00:1:2:4::9"));
  ok(!new NamesTable(parts).mayLearn("10.1.200.1"));
});

Deno.test("who speaks on a pod's loopback has the names of the pod", () => {
  const table = new NamesTable(
    toParts([claim("10.1.0.7", 0, Infinity, CARTS)], NAME_FIELDS),
  );
  const end = { ip: "127.0.0.1", port: 80, podIp: "10.1.0.7" };
  equal(table.at(end, EPOCH)?.pod, "carts-0");
  deepEqual(table.during(end, EPOCH, EPOCH), [table.at(end, EPOCH)]);
  deepEqual(withNames(end, table.at(end, EPOCH)), {
    ...withNames({ ip: "127.0.0.1", port: 80 }, table.at(end, EPOCH)),
    podIp: "10.1.0.7",
  });
  equal(table.at({ ip: "127.0.0.1", port: 80 }, EPOCH), undefined);
});

Deno.test("names in any script stay what they are", () => {
  const names = {
    pod: "käse-\u{1f9c0}",
    labels: { app: "日本", __proto__: "" },
  };
  const [part] = [...toParts([claim("::1", 0, 9, names)], NAME_FIELDS)];
  deepEqual(new NamesTable([part!]).at({ ip: "::1" }, 5), names);
});

Deno.test("a damaged part is refused, and never read beyond its end", () => {
  const random = new Random(33);
  const [part] = [...toParts(randomClaims(random), NAME_FIELDS)];
  throws(() => new NamesPart(part!.subarray(0, 20)), BadMessage);
  throws(() => new NamesPart(part!.subarray(0, part!.length - 1)), BadMessage);
  for (let n = 0; n < 3000; n++) {
    const damaged = part!.slice();
    damaged[random.int(0, damaged.length - 1)] = random.int(0, 255);
    try {
      const table = new NamesTable([damaged]);
      for (const ip of ADDRESSES) table.during({ ip, port: 80 }, EPOCH, 9e15);
    } catch (error) {
      ok(error instanceof BadMessage, String(error));
    }
  }
});
