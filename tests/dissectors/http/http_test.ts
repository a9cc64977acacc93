/** HTTP/1 as it is said: what is on the wire, and what becomes of it. */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  brotliCompressSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { MAX_BODY } from "../../../dissectors/http/body.ts";
import { http } from "../../../dissectors/http/http.ts";
import type { Guess, Side } from "../../../dissectors/dissector.ts";
import { cpuTime } from "../../fuzz/cpu_time.ts";
import { concat, Random } from "../../fuzz/random.ts";
import {
  bytewise,
  type Chunk,
  dissect,
  type DissectOptions,
  type JsonEntry,
  START,
} from "../dissect.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const client = (bytes: string | Uint8Array): Chunk => ({
  side: "client",
  bytes,
});
const server = (bytes: string | Uint8Array): Chunk => ({
  side: "server",
  bytes,
});
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A response whose body has that coding. */
const coded = (coding: string, body: Uint8Array): Uint8Array =>
  concat(
    ascii(
      `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  );

/** The parts of an entry that a test names. */
function parts(entry: JsonEntry | undefined, names: string): unknown {
  return Object.fromEntries(
    names.split(" ").map((name) => {
      const [half, field] = name.split(".") as [string, string?];
      const value = entry?.[half];
      return [name, field ? (value as JsonEntry | undefined)?.[field] : value];
    }),
  );
}

/** Entries of chunks, which must not depend on how these are cut. */
function entriesOf(chunks: Chunk[], options?: DissectOptions): JsonEntry[] {
  const entries = dissect(http, chunks, options);
  const essence = (found: JsonEntry[]) =>
    found.map((entry) => ({ ...entry, id: undefined }));
  const single = dissect(http, bytewise(chunks), options);
  deepEqual(essence(single), essence(entries), "one byte at a time");
  const resumed = dissect(http, chunks, { ...options, resumed: true });
  deepEqual(resumed, entries, "saved and restored");
  return entries;
}

/** Of each entry its summary, status and what is incomplete. */
const outline = (entries: JsonEntry[]): string[] =>
  entries.map(({ summary, status, incomplete }) =>
    [summary, status, ...incomplete as string[] ?? []].filter((part) =>
      part !== undefined
    ).join(" ")
  );

const probe = (text: string, side: Side = "client"): Guess =>
  http.probe(Uint8Array.from(text, (c) => c.charCodeAt(0)), side, 80);

Deno.test("a request line or a status line is HTTP/1, and nothing else is", () => {
  const cases: [string, Side, Guess][] = [
    ["GET / HTTP/1.1\r\n", "client", "match"],
    ["\r\nGET / HTTP/1.0\r\n", "client", "match"],
    ["brew /pot HTTP/1.1\n", "client", "match"],
    ["GET /index.html\r\n", "client", "match"],
    [`GET /${"a".repeat(2000)}`, "client", "match"],
    ["GET / HTT", "client", "unsure"],
    ["G", "client", "unsure"],
    ["", "client", "unsure"],
    ["\r\n", "client", "unsure"],
    ["GET key\r\n", "client", "reject"],
    ["get /key\r\n", "client", "reject"],
    ["GET / HTTP/2.0\r\n", "client", "reject"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "client", "reject"],
    ["EHLO example.test\r\n", "client", "reject"],
    ["INVITE sip:a@b.test SIP/2.0\r\n", "client", "reject"],
    ["\x16\x03\x01\x02\x00", "client", "reject"],
    [" GET / HTTP/1.1\r\n", "client", "reject"],
    ["HTTP/1.1 200 OK\r\n", "server", "match"],
    ["HTTP/1.0 404", "server", "unsure"],
    ["HTTP/1.1 2000 OK\r\n", "server", "reject"],
    ["HTTP/2 200\r\n", "server", "reject"],
    ["RTSP/1.0 200 OK\r\n", "server", "reject"],
    ["SSH-2.0-OpenSSH_9.2\r\n", "server", "reject"],
    ["220 mail.test ESMTP\r\n", "server", "reject"],
  ];
  for (const [text, side, guess] of cases) {
    equal(probe(text, side), guess, JSON.stringify(text.slice(0, 40)));
  }
});

Deno.test("all parts of a request have their fields", () => {
  const [entry] = entriesOf([
    client(
      "POST /a/b%20c/%E4%BD%A0?x=1&y=%C3%A9+z&x=2&&w HTTP/1.1\r\n" +
        'Host: shop.test:8080\r\nCookie: a=b; c="d e"; f\r\n' +
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
        "Content-Length: 13\r\n\r\nn=J%C3%BC&m=+",
    ),
    server(OK),
  ]);
  deepEqual(entry!["request"], {
    method: "POST",
    target: "/a/b%20c/%E4%BD%A0?x=1&y=%C3%A9+z&x=2&&w",
    path: "/a/b%20c/%E4%BD%A0",
    pathSegments: ["a", "b c", "你"],
    queryString: { x: ["1", "2"], y: "é z", w: "" },
    url: "http://shop.test:8080/a/b%20c/%E4%BD%A0?x=1&y=%C3%A9+z&x=2&&w",
    host: "shop.test:8080",
    headers: {
      host: "shop.test:8080",
      cookie: 'a=b; c="d e"; f',
      "content-type": "application/x-www-form-urlencoded; charset=utf-8",
      "content-length": "13",
    },
    cookies: { a: "b", c: '"d e"', f: "" },
    contentType: "application/x-www-form-urlencoded; charset=utf-8",
    form: { n: "Jü", m: " " },
    body: "n=J%C3%BC&m=+",
    bodySize: 13,
  });
});

Deno.test("all parts of a response have their fields", () => {
  const [entry] = entriesOf([
    client(GET),
    server("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    server(
      "HTTP/1.0 404 Not  Found \r\nSet-Cookie: a=b; Path=/\r\n" +
        "set-cookie: c=d\r\nContent-Type: text/plain\r\n\r\ngone",
    ),
    { side: "server", fin: true },
  ]);
  deepEqual(entry!["response"], {
    status: 404,
    statusText: "Not  Found",
    version: "1.0",
    informational: [103],
    headers: {
      "set-cookie": ["a=b; Path=/", "c=d"],
      "content-type": "text/plain",
    },
    cookies: { a: "b", c: "d" },
    contentType: "text/plain",
    body: "gone",
    bodySize: 4,
  });
  deepEqual(parts(entry, "version summary status failed elapsedTime"), {
    version: "1.1",
    summary: "GET /",
    status: 404,
    failed: true,
    elapsedTime: 1,
  });
});

Deno.test("a form in parts has its texts and its files' names", () => {
  const part = (parameters: string, content: string) =>
    `--b\r\nContent-Disposition: form-data; ${parameters}\r\n\r\n${content}\r\n`;
  const form = "preamble\r\n" +
    part('name="text"', "one\r\ntwo") +
    part('name="quo\\"ted%22"', "3") +
    part('name="file"; filename="C:\\a.txt"', "content") +
    part('name="file"; filename=""', "") +
    part("no=name", "?") +
    "--b--\r\n--b\r\nafter the end";
  const [entry] = entriesOf([
    client(
      "POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
        `Content-Length: ${form.length}\r\n\r\n${form}`,
    ),
  ]);
  deepEqual((entry!["request"] as JsonEntry)["form"], {
    text: "one\r\ntwo",
    'quo"ted"': "3",
    file: ["C:\\a.txt", ""],
  });
});

Deno.test("an object's own names are names of fields like any other", () => {
  const [entry] = entriesOf([
    client("GET /?__proto__=1&constructor=2 HTTP/1.1\r\n__proto__: x\r\n\r\n"),
    server(OK),
  ]);
  const query = (entry!["request"] as JsonEntry)["queryString"];
  equal(JSON.stringify(query), '{"__proto__":"1","constructor":"2"}');
});

Deno.test("targets are taken apart in all their forms", () => {
  const cases: [string, string, unknown][] = [
    ["OPTIONS", "*", { path: "*", url: "http://a.test" }],
    ["CONNECT", "b.test:443", { path: undefined, url: "http://b.test:443" }],
    ["GET", "http://b.test", { path: undefined, url: "http://b.test" }],
    ["GET", "HTTPS://b.test/x?y", { path: "/x", url: "HTTPS://b.test/x?y" }],
    ["GET", "/x#y?z", { path: "/x", url: "http://a.test/x#y?z" }],
    ["GET", "//x", { path: "//x", url: "http://a.test//x" }],
    ["GET", "/x y", { path: "/x y", url: "http://a.test/x y" }],
  ];
  for (const [method, target, expected] of cases) {
    const [entry] = entriesOf([
      client(`${method} ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`),
    ]);
    const { path, url } = entry!["request"] as JsonEntry;
    deepEqual({ path, url }, expected, target);
  }
});

Deno.test("responses that cannot have a body have none, whatever they say", () => {
  const length = "Content-Length: 5\r\n\r\n";
  const entries = entriesOf([
    client("HEAD /head HTTP/1.1\r\n\r\n"),
    server(`HTTP/1.1 200 OK\r\n${length}`),
    client("GET /204 HTTP/1.1\r\n\r\n"),
    server(`HTTP/1.1 204 No Content\r\n${length}`),
    client("GET /304 HTTP/1.1\r\n\r\n"),
    server(`HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n`),
    client(GET),
    server(OK),
  ]);
  deepEqual(outline(entries), [
    "HEAD /head 200",
    "GET /204 204",
    "GET /304 304",
    "GET / 200",
  ]);
  deepEqual(
    entries.map((entry) => (entry["response"] as JsonEntry)["bodySize"]),
    [undefined, undefined, undefined, 2],
  );
});

Deno.test("a tunnel and an upgrade end HTTP, a refusal does not", () => {
  const upgrade = "GET /up HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
  deepEqual(
    outline(entriesOf([
      client("CONNECT b.test:80 HTTP/1.1\r\n\r\n"),
      server("HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"),
      client("CONNECT b.test:80 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n"),
      server("HTTP/1.1 200 Go on\r\nContent-Length: 9\r\n\r\n"),
      client(GET),
      server(OK),
    ])),
    ["CONNECT b.test:80 407", "CONNECT b.test:80 200", "GET / 200"],
  );
  deepEqual(
    outline(entriesOf([
      client(upgrade),
      server(OK),
      client(upgrade),
      server(
        "HTTP/1.1 101 Switching\r\nUpgrade: WebSocket/13\r\n\r\n\x81\x02hi",
      ),
      client("\x81\x82abcd\x09\x0b"),
      client(GET),
    ])),
    ["GET /up 200", "GET /up 101"],
  );
});

Deno.test("what follows an upgrade that is not answered is not requests", () => {
  const frames = new Random(1).bytes(200_000);
  deepEqual(
    outline(dissect(http, [
      client("GET /up HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
      client(frames),
      client(`\r\n${GET}`),
    ], { ending: "cut" })),
    ["GET /up cut", "GET / cut"],
  );
});

Deno.test("a request gets no other one's response", () => {
  const late = START + 40e6;
  deepEqual(
    outline(entriesOf([
      { ...client("GET /slow HTTP/1.1\r\n\r\n"), time: START } as Chunk,
      { expire: START + 32e6 },
      { ...client("GET /next HTTP/1.1\r\n\r\n"), time: late } as Chunk,
      { ...server(OK), time: late + 1000 } as Chunk,
      {
        ...server("HTTP/1.1 404 Next\r\nContent-Length: 0\r\n\r\n"),
        time: late + 2000,
      } as Chunk,
    ])),
    ["GET /slow no response", "200 OK 200", "GET /next 404"],
  );
});

Deno.test("what has no response says why", () => {
  const cases: [DissectOptions["ending"], string[]][] = [
    ["closed", ["GET / no response"]],
    ["reset", ["GET / reset"]],
    ["cut", ["GET / cut"]],
  ];
  for (const [ending, expected] of cases) {
    deepEqual(outline(entriesOf([client(GET)], { ending })), expected);
  }
});

Deno.test("bytes lost inside a body of known size are counted through", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const entries = entriesOf([
    client(GET),
    server(`${head}01`),
    { side: "server", gap: 5 },
    server("789"),
    client(GET),
    server(OK),
  ]);
  deepEqual(outline(entries), ["GET / 200 gap", "GET / 200"]);
  deepEqual(parts(entries[0], "response.body response.bodySize responseSize"), {
    "response.body": "01",
    "response.bodySize": 10,
    responseSize: head.length + 10,
  });
});

Deno.test("bytes lost inside a chunk are counted through", () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const entries = entriesOf([
    client(GET),
    server(`${head}a\r\n01`),
    { side: "server", gap: 5 },
    server("789\r\n0\r\n\r\n"),
    client(GET),
    server(`${head}5\r\n01`),
    { side: "server", gap: 5 },
    server("\r\n0\r\n\r\n"),
    client("GET /next HTTP/1.1\r\n\r\n"),
    server(OK),
  ]);
  deepEqual(outline(entries), [
    "GET / 200 gap",
    "GET / 200 gap",
    "GET /next 200",
  ]);
  const sizes = entries.map((e) => (e["response"] as JsonEntry)["bodySize"]);
  deepEqual(sizes, [10, undefined, 2]);
});

Deno.test("after a lost head reading goes on at the next message", () => {
  deepEqual(
    outline(entriesOf([
      client("GET /1 HTTP/1.1\r\nHo"),
      { side: "client", gap: 20 },
      client("ders: x\r\n\r\n"),
      server(OK),
      client("GET /2 HTTP/1.1\r\n\r\n"),
      server("HTTP/1.1 200 OK\r\nCon"),
      { side: "server", gap: 20 },
      server("2\r\n\r\nok"),
      client("GET /3 HTTP/1.1\r\n\r\n"),
      server(OK),
    ])),
    ["200 OK 200 gap", "GET /2 gap", "GET /3 200"],
  );
});

Deno.test("a connection is joined at its next message", () => {
  const options = { midStream: true };
  deepEqual(
    outline(entriesOf([
      server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      client(GET),
      server(OK),
    ], options)),
    ["200 OK 200 mid-stream", "GET / 200"],
  );
  deepEqual(
    // A body that does not end its line runs into the next message.
    outline(entriesOf([
      client("GET /1 HTTP/1.1\r\n\r\n"),
      server("\xff\xd8 end of a picture"),
      client("GET /2 HTTP/1.1\r\n\r\n"),
      server(`\xff\xd9${OK}`),
    ], options)),
    ["GET /1 gap", "GET /2 200"],
  );
});

Deno.test("a lost first request is not forgotten", () => {
  deepEqual(
    outline(entriesOf([
      { side: "client", gap: 30 },
      client("GET /2 HTTP/1.1\r\n\r\n"),
      server(OK),
      server(OK),
      client("GET /3 HTTP/1.1\r\n\r\n"),
      server(OK),
    ])),
    ["GET /2 gap", "200 OK 200 gap", "200 OK 200 gap", "GET /3 200"],
  );
  deepEqual(
    outline(entriesOf([
      { side: "client", gap: 30 },
      server(OK),
      client("GET /2 HTTP/1.1\r\n\r\n"),
      server(OK),
    ])),
    ["200 OK 200 gap", "GET /2 200"],
  );
});

Deno.test("a response to nothing is an entry of its own", () => {
  const timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
  deepEqual(outline(entriesOf([server(timeout)])), ["408 Request Timeout 408"]);
  deepEqual(outline(entriesOf([server(OK)], { midStream: true })), [
    "200 OK 200 mid-stream",
  ]);
});

Deno.test("a response whose request is unknown may lack its body", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
  const entries = entriesOf([server(head), server(OK)], { midStream: true });
  deepEqual(outline(entries), [
    "200 OK 200 mid-stream",
    "200 OK 200 mid-stream",
  ]);
});

Deno.test("codings are undone, or named where that cannot be", () => {
  const text = "all work and no play ".repeat(20);
  const raw = ascii(text);
  const gzip: Uint8Array = gzipSync(raw);
  const trailing = concat(gzip.subarray(0, -8), ascii("nonsense, and more"));
  const cases: [string, Uint8Array, string | undefined][] = [
    ["gzip", gzip, undefined],
    ["GZIP", gzip, undefined],
    ["gzip", trailing, undefined],
    ["gzip", gzip.subarray(0, 30), "gzip"],
    ["gzip", raw, "gzip"],
    ["br", brotliCompressSync(raw), undefined],
    ["br", brotliCompressSync(raw).subarray(0, 20), "br"],
    ["br", concat(brotliCompressSync(raw), raw), "br"],
    ["zstd", zstdCompressSync(raw), undefined],
    ["zstd", zstdCompressSync(raw).subarray(0, -3), "zstd"],
    ["zstd, gzip", gzipSync(zstdCompressSync(raw)), undefined],
    ["zstd, gzip", gzip, "zstd"],
    ["compress", raw, "compress"],
    ["identity", raw, undefined],
  ];
  for (const [coding, body, left] of cases) {
    const [entry] = entriesOf([client(GET), server(coded(coding, body))]);
    const { body: found, bodySize, bodyCoding } =
      entry!["response"] as JsonEntry;
    equal(bodyCoding, left, coding);
    const isUndone = left === undefined || left === "zstd" && coding !== "zstd";
    if (isUndone) deepEqual([found, bodySize], [text, text.length], coding);
    else equal(bodySize, body.length, coding);
  }
});

Deno.test("deflate is zlib, or what is inside of it", () => {
  const text = "all work and no play ".repeat(20);
  const zlib = deflateSync(ascii(text));
  const skippable = ascii("\x50\x2a\x4d\x18\x03\0\0\0abc");
  const bodies: [string, Uint8Array][] = [
    ["deflate", zlib],
    ["deflate", zlib.subarray(2, -4)],
    ["zstd", concat(skippable, zstdCompressSync(ascii(text)))],
  ];
  for (const [coding, body] of bodies) {
    const [entry] = entriesOf([client(GET), server(coded(coding, body))]);
    equal((entry!["response"] as JsonEntry)["body"], text, coding);
  }
});

Deno.test("where most bodies are broken, no more are tried", () => {
  const good = coded("deflate", deflateSync(ascii("good")));
  const broken = coded("deflate", ascii("\x78\x9cbroken"));
  const times = <T>(count: number, it: T): T[] => new Array(count).fill(it);
  const last = (...responses: Uint8Array[]): unknown => {
    const asked = client(GET.repeat(responses.length));
    const entries = dissect(http, [asked, ...responses.map(server)]);
    equal(entries.length, responses.length);
    return (entries.at(-1)!["response"] as JsonEntry)["bodyCoding"];
  };
  equal(last(...times(127, broken), good), undefined);
  equal(last(...times(128, broken), good), "deflate");
  // What is good makes up for it.
  equal(last(...times(127, broken), good, good, broken, good), undefined);
});

Deno.test("of a coded body that is cut the beginning is undone", () => {
  const raw = new Random(7).bytes(3000).toHex();
  for (
    const [coding, body] of [["gzip", gzipSync(raw)], [
      "deflate",
      gzipSync(raw).subarray(10),
    ]] as const
  ) {
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\n\r\n`;
    const [entry] = dissect(http, [
      client(GET),
      server(concat(ascii(head), body.subarray(0, body.length / 2))),
    ], { ending: "cut" });
    const { body: found, bodySize } = entry!["response"] as {
      body: string;
      bodySize?: number;
    };
    ok(found.length > raw.length / 3 && raw.startsWith(found), coding);
    equal(bodySize, undefined);
  }
});

