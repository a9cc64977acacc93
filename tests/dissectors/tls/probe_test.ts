import { equal } from "node:assert/strict";
import { probe } from "../../../dissectors/tls/probe.ts";
import { concat, Random } from "../../fuzz/random.ts";
import {
  alert,
  ascii,
  CHANGE,
  clientHello,
  datagram,
  encrypted,
  handshake,
  piece,
  record,
  said,
  serverHello,
} from "./messages.ts";
import { readRecordings } from "../recordings.ts";

const HELLO = said(handshake(1, clientHello()));

Deno.test("every direction of the fixtures begins as TLS, on TCP and UDP", () => {
  for (const { name, segments } of readRecordings("tls")) {
    for (const side of ["client", "server"] as const) {
      if (name.startsWith("not_tls") && side === "server") continue;
      const first = segments.find((segment) => segment.side === side);
      if (first) equal(probe(first.bytes), "match", `${name} ${side}`);
    }
  }
});

Deno.test("too few bytes are unsure, and never more than that", () => {
  for (let size = 0; size < 11; size++) {
    equal(probe(HELLO.subarray(0, size)), "unsure", `${size} bytes`);
  }
  equal(probe(HELLO.subarray(0, 11)), "match");
  const ssl2 = Uint8Array.of(0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16);
  for (let size = 1; size < 11; size++) {
    equal(probe(ssl2.subarray(0, size)), "unsure", `${size} bytes of SSL 2.0`);
  }
  equal(probe(ssl2), "match");
});

Deno.test("a flow that is joined later begins with any record", () => {
  equal(probe(encrypted(9000).subarray(0, 1460)), "match");
  equal(probe(concat(encrypted(90), encrypted(20))), "match");
  equal(probe(concat(CHANGE, encrypted(40, 22))), "match");
  equal(probe(alert(2, 40)), "match");
  equal(probe(said(handshake(2, serverHello()))), "match");
  equal(probe(said(handshake(2, serverHello({ version: 0x7f12 })))), "match");
  equal(probe(said(handshake(16, new Uint8Array(40)))), "match");
  // Encrypted ones tell only that they are records: two are enough.
  equal(probe(encrypted(40, 22)), "unsure");
  equal(probe(concat(encrypted(40, 22), encrypted(50))), "match");
  equal(probe(concat(encrypted(26, 21), encrypted(50))), "match");
  equal(probe(encrypted(30, 24)), "unsure");
  equal(probe(encrypted(0)), "unsure");
});

Deno.test("what is no record is rejected", () => {
  const rejected = [
    ascii("GET / HTTP/1.1\r\n"),
    Uint8Array.of(22, 4),
    Uint8Array.of(22, 3, 9, 0, 9),
    record(22, new Uint8Array()),
    record(21, Uint8Array.of(9, 9)),
    record(20, Uint8Array.of(2)),
    record(20, Uint8Array.of(1, 1)),
    concat(encrypted(9), ascii("something else")),
    Uint8Array.of(23, 3, 3, 0xff, 0xff),
    Uint8Array.of(0x80, 31, 4),
    Uint8Array.of(0x80, 31, 1, 2),
    Uint8Array.of(0x80, 32, 1, 3, 1, 0, 6, 0, 0, 0, 16),
    Uint8Array.of(0x80, 31, 1, 3, 1, 0, 7, 0, 0, 0, 15),
  ];
  for (const head of rejected) equal(probe(head), "reject", head.toHex());
  equal(probe(record(20, Uint8Array.of(1)).subarray(0, 5)), "unsure");
  equal(probe(said(handshake(1, ascii("no version")))), "unsure");
  equal(probe(said(handshake(2, ascii("no version")))), "unsure");
});

Deno.test("a datagram is DTLS if its first record holds", () => {
  const body = clientHello({ version: 0xfefd, cookie: new Uint8Array() });
  const hello = datagram({ number: 0 }, piece(1, 0, body));
  equal(probe(hello), "match");
  equal(probe(datagram({ number: 9, epoch: 1, type: 23 }, body)), "match");
  equal(probe(datagram({ number: 1, type: 20 }, Uint8Array.of(1))), "match");
  equal(
    probe(datagram({ number: 1, type: 21 }, Uint8Array.of(2, 40))),
    "match",
  );
  const rejected = [
    hello.subarray(0, 20),
    hello.subarray(0, -1),
    datagram({ number: 0 }, ascii("no handshake message")),
    datagram({ number: 1, type: 20 }, Uint8Array.of(2)),
    datagram({ number: 1, type: 21 }, Uint8Array.of(2)),
    datagram({ number: 1, type: 21 }, Uint8Array.of(5, 5)),
    datagram({ number: 1, type: 23 }, body),
    datagram({ number: 1, type: 25 }, body),
    Uint8Array.of(22, 0xfe, 0xfe, ...new Uint8Array(20)),
  ];
  for (const head of rejected) equal(probe(head), "reject", head.toHex());
});

Deno.test("random bytes are hardly ever TLS", () => {
  const random = new Random(3);
  let matches = 0;
  for (let i = 0; i < 200_000; i++) {
    if (probe(random.bytes(random.int(1, 64))) === "match") matches++;
  }
  equal(matches, 0);
});
