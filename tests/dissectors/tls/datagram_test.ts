import { deepEqual, equal } from "node:assert/strict";
import { tls } from "../../../dissectors/tls/tls.ts";
import { concat } from "../../fuzz/random.ts";
import { type Chunk, dissect, type JsonEntry, START } from "../dissect.ts";
import {
  algorithms,
  ascii,
  certificates,
  clientHello,
  datagram,
  type Hello,
  piece,
  serverHello,
  sni,
} from "./messages.ts";

const OLD = { version: 0xfefd } as const;

const hello = (more: Hello = {}) =>
  clientHello({
    ...OLD,
    cookie: new Uint8Array(),
    extensions: [sni("turn.shop")],
    ...more,
  });

const HELLO = hello();
const AGAIN = hello({ cookie: ascii("cookie") });
const VERIFY = concat(Uint8Array.of(0xfe, 0xff, 6), ascii("cookie"));
const ANSWER = serverHello({ ...OLD, suites: [0xc02f] });
const CERTIFICATE = certificates(ascii("a leaf of some length"), ascii("root"));
const KEY = new Uint8Array(40);
const NOTHING = new Uint8Array();

const client = (...records: Uint8Array[]): Chunk => ({
  side: "client",
  bytes: concat(...records),
});
const server = (...records: Uint8Array[]): Chunk => ({
  side: "server",
  bytes: concat(...records),
});

const change = (number: number) =>
  datagram({ number, type: 20 }, Uint8Array.of(1));
const finished = datagram({ number: 0, epoch: 1 }, new Uint8Array(40).fill(9));

/** The datagrams of a whole handshake of DTLS 1.2 with a cookie. */
const whole: readonly Chunk[] = [
  client(datagram({ number: 0 }, piece(1, 0, HELLO))),
  server(datagram({ number: 0 }, piece(3, 0, VERIFY))),
  client(datagram({ number: 1 }, piece(1, 1, AGAIN))),
  server(
    datagram({ number: 1 }, piece(2, 1, ANSWER)),
    datagram({ number: 2 }, piece(11, 2, CERTIFICATE, 0, 20)),
  ),
  server(datagram({ number: 3 }, piece(11, 2, CERTIFICATE, 20))),
  server(
    datagram({ number: 4 }, piece(12, 3, KEY, 0, 10)),
    datagram({ number: 5 }, piece(12, 3, KEY, 10)),
    datagram({ number: 6 }, piece(14, 4, NOTHING)),
  ),
  client(datagram({ number: 2 }, piece(16, 2, KEY)), change(3), finished),
  server(change(7), finished),
];

const read = (chunks: readonly Chunk[], more = {}) =>
  dissect(tls, chunks, { transport: "udp", ...more });

/** What was said, and what is missing. */
function essence({ version, request, response, incomplete }: JsonEntry) {
  return { version, request, response, incomplete };
}

const without = (index: number) => whole.filter((_, i) => i !== index);

Deno.test("DTLS: a handshake with a cookie is one entry", () => {
  const [entry, ...others] = read(whole);
  equal(others.length, 0);
  const request = entry?.["request"] as Record<string, unknown>;
  const response = entry?.["response"] as Record<string, unknown>;
  equal(entry?.["version"], "dtls1.2");
  equal(entry?.["summary"], "turn.shop dtls1.2");
  equal(entry?.["status"], "ok");
  equal(entry?.["incomplete"], undefined);
  equal(request["serverName"], "turn.shop");
  equal((request["ja4"] as string).slice(0, 3), "dd2");
  equal(request["retransmissions"], undefined);
  equal(response["helloRetry"], true);
  equal((response["certificates"] as unknown[]).length, 2);
  equal(entry?.["requestSize"], 13 + 12 + HELLO.length);
  const flight = [whole[3]!, whole[4]!, whole[5]!].reduce(
    (sum, chunk) => sum + ("bytes" in chunk ? chunk.bytes.length : 0),
    0,
  );
  equal(entry?.["responseSize"], flight);
});

