/** Connections: what answers what, and what nothing answers. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { MAX_KEPT } from "../../../dissectors/redis/framer.ts";
import { MAX_HELD } from "../../../dissectors/redis/doubt.ts";
import { MAX_WAITING } from "../../../dissectors/redis/pairing.ts";
import { redis } from "../../../dissectors/redis/redis.ts";
import { bytewise, type Chunk, dissect, START } from "../dissect.ts";
import { ofLatin1, parse, type Parsed, type ParseOptions } from "../parse.ts";
import { array, asks, bulk, command, says } from "./resp.ts";

/** The words of the command and the reply, with what is missing. */
function outline({ asker, request, response, incomplete }: Parsed): string {
  const words = [
    request?.["command"],
    ...(request?.["args"] ?? []) as string[],
  ];
  const half = (it: unknown, text: () => string) => it ? text() : "nothing";
  const value = () => {
    const { value } = response!;
    return typeof value === "string" ? value : JSON.stringify(value);
  };
  const what = `${
    half(request, () => words.filter((word) => word !== undefined).join(" "))
  } -> ${half(response, value)}`;
  const who = asker === "server" ? "server: " : "";
  return [who + what, ...incomplete ?? []].join(", ");
}

const outlines = (chunks: Chunk[], options?: ParseOptions): string[] =>
  parse(redis, chunks, options).map(outline);

/** The same also bytewise, and saved and restored after each byte. */
function expectOutlines(
  chunks: Chunk[],
  expected: string[],
  options?: ParseOptions,
): void {
  deepEqual(outlines(chunks, options), expected);
  const bytes = [...bytewise(chunks)];
  deepEqual(outlines(bytes, options), expected);
  deepEqual(outlines(bytes, { ...options, resumed: true }), expected);
}

const get = (key: string) => ["GET", key] as const;

Deno.test("replies belong to commands by their order", () => {
  expectOutlines([
    asks(get("a"), get("b")),
    says(bulk("1")),
    asks(get("c")),
    says(bulk("2"), bulk("3")),
  ], ["GET a -> 1", "GET b -> 2", "GET c -> 3"]);
});

Deno.test("lines and arrays may take turns, and empty ones are none", () => {
  expectOutlines([
    asks("PING\r\n\r\n*0\r\n*-1\r\n", get("a"), "  \nget b\n"),
    says("+PONG\r\n", bulk("1"), bulk("2")),
  ], ["PING -> PONG", "GET a -> 1", "GET b -> 2"]);
});

for (
  const [ending, reason] of [
    ["closed", "no response"],
    ["reset", "reset"],
    ["cut", "cut"],
  ] as const
) {
  Deno.test(`a command that waits when its flow is ${ending} says so`, () => {
    deepEqual(outlines([asks(get("a"))], { ending }), [
      `GET a -> nothing, ${reason}`,
    ]);
  });
}

Deno.test("SHUTDOWN is obeyed by saying nothing", () => {
  deepEqual(outlines([asks(["SHUTDOWN"])]), ["SHUTDOWN -> nothing"]);
  deepEqual(
    outlines([asks(["SHUTDOWN"]), says("-ERR no\r\n")]),
    ['SHUTDOWN -> {"error":"ERR no"}'],
  );
});

Deno.test("a late reply is no other command's", () => {
  expectOutlines([
    { ...asks(get("a")), time: START } as Chunk,
    { expire: START + 31e6 },
    asks(get("b")),
    says(bulk("1"), bulk("2")),
  ], ["GET a -> nothing, no response", "nothing -> 1", "GET b -> 2"]);
});

Deno.test("commands that may block wait as long as it takes", () => {
  deepEqual(
    outlines([
      { ...asks(["BLPOP", "a", "0"], get("b")), time: START } as Chunk,
      { expire: START + 3600e6 },
      says(array(bulk("a"), bulk("x")), bulk("2")),
    ]),
    ['BLPOP a 0 -> ["a","x"]', "GET b -> 2"],
  );
});

