import { deepEqual, equal, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { toCipherSuiteName } from "../../../dissectors/tls/cipher_suites.ts";
import {
  decodeClientHello,
  decodeSsl2Hello,
} from "../../../dissectors/tls/client_hello.ts";
import { toJa3, toJa3s, toJa4 } from "../../../dissectors/tls/ja.ts";
import { newest, toVersionName } from "../../../dissectors/tls/names.ts";
import { decodeServerHello } from "../../../dissectors/tls/server_hello.ts";
import { Malformed } from "../../../stream/malformed.ts";
import { concat } from "../../fuzz/random.ts";
import {
  algorithms,
  alpn,
  ascii,
  chosen,
  clientHello,
  extension,
  groups,
  type Hello,
  pointFormats,
  RETRY,
  serverHello,
  sni,
  versions,
} from "./messages.ts";

const decode = (hello: Hello) =>
  decodeClientHello(clientHello(hello), "stream");

Deno.test("JA3 of the published examples", () => {
  // https://github.com/salesforce/ja3#how-it-works
  const withExtensions = decode({
    version: 769,
    suites: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
    extensions: [sni("a"), groups(23, 24, 25), pointFormats(0)],
  });
  equal(toJa3(withExtensions), "ada70206e40642a3e4461f35503241d5");
  const without = decode({
    version: 769,
    suites: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99],
  });
  equal(toJa3(without), "de350869b8c85de67a350c8d186f11e6");
});

Deno.test("JA3 and JA3S leave out GREASE", () => {
  const plain = decode({ suites: [1, 2], extensions: [groups(29), sni("a")] });
  const greased = decode({
    suites: [0x0a0a, 1, 2],
    extensions: [
      extension(0xfafa, new Uint8Array()),
      groups(0x1a1a, 29),
      sni("a"),
    ],
  });
  equal(toJa3(greased), toJa3(plain));
  const answer = decodeServerHello(serverHello({
    extensions: [extension(0x2a2a, new Uint8Array()), chosen(0x0304)],
  }));
  const md5 = createHash("md5").update("771,4865,43").digest("hex");
  equal(toJa3s(answer), md5);
});

