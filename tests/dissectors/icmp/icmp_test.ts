import { deepEqual, equal } from "node:assert/strict";
import { icmp } from "../../../dissectors/icmp/icmp.ts";
import { concat } from "../../fuzz/random.ts";
import { type Chunk, START } from "../dissect.ts";
import { parse, type Parsed, type ParseOptions } from "../parse.ts";

const V6: ParseOptions = { ipVersion: 6 };

const bytes = (...parts: (readonly number[] | Uint8Array)[]): Uint8Array =>
  concat(...parts.map((part) => Uint8Array.from(part)));

const client = (bytes: Uint8Array, time?: number): Chunk => (
  { side: "client", bytes, ...time !== undefined && { time } }
);
const server = (bytes: Uint8Array): Chunk => ({ side: "server", bytes });

/** An echo request, or its reply, of ICMP. */
const echo = (type: 0 | 8, id: number, sequence: number, data = 0) =>
  bytes([type, 0, 0, 0, 0, id, 0, sequence], new Uint8Array(data));

/** An IPv4 header without options, and the start of what it carries. */
const ipv4 = (protocol: number, payload: number[], fragment = 0) =>
  bytes(
    [0x45, 0, 0, 40, 0, 0, 0, fragment, 64, protocol, 0, 0],
    [10, 0, 0, 1, 10, 9, 9, 9],
    payload,
  );

/** An IPv6 header, and the start of what it carries. */
const ipv6 = (next: number, payload: number[]) =>
  bytes(
    [0x60, 0, 0, 0, 0, payload.length, next, 64],
    [0xfd, ...new Uint8Array(14), 1, 0xfd, ...new Uint8Array(14), 2],
    payload,
  );

const error = (type: number, code: number, quoted: Uint8Array) =>
  bytes([type, code, 0, 0, 0, 0, 0, 0], quoted);

/** The request of the only exchange. */
function only(bytes: Uint8Array, options?: ParseOptions) {
  const exchanges = parse(icmp, [client(bytes)], options);
  equal(exchanges.length, 1);
  return exchanges[0]!.request!;
}

function outline({ asker, request, response, incomplete }: Parsed): string {
  const half = (values?: Record<string, unknown>) =>
    values ? `${values["id"]}.${values["sequence"]}` : "nothing";
  return [`${asker} ${half(request)} -> ${half(response)}`, ...incomplete ?? []]
    .join(", ");
}

const outlines = (chunks: Chunk[], options?: ParseOptions): string[] =>
  parse(icmp, chunks, options).map(outline);

Deno.test("replies belong to requests by id and sequence number", () => {
  deepEqual(
    outlines([
      client(echo(8, 1, 1)),
      client(echo(8, 1, 2)),
      server(echo(8, 1, 2)),
      server(echo(0, 1, 2)),
      server(echo(0, 1, 1)),
      client(echo(0, 1, 2)),
    ]),
    ["client 1.2 -> 1.2", "client 1.1 -> 1.1", "server 1.2 -> 1.2"],
  );
});

Deno.test("an echo has what it carries", () => {
  deepEqual(
    parse(icmp, [client(echo(8, 7, 9, 56)), server(echo(0, 7, 9, 56))]),
    [{
      asker: "client",
      version: "4",
      request: {
        type: 8,
        code: 0,
        typeName: "echo request",
        id: 7,
        sequence: 9,
        dataSize: 56,
      },
      response: { type: 0, code: 0, id: 7, sequence: 9, dataSize: 56 },
    }],
  );
});

Deno.test("a request that is sent again before its reply is counted", () => {
  const again = client(echo(8, 1, 1));
  const [first] = parse(icmp, [again, again, again, server(echo(0, 1, 1))]);
  equal(first?.request?.["retransmissions"], 2);
});

Deno.test("a second reply stands alone, as does one to nobody", () => {
  deepEqual(
    outlines([
      client(echo(8, 1, 1)),
      server(echo(0, 1, 1)),
      server(echo(0, 1, 1)),
      server(echo(0, 1, 2)),
    ]),
    [
      "client 1.1 -> 1.1",
      "client nothing -> 1.1",
      "client nothing -> 1.2, mid-stream",
    ],
  );
});