Deno.test("commands beyond a limit push out the oldest", () => {
  const given = outlines([
    asks("PING\r\n".repeat(MAX_WAITING + 2)),
    says("+1\r\n+2\r\n+3\r\n"),
  ]);
  deepEqual(given.slice(0, 5), [
    "PING -> nothing, cut",
    "PING -> nothing, cut",
    "nothing -> 1",
    "nothing -> 2",
    "PING -> 3",
  ]);
  equal(given.length, MAX_WAITING + 4);
});

Deno.test("large commands push out the oldest sooner", () => {
  const set = asks(["SET", "a", "x".repeat(3_000_000)]);
  const given = parse(redis, Array.from({ length: 7 }, () => set));
  deepEqual(
    given.map(({ incomplete }) => incomplete?.[0]),
    ["cut", "cut", ...Array(5).fill("no response")],
  );
});

Deno.test("of a message beyond a limit the beginning is kept", () => {
  const big = "x".repeat(MAX_KEPT);
  const chunks = [
    asks(["SET", "key", big], get("key")),
    says("+OK\r\n", bulk(big), "+next\r\n"),
    asks(get("b")),
  ];
  const check = (given: Parsed[]) => {
    const [set, got, next] = given;
    deepEqual(set?.incomplete, ["cut"]);
    equal(set?.request?.["key"], "key");
    const stored = set?.request?.["value"] as string;
    ok(stored.length > MAX_KEPT - 60 && stored.length < MAX_KEPT);
    equal(set?.response?.["value"], "OK");
    deepEqual(got?.incomplete, ["cut"]);
    ok((got?.response?.["value"] as string).length > MAX_KEPT - 60);
    equal(next?.response?.["value"], "next");
  };
  check(parse(redis, chunks));
  // In segments, each of which is thrown away once it was scanned.
  const segments = chunks.flatMap((chunk) => {
    const { side, bytes } = chunk as { side: "client"; bytes: string };
    return Array.from(
      { length: Math.ceil(bytes.length / 100_000) },
      (_, i) => ({
        side,
        bytes: bytes.slice(i * 100_000, (i + 1) * 100_000),
      }),
    );
  });
  let largest = 0;
  check(parse(redis, segments, {
    check: (parser) => {
      largest = Math.max(largest, parser.save().length);
    },
  }));
  ok(largest < 3 * MAX_KEPT, `${largest} bytes were kept`);
});

// What is not answered

Deno.test("CLIENT REPLY says which commands are answered", () => {
  const reply = (mode: string) => ["CLIENT", "REPLY", mode];
  expectOutlines([
    asks(reply("SKIP"), get("a"), get("b")),
    says("+b\r\n"),
    asks(
      reply("OFF"),
      get("c"),
      reply("SKIP"),
      get("d"),
      reply("ON"),
      get("e"),
    ),
    says("+on\r\n+e\r\n"),
    asks(reply("off"), get("f"), ["RESET"], get("g")),
    says("+RESET\r\n+g\r\n"),
  ], [
    "CLIENT REPLY SKIP -> nothing",
    "GET a -> nothing",
    "GET b -> b",
    "CLIENT REPLY OFF -> nothing",
    "GET c -> nothing",
    "CLIENT REPLY SKIP -> nothing",
    "GET d -> nothing",
    "CLIENT REPLY ON -> on",
    "GET e -> e",
    "CLIENT REPLY off -> nothing",
    "GET f -> nothing",
    "RESET -> RESET",
    "GET g -> g",
  ]);
});

const message = (channel: string, text: string) =>
  array(bulk("message"), bulk(channel), bulk(text));
const confirm = (kind: string, channel: string, left: number) =>
  array(bulk(kind), bulk(channel), `:${left}\r\n`);