Deno.test("bombs stay packed", () => {
  const zeros = new Uint8Array(4 * MAX_BODY);
  const bombs = [
    ["gzip", gzipSync(zeros)],
    ["br", brotliCompressSync(zeros)],
    ["zstd", zstdCompressSync(zeros)],
    ["gzip, br", brotliCompressSync(gzipSync(zeros))],
  ] as const;
  for (const [codings, bomb] of bombs) {
    const [entry] = dissect(http, [client(GET), server(coded(codings, bomb))]);
    const { bodyCoding, bodySize } = entry!["response"] as JsonEntry;
    equal(bodyCoding, codings.split(",")[0]);
    ok(bodySize as number <= zeros.length / 100);
  }
});

Deno.test("of a long body no more than a limit is kept, and all is counted", () => {
  const piece = new Uint8Array(1 << 20).fill(0x61);
  const count = MAX_BODY / piece.length + 2;
  const [entry] = dissect(http, [
    client(GET),
    server("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"),
    ...Array.from({ length: count }, () => server(piece)),
    { side: "server", fin: true },
  ]);
  const { body, bodySize } = entry!["response"] as {
    body: string;
    bodySize: number;
  };
  equal(bodySize, count * piece.length);
  ok(body.length <= MAX_BODY);
});

Deno.test("without bodies every other field is the same", () => {
  const chunks = [
    client(
      "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b",
    ),
    server(
      concat(
        ascii("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
        gzipSync(ascii("hello")),
      ),
    ),
    { side: "server", fin: true } as Chunk,
  ];
  const [whole, without] = [true, false].map((wantsBodies) => {
    const [entry] = dissect(http, chunks, { wantsBodies });
    const { request, response } = entry as Record<string, JsonEntry>;
    return {
      request: { ...request, body: 0 },
      response: { ...response, body: 0 },
    };
  });
  deepEqual(without, whole);
  deepEqual(parts(without, "request.form response.bodySize"), {
    "request.form": { a: "b" },
    "response.bodySize": 5,
  });
});

Deno.test("64 KB of anything is read without delay", () => {
  const SIZE = 65_536;
  const random = new Random(3);
  const fill = (text: string): Uint8Array =>
    ascii(text.repeat(SIZE / text.length));
  const cases: [string, Side, string | Uint8Array][] = [
    ["noise", "server", random.bytes(SIZE)],
    ["line ends", "client", fill("\r\n")],
    ["beginnings of responses", "server", fill("HTTP/1.1 200 ")],
    ["beginnings of requests", "client", fill("GET /")],
    [
      "lines without a colon",
      "server",
      concat(ascii("HTTP/1.1 200 OK\r\n"), fill("\na"), ascii("\r\n\r\n")),
    ],
    [
      "fields",
      "server",
      concat(ascii("HTTP/1.1 200 OK\r\n"), fill("a:\n"), ascii("\r\n\r\n")),
    ],
    [
      "blanks",
      "server",
      concat(ascii("HTTP/1.1 200 OK\r\nA:"), fill(" "), ascii("x\r\n\r\n")),
    ],
    [
      "folds",
      "server",
      concat(ascii("HTTP/1.1 200 OK\r\nA:"), fill("\r\n "), ascii("x\r\n\r\n")),
    ],
    [
      "small chunks",
      "server",
      concat(
        ascii("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        fill("1\r\na\r\n"),
      ),
    ],
    [
      "a long size",
      "server",
      concat(
        ascii("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        fill("0"),
      ),
    ],
    ["responses", "server", fill("HTTP/1.1 204 \r\n\r\n")],
    [
      "parameters",
      "client",
      concat(ascii("GET /?"), fill("a&b&"), ascii(" HTTP/1.1\r\n\r\n")),
    ],
    ["a long name", "client", concat(ascii("GET /\r\n"), fill("a"))],
    [
      "quotes",
      "client",
      concat(
        ascii("POST / HTTP/1.1\r\nContent-Type: multipart/form-data"),
        fill(';boundary="'),
        ascii("\r\nContent-Length: 1\r\n\r\na"),
      ),
    ],
  ];
  for (const [name, side, bytes] of cases) {
    const opening = side === "server" ? [client(GET)] : [];
    for (const midStream of [false, true]) {
      const start = cpuTime();
      dissect(http, [...opening, { side, bytes }], { midStream });
      dissect(
        http,
        bytewise([...opening, { side, bytes: bytes.slice(0, 16_384) }]),
        { midStream },
      );
      const elapsed = cpuTime() - start;
      ok(elapsed < 2000, `${name} took ${elapsed} ms`);
    }
  }
});
