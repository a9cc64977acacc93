import { deepEqual, equal, ok } from "node:assert/strict";
import { answeredBy } from "../../../dissectors/dns/answered.ts";
import { DnsMessage } from "../../../dissectors/dns/message.ts";
import type { Entry } from "../../../entry/entry.ts";
import { Random } from "../../fuzz/random.ts";
import {
  A,
  AAAA,
  message,
  type MessageParts,
  name,
  type RecordParts,
} from "./messages.ts";

const CNAME = 5;

const a = (owner: string, ...data: number[]): RecordParts => ({
  name: owner,
  data,
});

const alias = (owner: string, target: string): RecordParts => ({
  name: owner,
  type: CNAME,
  data: name(target),
});

/** An exchange in which an address was asked for. */
function entryOf(
  asked: string | Uint8Array,
  answers: readonly RecordParts[],
  parts: MessageParts = {},
  { type = A, port = 53, isAsked = true, isMulticast = false } = {},
): Entry {
  const questions = [[asked, type]] as const;
  const response = message({ response: true, questions, answers, ...parts });
  return {
    protocol: "dns",
    src: { ip: "192.0.2.7", port: 40_000 },
    dst: { ip: "192.0.2.53", port },
    request: isAsked
      ? new DnsMessage(message({ questions }), false)
      : undefined,
    response: new DnsMessage(response, isMulticast),
  } as unknown as Entry;
}

const ADDRESS = a("api.example", 192, 0, 2, 1);

Deno.test("an address gets the name that was asked for, not its alias's", () => {
  const answers = [
    a("edge.example", 192, 0, 2, 1),
    alias("cdn.example", "edge.example"),
    alias("API.example", "cdn.example"),
    a("edge.example", 192, 0, 2, 2),
    a("other.example", 192, 0, 2, 3),
  ];
  deepEqual(answeredBy(entryOf("Api.Example", answers)), {
    name: "api.example",
    addresses: ["192.0.2.1", "192.0.2.2"],
  });
});

Deno.test("IPv6 addresses are named as entries write them", () => {
  const data = [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1];
  const record = { name: "api.example", type: AAAA, data };
  deepEqual(
    answeredBy(entryOf("api.example", [record], {}, { type: AAAA }))?.addresses,
    ["2001:db8::1"],
  );
});

for (
  const [what, entry] of [
    ["a name that does not exist", entryOf("a.svc", [ADDRESS], { rcode: 3 })],
    ["an answer to another name", entryOf("other.example", [ADDRESS])],
    [
      "an answer whose question was not seen",
      entryOf("api.example", [ADDRESS], {}, { isAsked: false }),
    ],
    [
      "an answer from another port",
      entryOf("api.example", [ADDRESS], {}, { port: 5300 }),
    ],
    [
      "an answer to everybody",
      entryOf("api.example", [ADDRESS], {}, { port: 5353, isMulticast: true }),
    ],
    ["the answerer's own address", entryOf("x", [a("x", 127, 0, 0, 1)])],
    ["no address", entryOf("x", [a("x", 0, 0, 0, 0)])],
    ["a group's address", entryOf("x", [a("x", 224, 0, 0, 1)])],
    [
      "a name with control characters",
      entryOf("a\u001b[2J.example", [a("a\u001b[2J.example", 192, 0, 2, 1)]),
    ],
    ["what looks like an address", entryOf("10.0.0.1", [a("10.0.0.1", 1, 1)])],
    ["aliases in a circle", entryOf("a", [alias("a", "b"), alias("b", "a")])],
  ] as const
) {
  Deno.test(`nothing is called after ${what}`, () => {
    equal(answeredBy(entry), undefined);
  });
}

Deno.test("an answer with thousands of records gives a few names", () => {
  const answers = Array.from(
    { length: 4000 },
    (_, n) => a("x", 10, 0, n >> 8, n & 255),
  );
  const found = answeredBy(entryOf("x", answers));
  ok(found && found.addresses.length <= 64);
});

Deno.test("a damaged answer gives sound addresses or none", () => {
  const random = new Random(4);
  const whole = message({
    response: true,
    questions: [["api.example", A]],
    answers: [
      alias("api.example", "cdn.example"),
      a("cdn.example", 9, 9, 9, 9),
    ],
  });
  for (let n = 0; n < 2000; n++) {
    const bytes = whole.slice(0, random.int(12, whole.length));
    for (let flips = random.int(0, 4); flips > 0; flips--) {
      bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
    }
    const entry = {
      ...entryOf("api.example", []),
      response: new DnsMessage(bytes, false),
    } as Entry;
    for (const address of answeredBy(entry)?.addresses ?? []) {
      ok(/^[0-9.]+$/.test(address), address);
    }
  }
});
