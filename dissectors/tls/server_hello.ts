/** ServerHello: bytes -> what the server chose. */
import { Malformed } from "../../stream/malformed.ts";
import { EXTENSION, type Extensions, readExtensions } from "./extensions.ts";
import { toText, Wire } from "./wire.ts";

/** The random of a ServerHello that asks for another ClientHello (§4.1.3). */
const RETRY = Uint8Array.fromHex(
  "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c",
);

/** The last draft of TLS 1.3 whose ServerHello has neither id nor compression. */
const LAST_SHORT_DRAFT = 0x7f15;

/** A ServerHello. Its views live as long as it does. */
export class ServerHello {
  /** `legacy_version`. */
  readonly version: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly cipherSuite: number;
  /** Absent where the message ends before them. */
  readonly extensions: Extensions | undefined;

  constructor(
    version: number,
    random: Uint8Array,
    cipherSuite: number,
    extensions: Extensions | undefined,
  ) {
    this.version = version;
    this.random = random;
    this.cipherSuite = cipherSuite;
    this.extensions = extensions;
  }

  /** Whether it is a HelloRetryRequest. */
  get isRetry(): boolean {
    return this.random.every((byte, i) => byte === RETRY[i]);
  }

  /** Extension 43, by which TLS 1.3 is chosen. */
  get supportedVersion(): number | undefined {
    return this.extensions?.read(
      EXTENSION.SUPPORTED_VERSIONS,
      (body) => body.u16(),
    );
  }

  /** The version that was negotiated. */
  get negotiatedVersion(): number {
    return this.supportedVersion ?? this.version;
  }

  /** The protocol chosen; from TLS 1.3 on it is encrypted. */
  get alpn(): string | undefined {
    const chosen = this.extensions?.alpn?.[0];
    return chosen && toText(chosen);
  }
}

/**
 * Decodes the body of a ServerHello (RFC 8446 §4.1.3, RFC 5246 §7.4.1.3).
 *
 * @param body without the handshake header; kept
 * @throws Malformed
 */
export function decodeServerHello(body: Uint8Array): ServerHello {
  const wire = new Wire(body);
  const version = wire.u16();
  const random = wire.bytes(32);
  const isShort = version >= 0x7f00 && version <= LAST_SHORT_DRAFT;
  if (!isShort && wire.vector8().length > 32) {
    throw new Malformed("A session id of over 32 bytes");
  }
  const cipherSuite = wire.u16();
  if (!isShort) wire.u8(); // compression method
  const extensions = readExtensions(wire);
  return new ServerHello(version, random, cipherSuite, extensions);
}