Deno.test("DTLS: saved and restored at each datagram it gives the same", () => {
  deepEqual(read(whole, { resumed: true }), read(whole));
});

Deno.test("DTLS: datagrams that come twice change nothing", () => {
  const [once] = read(whole);
  for (const index of [3, 4, 5, 6, 7]) {
    const chunks = whole.toSpliced(index, 0, whole[index]!);
    const [twice, ...others] = read(chunks);
    equal(others.length, 0);
    deepEqual(essence(twice!), essence(once!));
    equal(twice?.["responseSize"], once?.["responseSize"]);
  }
});

Deno.test("DTLS: hellos that come late are no further entries", () => {
  deepEqual(
    read([...whole, whole[0]!, whole[2]!, whole[3]!]).length,
    1,
  );
});

Deno.test("DTLS: datagrams that overtake others change nothing", () => {
  const [inOrder] = read(whole);
  for (const index of [3, 4]) {
    const chunks = [...whole];
    chunks.splice(index, 2, whole[index + 1]!, whole[index]!);
    const [swapped, ...others] = read(chunks);
    equal(others.length, 0);
    deepEqual(essence(swapped!), essence(inOrder!));
  }
});

Deno.test("DTLS: a datagram that was lost shows, unless it told nothing", () => {
  const [inOrder] = read(whole);
  const tellsNothing = new Set([1, 7]); // the HelloVerifyRequest; the last one
  for (let lost = 0; lost < whole.length; lost++) {
    const found = read(without(lost));
    equal(found.length, 1);
    const incomplete = found[0]?.["incomplete"] as string[] | undefined;
    if (tellsNothing.has(lost)) {
      deepEqual(essence(found[0]!), essence(inOrder!));
    } else {
      deepEqual(incomplete, ["gap"], `without datagram ${lost}`);
    }
  }
});

Deno.test("DTLS: an unanswered hello that is repeated counts", () => {
  const again = (number: number): Chunk =>
    client(datagram({ number }, piece(1, 0, HELLO)));
  const [entry, ...others] = read([again(0), again(1), again(2)]);
  equal(others.length, 0);
  deepEqual(
    (entry?.["request"] as Record<string, unknown>)["retransmissions"],
    2,
  );
  deepEqual(entry?.["incomplete"], ["no response"]);
  const answered = read([again(0), whole[1]!, again(1)]);
  equal(
    (answered[0]?.["request"] as Record<string, unknown>)["retransmissions"],
    undefined,
  );
  equal(answered[0]?.["incomplete"], undefined);
});

Deno.test("DTLS: a hello in pieces is read whatever their order and overlap", () => {
  const long = hello({
    extensions: [sni("turn.shop"), algorithms(...new Array(300).fill(0x0403))],
  });
  const pieces = [
    datagram({ number: 2 }, piece(1, 0, long, 500)),
    datagram({ number: 0 }, piece(1, 0, long, 0, 300)),
    datagram({ number: 0 }, piece(1, 0, long, 0, 300)),
    datagram({ number: 1 }, piece(1, 0, long, 200, 550)),
  ];
  const [entry] = read(pieces.map((record) => client(record)));
  equal(
    (entry?.["request"] as Record<string, unknown>)["serverName"],
    "turn.shop",
  );
  deepEqual(entry?.["incomplete"], ["no response"]);
});

Deno.test("DTLS: a new hello with another random begins another handshake", () => {
  const found = read([
    ...whole,
    client(datagram({ number: 0 }, piece(1, 0, hello({ seed: 2 })))),
    server(
      datagram({ number: 0 }, piece(2, 0, serverHello({ ...OLD, seed: 3 }))),
      datagram({ number: 1 }, piece(14, 1, NOTHING)),
    ),
    client(datagram({ number: 1 }, piece(16, 1, KEY)), change(2), finished),
    server(change(2), finished),
  ]);
  equal(found.length, 2);
  equal(found[1]?.["incomplete"], undefined);
  equal(
    (found[1]?.["response"] as Record<string, unknown>)["helloRetry"],
    undefined,
  );
});