Deno.test("RESP2: the first confirmation answers, what follows is pushed", () => {
  expectOutlines([
    asks(["SUBSCRIBE", "a", "b"]),
    says(confirm("subscribe", "a", 1), confirm("subscribe", "b", 2)),
    says(message("a", "hello")),
    asks(["PING"]),
    says(message("b", "hi"), array(bulk("pong"), bulk(""))),
    asks(["UNSUBSCRIBE"]),
    says(confirm("unsubscribe", "a", 1), message("b", "!")),
    says(confirm("unsubscribe", "b", 0)),
    asks(["LRANGE", "l", "0", "-1"]),
    says(message("an", "element")),
  ], [
    'SUBSCRIBE a b -> ["subscribe","a",1]',
    "server: SUBSCRIBE b 2 -> nothing",
    "server: MESSAGE a hello -> nothing",
    "server: MESSAGE b hi -> nothing",
    'PING -> ["pong",""]',
    'UNSUBSCRIBE -> ["unsubscribe","a",1]',
    "server: MESSAGE b ! -> nothing",
    "server: UNSUBSCRIBE b 0 -> nothing",
    'LRANGE l 0 -1 -> ["message","an","element"]',
  ]);
});

Deno.test("RESP2: a confirmation that nobody asked for has lost its command", () => {
  expectOutlines([
    asks(["SUBSCRIBE", "a"]),
    says(confirm("subscribe", "a", 1), confirm("unsubscribe", "a", 0)),
  ], [
    'SUBSCRIBE a -> ["subscribe","a",1]',
    'nothing -> ["unsubscribe","a",0], gap',
  ]);
});

Deno.test("RESP2: messages are known in a connection that is joined", () => {
  expectOutlines(
    [
      says(message("a", "hello"), confirm("unsubscribe", "a", 0)),
      asks(["SUBSCRIBE", "b"]),
      says(confirm("subscribe", "b", 1)),
    ],
    [
      "server: MESSAGE a hello -> nothing",
      'nothing -> ["unsubscribe","a",0], mid-stream',
      "SUBSCRIBE b -> nothing, mid-stream",
      'nothing -> ["subscribe","b",1], mid-stream',
    ],
    { midStream: true },
  );
});

Deno.test("RESP3: pushes come between replies and answer nothing", () => {
  const push = (...values: string[]) =>
    `>${values.length}\r\n${values.join("")}`;
  expectOutlines([
    asks(get("a"), ["SUBSCRIBE", "news"], get("b")),
    says(
      push(bulk("invalidate"), array(bulk("a"))),
      bulk("1"),
      push(bulk("subscribe"), bulk("news"), ":1\r\n"),
      bulk("2"),
      push(bulk("pmessage"), bulk("n*"), bulk("news"), bulk("hi")),
    ),
    asks(["SUBSCRIBE"]),
    says("-ERR arity\r\n"),
  ], [
    "server: INVALIDATE a -> nothing",
    "GET a -> 1",
    "SUBSCRIBE news -> nothing",
    "server: SUBSCRIBE news 1 -> nothing",
    "GET b -> 2",
    "server: PMESSAGE n* news hi -> nothing",
    'SUBSCRIBE -> {"error":"ERR arity"}',
  ]);
});

Deno.test("the key of a push is its channel", () => {
  const keyOf = (pushed: string) =>
    parse(redis, [says(pushed)])[0]?.request?.["key"];
  equal(keyOf(message("a", "b")), "a");
  equal(
    keyOf(`>4\r\n${bulk("pmessage")}${bulk("n*")}${bulk("news")}+x\r\n`),
    "news",
  );
  equal(keyOf(`>2\r\n${bulk("invalidate")}${array(bulk("k"))}`), "k");
  equal(keyOf(`>2\r\n${bulk("invalidate")}_\r\n`), undefined);
  equal(keyOf(`>1\r\n:1\r\n`), undefined);
});

Deno.test("MONITOR shows what others ask until RESET", () => {
  const line = '+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"\r\n';
  expectOutlines([
    asks(["MONITOR"]),
    says("+OK\r\n", line),
    asks(["PING"]),
    says("+PONG\r\n"),
    asks(["RESET"]),
    says("+RESET\r\n"),
    asks(["ECHO"]),
    says(line),
  ], [
    "MONITOR -> OK",
    `server: ${line.slice(1, -2)} -> nothing`,
    "PING -> PONG",
    "RESET -> RESET",
    `ECHO -> ${line.slice(1, -2)}`,
  ]);
});

