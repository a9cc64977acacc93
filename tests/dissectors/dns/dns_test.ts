import { deepEqual, equal } from "node:assert/strict";
import type { Side } from "../../../dissectors/dissector.ts";
import { dns } from "../../../dissectors/dns/dns.ts";
import { MAX_OPEN } from "../../../dissectors/dns/open_queries.ts";
import { concat } from "../../fuzz/random.ts";
import { bytewise, type Chunk, dissect, START } from "../dissect.ts";
import { parse, type Parsed, type ParseOptions } from "../parse.ts";
import {
  A,
  AAAA,
  answer,
  ANY,
  AXFR,
  framed,
  message,
  type MessageParts,
  name,
  NS,
  OPT,
  PTR,
  query,
  u16,
} from "./messages.ts";

const client = (bytes: Uint8Array, time?: number): Chunk => (
  { side: "client", bytes, ...time !== undefined && { time } }
);
const server = (bytes: Uint8Array): Chunk => ({ side: "server", bytes });

/** Who asked, and of each half id and first name, with what is missing. */
function outline({ asker, request, response, incomplete }: Parsed): string {
  const half = (values: Record<string, unknown> | undefined) => {
    const [question] = (values?.["questions"] ?? []) as { name: string }[];
    return values ? `${values["id"]} ${question?.name ?? "-"}` : "nothing";
  };
  const what = `${half(request)} -> ${half(response)}`;
  return [asker === "client" ? what : `${asker}: ${what}`, ...incomplete ?? []]
    .join(", ");
}

const outlines = (chunks: Chunk[], options?: ParseOptions): string[] =>
  parse(dns, chunks, options).map(outline);

Deno.test("an answer belongs to the query with its id, name and type", () => {
  deepEqual(
    outlines([
      client(query(1, "a.test")),
      client(query(2, "b.test")),
      client(query(1, "c.test")),
      client(query(1, "a.test", AAAA)),
      server(answer(1, "c.test")),
      server(answer(2, "b.test")),
      server(answer(1, "a.test", AAAA)),
      server(answer(1, "a.test")),
    ]),
    ["c.test", "b.test", "a.test", "a.test"].map((name, i) => {
      const id = i === 1 ? 2 : 1;
      return `${id} ${name} -> ${id} ${name}`;
    }),
  );
});

Deno.test("letters of a name may come back in the other case", () => {
  deepEqual(
    outlines([client(query(1, "cArTs.tEsT")), server(answer(1, "carts.test"))]),
    ["1 cArTs.tEsT -> 1 carts.test"],
  );
});

Deno.test("an answer to another question does not belong to a query", () => {
  deepEqual(
    outlines([client(query(1, "a.test")), server(answer(1, "b.test"))]),
    ["nothing -> 1 b.test, mid-stream", "1 a.test -> nothing, no response"],
  );
});

Deno.test("an answer without a question belongs to the query with its id", () => {
  const refusal = message({ id: 1, response: true, rcode: 5 });
  deepEqual(
    outlines([client(query(1, "a.test")), server(refusal)]),
    ["1 a.test -> 1 -"],
  );
});

Deno.test("the end that was taken for the server may ask as well", () => {
  deepEqual(
    outlines([
      server(query(1, "a.test")),
      client(query(1, "a.test")),
      client(answer(1, "a.test")),
    ]),
    ["server: 1 a.test -> 1 a.test", "1 a.test -> nothing, no response"],
  );
});

Deno.test("a query that is sent again before its answer is counted", () => {
  const again = client(query(1, "a.test"));
  const [first, second] = parse(dns, [
    ...[again, again, again, server(answer(1, "a.test"))],
    ...[again, server(answer(1, "a.test"))],
  ]);
  equal(first?.request?.["retransmissions"], 2);
  equal(second?.request?.["retransmissions"], undefined);
});

