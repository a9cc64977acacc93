/** Values, keys and words: what is read from what stands in the stream. */
import { deepEqual, equal, throws } from "node:assert/strict";
import { splitWords } from "../../../dissectors/redis/inline.ts";
import { firstKey } from "../../../dissectors/redis/message.ts";
import { redis } from "../../../dissectors/redis/redis.ts";
import { MAX_DEPTH, Scanner } from "../../../dissectors/redis/scanner.ts";
import { Malformed } from "../../../stream/malformed.ts";
import { ofLatin1, parse } from "../parse.ts";
import { array, asks, bulk, says } from "./resp.ts";

const VALUES: readonly [
  what: string,
  sent: string,
  type: string,
  value: unknown,
][] = [
  ["a simple string", "+OK\r\n", "string", "OK"],
  ["an empty simple string", "+\r\n", "string", ""],
  ["an error", "-ERR no\r\n", "error", { error: "ERR no" }],
  ["an integer", ":-5\r\n", "integer", -5],
  ["an integer with a sign", ":+5\r\n", "integer", 5],
  [
    "an integer of 2^53",
    ":9007199254740992\r\n",
    "integer",
    "9007199254740992",
  ],
  ["an integer that is none", ":0x10\r\n", "integer", "0x10"],
  ["a bulk string", "$2\r\n\r\n\r\n", "bulk", "\r\n"],
  ["an empty bulk string", "$0\r\n\r\n", "bulk", ""],
  ["bytes that are no text", "$1\r\n\xff\r\n", "bulk", { base64: "/w==" }],
  ["a null bulk string", "$-1\r\n", "null", null],
  ["a null array", "*-1\r\n", "null", null],
  ["a null", "_\r\n", "null", null],
  ["an empty array", "*0\r\n", "array", []],
  ["an array", "*3\r\n:1\r\n$-1\r\n*1\r\n-E\r\n", "array", [
    1,
    null,
    [{ error: "E" }],
  ]],
  ["booleans", "*2\r\n#t\r\n#f\r\n", "array", [true, false]],
  ["a double", ",3.25\r\n", "double", 3.25],
  ["an infinite double", ",-inf\r\n", "double", "-inf"],
  ["a double that is none", ",nan\r\n", "double", "nan"],
  [
    "a big number",
    "(12345678901234567890\r\n",
    "bignum",
    "12345678901234567890",
  ],
  ["a small big number", "(12\r\n", "bignum", 12],
  ["a bulk error", "!5\r\nERR x\r\n", "bulkError", { error: "ERR x" }],
  ["a verbatim string", "=7\r\ntxt:abc\r\n", "verbatim", "abc"],
  ["a map", "%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n+c\r\n_\r\n", "map", [
    "a",
    1,
    "b",
    ["c", null],
  ]],
  ["a set", "~2\r\n+a\r\n+b\r\n", "set", ["a", "b"]],
  [
    "a streamed string",
    "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n",
    "bulk",
    "Hello",
  ],
  ["an empty streamed string", "$?\r\n;0\r\n", "bulk", ""],
  ["a streamed array", "*?\r\n:1\r\n*?\r\n.\r\n:2\r\n.\r\n", "array", [
    1,
    [],
    2,
  ]],
  ["a streamed map", "%?\r\n+a\r\n:1\r\n.\r\n", "map", ["a", 1]],
  [
    "a streamed string in an array",
    "*2\r\n$?\r\n;1\r\na\r\n;0\r\n:1\r\n",
    "array",
    [
      "a",
      1,
    ],
  ],
  ["an attribute before a value", "|1\r\n+ttl\r\n:3\r\n:7\r\n", "integer", 7],
  ["an empty attribute", "|0\r\n+OK\r\n", "string", "OK"],
  [
    "attributes within an array",
    "*2\r\n|1\r\n+a\r\n*1\r\n:1\r\n:7\r\n:8\r\n",
    "array",
    [
      7,
      8,
    ],
  ],
];

for (const [what, sent, type, value] of VALUES) {
  Deno.test(`RESP: ${what}`, () => {
    const [exchange] = parse(redis, [asks(["GET", "a"]), says(sent)]);
    deepEqual(exchange?.response?.["type"], type);
    deepEqual(exchange?.response?.["value"], value);
    const error = (value as { error?: string } | null)?.error;
    equal(exchange?.response?.["error"], error);
  });

  Deno.test(`RESP: ${what} ends where it ends, however it is cut`, () => {
    const bytes = ofLatin1(sent + "+next\r\n");
    equal(new Scanner(false).scan(bytes, 0), sent.length);
    const bytewise = new Scanner(false);
    for (let end = 1; end < sent.length; end++) {
      equal(bytewise.scan(bytes.subarray(0, end), 0), -1);
    }
    equal(bytewise.scan(bytes, 0), sent.length);
    equal(bytewise.isIdle, true);
  });
}

const FORBIDDEN: readonly [what: string, sent: string][] = [
  ["an unknown type", "?\r\n"],
  ["a length that is none", "$a\r\n"],
  ["a length without digits", "$\r\n"],
  ["a negative length", "$-2\r\n"],
  ["a length of too many digits", "*1000000000000000\r\n"],
  ["a line without its end", "+OK\r+"],
  ["a bulk without its end", "$1\r\nabc"],
  ["a line of more than 64 KB", "+" + "a".repeat(70_000)],
  ["a streamed string of something else", "$?\r\n:1\r\n"],
  ["an end of a stream that says more", "*?\r\n.x\r\n"],
  ["a streamed attribute", "|?\r\n"],
  ["an end where nothing is streamed", "*1\r\n.\r\n"],
  ["arrays nested too deep", "*1\r\n".repeat(MAX_DEPTH + 1)],
];

