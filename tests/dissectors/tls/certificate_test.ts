import { deepEqual, equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  decodeCertificate,
  decodeCertificates,
  MAX_CERTIFICATES,
} from "../../../dissectors/tls/certificate.ts";
import { concat, Random } from "../../fuzz/random.ts";
import { ascii, certificates } from "./messages.ts";

/** An element of DER. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  const size = content.length;
  const length = size < 0x80
    ? [size]
    : size < 0x100
    ? [0x81, size]
    : [0x82, size >> 8, size & 0xff];
  return concat(Uint8Array.of(tag, ...length), content);
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const utf8 = (text: string) => der(0x0c, ascii(text));

/** An object identifier. */
function oid(dotted: string): Uint8Array {
  const [root = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const arcs = [40 * root + second, ...rest].map((arc) => {
    const bytes = [arc % 128];
    while ((arc = Math.floor(arc / 128)) > 0) bytes.unshift(arc % 128 | 0x80);
    return bytes;
  });
  return der(6, Uint8Array.from(arcs.flat()));
}

/** An attribute of a name, alone or with others. */
const attribute = (type: string, value: Uint8Array) =>
  sequence(oid(type), value);
const part = (...attributes: readonly Uint8Array[]) => der(0x31, ...attributes);

const CN = "2.5.4.3";
const O = "2.5.4.10";

interface Described {
  readonly serial?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly validity?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly isOld?: boolean;
}

function certificate(described: Described = {}): Uint8Array {
  const issuer = sequence(part(attribute(CN, utf8("Root"))));
  const { extensions } = described;
  return sequence(
    sequence(
      described.isOld ? new Uint8Array() : der(0xa0, der(2, Uint8Array.of(2))),
      der(2, described.serial ?? Uint8Array.of(1)),
      sequence(oid("1.2.840.10045.4.3.2")),
      issuer,
      described.validity ??
        sequence(
          der(0x17, ascii("260102030405Z")),
          der(0x18, ascii("20510101000000Z")),
        ),
      described.subject ?? issuer,
      sequence(oid("1.2.840.10045.2.1")),
      extensions ? der(0xa3, sequence(...extensions)) : new Uint8Array(),
    ),
    sequence(oid("1.2.840.10045.4.3.2")),
    der(3, new Uint8Array(9)),
  );
}

const names = (...kinds: readonly Uint8Array[]) =>
  sequence(
    oid("2.5.29.17"),
    der(1, Uint8Array.of(0xff)),
    der(4, sequence(...kinds)),
  );

const subjectOf = (...parts: readonly Uint8Array[]) =>
  decodeCertificate(certificate({ subject: sequence(...parts) })).subject;

Deno.test("a certificate tells whom it is about, who signed it, and until when", () => {
  const bytes = certificate({
    serial: Uint8Array.of(0x10, 0x01),
    subject: sequence(
      part(attribute("2.5.4.6", der(0x13, ascii("AQ")))),
      part(attribute(O, utf8("Shop"))),
      part(attribute(CN, utf8("carts.shop"))),
    ),
    extensions: [
      sequence(oid("2.5.29.15"), der(4, der(3, Uint8Array.of(0)))),
      names(
        der(0x82, ascii("carts.shop")),
        der(0x87, Uint8Array.of(10, 0, 0, 1)),
        der(0x82, ascii("*.carts.shop")),
      ),
    ],
  });
  deepEqual(decodeCertificate(bytes), {
    subject: "CN=carts.shop,O=Shop,C=AQ",
    issuer: "CN=Root",
    serial: 4097,
    notBefore: "2026-01-02T03:04:05Z",
    notAfter: "2051-01-01T00:00:00Z",
    dnsNames: ["carts.shop", "*.carts.shop"],
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
});

Deno.test("names are written as RFC 4514 does", () => {
  equal(
    subjectOf(part(
      attribute(CN, utf8("a")),
      attribute("0.9.2342.19200300.100.1.1", utf8("7")),
    )),
    "CN=a+UID=7",
  );
  equal(
    subjectOf(part(attribute(O, utf8(' A, "B" + C;<D>\\=# ')))),
    'O=\\ A\\, \\"B\\" \\+ C\\;\\<D\\>\\\\=#\\ ',
  );
  equal(subjectOf(part(attribute(O, utf8("#1")))), "O=\\#1");
  equal(subjectOf(part(attribute(O, utf8(" ")))), "O=\\ ");
  equal(subjectOf(part(attribute(O, utf8("a\0b")))), "O=a\\00b");
  // What has no short name, or is no text, stands in hex.
  equal(
    subjectOf(part(attribute("1.3.6.1.4.1.1", utf8("x")))),
    "1.3.6.1.4.1.1=#0c0178",
  );
  equal(subjectOf(part(attribute("2.999.1", utf8("x")))), "2.999.1=#0c0178");
  equal(subjectOf(part(attribute(CN, der(2, Uint8Array.of(5))))), "CN=#020105");
  equal(subjectOf(), "");
});

Deno.test("names may be Latin-1 or UTF-16", () => {
  equal(
    subjectOf(part(attribute(CN, der(0x14, Uint8Array.of(0x4d, 0xfc))))),
    "CN=Mü",
  );
  equal(
    subjectOf(
      part(attribute(CN, der(0x1e, Uint8Array.of(0, 0x4d, 0x21, 0x22)))),
    ),
    "CN=M™",
  );
});

Deno.test("a serial number keeps all its digits, and its sign", () => {
  const serialOf = (...bytes: number[]) =>
    decodeCertificate(certificate({ serial: Uint8Array.from(bytes) })).serial;
  equal(serialOf(0), 0);
  equal(serialOf(0xff), -1);
  equal(serialOf(0x1f, ...new Array(6).fill(0xff)), 2 ** 53 - 1);
  equal(serialOf(0x20, ...new Array(6).fill(0)), "9007199254740992");
  equal(serialOf(), undefined);
  equal(serialOf(...new Array(65).fill(1)), undefined);
});

Deno.test("two digits of a year are those of 1950 to 2049", () => {
  const from = (text: string) =>
    decodeCertificate(certificate({
      validity: sequence(der(0x17, ascii(text)), der(0x17, ascii(text))),
    })).notBefore;
  equal(from("500101000000Z"), "1950-01-01T00:00:00Z");
  equal(from("491231235959Z"), "2049-12-31T23:59:59Z");
  equal(from("4912312359Z"), "2049-12-31T23:59:00Z");
  equal(from("tomorrow"), undefined);
});

Deno.test("a certificate of version 1 has neither version nor extensions", () => {
  const old = decodeCertificate(certificate({ isOld: true }));
  equal(old.subject, "CN=Root");
  equal(old.dnsNames, undefined);
  const other = names(der(0x87, new Uint8Array(4)));
  equal(
    decodeCertificate(certificate({ extensions: [other] })).dnsNames,
    undefined,
  );
});

Deno.test("a broken certificate has its hash, and what comes before the break", () => {
  const bytes = certificate();
  const broken = decodeCertificate(concat(
    bytes.subarray(0, bytes.length - 60),
    new Uint8Array(60).fill(0xff),
  ));
  equal(broken.serial, 1);
  match(broken.sha256, /^[0-9a-f]{64}$/);
  equal(decodeCertificate(ascii("none")).subject, undefined);
  equal(decodeCertificate(new Uint8Array()).sha256.length, 64);
  // Lengths of many bytes, without a length, and tags of many bytes.
  for (const bytes of [[0x30, 0x84, 1, 1, 1, 1], [0x30, 0x80], [0x3f, 0x81]]) {
    equal(decodeCertificate(Uint8Array.from(bytes)).serial, undefined);
  }
});

Deno.test("no bytes make a certificate throw", () => {
  const random = new Random(7);
  const whole = certificate({ extensions: [names(der(0x82, ascii("a")))] });
  for (let i = 0; i < 3000; i++) {
    equal(decodeCertificate(random.mutate(whole)).sha256.length, 64);
  }
});

Deno.test("a list of certificates ends where it breaks, or is too long", () => {
  const leaf = certificate();
  equal(decodeCertificates(certificates(leaf, leaf)).length, 2);
  deepEqual(decodeCertificates(certificates()), []);
  deepEqual(decodeCertificates(Uint8Array.of(0, 0)), []);
  const cut = certificates(leaf, leaf).slice(0, -3);
  deepEqual(decodeCertificates(cut), []);
  const lying = certificates(leaf);
  lying[5] = 0xff;
  deepEqual(decodeCertificates(lying), []);
  const many = new Array(MAX_CERTIFICATES + 5).fill(ascii("x"));
  equal(decodeCertificates(certificates(...many)).length, MAX_CERTIFICATES);
});