Deno.test("a second answer is an entry of its own and misses nothing", () => {
  deepEqual(
    outlines([
      client(query(1, "a.test")),
      server(answer(1, "a.test")),
      server(answer(1, "a.test")),
      server(answer(2, "a.test")),
    ]),
    [
      "1 a.test -> 1 a.test",
      "nothing -> 1 a.test",
      "nothing -> 2 a.test, mid-stream",
    ],
  );
});

Deno.test("a query without answer is given up after 30 s", () => {
  deepEqual(
    outlines([
      client(query(1, "a.test"), START),
      client(query(2, "b.test"), START + 20e6),
      { expire: START + 31e6 },
      server(answer(1, "a.test")),
      server(answer(2, "b.test")),
    ]),
    [
      "1 a.test -> nothing, no response",
      "nothing -> 1 a.test, mid-stream",
      "2 b.test -> 2 b.test",
    ],
  );
});

for (
  const [ending, reason] of [
    ["closed", "no response"],
    ["reset", "reset"],
    ["cut", "cut"],
  ] as const
) {
  Deno.test(`a query that is open when its flow is ${ending} says so`, () => {
    deepEqual(
      outlines([client(query(1, "a.test"))], { ending }),
      [`1 a.test -> nothing, ${reason}`],
    );
  });
}

Deno.test("queries beyond a limit push out the oldest", () => {
  const chunks = Array.from(
    { length: MAX_OPEN + 2 },
    (_, id) => client(query(id, "a.test")),
  );
  const given = outlines(chunks);
  equal(given.length, MAX_OPEN + 2);
  deepEqual(given.slice(0, 3), [
    "0 a.test -> nothing, cut",
    "1 a.test -> nothing, cut",
    "2 a.test -> nothing, no response",
  ]);
});

Deno.test("large queries push out the oldest sooner", () => {
  const big = (id: number) =>
    message({
      id,
      questions: [["a.test"]],
      additionals: [{ name: "", type: 65280, data: new Uint8Array(60_000) }],
    });
  const given = outlines(Array.from({ length: 20 }, (_, i) => client(big(i))));
  equal(given[0], "0 a.test -> nothing, cut");
  equal(given.at(-1), "19 a.test -> nothing, no response");
});

Deno.test("EDNS gives a response code its upper bits", () => {
  const opt = { name: "", type: OPT, class: 1232, ttl: 0x0100_8000 };
  const [exchange] = parse(dns, [
    client(message({ questions: [["a"]], additionals: [{ ...opt, ttl: 0 }] })),
    server(
      message({ response: true, questions: [["a"]], additionals: [opt] }),
    ),
  ]);
  deepEqual(exchange?.request?.["edns"], {
    udpSize: 1232,
    version: 0,
    dnssecOk: false,
  });
  equal(exchange?.response?.["code"], "BADVERS");
  deepEqual(exchange?.response?.["edns"], {
    udpSize: 1232,
    version: 0,
    dnssecOk: true,
  });
  equal(exchange?.response?.["additionals"], undefined);
});

Deno.test("numbers that are not registered are written as numbers", () => {
  const [exchange] = parse(dns, [
    client(message({ questions: [["a", 65280, 32]], opcode: 9 })),
    server(
      message({ response: true, questions: [["a", 65280, 32]], rcode: 12 }),
    ),
  ], { check: () => {} });
  // An unknown class is no question, so the parser does not take it.
  equal(exchange, undefined);
  const [known] = parse(dns, [
    client(message({ questions: [["a", 65280]], opcode: 9 })),
    server(message({ response: true, questions: [["a", 65280]], rcode: 12 })),
  ]);
  equal(known?.request?.["opCode"], "OPCODE9");
  deepEqual(known?.request?.["questions"], [
    { name: "a", type: "TYPE65280", class: "IN" },
  ]);
  equal(known?.response?.["code"], "RCODE12");
});

Deno.test("a one-way DSO message waits for no answer", () => {
  deepEqual(
    outlines([
      client(message({ id: 0, opcode: 6, recursive: false })),
      client(message({ id: 3, opcode: 6, recursive: false })),
    ]),
    ["0 - -> nothing", "3 - -> nothing, no response"],
  );
});

