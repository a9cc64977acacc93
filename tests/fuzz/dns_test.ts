/**
 * DNS under random bytes: recorded flows that were changed, and messages made
 * of records of every type, with damage. Whatever comes, there is no error,
 * all that is read can be written, little is kept, and it takes little time.
 */
import { deepEqual, ok } from "node:assert/strict";
import type { Ending } from "../../dissectors/dissector.ts";
import { dns } from "../../dissectors/dns/dns.ts";
import { typeName } from "../../dissectors/dns/parameters.ts";
import { readData } from "../../dissectors/dns/rdata.ts";
import { Names } from "../../dissectors/dns/wire.ts";
import { bytewise, type Chunk, START } from "../dissectors/dissect.ts";
import {
  framed,
  message,
  type MessageParts,
  name,
  type RecordParts,
  u16,
} from "../dissectors/dns/messages.ts";
import { parse, type ParseOptions } from "../dissectors/parse.ts";
import { readRecordings } from "../dissectors/recordings.ts";
import { cpuTime } from "./cpu_time.ts";
import { concat, Random } from "./random.ts";

const CASES = 8_000;

/** Bytes of saved state: queries that wait, and ids answered lately. */
const MAX_STATE = 1_500_000;

/** How long 64 KB may take. */
const MAX_MS = 50;

const recordings = readRecordings("dns")
  .filter(({ transport }) => transport !== "icmp");

/** Types that have a name, and some that have none. */
const TYPES = Array.from({ length: 65_536 }, (_, type) => type).filter(
  (type) => !typeName(type).startsWith("TYPE") || type % 9999 === 1,
);

const some = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.int(0, most) }, make);

function anyName(random: Random): string | Uint8Array {
  switch (random.int(0, 9)) {
    case 0:
      return Uint8Array.of(0xc0, random.int(0, 60));
    case 1:
      return concat(Uint8Array.of(1, 0x61, 0xc0), random.bytes(1));
    case 2:
      return random.bytes(random.int(0, 8));
    case 3:
      return name(Array(random.int(1, 9)).fill("a".repeat(60)).join("."));
    default:
      return random.pick(["a.test", "B.test", "", "x y.test", "é.local"]);
  }
}

/** Data that a type may have: numbers, names and strings in any order. */
function anyData(random: Random): Uint8Array {
  return concat(...some(random, 6, () => {
    switch (random.int(0, 6)) {
      case 0:
        return name(random.pick(["a.test", "", "ns.b"]));
      case 1:
        return Uint8Array.of(2, 0x68, 0x69);
      case 2:
        return Uint8Array.of(0xc0, random.int(0, 40));
      case 3:
        return Uint8Array.of(0, random.int(0, 9));
      case 4:
        return Uint8Array.of(0, random.int(0, 9), 0, random.int(0, 4));
      default:
        return random.bytes(random.int(1, 8));
    }
  }));
}

function anyRecord(random: Random): RecordParts {
  return {
    name: random.chance(0.7) ? "a.test" : anyName(random),
    type: random.chance(0.1) ? 41 : random.pick(TYPES),
    class: random.pick([1, 1, 1, 3, 254, 255, 0x8001, 1232, 0]),
    ttl: random.pick([0, 60, 0x0100_8000, 0xffff_ffff]),
    data: anyData(random),
  };
}

function anyParts(random: Random): MessageParts {
  const records = (most: number) => some(random, most, () => anyRecord(random));
  return {
    id: random.int(0, 3),
    response: random.chance(0.5),
    opcode: random.pick([0, 0, 0, 0, 2, 4, 5, 6, 7]),
    rcode: random.pick([0, 0, 0, 3, 12]),
    recursive: random.chance(0.7),
    questions: random.chance(0.8)
      ? [[
        random.chance(0.7) ? "a.test" : anyName(random),
        random.pick([1, 28, 252, 251, 33, 32]),
        random.pick([1, 1, 1, 0x8001, 9]),
      ]]
      : [],
    answers: records(2),
    authorities: records(1),
    additionals: records(2),
    ...random.chance(0.1)
      ? { counts: [1, random.int(0, 9), 0, random.int(0, 60_000)] }
      : {},
  };
}