Deno.test("who is refused at once has asked nothing", () => {
  const refusal = "-ERR max number of clients reached\r\n";
  expectOutlines([says(refusal)], [
    'nothing -> {"error":"ERR max number of clients reached"}',
  ]);
  expectOutlines([says("-ERR other\r\n"), asks(get("a")), says("+1\r\n")], [
    'nothing -> {"error":"ERR other"}, gap',
    "GET a -> 1",
  ]);
});

// Replicas

const SNAPSHOT = "REDIS0010 as it is\r\n*1\r\n$4\r\nPING\r\n";

Deno.test("a replica gets a snapshot, and then commands that it does not answer", () => {
  expectOutlines([
    asks(["PSYNC", "?", "-1"]),
    says("\n+FULLRESYNC id 0\r\n\n\n", `$${SNAPSHOT.length}\r\n${SNAPSHOT}`),
    says(command("SET", "a", "1"), "\n", command("PING")),
    asks(["REPLCONF", "ACK", "5"]),
  ], [
    "PSYNC ? -1 -> FULLRESYNC id 0",
    "server: SET a 1 -> nothing",
    "server: PING -> nothing",
    "REPLCONF ACK 5 -> nothing",
  ]);
});

Deno.test("a snapshot of unknown length ends with its mark", () => {
  const mark = "0123456789".repeat(4);
  expectOutlines([
    asks(["PSYNC", "?", "-1"]),
    says("+FULLRESYNC id 0\r\n", `$EOF:${mark}\r\n${SNAPSHOT}0123`, mark),
    says(command("SET", "a", "1")),
  ], ["PSYNC ? -1 -> FULLRESYNC id 0", "server: SET a 1 -> nothing"]);
});

Deno.test("a replica may go on where it was", () => {
  expectOutlines([
    asks(["REPLCONF", "capa", "psync2"], ["PSYNC", "id", "7"]),
    says("+OK\r\n+CONTINUE\r\n", command("SET", "a", "1")),
  ], [
    "REPLCONF capa psync2 -> OK",
    "PSYNC id 7 -> CONTINUE",
    "server: SET a 1 -> nothing",
  ]);
});

Deno.test("SYNC is answered by the snapshot alone, or refused", () => {
  expectOutlines([
    asks(["PING"], ["SYNC"]),
    says("+PONG\r\n", "\n$4\r\nRDB!", command("SET", "a", "1")),
  ], ["PING -> PONG", "SYNC -> nothing", "server: SET a 1 -> nothing"]);
  expectOutlines([asks(["SYNC"]), says("-NOMASTERLINK no\r\n")], [
    'SYNC -> {"error":"NOMASTERLINK no"}',
  ]);
});

Deno.test("a gap in a snapshot is over when commands begin", () => {
  expectOutlines([
    asks(["PSYNC", "?", "-1"]),
    says("+FULLRESYNC id 0\r\n", "$4000\r\nREDIS"),
    { side: "server", gap: 2000 },
    says("\x00*\x01 rest\r\n", command("SET", "a", "1")),
  ], ["PSYNC ? -1 -> FULLRESYNC id 0", "server: SET a 1 -> nothing"]);
});

Deno.test("who acknowledges is a replica, whose stream was joined", () => {
  expectOutlines(
    [
      asks(["REPLCONF", "ACK", "5"]),
      says("rest", command("SET", "a", "1")),
    ],
    ["REPLCONF ACK 5 -> nothing", "server: SET a 1 -> nothing"],
    { midStream: true },
  );
});

// Bytes that are missing

const CLIENT_GAP: Chunk = { side: "client", gap: 100 };
const SERVER_GAP: Chunk = { side: "server", gap: 100 };