/** The hello that JA4's own documentation explains. */
const EXPLAINED: Hello = {
  suites: [
    ...[0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9],
    ...[0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035],
  ],
  extensions: [
    extension(0x001b, new Uint8Array()),
    sni("example.com"),
    extension(0x0033, new Uint8Array()),
    alpn("h2", "http/1.1"),
    extension(0x4469, new Uint8Array()),
    extension(0x0017, new Uint8Array()),
    extension(0x002d, new Uint8Array()),
    algorithms(
      ...[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
    ),
    extension(0x0005, new Uint8Array()),
    extension(0x0023, new Uint8Array()),
    extension(0x0012, new Uint8Array()),
    versions(0x7a7a, 0x0304, 0x0303),
    extension(0xff01, new Uint8Array()),
    pointFormats(0),
    groups(29, 23),
    extension(0x0015, new Uint8Array()),
  ],
};

Deno.test("JA4 of the published example", () => {
  equal(toJa4(decode(EXPLAINED), "t"), "t13d1516h2_8daaf6152771_e5627efa2ab1");
});

Deno.test("JA4 ignores the order of suites and extensions, and GREASE", () => {
  const shuffled = decode({
    suites: [0xdada, ...EXPLAINED.suites!.toReversed()],
    extensions: [
      extension(0x0a0a, new Uint8Array()),
      ...EXPLAINED.extensions!.toReversed(),
    ],
  });
  equal(toJa4(shuffled, "q"), "q13d1516h2_8daaf6152771_e5627efa2ab1");
});

Deno.test("JA4 marks the first ALPN by its ends, or by those of its hex", () => {
  const mark = (name?: string | Uint8Array) =>
    toJa4(decode({ extensions: name === undefined ? [] : [alpn(name)] }), "t")
      .slice(8, 10);
  equal(mark(), "00");
  equal(mark(""), "00");
  equal(mark("h2"), "h2");
  equal(mark("http/1.1"), "h1");
  equal(mark("x"), "xx");
  // The examples of the published text.
  equal(mark(Uint8Array.of(0xab)), "ab");
  equal(mark(Uint8Array.of(0xab, 0xcd)), "ad");
  equal(mark(Uint8Array.of(0x30, 0xab)), "3b");
  equal(mark(Uint8Array.of(0x30, 0x31, 0xab, 0xcd)), "3d");
  equal(mark(Uint8Array.of(0x30, 0xab, 0xcd, 0x31)), "01");
});

Deno.test("JA4 writes twelve zeros for what is not there, and counts to 99", () => {
  equal(
    toJa4(decode({ version: 0x0302, suites: [0x0a0a] }), "t"),
    "t11i000000_000000000000_000000000000",
  );
  const many = Array.from({ length: 120 }, (_, i) => i);
  equal(toJa4(decode({ suites: many }), "t").slice(4, 6), "99");
  const unsigned = decode({ extensions: [sni("a"), groups(29)] });
  const part = createHash("sha256").update("000a").digest("hex").slice(0, 12);
  equal(toJa4(unsigned, "t").split("_")[2], part);
});

Deno.test("JA4 tells DTLS and its versions, unknown ones as 00", () => {
  const version = (...values: number[]) =>
    toJa4(decode({ extensions: [versions(...values)] }), "d").slice(0, 3);
  equal(version(0xfefc, 0xfefd), "dd3");
  equal(version(0xfeff, 0xfefd), "dd2");
  equal(version(0x7f1c, 0x0304), "d00");
});

Deno.test("the newest version is the one that came last, GREASE left out", () => {
  equal(newest([0x0303, 0xfafa, 0x0304, 0x0301]), 0x0304);
  equal(newest([0xfeff, 0xfefc, 0xfefd]), 0xfefc);
  equal(newest([0x0a0a]), 0);
});

Deno.test("versions and suites without a name show their number", () => {
  equal(toVersionName(0x0300), "ssl3");
  equal(toVersionName(0x7f1c), "0x7f1c");
  equal(toCipherSuiteName(0x0a0a), "0x0a0a");
  equal(toCipherSuiteName(0x010080), "0x010080");
  equal(toCipherSuiteName(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  equal(toCipherSuiteName(0xd004), "0xd004");
  equal(
    toCipherSuiteName(0xd005),
    "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256",
  );
});

Deno.test("a ClientHello says what it offers", () => {
  const hello = decode({
    suites: [0x1301, 0x2a2a],
    extensions: [sni("carts.shop"), alpn("h2", "acme/1"), versions(0x0304)],
  });
  equal(hello.serverName, "carts.shop");
  deepEqual(hello.alpn?.map((name) => new TextDecoder().decode(name)), [
    "h2",
    "acme/1",
  ]);
  deepEqual(hello.supportedVersions, [0x0304]);
  deepEqual(hello.cipherSuites, [0x1301, 0x2a2a]);
  deepEqual(hello.extensions?.types, [0, 16, 43]);
  equal(hello.newestVersion, 0x0304);
  equal(hello.offersResumption, false);
});

Deno.test("resumption is offered by a ticket, a PSK, or an id before TLS 1.3", () => {
  const offers = (hello: Hello) => decode(hello).offersResumption;
  const sessionId = new Uint8Array(32);
  equal(offers({ sessionId }), true);
  equal(offers({ sessionId, extensions: [versions(0x0304, 0x0303)] }), false);
  equal(offers({ sessionId, extensions: [versions(0x7f1c)] }), false);
  equal(offers({ extensions: [extension(35, new Uint8Array())] }), false);
  equal(offers({ extensions: [extension(35, ascii("ticket"))] }), true);
  equal(offers({ extensions: [extension(41, ascii("psk"))] }), true);
});

Deno.test("extensions that break their rules end the list, or say nothing", () => {
  const cut = decode({
    extensions: [sni("a"), Uint8Array.of(0, 10, 0xff, 0xff, 1)],
  });
  deepEqual(cut.extensions?.types, [0]);
  const broken = decode({ extensions: [extension(16, Uint8Array.of(0, 9))] });
  deepEqual(broken.extensions?.types, [16]);
  equal(broken.alpn, undefined);
  const otherName = extension(0, Uint8Array.of(0, 4, 7, 0, 1, 65));
  equal(decode({ extensions: [otherName] }).serverName, undefined);
});

Deno.test("a hello may end before its extensions", () => {
  equal(decode({}).extensions, undefined);
  deepEqual(decode({ extensions: [] }).extensions?.types, []);
});

Deno.test("a hello that contradicts itself is malformed", () => {
  const whole = clientHello({ sessionId: new Uint8Array(33) });
  throws(() => decodeClientHello(whole, "stream"), Malformed);
  throws(
    () => decodeClientHello(clientHello().subarray(0, 30), "stream"),
    Malformed,
  );
  const odd = clientHello();
  odd[36] = 3; // size of the cipher suites
  throws(() => decodeClientHello(odd, "stream"), Malformed);
  throws(
    () => decodeServerHello(serverHello({ sessionId: new Uint8Array(40) })),
    Malformed,
  );
});

Deno.test("an SSL 2.0 hello gives its kinds as numbers of three bytes", () => {
  const body = Uint8Array.of(
    ...[1, 3, 1, 0, 6, 0, 16, 0, 16],
    ...[0, 0, 0x2f, 1, 0, 0x80],
    ...new Uint8Array(16).fill(7),
    ...new Uint8Array(16).fill(9),
  );
  const hello = decodeSsl2Hello(body);
  deepEqual(hello.cipherSuites, [0x2f, 0x010080]);
  equal(hello.version, 0x0301);
  equal(hello.offersResumption, true);
  deepEqual([...hello.random], new Array(16).fill(9));
  throws(() => decodeSsl2Hello(body.subarray(0, 20)), Malformed);
  body[4] = 5;
  throws(() => decodeSsl2Hello(body), Malformed);
});

Deno.test("a ServerHello says what was chosen", () => {
  const hello = decodeServerHello(serverHello({
    suites: [0xc02f],
    extensions: [alpn("h2"), chosen(0x0304)],
  }));
  equal(hello.alpn, "h2");
  equal(hello.supportedVersion, 0x0304);
  equal(hello.negotiatedVersion, 0x0304);
  equal(hello.cipherSuite, 0xc02f);
  equal(hello.isRetry, false);
  equal(decodeServerHello(serverHello({ random: RETRY })).isRetry, true);
});

Deno.test("the ServerHello of an early draft of TLS 1.3 has no session id", () => {
  const body = concat(
    Uint8Array.of(0x7f, 0x12),
    new Uint8Array(32),
    Uint8Array.of(0x13, 0x02, 0, 0),
  );
  const hello = decodeServerHello(body);
  equal(hello.cipherSuite, 0x1302);
  equal(hello.negotiatedVersion, 0x7f12);
});