Deno.test("a request without reply is given up after 30 s, or at the end", () => {
  const asked = [
    client(echo(8, 1, 1), START),
    client(echo(8, 1, 2), START + 20e6),
  ];
  deepEqual(
    outlines([...asked, { expire: START + 31e6 }], { ending: "cut" }),
    ["client 1.1 -> nothing, no response", "client 1.2 -> nothing, cut"],
  );
});

Deno.test("requests beyond a limit push out the oldest", () => {
  const flood = Array.from(
    { length: 4098 },
    (_, i) => client(echo(8, i >> 8, i & 255)),
  );
  const given = outlines(flood);
  equal(given.length, 4098);
  deepEqual(given.slice(0, 3), [
    "client 0.0 -> nothing, cut",
    "client 0.1 -> nothing, cut",
    "client 0.2 -> nothing, no response",
  ]);
});

Deno.test("an echo to a group waits for nobody", () => {
  deepEqual(
    outlines([client(echo(8, 1, 1))], { server: { ip: "224.0.0.1" } }),
    ["client 1.1 -> nothing"],
  );
});

Deno.test("errors quote the packet that made them, with its ports", () => {
  const udp = ipv4(17, [0xc0, 0x00, 0x00, 0x35, 0, 8, 0, 0]);
  deepEqual(only(error(3, 3, udp)), {
    type: 3,
    code: 3,
    typeName: "destination unreachable",
    original: {
      src: { ip: "10.0.0.1", port: 49152 },
      dst: { ip: "10.9.9.9", port: 53 },
      protocol: "udp",
    },
  });
  deepEqual(only(error(11, 0, ipv4(47, [1, 2, 3, 4])))["original"], {
    src: { ip: "10.0.0.1" },
    dst: { ip: "10.9.9.9" },
    protocol: "47",
  });
});

Deno.test("a quoted packet that is cut gives what is there", () => {
  const tcp = ipv4(6, [0, 80, 1]);
  deepEqual(only(error(11, 0, tcp))["original"], {
    src: { ip: "10.0.0.1", port: 80 },
    dst: { ip: "10.9.9.9" },
    protocol: "tcp",
  });
  equal(only(error(11, 0, tcp.subarray(0, 19)))["original"], undefined);
  equal(only(error(11, 0, Uint8Array.of(0x90, 1)))["original"], undefined);
  equal(only(error(3, 0, new Uint8Array()))["original"], undefined);
});

Deno.test("a later fragment that is quoted has no ports", () => {
  const original = { src: { ip: "10.0.0.1" }, dst: { ip: "10.9.9.9" } };
  deepEqual(only(error(3, 3, ipv4(17, [1, 2, 3, 4], 9)))["original"], {
    ...original,
    protocol: "udp",
  });
  const fragment = ipv6(44, [17, 0, 0, 0x18, 0, 0, 0, 1, 0, 1, 0, 2]);
  deepEqual(only(error(1, 4, fragment), V6)["original"], {
    src: { ip: "fd00::1" },
    dst: { ip: "fd00::2" },
    protocol: "udp",
  });
});

Deno.test("extension headers of a quoted packet are followed", () => {
  const hopByHop = [43, 0, ...new Uint8Array(6)];
  const routing = [44, 1, ...new Uint8Array(14)];
  const firstFragment = [60, 0, 0, 1, 0, 0, 0, 1];
  const options = [132, 0, ...new Uint8Array(6)];
  const sctp = [0, 1, 0, 2];
  const packet = ipv6(0, [
    ...hopByHop,
    ...routing,
    ...firstFragment,
    ...options,
    ...sctp,
  ]);
  deepEqual(only(error(3, 0, packet), V6)["original"], {
    src: { ip: "fd00::1", port: 1 },
    dst: { ip: "fd00::2", port: 2 },
    protocol: "sctp",
  });
});