Deno.test("commands before those missing are answered first", () => {
  expectOutlines([
    asks(get("a"), get("b")),
    CLIENT_GAP,
    asks(get("y"), get("z")),
    says("+a\r\n+b\r\n+lost\r\n+y\r\n+z\r\n"),
    asks(get("c")),
  ], [
    "GET a -> a",
    "GET b -> b",
    "GET y -> nothing, gap",
    "GET z -> nothing, gap",
    ...["lost", "y", "z"].map((it) => `nothing -> ${it}, gap`),
    "GET c -> nothing, gap",
  ]);
});

Deno.test("commands before and after those missing say why they have no reply", () => {
  expectOutlines([asks(get("a")), CLIENT_GAP, asks(get("b"))], [
    "GET a -> nothing, no response",
    "GET b -> nothing, gap",
  ]);
});

Deno.test("replies missing leave those that wait without any", () => {
  expectOutlines([
    asks(get("a"), get("b")),
    SERVER_GAP,
    says("+b\r\n"),
    asks(get("c")),
  ], [
    "GET a -> nothing, gap",
    "GET b -> nothing, gap",
    "nothing -> b, gap",
    "GET c -> nothing, gap",
  ]);
});

Deno.test("a client that waits for each reply is followed again at once", () => {
  expectOutlines([
    asks(get("a")),
    says("+a\r\n"),
    CLIENT_GAP,
    says("+lost\r\n"),
    asks(get("b")),
    says("+b\r\n"),
    asks(get("c")),
    says("+c\r\n"),
  ], ["GET a -> a", "nothing -> lost, gap", "GET b -> b", "GET c -> c"]);
});

Deno.test("a client that asks ahead is followed when numbers agree in a row", () => {
  const turn = (...keys: string[]) => [
    asks(...keys.map(get)),
    says(...keys.map((key) => `+${key}\r\n`)),
  ];
  expectOutlines([
    ...turn("a", "b"),
    CLIENT_GAP,
    ...turn("c", "d"),
    ...turn("e"),
    ...turn("f", "g", "h"),
    ...turn("i", "j"),
    asks(get("k"), get("l")),
    says("+k\r\n"),
  ], [
    ...[..."abcdefghijk"].map((key) => `GET ${key} -> ${key}`),
    "GET l -> nothing, cut",
  ], { ending: "cut" });
});

Deno.test("a client that asks ahead is not believed by single replies", () => {
  expectOutlines([
    asks(get("a"), get("b")),
    says("+a\r\n+b\r\n"),
    SERVER_GAP,
    ...[..."cdefgh"].flatMap((
      key,
    ) => [asks(get(key)), says(`+before ${key}\r\n`)]),
  ], [
    "GET a -> a",
    "GET b -> b",
    ...[..."cdefgh"].map((key) => `GET ${key} -> nothing, gap`),
    ...[..."cdefgh"].map((key) => `nothing -> before ${key}, gap`),
  ], { ending: "cut" });
});

Deno.test("who was taken to ask one by one and asks ahead is in doubt again", () => {
  expectOutlines([
    CLIENT_GAP,
    ...[..."abcd"].flatMap((key) => [asks(get(key)), says(`+${key}\r\n`)]),
    asks(get("e")),
    asks(get("f")),
    says("+before e\r\n+e\r\n+f\r\n"),
    asks(get("g")),
  ], [
    ...[..."abcd"].map((key) => `GET ${key} -> ${key}`),
    "GET e -> nothing, gap",
    "GET f -> nothing, gap",
    ...["before e", "e", "f"].map((it) => `nothing -> ${it}, gap`),
    "GET g -> nothing, gap",
  ], { ending: "cut" });
});

Deno.test("after a silence no reply is owed", () => {
  expectOutlines([
    asks(get("a"), get("b")),
    says("+a\r\n+b\r\n"),
    SERVER_GAP,
    { ...asks(get("c")), time: START + 1e6 } as Chunk,
    says("+c\r\n"),
    asks(get("d")),
    says("+d\r\n"),
  ], ["GET a -> a", "GET b -> b", "GET c -> c", "GET d -> d"]);
});