const MDNS: ParseOptions = {
  client: { ip: "10.0.0.1", port: 5353 },
  server: { ip: "224.0.0.251", port: 5353 },
};

Deno.test("messages of mDNS stand alone, and their sender is their source", () => {
  const asked = message({
    id: 0,
    recursive: false,
    questions: [["_http._tcp.local", PTR, 0x8001]],
  });
  const told = message({
    id: 0,
    response: true,
    recursive: false,
    answers: [{ name: "a.local", class: 0x8001, data: [10, 0, 0, 9] }],
  });
  const [first, second] = parse(dns, [client(asked), client(told)], MDNS);
  deepEqual(first?.asker, "client");
  deepEqual(first?.request?.["multicast"], true);
  deepEqual(first?.request?.["questions"], [
    { name: "_http._tcp.local", type: "PTR", class: "IN" },
  ]);
  deepEqual(second, {
    asker: "client",
    response: {
      id: 0,
      code: "NOERROR",
      authoritative: false,
      truncated: false,
      recursionAvailable: false,
      multicast: true,
      answers: [{
        name: "a.local",
        type: "A",
        class: "IN",
        ttl: 60,
        data: "10.0.0.9",
      }],
    },
  });
});

for (
  const [what, options] of [
    ["mDNS over IPv6", { server: { ip: "ff02::fb", port: 5353 } }],
    ["mDNS between two hosts", {
      client: { ip: "10.0.0.1", port: 5353 },
      server: { ip: "10.0.0.2", port: 5353 },
    }],
    ["LLMNR", { server: { ip: "10.0.0.2", port: 5355 } }],
  ] as const
) {
  Deno.test(`${what} is not paired`, () => {
    deepEqual(
      outlines([client(query(1, "a")), server(answer(1, "a"))], options),
      ["1 a -> nothing", "server: nothing -> 1 a"],
    );
  });
}

Deno.test("port 5353 is plain DNS for those who desire recursion", () => {
  const port = { server: { ip: "10.0.0.2", port: 5353 } };
  deepEqual(
    outlines([client(query(1, "a")), server(answer(1, "a"))], port),
    ["1 a -> 1 a"],
  );
  const asked = message({ questions: [["a"]], recursive: false });
  const told = message({
    questions: [["a"]],
    recursive: false,
    response: true,
  });
  deepEqual(
    outlines([client(asked), server(told)], port),
    ["1 a -> nothing", "server: nothing -> 1 a"],
  );
});

// Damage

/** What is read of a message of which `parts` are damaged. */
function damaged(parts: MessageParts, cut = 0) {
  const bytes = message({ response: true, ...parts });
  return parse(dns, [server(bytes.subarray(0, bytes.length - cut))])
    .map(({ response }) => response);
}

Deno.test("records before damage are read, and none after it", () => {
  const answers = [{ name: "a", data: [10, 0, 0, 1] }, {
    name: "b",
    data: [10, 0, 0, 2],
  }];
  const [read] = damaged({ questions: [["a"]], answers }, 1);
  deepEqual(
    (read?.["answers"] as { name: string }[]).map(({ name }) => name),
    ["a"],
  );
  const [more] = damaged({ questions: [["a"]], answers, counts: [1, 9, 9, 9] });
  equal((more?.["answers"] as unknown[]).length, 2);
  equal(more?.["authorities"], undefined);
});

Deno.test("a record whose name cannot be is read without it", () => {
  const loop = Uint8Array.of(0xc0, 19); // where it stands itself
  const [read] = damaged({
    questions: [["a"]],
    answers: [{ name: loop, data: [10, 0, 0, 1] }, { name: "b", data: [1] }],
  });
  deepEqual(read?.["answers"], [
    { type: "A", class: "IN", ttl: 60, data: "10.0.0.1" },
    { name: "b", type: "A", class: "IN", ttl: 60, data: "\\# 1 01" },
  ]);
});

