/**
 * HTTP/1 of any bytes: exchanges, whatever is broken, lost or cut, and the same
 * ones however the bytes were cut.
 *
 * `HTTP_FUZZ_CASES` says how many cases, `HTTP_FUZZ_SEED` with which to begin.
 */
import { deepEqual, ok } from "node:assert/strict";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { Side } from "../../dissectors/dissector.ts";
import type { FieldMap } from "../../entry/field.ts";
import { http } from "../../dissectors/http/http.ts";
import { type Step, talk, type TalkOptions } from "../dissectors/http/talk.ts";
import { concat, Random } from "./random.ts";

const CASES = Number(Deno.env.get("HTTP_FUZZ_CASES") ?? 40_000);
const FIRST_SEED = Number(Deno.env.get("HTTP_FUZZ_SEED") ?? 1);

/** Cases in one test, so that a failure does not hide behind the rest. */
const BATCH = 5000;

const ascii = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

const TEXT = ascii("the quick brown fox jumps over the lazy dog. ".repeat(2));
const CODED: readonly (readonly [string, Uint8Array])[] = [
  ["gzip", gzipSync(TEXT)],
  ["x-gzip", concat(gzipSync(TEXT), gzipSync(TEXT))],
  ["deflate", deflateSync(TEXT)],
  ["deflate", deflateRawSync(TEXT)],
  ["br", brotliCompressSync(TEXT)],
  ["zstd", zstdCompressSync(TEXT)],
  ["zstd", concat(zstdCompressSync(TEXT), zstdCompressSync(TEXT))],
  ["gzip, br", brotliCompressSync(gzipSync(TEXT))],
  ["lzma", TEXT],
  ["identity", TEXT],
  ["gzip, gzip, gzip, gzip, gzip", TEXT],
  ["gzip", TEXT],
  ["br", gzipSync(TEXT).subarray(4)],
  ["zstd", TEXT],
  ["gzip", gzipMember(0x1e, "name\0comment\0")],
];

/** A gzip member with optional parts that zlib never writes. */
function gzipMember(flags: number, names: string): Uint8Array {
  const head = Uint8Array.of(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3);
  const extra = Uint8Array.of(2, 0, 0x61, 0x62);
  const crc = Uint8Array.of(1, 2);
  const end = new Uint8Array(8);
  return concat(head, extra, ascii(names), crc, deflateRawSync(TEXT), end);
}

const METHODS = "GET GET GET HEAD POST PUT CONNECT OPTIONS brew M-SEARCH"
  .split(" ");
const TARGETS = [
  "/",
  "/a/b%20c?d=e&f=%C3%A9&d=+&&=x&g",
  "/caf\xe9#fragment",
  "/\xc3\xa9/%zz?",
  "*",
  "http://proxied.test:8080/x?y",
  "http://proxied.test",
  "host.test:443",
  "/with blanks in it",
  "relative",
];
const FIELDS = [
  "Host: fuzz.test",
  "Host:",
  'Cookie: a=b; c; =d; a="e"',
  "Set-Cookie: session=1; Path=/",
  "Accept: text/html,\r\n\tapplication/json",
  "X: one\n two",
  "X : two",
  "X: caf\xe9",
  "X: caf\xc3\xa9",
  " leading: blank",
  "no colon",
  ": no name",
  "__proto__: polluted",
  "Connection: Upgrade",
  "Content-Type: text/plain",
  "Transfer-Encoding: identity",
  "Upgrade: websocket",
];
const LENGTHS = ["", "-1", "0x5", "5, 5", "5, 6", "99999999999999999", "5 "];
const STATUSES = [200, 200, 200, 100, 103, 101, 204, 304, 301, 404, 417, 503];

/** Lines end as they should, mostly. */
const lineEnd = (random: Random): string => random.chance(0.95) ? "\r\n" : "\n";

function head(random: Random, first: string, fields: string[]): Uint8Array {
  for (let n = random.int(0, 3); n > 0; n--) {
    fields.splice(random.int(0, fields.length), 0, random.pick(FIELDS));
  }
  return ascii([first, ...fields, ""].map((l) => l + lineEnd(random)).join(""));
}

/** The body in chunks, with what may stand around them. */
function chunked(random: Random, body: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const size = random.int(1, 40);
    const chunk = body.subarray(at, at + size);
    const extension = random.pick(["", "", ";a=b", ",", " ", "x"]);
    const line = `${chunk.length.toString(16)}${extension}${lineEnd(random)}`;
    parts.push(ascii(line), chunk, ascii(lineEnd(random)));
    at += size;
  }
  const last = random.pick(["0", "00", "0;last", "g"]);
  const trailers = random.pick(["", "", "A: 1\r\nB: 2\r\n", "odd\r\n"]);
  parts.push(ascii(`${last}\r\n${trailers}\r\n`));
  return concat(...parts);
}