Deno.test("the next hop's largest packet is told by both versions", () => {
  const needed = bytes([3, 4, 0, 0, 0, 0, 0x05, 0x14], ipv4(6, []));
  equal(only(needed)["mtu"], 1300);
  // Routers before RFC 1191 did not know this field.
  equal(only(error(3, 4, ipv4(6, [])))["mtu"], undefined);
  equal(only(error(3, 1, ipv4(6, [])))["mtu"], undefined);
  const tooBig = bytes([2, 0, 0, 0, 0, 1, 0, 0], ipv6(6, []));
  equal(only(tooBig, V6)["mtu"], 65536);
});

Deno.test("neighbour discovery and redirects have a target", () => {
  const target = [0xfe, 0x80, ...new Uint8Array(13), 9];
  for (const type of [135, 136, 137]) {
    const whole = bytes([type, 0, 0, 0, 0, 0, 0, 0], target);
    equal(only(whole, V6)["target"], "fe80::9");
    equal(only(whole.subarray(0, 20), V6)["target"], undefined);
  }
  const redirect = bytes([5, 1, 0, 0, 10, 0, 0, 7], ipv4(6, [0, 1, 0, 2]));
  equal(only(redirect)["target"], "10.0.0.7");
});

Deno.test("types have their registered names, others their numbers", () => {
  const nameOf = (type: number, options?: ParseOptions) =>
    only(Uint8Array.of(type, 0, 0, 0), options)["typeName"];
  equal(nameOf(3), "destination unreachable");
  equal(nameOf(200), "type 200");
  equal(nameOf(3, V6), "time exceeded");
  equal(nameOf(143, V6), "version 2 multicast listener report");
  equal(nameOf(200, V6), "type 200");
});

Deno.test("messages with an id that are no echoes are not paired", () => {
  const timestamp = (type: number) =>
    bytes([type, 0, 0, 0, 0, 1, 0, 2], new Uint8Array(12));
  deepEqual(
    outlines([client(timestamp(13)), server(timestamp(14))]),
    ["client 1.2 -> nothing", "server 1.2 -> nothing"],
  );
  equal(only(timestamp(13))["dataSize"], undefined);
});

Deno.test("a message too short for its fields is read without them", () => {
  deepEqual(only(Uint8Array.of(8, 0, 0, 0, 0, 1)), {
    type: 8,
    code: 0,
    typeName: "echo request",
  });
  deepEqual(parse(icmp, [client(Uint8Array.of(8, 0, 0))]), []);
  equal(icmp.probe(Uint8Array.of(8, 0, 0), "client", 0), "reject");
  equal(icmp.probe(Uint8Array.of(8, 0, 0, 0), "client", 0), "match");
});

Deno.test("what failed is what did not arrive", () => {
  const failed = (type: number, version: "4" | "6") => {
    const mark = { time: 0, place: 0, n: 0, offset: 0 };
    const values = { type, typeName: "the type" };
    const message = { values, first: mark, last: mark, size: 8 };
    const exchange = { asker: "client", version, request: message } as const;
    return [icmp.failed(exchange), icmp.status(exchange)];
  };
  for (const type of [3, 11, 12]) {
    deepEqual(failed(type, "4"), [true, "the type"]);
  }
  for (const type of [1, 2, 3, 4]) {
    deepEqual(failed(type, "6"), [true, "the type"]);
  }
  for (const type of [4, 5]) deepEqual(failed(type, "4"), [false, "the type"]);
  for (const type of [0, 8, 13]) {
    deepEqual(failed(type, "4"), [false, undefined]);
  }
  for (const type of [128, 135]) {
    deepEqual(failed(type, "6"), [false, undefined]);
  }
});

Deno.test("echoes saved and restored after each datagram give the same", () => {
  const chunks = [
    client(echo(8, 1, 1)),
    server(echo(8, 1, 1)),
    client(echo(8, 1, 2)),
    client(echo(8, 1, 2)),
    server(echo(0, 1, 2)),
    server(echo(0, 1, 2)),
    client(echo(0, 1, 1)),
  ];
  deepEqual(parse(icmp, chunks, { resumed: true }), parse(icmp, chunks));
});
