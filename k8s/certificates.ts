/**
 * Certificates (X.509, RFC 5280) for hub and workers of one installation.
 *
 * The installation has an authority of its own, made when it is deployed. Its
 * key goes to the workers, each of which vouches for itself with it when it
 * starts, because nobody knows the addresses of all nodes beforehand. The hub
 * trusts that authority, and nothing else.
 */
import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";

/** A certificate with its key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 3600 * 1000;

/** An authority that vouches for itself, for ten years. */
export function makeAuthority(name: string, now: Date): Certificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = makeCertificate({
    subject: name,
    issuer: name,
    publicKey: createPublicKey(privateKey),
    signer: privateKey,
    from: now,
    days: 3650,
    extensions: [BASIC_AUTHORITY, USAGE_AUTHORITY],
  });
  return { cert, key: pemOf(privateKey) };
}

/**
 * A certificate for a server, vouched for by an authority.
 *
 * @param authority its key may be EC or RSA, in any usual PEM
 * @param addresses IP addresses at which the server is asked for
 * @param days for how long; a year
 */
export function issue(
  authority: Certificate,
  subject: string,
  addresses: readonly string[],
  now: Date,
  days = 365,
): Certificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = makeCertificate({
    subject,
    issuer: subjectOf(authority.cert),
    publicKey: createPublicKey(privateKey),
    signer: createPrivateKey(authority.key),
    from: now,
    days,
    extensions: [
      USAGE_SERVER,
      namesExtension(subject, addresses),
      ...issuerKeyExtension(authority.cert),
    ],
  });
  return { cert, key: pemOf(privateKey) };
}

/** A name, or the DER of one. */
type Name = string | Uint8Array;

function makeCertificate(parts: {
  readonly subject: Name;
  readonly issuer: Name;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly from: Date;
  readonly days: number;
  readonly extensions: readonly Uint8Array[];
}): string {
  const { signer, publicKey } = parts;
  const extensions = [
    ...parts.extensions,
    extension(KEY_ID, false, der(0x04, idOf(publicKey))),
  ];
  const algorithm = signer.asymmetricKeyType === "rsa"
    ? sequence(oid("2a864886f70d01010b"), der(0x05)) // sha256WithRSA
    : sequence(oid("2a8648ce3d040302")); // ecdsa-with-SHA256
  const serial = randomBytes(16);
  serial[0]! &= 0x7f; // positive
  serial[0]! |= 0x40; // and without leading zeros
  // An hour ago: clocks of nodes differ.
  const from = new Date(parts.from.getTime() - DAY_MS / 24);
  const to = new Date(parts.from.getTime() + parts.days * DAY_MS);
  const body = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))), // version 3
    der(0x02, serial),
    algorithm,
    nameOf(parts.issuer),
    sequence(time(from), time(to)),
    nameOf(parts.subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, signer);
  return toPem("CERTIFICATE", sequence(body, algorithm, bits(signature)));
}

/** Which key it is: a hash of its bits (RFC 5280 §4.2.1.2, the first way). */
function idOf(key: KeyObject): Uint8Array {
  const [info] = children(key.export({ type: "spki", format: "der" }));
  const [, bits] = children(info!.content);
  return createHash("sha1").update(bits!.content.subarray(1)).digest();
}

/** The DER of a certificate's subject, as its issuers are named. */
function subjectOf(cert: string): Uint8Array {
  const fields = fieldsOf(cert);
  // After the version, if there is one: serial, algorithm, issuer, validity.
  return fields[fields[0]!.tag === 0xa0 ? 5 : 4]!.whole;
}

/**
 * Which of an authority's keys vouches, if its certificate says which it has:
 * by the same identifier, however that was made (RFC 5280 §4.2.1.1).
 */