/** A body with the fields that tell of it, truthfully or not. */
function body(random: Random, fields: string[]): Uint8Array {
  let content = random.pick([TEXT, ascii("hello"), new Uint8Array(0)]);
  if (random.chance(0.15)) {
    const [coding, coded] = random.pick(CODED);
    fields.push(`Content-Encoding: ${coding}`);
    content = coded;
  }
  switch (random.int(0, 9)) {
    case 0:
      return content;
    case 1:
      fields.push(`Content-Length: ${random.pick(LENGTHS)}`);
      return content;
    case 2:
      fields.push("Content-Length: 5");
      return content;
    case 3:
    case 4:
    case 5:
      fields.push("Transfer-Encoding: chunked");
      return chunked(random, content);
    case 6:
      fields.push(
        `Transfer-Encoding: ${random.pick(["gzip, chunked", "xchunked"])}`,
        ...random.chance(0.3) ? ["transfer-encoding: chunked"] : [],
      );
      return chunked(random, content);
    default:
      fields.push(`Content-Length: ${content.length}`);
      return content;
  }
}

const FORMS: readonly (readonly [string, string])[] = [
  ["application/x-www-form-urlencoded", "a=1&b=%C3%A9+x&a=2&=&c"],
  [
    'multipart/form-data; boundary="b b"',
    '--b b\r\nContent-Disposition: form-data; name="a\\"b"\r\n\r\n1\r\n' +
    '--b b\nContent-Disposition: form-data; name=f; filename="x.txt"\n\nfile\n' +
    "--b b\r\nno disposition\r\n--b b--\r\n",
  ],
  ["multipart/form-data", "no boundary"],
];

function request(random: Random): Uint8Array {
  const fields: string[] = [];
  const method = random.pick(METHODS);
  const version = random.pick([
    " HTTP/1.1",
    " HTTP/1.1",
    " HTTP/1.0",
    " http/1.1",
  ]);
  const isSimple = random.chance(0.05);
  const first = isSimple
    ? `GET /simple`
    : `${method} ${random.pick(TARGETS)}${version}`;
  if (isSimple && random.chance(0.5)) return ascii(`${first}\r\n`);
  let content: Uint8Array = new Uint8Array(0);
  if (random.chance(0.1)) {
    const [type, form] = random.pick(FORMS);
    content = ascii(form);
    fields.push(`Content-Type: ${type}`, `Content-Length: ${form.length}`);
  } else if (random.chance(0.3)) {
    content = body(random, fields);
    if (random.chance(0.2)) fields.push("Expect: 100-continue");
  }
  if (random.chance(0.2)) content = new Uint8Array(0);
  const before = random.chance(0.05) ? ascii("\r\n\n") : new Uint8Array(0);
  return concat(before, head(random, first, fields), content);
}

function response(random: Random): Uint8Array {
  const fields: string[] = [];
  const status = random.pick(STATUSES);
  const version = random.pick(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "http/1.0"]);
  const reason = random.pick([" OK", "", " caf\xe9 ", " Not Found"]);
  const content = random.chance(0.8) ? body(random, fields) : new Uint8Array(0);
  if (status === 101 && random.chance(0.7)) fields.push("Upgrade: h2c/1, b");
  return concat(head(random, `${version} ${status}${reason}`, fields), content);
}

/** A connection: what is said, mostly in turn, and what befalls it. */
function connection(random: Random): Step[] {
  const steps: Step[] = [];
  let place = 0;
  const say = (side: Side, bytes: Uint8Array) => {
    const said = random.chance(0.15) ? random.mutate(bytes) : bytes;
    steps.push({ side, bytes: said, place: place++ });
    if (random.chance(0.02)) steps.push({ side, gap: random.int(1, 200) });
  };
  const isPipelined = random.chance(0.2);
  for (let n = random.int(1, 3); n > 0; n--) {
    if (random.chance(0.95)) say("client", request(random));
    if (isPipelined) say("client", request(random));
    if (random.chance(0.9)) say("server", response(random));
    if (isPipelined) say("server", response(random));
    if (random.chance(0.03)) {
      say(random.pick(["client", "server"]), random.bytes(60));
    }
    if (random.chance(0.03)) {
      place += 31_000;
      steps.push({ expire: place - 30_000 });
    }
    if (random.chance(0.03)) {
      steps.push({ side: random.pick(["client", "server"]), fin: true });
    }
  }
  if (random.chance(0.3)) steps.push({ side: "server", fin: true });
  return cut(random, steps);
}

