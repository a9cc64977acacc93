/**
 * Redis under random bytes: recorded connections that were changed, and
 * commands and values of every type, with damage. Whatever comes, there is no
 * error, it reads the same however it is cut or saved, and little is kept.
 */
import { deepEqual, ok } from "node:assert/strict";
import type { Ending } from "../../dissectors/dissector.ts";
import { COMMANDS } from "../../dissectors/redis/commands.ts";
import { splitWords } from "../../dissectors/redis/inline.ts";
import { MAX_KEPT } from "../../dissectors/redis/framer.ts";
import { firstKey } from "../../dissectors/redis/message.ts";
import { redis } from "../../dissectors/redis/redis.ts";
import { bytewise, type Chunk, START } from "../dissectors/dissect.ts";
import { ofLatin1, parse, timeOf } from "../dissectors/parse.ts";
import { readRecordings } from "../dissectors/recordings.ts";
import { array, bulk, command } from "../dissectors/redis/resp.ts";
import { concat, Random } from "./random.ts";

const CASES = 9_000;

/** Bytes of saved state beside the messages that wait. */
const MAX_STATE = 4_000;

/** How long 64 KB may take. */
const MAX_MS = 50;

const recordings = readRecordings("redis")
  .filter(({ transport }) => transport === "tcp");

const NAMES = [...COMMANDS.keys()];

const some = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.int(0, most) }, make);

const anyText = (random: Random): string =>
  random.pick([
    "",
    "a",
    "key",
    "news",
    "ON",
    "1",
    "2",
    "STREAMS",
    "\xff",
    "$1\r\n",
  ]);

/** Commands that change how the others are read, more often than others. */
const SPECIAL: readonly (readonly string[])[] = [
  ["SUBSCRIBE", "a", "b"],
  ["UNSUBSCRIBE"],
  ["UNSUBSCRIBE", "a"],
  ["PSUBSCRIBE", "a*"],
  ["MONITOR"],
  ["RESET"],
  ["CLIENT", "REPLY", "OFF"],
  ["CLIENT", "REPLY", "ON"],
  ["CLIENT", "REPLY", "SKIP"],
  ["SHUTDOWN"],
  ["BLPOP", "a", "0"],
  ["PSYNC", "?", "-1"],
  ["SYNC"],
  ["REPLCONF", "ACK", "1"],
  ["REPLCONF", "capa", "eof"],
];

function anyCommand(random: Random): string {
  switch (random.int(0, 9)) {
    case 0:
    case 1:
      return command(...random.pick(SPECIAL));
    case 2:
      return random.pick(["PING\r\n", "\r\n", "*0\r\n", "*-1\r\n", "get \n"]);
    case 3: {
      const words = some(
        random,
        4,
        () =>
          random.pick([
            '"a b"',
            "'it\\'s'",
            '"\\x41\\n"',
            'a"b"',
            '"open',
            "\\",
            "x",
          ]),
      );
      return `set ${words.join(" ")}\r\n`;
    }
    default: {
      const words = random.pick(NAMES).split(" ");
      return command(...words, ...some(random, 5, () => anyText(random)));
    }
  }
}