Deno.test("a reply that goes on after the client spoke belongs to nobody", () => {
  expectOutlines([
    CLIENT_GAP,
    asks(get("a"), get("b")),
    says("+a\r\n+b\r\n$3\r\na"),
    asks(get("c")),
    says("bc\r\n"),
  ], [
    "GET a -> nothing, gap",
    "GET b -> nothing, gap",
    "nothing -> a, gap",
    "nothing -> b, gap",
    "GET c -> nothing, gap",
    "nothing -> abc, gap",
  ]);
});

Deno.test("commands of a turn in doubt are given after 30 s", () => {
  expectOutlines([
    CLIENT_GAP,
    { ...asks(get("a")), time: START } as Chunk,
    { expire: START + 31e6 },
    asks(get("b")),
  ], ["GET a -> nothing, gap", "GET b -> nothing, gap"]);
});

Deno.test("a turn in doubt holds no more than it may", () => {
  const given = outlines([
    CLIENT_GAP,
    asks(get("a")),
    says("+x\r\n".repeat(MAX_HELD + 2)),
  ]);
  equal(given[0], "GET a -> nothing, gap");
  equal(given.length, MAX_HELD + 3);
});

Deno.test("a second gap ends a turn in doubt", () => {
  expectOutlines([
    CLIENT_GAP,
    asks(get("a")),
    says("+a\r\n"),
    CLIENT_GAP,
    asks(get("b")),
    SERVER_GAP,
    asks(get("c")),
    says("+c\r\n"),
  ], [
    "GET a -> nothing, gap",
    "nothing -> a, gap",
    "GET b -> nothing, gap",
    "GET c -> c",
  ]);
});

Deno.test("a connection that is joined is believed from its first turn", () => {
  expectOutlines(
    [
      says("e\r\n+a\r\n:x\r\n-E\r\n+OK?\r\n"),
      asks("rest\r\n" + command(...get("b"))),
      says(":7\r\n"),
      asks(get("c")),
      says("+c\r\n"),
    ],
    ["GET b -> 7", "GET c -> c"],
    { midStream: true },
  );
});

Deno.test("replies begin where they surely do after bytes are missing", () => {
  const from = (text: string) =>
    outlines([SERVER_GAP, says(text, "+after\r\n")]).filter((it) =>
      it !== "nothing -> after, gap"
    );
  // Right after the gap anything that may be a reply is one.
  for (
    const [reply, value] of [
      ["+OK", "OK"],
      [":7", "7"],
      ["-ERR x", '{"error":"ERR x"}'],
      [",1.5", "1.5"],
      ["#t", "true"],
      ["_", "null"],
      ["(12", "12"],
      ["$-1", "null"],
      ["*0", "[]"],
      ["*-1", "null"],
      ["~1\r\n:1", "[1]"],
      ["%1\r\n+a\r\n#f", '["a",false]'],
      ["*1\r\n$1\r\na", '["a"]'],
      ["=5\r\ntxt:a", "a"],
      ["!1\r\nE", '{"error":"E"}'],
    ] as const
  ) deepEqual(from(reply + "\r\n"), [`nothing -> ${value}, gap`]);
  // Further on only what can be checked.
  deepEqual(from("alue\r\n+text\r\n-list\r\n$3\r\nabc\r\n"), [
    "nothing -> abc, gap",
  ]);
  deepEqual(from("alue\r\n*1\r\n:5\r\n"), ["nothing -> [5], gap"]);
  deepEqual(from("alue\r\n+OK\r\n"), ["nothing -> OK, gap"]);
  deepEqual(from("alue\r\n-MOVED 1 a:1\r\n"), [
    'nothing -> {"error":"MOVED 1 a:1"}, gap',
  ]);
  deepEqual(
    from("x\r\n$2\r\nabc$1\r\n*2\r\n+\x01\r\n*a\r\n$-2\r\n>1\r\n+p\r\n"),
    [
      "server: P -> nothing",
    ],
  );
  deepEqual(from("$99999999\r\n").slice(0, 1), []);
  deepEqual(from("\n\r\n$70000\r\n"), []);
});