/** Cuts messages into segments, of which some are lost. */
function cut(random: Random, steps: readonly Step[]): Step[] {
  if (random.chance(0.5)) return [...steps];
  const most = random.pick([5, 50, 500]);
  const pieces: Step[] = [];
  for (const step of steps) {
    if (!("bytes" in step)) {
      pieces.push(step);
      continue;
    }
    const { side, bytes, place } = step;
    for (let at = 0; at < bytes.length;) {
      const size = Math.min(bytes.length - at, random.int(1, most));
      const isLost = random.chance(0.01);
      const piece = bytes.subarray(at, at + size);
      pieces.push(isLost ? { side, gap: size } : { side, bytes: piece, place });
      at += size;
    }
  }
  return pieces;
}

/** The same bytes in other pieces, each where it was captured before. */
function recut(random: Random, steps: readonly Step[]): Step[] {
  return steps.flatMap((step): Step[] => {
    if (!("bytes" in step)) return [step];
    const { side, bytes, place } = step;
    const most = random.pick([1, 3, 30]);
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = random.int(1, most);
      pieces.push({ side, bytes: bytes.subarray(at, at + size), place });
      at += size;
    }
    return pieces;
  });
}

/** What is the same whether or not bodies are wanted. */
function withoutBodies(found: unknown[]): unknown[] {
  return JSON.parse(
    JSON.stringify(found, (key, value) => key === "body" ? undefined : value),
  );
}

for (let first = 0; first < CASES; first += BATCH) {
  const last = Math.min(first + BATCH, CASES) - 1;
  Deno.test(`http reads whatever is said, cases ${first} to ${last}`, () => {
    for (let i = first; i <= last; i++) check(FIRST_SEED + i);
  });
}

function check(seed: number): void {
  const random = new Random(seed);
  const steps = connection(random);
  const options: TalkOptions = {
    midStream: random.chance(0.2),
    ending: random.pick(["closed", "reset", "cut"]),
  };
  try {
    const found = talk(steps, options);
    if (seed % 4 === 0) {
      deepEqual(talk(recut(random, steps), options), found, "recut");
    }
    if (seed % 4 === 1) {
      deepEqual(talk(steps, { ...options, resumed: true }), found, "resumed");
    }
    if (seed % 4 === 2) {
      const bodiless = talk(steps, { ...options, wantsBodies: false });
      deepEqual(withoutBodies(bodiless), withoutBodies(found), "bodies");
    }
    if (seed % 4 === 3) {
      checkLiterals(steps, found as Given[]);
      for (const step of steps) {
        if ("bytes" in step) http.probe(step.bytes, step.side, 80);
      }
    }
  } catch (error) {
    throw new Error(`Seed ${seed}`, { cause: error });
  }
}

/** What {@link talk} gives, as far as the literals' law looks at it. */
interface Given {
  readonly next?: object;
  readonly request?: { readonly values: Readonly<Record<string, unknown>> };
  readonly response?: { readonly values: Readonly<Record<string, unknown>> };
}

/**
 * What a field declares to be verbatim stands in the bytes, so that a search
 * for it loses no match; and so does what announces another protocol.
 */
function checkLiterals(steps: readonly Step[], found: readonly Given[]): void {
  const bytes = { client: "", server: "" };
  for (const step of steps) {
    if ("gap" in step) bytes[step.side] += "<gap>";
    if (!("bytes" in step)) continue;
    for (const byte of step.bytes) {
      bytes[step.side] += String.fromCharCode(byte);
    }
  }
  const flow = `${bytes.client}<other side>${bytes.server}`;
  for (const exchange of found) {
    for (const half of ["request", "response"] as const) {
      const values = exchange[half]?.values ?? {};
      for (const [name, value] of Object.entries(values)) {
        const field = (http.fields[half] as FieldMap)[name]!;
        if (field.literal !== "verbatim") continue;
        if (field.unless.some((mark) => flow.toLowerCase().includes(mark))) {
          continue;
        }
        for (const text of textsOf(value)) {
          ok(flow.includes(text), `${half}.${name} is not verbatim: ${text}`);
        }
      }
    }
    const isAnnounced = http.leadsTo!.some(({ announcedBy }) =>
      announcedBy.some((mark) => flow.includes(mark))
    );
    ok(!exchange.next || isAnnounced, "Another protocol is not announced");
  }
}