/** A value of any type, nested so deep at most. */
function anyValue(random: Random, depth = 3): string {
  const values = (each: number, type: string) => {
    const count = random.int(0, 3);
    const items = Array.from(
      { length: count * each },
      () => anyValue(random, depth - 1),
    ).join("");
    return random.chance(0.2)
      ? `${type}?\r\n${items}.\r\n`
      : `${type}${count}\r\n${items}`;
  };
  switch (random.int(0, depth > 0 ? 15 : 8)) {
    case 0:
      return random.pick([
        "+OK\r\n",
        "+\r\n",
        "+FULLRESYNC a 0\r\n",
        "+CONTINUE\r\n",
      ]);
    case 1:
      return random.pick(["-ERR a\r\n", "-\r\n", "-WRONGTYPE x y\r\n"]);
    case 2:
      return `:${random.pick(["0", "-1", "9007199254740993", "x", ""])}\r\n`;
    case 3:
      return random.pick(["$-1\r\n", "*-1\r\n", "_\r\n", "#t\r\n", "#f\r\n"]);
    case 4:
      return `,${random.pick(["1.5", "inf", "-inf", "nan", "x"])}\r\n`;
    case 5:
      return `(${random.pick(["1", "12345678901234567890"])}\r\n`;
    case 6:
      return random.pick(["!5\r\nERR x\r\n", "=5\r\ntxt:a\r\n", "=1\r\nx\r\n"]);
    case 7:
      return "$?\r\n" + some(random, 3, () => ";1\r\nx\r\n").join("") +
        ";0\r\n";
    case 8:
      return bulk(anyText(random));
    case 9:
      return values(1, "~");
    case 10:
      return values(2, "%");
    case 11:
      return values(2, "|") + anyValue(random, depth - 1);
    case 12: {
      const kind = random.pick([
        ...["message", "pmessage", "subscribe", "unsubscribe", "invalidate"],
      ]);
      const count = `:${random.int(0, 2)}\r\n`;
      const pushed = [bulk(kind), bulk("a"), random.pick([count, bulk("x")])];
      return random.chance(0.5)
        ? array(...pushed)
        : `>${pushed.length}\r\n${pushed.join("")}`;
    }
    case 13:
      return '+1339518083.107412 [0 a:1] "keys"\r\n';
    default:
      return values(1, "*");
  }
}

/** What a primary sends a replica. */
function anyTransfer(random: Random): string {
  const mark = "0123456789".repeat(4);
  return random.pick([
    `\n$5\r\nRDB!!`,
    `$EOF:${mark}\r\nREDIS0123${mark}`,
    `$EOF:${mark.slice(1)}\r\n`,
    `$EOF:${mark}\r\n${"0".repeat(50)}012${mark.slice(0, 30)}${mark}`,
    "$x\r\n",
    "+no\r\n",
    "x".repeat(80),
    command("SET", "a", "1"),
  ]);
}

function anyChunk(random: Random): Chunk {
  const side = random.pick(["client", "server"] as const);
  switch (random.int(0, 24)) {
    case 0:
      return { side, gap: random.int(1, 300) };
    case 1:
      return { expire: 0 };
    case 2:
      return { side, fin: true };
    default: {
      const make = side === "client"
        ? anyCommand
        : random.chance(0.1)
        ? anyTransfer
        : anyValue;
      const bytes = ofLatin1(some(random, 4, () => make(random)).join(""));
      return { side, bytes: random.chance(0.1) ? random.mutate(bytes) : bytes };
    }
  }
}

/** The chunks as they are captured: now one after the other, now much later. */
function timed(chunks: readonly Chunk[], random: Random): Chunk[] {
  let time = START;
  return chunks.map((chunk) => {
    time += random.pick([0, 10, 1000, 200_000]);
    if ("bytes" in chunk) return { ...chunk, time };
    if (!("expire" in chunk)) return chunk;
    time += random.pick([0, 31e6]);
    return { expire: time };
  });
}

/** Reads a connection in any circumstances; gives how many exchanges it had. */
function survive(untimed: readonly Chunk[], random: Random): number {
  const chunks = timed(untimed, random);
  const options = {
    midStream: random.chance(0.2),
    ending: random.pick<Ending>(["closed", "reset", "cut"]),
  };
  let given = 0;
  for (const chunk of chunks) if ("bytes" in chunk) given += chunk.bytes.length;
  const exchanges = parse(redis, chunks, {
    ...options,
    check(parser) {
      // Each message that waits is kept once, with its marks.
      if (random.chance(0.02)) {
        ok(parser.save().length < MAX_STATE + 100 * given);
      }
    },
  });
  if (random.chance(0.05)) {
    deepEqual(parse(redis, chunks, { ...options, resumed: true }), exchanges);
  }
  if (random.chance(0.05)) {
    deepEqual(parse(redis, bytewise(chunks), options), exchanges);
  }
  return exchanges.length;
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
  ok(exchanges > cases, `Only ${exchanges} exchanges`);
}

Deno.test("Redis: connections survive any messages in any order", () => {
  fuzz(1, CASES, (random) => {
    const chunks = some(random, 14, () => anyChunk(random));
    return survive(chunks, random);
  });
});