Deno.test("commands begin where they surely do after bytes are missing", () => {
  const from = (text: string) =>
    outlines([CLIENT_GAP, asks(text, get("z")), says("+1\r\n")])
      .map((it) => it.split(" ->")[0]);
  deepEqual(from("*"), ["GET z"]);
  deepEqual(from("SET a\r\n*1\r\n:1\r\n*x"), ["GET z"]);
  deepEqual(from("*1\r\n$0\r\n\r\n*1\r\n$2\r\n\x01\x02\r\n"), ["GET z"]);
  deepEqual(from("*1\r\n$4\r\nPINGx\r\n"), ["GET z"]);
  deepEqual(from("*1\r\n$9999999999\r\n"), ["GET z"]);
  deepEqual(from(command("json.get", "a")), ["JSON.GET a", "GET z", "nothing"]);
});

// Recognition

const probe = (text: string, side: "client" | "server", port = 6379) =>
  redis.probe(ofLatin1(text), side, port);

Deno.test("arrays of strings are commands on any port", () => {
  equal(probe(command("GET", "a"), "client", 7000), "match");
  equal(probe("*2\r\n$3", "client", 7000), "unsure");
  equal(probe("*", "client", 7000), "unsure");
  equal(probe("*2\r\n:3", "client", 7000), "reject");
  equal(probe("*0\r\n", "client", 7000), "reject");
});

Deno.test("lines are commands only where the port agrees", () => {
  equal(probe("PING\r\n", "client"), "match");
  equal(probe("get a\r\n", "client"), "match");
  equal(probe("PIN", "client"), "unsure");
  equal(probe("PINT", "client"), "reject");
  equal(probe("EHLO a\r\n", "client"), "reject");
  equal(probe("PING\r\n", "client", 4222), "reject");
  equal(probe("\x16\x03\x01", "client"), "reject");
});

Deno.test("replies are known where the port agrees", () => {
  for (
    const reply of [
      ...["+OK", "-ERR no", ":1", "$-1", "$5", "*2", "_", "#t", ",inf", "(1"],
      ...["%1", "~0", ">3", "=4", "!4"],
    ]
  ) {
    equal(probe(`${reply}\r\n`, "server"), "match", reply);
    equal(probe(`${reply}\r\n`, "server", 7000), "unsure", reply);
  }
  equal(probe("+O", "server"), "unsure");
  equal(probe("HTTP/1.1 200", "server"), "reject");
  equal(probe("$x\r\n", "server"), "reject");
});

Deno.test("what is seen from the wrong end is turned around", () => {
  const entries = dissect(redis, [
    { side: "client", bytes: "$1\r\na\r\n" },
    { side: "server", bytes: command("GET", "b") },
    { side: "client", bytes: "$1\r\nb\r\n" },
  ], { midStream: true, serverPort: 6379 });
  deepEqual(
    entries.map(({ summary }) => summary),
    ["bulk", "GET b"].slice(entries.length === 2 ? 0 : 1),
  );
});

Deno.test("summaries, statuses and failures", () => {
  const entries = dissect(redis, [
    { side: "client", bytes: command("GET", "a") + command("GET", "b") },
    { side: "server", bytes: "-WRONGTYPE no\r\n$1\r\nx\r\n" },
    { side: "server", bytes: `>2\r\n${bulk("message")}${bulk("news")}` },
    { side: "server", bytes: "-ERR x\r\n" },
  ]);
  deepEqual(
    entries.map((
      { summary, status, failed },
    ) => [summary, status, failed]),
    [
      ["GET a", "WRONGTYPE", true],
      ["GET b", "OK", false],
      ["MESSAGE news", undefined, false],
      ["ERR x", "ERR", true],
    ],
  );
});