/** The runs of ASCII in a value's texts: those that are searched for. */
function textsOf(value: unknown): string[] {
  if (typeof value === "object" && value !== null) {
    return "base64" in value ? [] : Object.values(value).flatMap(textsOf);
  }
  return String(value).split(/[\u0080-\uffff]+/);
}

Deno.test("http gives up requests that nobody ever answers", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = new Random(seed);
    const requests = Array.from({ length: 1500 }, () => request(random));
    const steps: Step[] = [
      { side: "client", bytes: concat(...requests), place: 0 },
      { side: "server", bytes: response(random), place: 1 },
    ];
    deepEqual(talk(recut(random, steps)), talk(steps));
  }
});

// ——— Losses

/** Connections in the law of losses. */
const LOSSES = Math.ceil(CASES / 4);

/** A connection on which request and response i both name i. */
function numbered(random: Random): Step[] {
  const steps: Step[] = [];
  const isPipelined = random.chance(0.5);
  const count = random.int(2, 6);
  let place = 0;
  const asked: string[] = [];
  const say = (side: Side, text: string) => {
    const most = random.pick([10, 60, 1000]);
    for (let at = 0; at < text.length; at += most) {
      const bytes = ascii(text.slice(at, at + most));
      steps.push({ side, bytes, place: place++ });
    }
  };
  for (let i = 0; i < count; i++) {
    const method = random.pick(["GET", "GET", "HEAD", "POST", "PUT"]);
    asked.push(method);
    say("client", numberedRequest(method, i));
    if (isPipelined && random.chance(0.6) && i + 1 < count) continue;
    while (asked.length > 0) {
      const n = i + 1 - asked.length;
      say("server", numberedResponse(random, asked.shift()!, n));
    }
  }
  return steps;
}

const numberedRequest = (method: string, i: number): string => {
  const first = `${method} /${i} HTTP/1.1\r\nHost: loss.test\r\n`;
  if (method === "POST") return `${first}Content-Length: 7\r\n\r\nsent ${i}.`;
  if (method !== "PUT") return `${first}\r\n`;
  return `${first}Transfer-Encoding: chunked\r\n\r\n4\r\nsent\r\n2\r\n ${i}\r\n0\r\n\r\n`;
};

function numberedResponse(random: Random, method: string, i: number): string {
  const first = random.pick([
    `HTTP/1.1 200 OK\r\nX: ${i}\r\n`,
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nX: ${i}\r\n`,
  ]);
  const body = `got ${i}, and more that fills the segments of a body`;
  const isChunked = random.chance(0.4);
  const head = isChunked
    ? `${first}Transfer-Encoding: chunked\r\n\r\n`
    : `${first}Content-Length: ${body.length}\r\n\r\n`;
  if (method === "HEAD") return head;
  if (!isChunked) return head + body;
  const [a, b] = [body.slice(0, 9), body.slice(9)];
  return `${head}9\r\n${a}\r\n${b.length.toString(16)}\r\n${b}\r\n0\r\n\r\n`;
}

/** What the law looks at. */
interface Seen {
  readonly incomplete?: readonly string[];
  readonly request?: { readonly values: { readonly path?: string } };
  readonly response?: {
    readonly values: { readonly headers?: { readonly x?: string } };
  };
}

/** The values of both halves, which do not tell where they were captured. */
const said = ({ request, response }: Seen): string =>
  JSON.stringify([request?.values, response?.values]);

Deno.test(`http invents nothing where segments are lost, ${LOSSES} cases`, () => {
  let lost = 0;
  let kept = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + LOSSES; seed++) {
    const random = new Random(seed);
    const steps = numbered(random);
    const whole = new Set((talk(steps) as Seen[]).map(said));
    const loss = random.pick([0.02, 0.1, 0.3]);
    const found = talk(
      steps.map((step) => {
        if (!("bytes" in step) || !random.chance(loss)) return step;
        return { side: step.side, gap: step.bytes.length };
      }),
    ) as Seen[];
    for (const exchange of found) {
      const { incomplete, request, response } = exchange;
      const [path, x] = [request?.values.path, response?.values.headers?.x];
      const isPair = path === undefined || x === undefined || path === `/${x}`;
      ok(isPair, `Seed ${seed} pairs ${path} with ${x}`);
      if (incomplete) lost++;
      else {
        kept++;
        ok(whole.has(said(exchange)), `Seed ${seed} invents ${said(exchange)}`);
      }
    }
  }
  // A law that is never put to the test would hold as well.
  ok(lost > LOSSES / 4 && kept > LOSSES / 4, `${lost} lost, ${kept} kept`);
});