Deno.test("Redis: recorded connections survive any change", () => {
  fuzz(1e6, 2_000, (random) => {
    const { segments } = random.pick(recordings);
    const from = random.chance(0.2) ? random.int(0, segments.length - 1) : 0;
    const chunks = segments.slice(from, from + 40).flatMap((s): Chunk[] => [
      ...random.chance(0.03) ? [{ side: s.side, gap: random.int(1, 100) }] : [],
      random.chance(0.05) ? { ...s, bytes: random.mutate(s.bytes) } : s,
    ]);
    return survive(chunks, random);
  });
});

Deno.test("Redis: what is found after a gap is found however it is cut", () => {
  fuzz(2e6, 6_000, (random) => {
    const side = random.pick(["client", "server"] as const);
    const make = side === "client" ? anyCommand : anyValue;
    const before = ofLatin1(some(random, 3, () => make(random)).join(""));
    const after = ofLatin1([make(random), make(random)].join(""));
    const bytes = concat(
      before.subarray(random.int(0, before.length)),
      random.chance(0.3) ? random.bytes(random.int(0, 9)) : new Uint8Array(),
      random.chance(0.2) ? random.mutate(after) : after,
    );
    const chunks: Chunk[] = [{ side, gap: 50 }, { side, bytes }];
    const exchanges = parse(redis, chunks);
    if (random.chance(0.3)) {
      deepEqual(parse(redis, bytewise(chunks)), exchanges);
    }
    return exchanges.length;
  });
});

Deno.test("Redis: snapshots end where they end, however they are cut", () => {
  fuzz(7e6, 1_000, (random) => {
    const mark = Array.from({ length: 40 }, () => random.pick(["0", "1"])).join(
      "",
    );
    const part = () => mark.slice(0, random.int(0, 39));
    const snapshot = random.chance(0.5)
      ? "REDIS" +
        some(random, 6, () => random.pick([part(), "x", "\r\n"])).join("")
      : part();
    const isMarked = random.chance(0.5) && !(snapshot + mark).slice(0, -1)
      .includes(mark);
    const sent = ofLatin1(
      "+FULLRESYNC id 0\r\n" + "\n".repeat(random.int(0, 3)) +
        (isMarked
          ? `$EOF:${mark}\r\n${snapshot}${mark}`
          : `$${snapshot.length}\r\n${snapshot}`) +
        command("SET", "a", "1"),
    );
    const chunks: Chunk[] = [{
      side: "client",
      bytes: command("PSYNC", "?", "0"),
    }];
    for (let at = 0; at < sent.length;) {
      const end = at + random.int(1, random.pick([1, 9, 100]));
      chunks.push({ side: "server", bytes: sent.slice(at, end) });
      at = end;
    }
    const resumed = () => random.chance(0.1);
    const [, set] = parse(redis, chunks, { resumed });
    deepEqual(set?.request?.["args"], ["a", "1"]);
    return 2;
  });
});

Deno.test("Redis: thousands of commands may wait, and each gets its own reply", () => {
  const random = new Random(5e6);
  for (let i = 0; i < 5; i++) {
    const chunks: Chunk[] = [];
    let [asked, answered] = [0, 0];
    while (asked < 4000) {
      const more = random.int(1, 600);
      chunks.push({
        side: "client",
        bytes: Array.from({ length: more }, () => `ECHO ${asked++}\r\n`).join(
          "",
        ),
      });
      const replies = random.int(0, asked - answered);
      chunks.push({
        side: "server",
        bytes: Array.from({ length: replies }, () => `:${answered++}\r\n`).join(
          "",
        ),
      });
    }
    const exchanges = parse(redis, chunks);
    deepEqual(exchanges.length, asked);
    for (const { request, response } of exchanges) {
      const [word] = request!["args"] as string[];
      if (response) deepEqual(String(response["value"]), word);
      else ok(Number(word) >= answered);
    }
  }
});