Deno.test("DTLS: an alert in clear is told", () => {
  const [entry] = read([
    whole[0]!,
    server(datagram({ number: 0, type: 21 }, Uint8Array.of(2, 70))),
  ]);
  equal(entry?.["status"], "protocol_version");
  equal(entry?.["failed"], true);
  // None of these is one.
  const bad = read([
    whole[0]!,
    server(datagram({ number: 0, type: 21 }, Uint8Array.of(9, 70))),
    server(datagram({ number: 1, type: 21 }, Uint8Array.of(2, 70, 1))),
  ]);
  equal(bad[0]?.["status"], undefined);
});

Deno.test("DTLS 1.3: what has a short header is encrypted", () => {
  const short = Uint8Array.of(0x2e, 1, 2, 3, 4, 5, 6, 7);
  const [entry, ...others] = read([
    client(datagram({ number: 0 }, piece(1, 0, HELLO))),
    server(datagram({ number: 0 }, piece(2, 0, ANSWER)), short),
    client(short),
    server(short, short),
  ]);
  equal(others.length, 0);
  equal(entry?.["incomplete"], undefined);
  const [lost] = read([
    client(datagram({ number: 0 }, piece(1, 0, HELLO))),
    server(short),
    client(short),
  ]);
  deepEqual(lost?.["incomplete"], ["gap"]);
});

Deno.test("DTLS: a record with a connection id is encrypted", () => {
  const hidden = datagram({ number: 0, epoch: 1, type: 25 }, new Uint8Array(9));
  const found = read([...whole.slice(0, 6), client(hidden), server(hidden)]);
  equal(found.length, 1);
});

Deno.test("DTLS: STUN and RTP in the same flow, and junk, are skipped", () => {
  const stun: Chunk = client(Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42));
  const rtp: Chunk = server(Uint8Array.of(0x80, 96, 0, 1, 0, 0, 0, 0));
  const junk: Chunk = server(Uint8Array.of(22, 1, 2, 3));
  const mixed = whole.flatMap((chunk) => [stun, rtp, junk, chunk]);
  deepEqual(read(mixed).map(essence), read(whole).map(essence));
});

Deno.test("DTLS: a datagram of which the end was not captured shows", () => {
  const chunk = whole[4]!;
  const cut = "bytes" in chunk
    ? { ...chunk, bytes: chunk.bytes.slice(0, -5) }
    : chunk;
  const [entry] = read(whole.toSpliced(4, 1, cut as Chunk));
  deepEqual(entry?.["incomplete"], ["gap"]);
});

Deno.test("DTLS: pieces that contradict themselves, or are too many", () => {
  const record = (content: Uint8Array): Chunk =>
    client(datagram({ number: 0 }, content));
  const beyond = piece(1, 0, HELLO);
  beyond[8] = 0xff; // its offset
  deepEqual(read([record(beyond)]), []);
  deepEqual(read([record(piece(99, 0, HELLO))]), []);
  deepEqual(read([record(piece(1, 40, HELLO))]), []);
  deepEqual(read([record(piece(1, 0, ascii("broken")))]), []);
  const many: Chunk[] = [];
  for (let number = 0; number < 9; number++) {
    for (let at = 0; at < 150; at++) {
      many.push(client(
        datagram({ number: at }, piece(11, number, CERTIFICATE, 0, at % 30)),
      ));
    }
  }
  deepEqual(read(many), []);
});

Deno.test("DTLS: an answer without its hello stands alone", () => {
  const [entry] = read([
    server(datagram({ number: 0 }, piece(2, 0, ANSWER))),
    { expire: START + 60e6 },
  ]);
  equal(entry?.["request"], undefined);
  deepEqual(entry?.["incomplete"], ["mid-stream"]);
});