for (
  const [what, bytes] of [
    ["forward", [0xc0, 200]],
    ["into the header", [0xc0, 4]],
    ["to itself", [0xc0, 12]],
    ["that is cut", [0xc0]],
    ["of another kind", [0x80, 12]],
  ] as const
) {
  Deno.test(`a pointer ${what} is no name`, () => {
    const question = [Uint8Array.from(bytes), A] as const;
    deepEqual(damaged({ questions: [question] }), []);
  });
}

Deno.test("names end at 255 octets, and may be pointers to pointers", () => {
  const label = "a".repeat(63);
  const longest = [label, label, label, "a".repeat(61)].join(".");
  const [read] = damaged({ questions: [[longest]] });
  deepEqual((read?.["questions"] as { name: string }[])[0]?.name, longest);
  deepEqual(damaged({ questions: [[longest + "a"]] }), []);
  // The data of the first record is a name and pointers, each to the one before.
  const named = (pointers: number) => {
    const data = [1, 0x61, 0];
    for (let i = 0, to = 23; i < pointers; i++, to = 24 + 2 * i) {
      data.push(0xc0, to);
    }
    const last = Uint8Array.of(0xc0, 23 + data.length - 2);
    const answers = [{ name: "", type: 65280, data }, { name: last }];
    const [exchange] = parse(dns, [
      server(message({ response: true, answers })),
    ]);
    return (exchange?.response?.["answers"] as { name?: string }[])[1]?.name;
  };
  equal(named(3), "a");
  equal(named(110), "a");
});

Deno.test("what is no message does not end a flow of datagrams", () => {
  deepEqual(
    outlines([
      client(query(1, "a")),
      client(Uint8Array.of(1, 2, 3)),
      server(new Uint8Array(40).fill(0xff)),
      server(answer(1, "a")),
    ]),
    ["1 a -> 1 a"],
  );
});

// Streams

const TCP: ParseOptions = { transport: "tcp" };
const stream = (side: Side, ...messages: Uint8Array[]): Chunk => (
  { side, bytes: concat(...messages.map(framed)) }
);

Deno.test("messages of a stream are read however it is cut", () => {
  const chunks = [
    stream("client", query(1, "a"), query(2, "b")),
    stream("server", answer(2, "b"), answer(1, "a")),
  ];
  const expected = ["2 b -> 2 b", "1 a -> 1 a"];
  deepEqual(outlines(chunks, TCP), expected);
  deepEqual(outlines([...bytewise(chunks)], TCP), expected);
  deepEqual(
    outlines([...bytewise(chunks)], { ...TCP, resumed: true }),
    expected,
  );
});

Deno.test("the same asked twice on a stream is answered twice", () => {
  deepEqual(
    outlines([
      stream("client", query(0, "a"), query(0, "a"), query(0, "a")),
      stream("server", answer(0, "a"), answer(0, "a")),
    ], { ...TCP, resumed: true }),
    ["0 a -> 0 a", "0 a -> 0 a", "0 a -> nothing, no response"],
  );
});

Deno.test("only the first message of a zone transfer has its query", () => {
  const transfer = (id: number) => message({ id, questions: [["z", AXFR]] });
  const part = (parts: MessageParts) =>
    message({ response: true, answers: [{ name: "z", type: NS }], ...parts });
  deepEqual(
    outlines([
      stream("client", transfer(7)),
      stream("server", part({ id: 7, questions: [["z", AXFR]] })),
      stream("server", part({ id: 7 }), part({ id: 7 })),
    ], TCP),
    ["7 z -> 7 z", "nothing -> 7 -", "nothing -> 7 -"],
  );
  // If bytes are missing, nobody knows which message is the first.
  deepEqual(
    outlines([
      stream("client", transfer(7), query(8, "a")),
      { side: "server", gap: 100 },
      stream("server", part({ id: 7 }), answer(8, "a")),
    ], TCP),
    ["7 z -> nothing, gap", "nothing -> 7 -, gap", "8 a -> 8 a"],
  );
});