function anyMessage(random: Random): Uint8Array {
  if (random.chance(0.1)) {
    return random.mutate(random.pick(random.pick(recordings).segments).bytes);
  }
  if (random.chance(0.02)) {
    return message({ questions: [["CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33]] });
  }
  const bytes = message(anyParts(random));
  return random.chance(0.2) ? random.mutate(bytes, 2) : bytes;
}

/** What else may happen on a flow. */
function anyEvent(random: Random): Chunk {
  const side = random.pick(["client", "server"] as const);
  switch (random.int(0, 2)) {
    case 0:
      return { expire: START + random.int(0, 100) * 1e6 };
    case 1:
      return { side, gap: random.int(1, 300) };
    default:
      return { side, fin: true };
  }
}

function anyChunk(random: Random, isStream: boolean): Chunk {
  if (random.chance(0.08)) return anyEvent(random);
  const side = random.pick(["client", "server"] as const);
  if (!isStream) return { side, bytes: anyMessage(random) };
  const messages = some(random, 3, () => {
    const bytes = anyMessage(random);
    return random.chance(0.95) ? framed(bytes) : bytes;
  });
  return { side, bytes: concat(...messages) };
}

const PORTS = [53, 53, 53, 1053, 5353, 5355];

function anyOptions(random: Random, isStream: boolean): ParseOptions {
  const port = random.pick(PORTS);
  return {
    transport: isStream ? "tcp" : "udp",
    client: { ip: "10.0.0.1", port: random.pick([50_000, port]) },
    server: {
      ip: random.pick(["10.0.0.2", "10.0.0.2", "224.0.0.251", "ff02::fb"]),
      port,
    },
    midStream: random.chance(0.2),
    ending: random.pick<Ending>(["closed", "reset", "cut"]),
  };
}

/** Runs seeded cases; at least some of them must give exchanges. */
function fuzz(first: number, cases: number, run: (random: Random) => number) {
  let exchanges = 0;
  for (let seed = first; seed < first + cases; seed++) {
    try {
      exchanges += run(new Random(seed));
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
  ok(exchanges > cases / 4, `Only ${exchanges} exchanges`);
}

for (const isStream of [false, true]) {
  const kind = isStream ? "streams" : "datagrams";
  Deno.test(`DNS: ${kind} survive any messages in any order`, () => {
    fuzz(isStream ? 1e6 : 1, CASES, (random) => {
      const chunks = some(random, 8, () => anyChunk(random, isStream));
      const options = anyOptions(random, isStream);
      const given = parse(dns, chunks, {
        ...options,
        check(parser) {
          if (random.chance(0.05)) ok(parser.save().length < MAX_STATE);
        },
      });
      if (random.chance(0.05)) {
        deepEqual(parse(dns, chunks, { ...options, resumed: true }), given);
      }
      if (isStream && random.chance(0.05)) {
        const cut = [...bytewise(chunks)];
        deepEqual(parse(dns, cut, options), given);
      }
      return given.length;
    });
  });
}

Deno.test("DNS: recorded flows survive any change", () => {
  fuzz(2e6, 4_000, (random) => {
    const { transport, client, server, segments } = random.pick(recordings);
    const chunks = segments.slice(0, 30).flatMap((segment): Chunk[] => [
      ...random.chance(0.03) ? [anyEvent(random)] : [],
      random.chance(0.2)
        ? { ...segment, bytes: random.mutate(segment.bytes) }
        : segment,
    ]);
    return parse(dns, chunks, { transport, client, server }).length;
  });
});

Deno.test("DNS: data of any type is read, or written in hex", () => {
  const random = new Random(3e6);
  for (let i = 0; i < CASES; i++) {
    const data = anyData(random);
    const before = concat(new Uint8Array(12), name("a.test"), Uint8Array.of(0));
    const bytes = concat(before, data);
    const value = readData(
      new Names(bytes),
      random.pick(TYPES),
      before.length,
      bytes.length,
    );
    ok(value === undefined ? data.length === 0 : JSON.stringify(value));
  }
});

Deno.test("DNS: probes say something of any bytes", () => {
  const random = new Random(4e6);
  const guesses = { match: 0, reject: 0, unsure: 0 };
  for (let i = 0; i < CASES; i++) {
    const bytes = anyMessage(random);
    const head = random.chance(0.3) ? framed(bytes) : bytes;
    const part = head.subarray(0, random.int(0, head.length));
    const side = random.pick(["client", "server"] as const);
    const port = random.pick([...PORTS, 137]);
    guesses[dns.probe(random.chance(0.5) ? head : part, side, port)]++;
  }
  ok(guesses.match > 0 && guesses.reject > 0 && guesses.unsure > 0);
});

Deno.test("DNS: random bytes are hardly ever DNS", () => {
  const random = new Random(5e6);
  let matches = 0;
  for (let i = 0; i < CASES; i++) {
    const head = random.bytes(random.int(0, 80));
    if (dns.probe(head, "client", 40_000) === "match") matches++;
  }
  ok(matches === 0, `${matches} of ${CASES}`);
});

/** 64 KB that cost as much as may be. */
const EXPENSIVE: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  [
    "records with long names",
    message({
      response: true,
      answers: [
        { name: "", type: 65280, data: name(Array(120).fill("a").join(".")) },
        ...Array.from({ length: 4600 }, () => ({
          name: Uint8Array.of(0xc0, 23),
          type: 2,
          data: [0xc0, 23],
        })),
      ],
    }),
  ],
  [
    "records whose data is not what it says",
    message({
      response: true,
      answers: Array.from({ length: 4600 }, () => ({
        name: "",
        type: 47,
        data: [0, 0],
      })),
    }),
  ],
  [
    "pointers to pointers",
    message({
      response: true,
      answers: Array.from({ length: 4500 }, (_, i) => ({
        name: Uint8Array.of(...u16(0xc000 | Math.min(0x3fff, 12 + 14 * i))),
        type: 5,
        data: [0xc0, 12],
      })),
    }),
  ],
  [
    "questions",
    message({
      questions: Array.from({ length: 9000 }, () => ["a"] as const),
    }),
  ],
  [
    "a bitmap",
    message({
      response: true,
      answers: [{
        name: "",
        type: 47,
        data: concat(
          Uint8Array.of(0),
          ...Array.from(
            { length: 256 },
            (_, window) => Uint8Array.of(window, 32, ...Array(32).fill(255)),
          ),
        ),
      }],
    }),
  ],
];

for (const [what, bytes] of EXPENSIVE) {
  Deno.test(`DNS: 64 KB of ${what} take little time`, () => {
    const started = cpuTime();
    const side = (bytes[2]! & 0x80) !== 0 ? "server" : "client";
    parse(dns, [{ side, bytes }]);
    const took = cpuTime() - started;
    // Ten times what it may take, for machines that do much else.
    ok(took < 10 * MAX_MS, `It took ${took} ms`);
  });
}

Deno.test("DNS: 64 KB in which no message is found take little time", () => {
  const random = new Random(6e6);
  for (const side of ["client", "server"] as const) {
    const started = cpuTime();
    const bytes = random.bytes(65_536);
    // Lengths, flags and counts as in a message, over and over.
    const header = side === "server"
      ? [0, 60, 0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9]
      : [0, 60, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9];
    for (let at = 0; at + 15 < bytes.length; at += 15) bytes.set(header, at);
    parse(dns, [{ side, bytes }], { transport: "tcp", midStream: true });
    const took = cpuTime() - started;
    ok(took < 10 * MAX_MS, `It took ${took} ms`);
  }
});
