/**
 * Numbers of TLS and the words for them: versions, GREASE, handshake messages.
 */

/** Protocol versions as they stand in hellos. */
export const VERSION = {
  SSL2: 0x0002,
  SSL3: 0x0300,
  TLS10: 0x0301,
  TLS11: 0x0302,
  TLS12: 0x0303,
  TLS13: 0x0304,
  DTLS10: 0xfeff,
  DTLS12: 0xfefd,
  DTLS13: 0xfefc,
} as const;

const VERSION_NAMES = new Map<number, string>([
  [VERSION.SSL2, "ssl2"],
  [VERSION.SSL3, "ssl3"],
  [VERSION.TLS10, "1.0"],
  [VERSION.TLS11, "1.1"],
  [VERSION.TLS12, "1.2"],
  [VERSION.TLS13, "1.3"],
  [VERSION.DTLS10, "dtls1.0"],
  [VERSION.DTLS12, "dtls1.2"],
  [VERSION.DTLS13, "dtls1.3"],
]);

/** A version's name; of unknown and GREASE values the number, as `0x7a7a`. */
export function toVersionName(version: number): string {
  return VERSION_NAMES.get(version) ?? toHex(version);
}

/**
 * Whether a version is (D)TLS 1.3 or a draft of it: drafts are `0x7f` and their
 * number (§4.2.1.1 of those of RFC 8446), or `0xfb` and it, as one vendor had it.
 */
export function isVersion13(version: number): boolean {
  return version === VERSION.TLS13 || version === VERSION.DTLS13 ||
    version >> 8 === 0x7f || version >> 8 === 0xfb;
}

/** The name of what a handshake speaks; drafts count as what they became. */
export function toProtocolVersion(
  version: number,
  isDatagram: boolean,
): string {
  const published = isDatagram ? VERSION.DTLS13 : VERSION.TLS13;
  return toVersionName(isVersion13(version) ? published : version);
}

/**
 * The newest of some versions, GREASE left out; 0 if there is none. DTLS counts
 * downwards (RFC 6347 §4.1).
 */
export function newest(versions: readonly number[]): number {
  let best = 0;
  for (const version of versions) {
    if (!isGrease(version) && rank(version) > rank(best)) best = version;
  }
  return best;
}

const rank = (version: number): number =>
  version >> 8 === 0xfe ? 0x10000 - version : version;

/** Whether a value is one of those that mean nothing (RFC 8701 §2). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** A number of two bytes, or of three where it does not fit, with its `0x`. */
export function toHex(value: number): string {
  const digits = value > 0xffff ? 6 : 4;
  return "0x" + value.toString(16).padStart(digits, "0");
}

/** Handshake messages that stand in clear (RFC 8446 §4, RFC 5246 §7.4). */
export const HANDSHAKE = {
  HELLO_REQUEST: 0,
  CLIENT_HELLO: 1,
  SERVER_HELLO: 2,
  HELLO_VERIFY_REQUEST: 3,
  NEW_SESSION_TICKET: 4,
  /** Only in drafts of TLS 1.3; later it is a ServerHello. */
  HELLO_RETRY_REQUEST: 6,
  CERTIFICATE: 11,
  SERVER_KEY_EXCHANGE: 12,
  CERTIFICATE_REQUEST: 13,
  SERVER_HELLO_DONE: 14,
  CERTIFICATE_VERIFY: 15,
  CLIENT_KEY_EXCHANGE: 16,
  CERTIFICATE_URL: 21,
  CERTIFICATE_STATUS: 22,
  SUPPLEMENTAL_DATA: 23,
} as const;

const IN_CLEAR: ReadonlySet<number> = new Set(Object.values(HANDSHAKE));

/** Whether a message of that type may stand in clear. */
export function isHandshakeType(type: number): boolean {
  return IN_CLEAR.has(type);
}