Deno.test("after a gap reading goes on at the next message", () => {
  const lost = framed(query(1, "lost"));
  const chunks: Chunk[] = [
    stream("client", query(0, "a")),
    { side: "client", bytes: lost.subarray(0, 5) },
    { side: "client", gap: 10 },
    { side: "client", bytes: concat(lost.subarray(15), framed(query(2, "b"))) },
    stream("server", answer(0, "a"), answer(1, "lost")),
    { side: "server", gap: 9 },
    {
      side: "server",
      bytes: concat(Uint8Array.of(0, 80, 1, 2), framed(answer(2, "b"))),
    },
    stream("client", query(3, "c")),
  ];
  const expected = [
    "0 a -> 0 a",
    "nothing -> 1 lost, gap",
    "2 b -> 2 b",
    "3 c -> nothing, no response",
  ];
  deepEqual(outlines(chunks, TCP), expected);
  deepEqual(outlines([...bytewise(chunks)], TCP), expected);
});

Deno.test("a query whose answer may lie in a gap says so", () => {
  deepEqual(
    outlines([
      stream("client", query(1, "a")),
      { side: "server", gap: 60 },
      stream("client", query(2, "b")),
    ], TCP),
    ["1 a -> nothing, gap", "2 b -> nothing, no response"],
  );
});

Deno.test("a stream joined in the middle is read from its next message", () => {
  deepEqual(
    outlines([
      {
        side: "server",
        bytes: concat(new Uint8Array(30), framed(answer(1, "a"))),
      },
      stream("client", query(2, "b")),
      stream("server", answer(2, "b")),
    ], { ...TCP, midStream: true }),
    ["nothing -> 1 a, mid-stream", "2 b -> 2 b"],
  );
});

Deno.test("a stream that breaks the rules is no longer DNS", () => {
  const counters = dissect(dns, [
    { side: "client", bytes: framed(query(1, "a")) },
    { side: "client", bytes: Uint8Array.of(0, 3, 1, 2, 3) },
  ]);
  deepEqual(
    counters.map(({ summary, incomplete }) => [summary, incomplete]),
    [["A a", ["cut"]]],
  );
});

// Recognition

const guess = (bytes: Uint8Array, side: Side, port: number) =>
  dns.probe(bytes, side, port);

Deno.test("whole messages are known on any port, and from either end", () => {
  equal(guess(query(1, "a.test"), "client", 1053), "match");
  equal(guess(answer(1, "a.test"), "server", 1053), "match");
  equal(guess(query(1, "a.test"), "server", 1053), "reject");
  equal(guess(answer(1, "a.test"), "client", 1053), "reject");
  equal(guess(framed(query(1, "a.test")), "client", 1053), "match");
  equal(guess(answer(1, "a.local"), "client", 5353), "match");
});

Deno.test("the beginning of a message is enough where the port speaks for it", () => {
  const cut = answer(1, "a.test").subarray(0, 30);
  equal(guess(cut, "server", 53), "match");
  equal(guess(cut, "server", 1053), "reject");
  const part = framed(answer(1, "a.test")).subarray(0, 30);
  equal(guess(part, "server", 53), "match");
  equal(guess(part, "server", 1053), "unsure");
  equal(guess(part.subarray(0, 9), "server", 53), "unsure");
  equal(guess(message({ recursive: false }), "client", 53), "match");
});

Deno.test("other protocols are not DNS", () => {
  const netbios = message({
    questions: [["CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33]],
  });
  equal(guess(netbios, "client", 137), "reject");
  equal(guess(netbios, "client", 1053), "reject");
  equal(guess(query(1, "a.test"), "client", 137), "reject");
  equal(guess(new Uint8Array(48), "client", 123), "reject");
  equal(guess(new Uint8Array(48), "client", 53), "reject");
  const http = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  equal(guess(http, "client", 53), "unsure");
  equal(guess(concat(query(1, "a"), name("b")), "client", 1053), "reject");
  equal(
    guess(message({ questions: [["a", ANY]], opcode: 7 }), "client", 1053),
    "reject",
  );
  equal(guess(Uint8Array.of(...u16(3), 1, 2, 3), "client", 53), "reject");
});