function issuerKeyExtension(cert: string): Uint8Array[] {
  const [list] = children(
    fieldsOf(cert).find(({ tag }) => tag === 0xa3)?.content ?? NOTHING,
  );
  const id = Uint8Array.fromHex(KEY_ID);
  for (const { content } of children(list?.content ?? NOTHING)) {
    const parts = children(content);
    if (Buffer.compare(parts[0]!.content, id) !== 0) continue;
    const [key] = children(parts.at(-1)!.content);
    return [extension("551d23", false, sequence(der(0x80, key!.content)))];
  }
  return [];
}

/** The parts of what is signed in a certificate. */
function fieldsOf(cert: string): Element[] {
  const text = cert.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  const [certificate] = children(Uint8Array.fromBase64(text));
  const [body] = children(certificate!.content);
  return children(body!.content);
}

const NOTHING = new Uint8Array(0);

/** Of the extension that says which key a certificate is about. */
const KEY_ID = "551d0e";

const pemOf = (key: KeyObject): string =>
  key.export({ type: "pkcs8", format: "pem" }) as string;

function toPem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** One element (X.690): its tag, the length of its content, the content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 255];
  const element = new Uint8Array(1 + size.length + length);
  element.set([tag, ...size]);
  let at = 1 + size.length;
  for (const part of parts) {
    element.set(part, at);
    at += part.length;
  }
  return element;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

/** Elements that follow each other; of certificates that we were given. */
function children(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const first = bytes[at + 1]!;
    const extra = first < 0x80 ? 0 : first & 0x7f;
    let length = extra === 0 ? first : 0;
    for (let i = 0; i < extra; i++) length = length * 256 + bytes[at + 2 + i]!;
    const start = at + 2 + extra;
    found.push({
      tag: bytes[at]!,
      content: bytes.subarray(start, start + length),
      whole: bytes.subarray(at, start + length),
    });
    at = start + length;
  }
  return found;
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const oid = (hex: string) => der(0x06, Uint8Array.fromHex(hex));
const text = (value: string) => new TextEncoder().encode(value);
const bits = (value: Uint8Array) => der(0x03, Uint8Array.of(0), value);

/** UTCTime until 2049, as RFC 5280 §4.1.2.5 has it. */
function time(date: Date): Uint8Array {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? der(0x17, text(digits.slice(2)))
    : der(0x18, text(digits));
}

/** A name that is a common name alone. */
const nameOf = (name: Name): Uint8Array =>
  typeof name === "string"
    ? sequence(der(0x31, sequence(oid("550403"), der(0x0c, text(name)))))
    : name;

const extension = (id: string, isCritical: boolean, value: Uint8Array) =>
  sequence(
    oid(id),
    ...(isCritical ? [der(0x01, Uint8Array.of(0xff))] : []),
    der(0x04, value),
  );

/** Is an authority; of none below it. */
const BASIC_AUTHORITY = extension(
  "551d13",
  true,
  sequence(der(0x01, Uint8Array.of(0xff)), der(0x02, Uint8Array.of(0))),
);

/** Signs certificates. */
const USAGE_AUTHORITY = extension(
  "551d0f",
  true,
  der(0x03, Uint8Array.of(2, 0b0000_0100)),
);

/** Proves who a server is. */
const USAGE_SERVER = extension(
  "551d25",
  false,
  sequence(oid("2b06010505070301")),
);

/** The name and the addresses under which it is asked for. */
const namesExtension = (name: string, addresses: readonly string[]) =>
  extension(
    "551d11",
    false,
    sequence(
      der(0x82, text(name)),
      ...addresses.map((address) => der(0x87, addressBytes(address))),
    ),
  );

/** Four or sixteen bytes. */
function addressBytes(address: string): Uint8Array {
  if (!address.includes(":")) {
    return Uint8Array.from(address.split("."), Number);
  }
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = host.split("::");
  const words = (part: string) => part.split(":").filter(Boolean);
  const [before, after] = [words(head), words(tail ?? "")];
  const zeros = Array(8 - before.length - after.length).fill("0");
  const all = tail === undefined ? before : [...before, ...zeros, ...after];
  return Uint8Array.from(all.flatMap((word) => {
    const value = parseInt(word, 16);
    return [value >> 8, value & 255];
  }));
}
