/**
 * Fingerprints of hellos: JA3 and JA3S (https://github.com/salesforce/ja3) and
 * JA4 (https://github.com/FoxIO-LLC/ja4, `technical_details/JA4.md`).
 *
 * All leave GREASE out. None is defined for SSL 2.0 hellos.
 */
import { createHash } from "node:crypto";
import type { ClientHello } from "./client_hello.ts";
import { EXTENSION } from "./extensions.ts";
import { isGrease, VERSION } from "./names.ts";
import type { ServerHello } from "./server_hello.ts";

const withoutGrease = (values: readonly number[] | undefined): number[] =>
  (values ?? []).filter((value) => !isGrease(value));

/**
 * JA3: MD5, in hex, of version, cipher suites, extensions, groups and point
 * formats in decimal.
 */
export function toJa3(hello: ClientHello): string {
  const lists = [
    hello.cipherSuites,
    hello.extensions?.types,
    hello.groups,
    hello.pointFormats,
  ].map((values) => withoutGrease(values).join("-"));
  return md5([hello.version, ...lists].join(","));
}

/** JA3S: MD5, in hex, of version, cipher suite and extensions in decimal. */
export function toJa3s(hello: ServerHello): string {
  const extensions = withoutGrease(hello.extensions?.types).join("-");
  return md5([hello.version, hello.cipherSuite, extensions].join(","));
}

/** What carried the hello: TLS over TCP, QUIC, DTLS. */
export type Carrier = "t" | "q" | "d";

const JA4_VERSIONS = new Map<number, string>([
  [VERSION.SSL2, "s2"],
  [VERSION.SSL3, "s3"],
  [VERSION.TLS10, "10"],
  [VERSION.TLS11, "11"],
  [VERSION.TLS12, "12"],
  [VERSION.TLS13, "13"],
  [VERSION.DTLS10, "d1"],
  [VERSION.DTLS12, "d2"],
  [VERSION.DTLS13, "d3"],
]);

/** JA4's part for a list that has nothing in it. */
const NONE = "000000000000";

/** JA4, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
export function toJa4(hello: ClientHello, carrier: Carrier): string {
  const suites = withoutGrease(hello.cipherSuites);
  const types = withoutGrease(hello.extensions?.types);
  const head = carrier + (JA4_VERSIONS.get(hello.newestVersion) ?? "00") +
    (types.includes(EXTENSION.SERVER_NAME) ? "d" : "i") +
    toCount(suites) + toCount(types) + toAlpnMark(hello.alpn?.[0]);
  return [head, toSuitesPart(suites), toTypesPart(types, hello)].join("_");
}

const toCount = (values: readonly number[]): string =>
  String(Math.min(values.length, 99)).padStart(2, "0");

function toSuitesPart(suites: readonly number[]): string {
  return suites.length === 0 ? NONE : shortHash(toSortedList(suites));
}

/** Server name and ALPN may differ between two requests of one program. */
function toTypesPart(types: readonly number[], hello: ClientHello): string {
  const constant = types.filter((type) =>
    type !== EXTENSION.SERVER_NAME && type !== EXTENSION.ALPN
  );
  if (constant.length === 0) return NONE;
  const algorithms = withoutGrease(hello.signatureAlgorithms);
  const parts = [toSortedList(constant)];
  if (algorithms.length > 0) parts.push(algorithms.map(toHex4).join(","));
  return shortHash(parts.join("_"));
}

const toHex4 = (value: number): string => value.toString(16).padStart(4, "0");

const toSortedList = (values: readonly number[]): string =>
  values.map(toHex4).sort().join(",");

/**
 * First and last character of the first protocol offered; of its hex digits,
 * if either byte is no ASCII letter or digit.
 */
function toAlpnMark(protocol: Uint8Array | undefined): string {
  if (!protocol || protocol.length === 0) return "00";
  const ends = [protocol[0]!, protocol.at(-1)!];
  if (ends.every(isAlphanumeric)) return String.fromCharCode(...ends);
  const hex = protocol.toHex();
  return hex[0]! + hex.at(-1)!;
}

const isAlphanumeric = (byte: number): boolean =>
  byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5a ||
  byte >= 0x61 && byte <= 0x7a;

const md5 = (text: string): string =>
  createHash("md5").update(text).digest("hex");

const shortHash = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 12);
