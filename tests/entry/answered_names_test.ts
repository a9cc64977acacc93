import { deepEqual, equal, ok } from "node:assert/strict";
import {
  type Answered,
  AnsweredNames,
  ClaimedOrAnswered,
} from "../../entry/answered_names.ts";
import { NO_NAMES } from "../../entry/names.ts";
import { Random } from "../fuzz/random.ts";

const ADDRESSES = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
const NAMES = ["a.example", "b.example", "c.example"];

/** Answers in order of time, many of which say what was known. */
function answers(random: Random, count: number) {
  let at = 0;
  return Array.from({ length: count }, () => ({
    address: random.pick(ADDRESSES),
    name: random.pick(NAMES),
    at: at += random.int(1, 5),
  }));
}

Deno.test("an address is called as the last answer before said", () => {
  const random = new Random(1);
  const all = answers(random, 2000);
  const names = new AnsweredNames();
  for (const { address, name, at } of all) names.learn(address, name, at);
  for (let n = 0; n < 10_000; n++) {
    const address = random.pick(ADDRESSES);
    const time = random.int(0, all.at(-1)!.at + 10);
    const last = all.findLast((one) =>
      one.address === address && one.at <= time
    );
    equal(names.at(address, time)?.name, last?.name);
  }
});

Deno.test("what it may have been called meanwhile is all that it was", () => {
  const random = new Random(2);
  const all = answers(random, 200);
  const names = new AnsweredNames();
  for (const { address, name, at } of all) names.learn(address, name, at);
  for (let n = 0; n < 500; n++) {
    const address = random.pick(ADDRESSES);
    const first = random.int(0, 400);
    const last = first + random.int(0, 60);
    const expected = new Set<string | undefined>();
    for (let time = first; time <= last; time++) {
      expected.add(names.at(address, time)?.name);
    }
    const found = names.during(address, first, last).map((one) => one?.name);
    deepEqual(new Set(found), expected);
  }
});

Deno.test("an answer that is heard of late is believed until the next", () => {
  const names = new AnsweredNames();
  for (const at of [10, 20, 30]) names.learn("192.0.2.1", "a.example", at);
  equal(names.size, 1);
  ok(names.learn("192.0.2.1", "b.example", 25));
  const at = (time: number) => names.at("192.0.2.1", time)?.name;
  deepEqual([9, 10, 24, 25, 29, 30].map(at), [
    ...[undefined, "a.example", "a.example"],
    ...["b.example", "b.example", "a.example"],
  ]);
});

Deno.test("what others know is learnt, once", () => {
  const random = new Random(3);
  const names = new AnsweredNames();
  for (const { address, name, at } of answers(random, 500)) {
    names.learn(address, name, at);
  }
  const copy = new AnsweredNames();
  copy.learnAll(names);
  const { size } = copy;
  copy.learnAll(names);
  equal(copy.size, size);
  deepEqual(toRows(copy), toRows(names));
});

Deno.test("names that were seen last are kept, and others counted", () => {
  const most = 100;
  const names = new AnsweredNames(most);
  const used = "192.0.2.255";
  for (let n = 0; n < 10 * most; n++) {
    names.learn(used, "used.example", n);
    names.learn(`10.0.${n >> 8}.${n & 255}`, `${n}.example`, n);
    ok(names.size <= most);
  }
  equal(names.at(used, 10 * most)?.name, "used.example");
  equal(names.at("10.0.3.231", 10 * most)?.name, "999.example");
  equal(names.size + names.dropped, 10 * most + 1);
});

Deno.test("a claim wins while it holds", () => {
  const answered = new AnsweredNames();
  answered.learn("192.0.2.1", "a.example", 0);
  const pod = { name: "web.shop", pod: "web-1" };
  const claimed = {
    at: (_: unknown, time: number) => time >= 10 ? pod : undefined,
    during: (_: unknown, first: number, last: number) =>
      first >= 10 ? [pod] : last >= 10 ? [undefined, pod] : [undefined],
  };
  const both = new ClaimedOrAnswered(claimed, answered, false);
  const end = { ip: "192.0.2.1" };
  deepEqual(both.at(end, 9), { name: "a.example" });
  equal(both.at(end, 10), pod);
  deepEqual(both.during(end, 10, 20), [pod]);
  deepEqual(both.during(end, 1, 20), [pod, { name: "a.example" }]);
  const open = new ClaimedOrAnswered(NO_NAMES, answered, true);
  equal(open.during(end, 1, 20), undefined, "more answers may come");
});

const toRows = (names: Iterable<Answered>) =>
  [...names].sort((a, b) => a.from - b.from);