Deno.test("Redis: messages beyond what is kept survive any cuts", () => {
  const random = new Random(6e6);
  for (let i = 0; i < 6; i++) {
    const side = random.pick(["client", "server"] as const);
    const big = "x".repeat(MAX_KEPT + random.int(-20, 100_000));
    const whole = ofLatin1(
      side === "client"
        ? command("SET", "a", big, ...some(random, 2, () => "more")) +
          "PING\r\n"
        : array(bulk("a"), bulk(big), ...some(random, 3, () => ":1\r\n")) +
          "+PONG\r\n",
    );
    const chunks: Chunk[] = [];
    if (side === "server") {
      chunks.push({ side: "client", bytes: command("EXEC") + "PING\r\n" });
    }
    for (let at = 0; at < whole.length;) {
      const end = at + random.int(1, 200_000);
      chunks.push({ side, bytes: whole.slice(at, end) });
      at = end;
    }
    const at = random.int(0, chunks.length);
    if (random.chance(0.3)) chunks.splice(at, 0, { side, gap: 1 });
    chunks.push({ side: "client", bytes: command("PING") });
    const exchanges = parse(redis, chunks);
    const resumed = () => random.chance(0.2);
    deepEqual(parse(redis, chunks, { resumed }), exchanges);
    ok(exchanges.length > 0);
  }
});

Deno.test("Redis: words of any line have a key or none", () => {
  const random = new Random(3e6);
  for (let i = 0; i < 6_000; i++) {
    const line = random.chance(0.5)
      ? random.bytes(random.int(0, 30))
      : ofLatin1(anyCommand(random));
    const words = splitWords(line);
    const at = firstKey(words);
    ok(at === 0 || at < words.length);
    ok(words.every((word) => word.length <= line.length));
  }
});

Deno.test("Redis: probes say something of any bytes", () => {
  const random = new Random(4e6);
  const guesses = { match: 0, reject: 0, unsure: 0 };
  for (let i = 0; i < 6_000; i++) {
    const side = random.pick(["client", "server"] as const);
    const text = side === "client" ? anyCommand(random) : anyValue(random);
    const bytes = ofLatin1(text);
    const head = random.chance(0.3) ? random.mutate(bytes) : bytes;
    const part = head.subarray(0, random.int(0, head.length));
    guesses[redis.probe(part, side, random.pick([6379, 7000]))]++;
  }
  ok(guesses.match > 0 && guesses.reject > 0 && guesses.unsure > 0);
});

/** 64 KB that cost as much as may be. */
const EXPENSIVE: readonly (readonly [what: string, text: string])[] = [
  ["a line without end", "+" + "a".repeat(65_000)],
  ["nulls", "_\r\n".repeat(21_000)],
  ["an array of nulls", `*21000\r\n${"_\r\n".repeat(21_000)}`],
  [
    "arrays in arrays",
    "*1\r\n".repeat(63) + "*15000\r\n" + "_\r\n".repeat(15_000),
  ],
  ["attributes", "|1\r\n+a\r\n+b\r\n".repeat(5_000) + "+OK\r\n"],
  ["parts of a string", "$?\r\n" + ";1\r\na\r\n".repeat(9_000) + ";0\r\n"],
  ["messages", array(bulk("message"), bulk("a"), bulk("b")).repeat(1_900)],
  ["lines of a monitor", "+1339518083.107412 [0 a:1]\r\n".repeat(2_300)],
];

for (const [what, text] of EXPENSIVE) {
  for (const lost of [false, true]) {
    const when = lost ? ", after a gap" : "";
    Deno.test(`Redis: 64 KB of ${what} take little time${when}`, () => {
      const bytes = ofLatin1(text);
      const chunks: Chunk[] = [
        { side: "client", bytes: command("MONITOR") },
        { side: "server", bytes: "+OK\r\n" },
        ...lost ? [{ side: "server", gap: 1 } as const] : [],
        { side: "server", bytes },
      ];
      const took = timeOf(redis, chunks);
      // Ten times what it may take, for machines that do much else.
      ok(took < 10 * MAX_MS, `It took ${took} ms`);
    });
  }
}

Deno.test("Redis: 64 KB in which no message is found take little time", () => {
  for (
    const piece of [
      "\r\n$9",
      "\r\n$9\r\n",
      "*1\r\n$9\r\nx",
      "\r\n*1\r\n",
      "\r\n+a",
    ]
  ) {
    const bytes = ofLatin1("x" + piece.repeat(65_536 / piece.length));
    for (const side of ["client", "server"] as const) {
      const took = timeOf(redis, [{ side, gap: 1 }, { side, bytes }]);
      ok(took < 10 * MAX_MS, `${JSON.stringify(piece)} took ${took} ms`);
    }
  }
});