for (const [what, sent] of FORBIDDEN) {
  Deno.test(`RESP forbids ${what}`, () => {
    throws(() => new Scanner(false).scan(ofLatin1(sent), 0), Malformed);
  });
}

for (
  const sent of ["*1\r\n:1\r\n", "*1\r\n$-1\r\n", "*1\r\n$?\r\n", "$1\r\na\r\n"]
) {
  Deno.test(`${JSON.stringify(sent)} is no command`, () => {
    throws(() => new Scanner(true).scan(ofLatin1(sent), 0), Malformed);
  });
}

const LINES: readonly [line: string, words: readonly string[]][] = [
  ["GET a", ["GET", "a"]],
  ["  GET \t a  ", ["GET", "a"]],
  ["", []],
  ["SET \"a b\" 'c d'", ["SET", "a b", "c d"]],
  [String.raw`SET "\x41\n\r\t\b\a\q\""`, ["SET", 'A\n\r\t\b\x07q"']],
  [String.raw`SET 'it\'s \n'`, ["SET", "it's \\n"]],
  [String.raw`SET "\x4g"`, ["SET", "x4g"]],
  ['SET a"b"c', ["SET", "abc"]],
  ["SET \"\" ''", ["SET", "", ""]],
  ['SET "open', ["SET", "open"]],
  [String.raw`SET "ends\ `.trimEnd(), ["SET", "ends\\"]],
];

for (const [line, words] of LINES) {
  Deno.test(`the words of ${JSON.stringify(line)}`, () => {
    const bytes = ofLatin1(line);
    const split = splitWords(bytes);
    deepEqual(split.map((word) => String.fromCharCode(...word)), words);
    for (const word of split) {
      const isPiece = word.buffer === bytes.buffer;
      const text = String.fromCharCode(...word);
      if (isPiece) equal(line.includes(text), true);
    }
  });
}

Deno.test("a key that a line spells with escapes is not in the stream, and absent", () => {
  const [exchange] = parse(redis, [asks('SET "a\\x41" "v\\x41"\r\n')]);
  equal(exchange?.request?.["key"], undefined);
  equal(exchange?.request?.["value"], undefined);
  deepEqual(exchange?.request?.["args"], ["aA", "vA"]);
});

const KEYS: readonly [command: string, key: string | undefined][] = [
  ["GET a", "a"],
  ["get a", "a"],
  ["GET", undefined],
  ["PING a", undefined],
  ["BITOP AND to from", "to"],
  ["EVAL script 2 a b c", "a"],
  ["EVAL script 0 a", undefined],
  ["EVALSHA hash 1", undefined],
  ["EVAL script x a", undefined],
  ["LMPOP 2 a b LEFT", "a"],
  ["BLMPOP 0 1 a LEFT", "a"],
  ["XREAD COUNT 1 STREAMS a 0", "a"],
  ["xread block 0 streams a 0", "a"],
  ["XREAD COUNT 1 STREAMS", undefined],
  ["XREAD COUNT 1", undefined],
  ["XREADGROUP GROUP g c STREAMS a >", "a"],
  ["XGROUP CREATE a g 0", "a"],
  ["OBJECT ENCODING a", "a"],
  ["MEMORY DOCTOR", undefined],
  ["CONFIG GET a", undefined],
  ["MIGRATE host 1 a 0 1", "a"],
  ['MIGRATE host 1 "" 0 1 KEYS a b', "a"],
  ['MIGRATE host 1 "" 0 1', undefined],
  ["ZUNIONSTORE to 2 a b", "to"],
  ["PUBLISH channel message", undefined],
  ["NOSUCH a", undefined],
];

for (const [line, key] of KEYS) {
  Deno.test(`the first key of ${line}`, () => {
    const words = splitWords(ofLatin1(line));
    const at = firstKey(words);
    equal(at > 0 ? String.fromCharCode(...words[at]!) : undefined, key);
  });
}

Deno.test("what is stored is the value of a command", () => {
  const valueOf = (...words: string[]) =>
    parse(redis, [asks(words)])[0]?.request?.["value"];
  equal(valueOf("set", "a", "b"), "b");
  equal(valueOf("HSET", "a", "field", "b"), "b");
  equal(valueOf("SETEX", "a", "10", "b"), "b");
  equal(valueOf("PUBLISH", "channel", "b"), "b");
  equal(valueOf("GET", "a", "b"), undefined);
  equal(valueOf("SET", "a"), undefined);
});

Deno.test("names are upper case in ASCII alone, and lossy if they are no text", () => {
  const [exchange] = parse(redis, [asks("*1\r\n$3\r\nse\xff\r\n")]);
  equal(exchange?.request?.["command"], "SE\ufffd");
});

Deno.test("nested replies keep their shape", () => {
  const reply = array(bulk("a"), array(":1\r\n", array()), "-ERR in it\r\n");
  const [exchange] = parse(redis, [asks(["EXEC"]), says(reply)]);
  deepEqual(exchange?.response, {
    type: "array",
    value: ["a", [1, []], { error: "ERR in it" }],
  });
});
