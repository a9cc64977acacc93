/**
 * ClientHello: bytes -> what the client offers.
 *
 * Knows nothing of how the message was carried, so records, datagrams and QUIC
 * share it.
 */
import { Malformed } from "../../stream/malformed.ts";
import { EXTENSION, type Extensions, readExtensions } from "./extensions.ts";
import { isVersion13, newest } from "./names.ts";
import { toNumbers, Wire } from "./wire.ts";

/** Bytes of a hello whose vectors are all as long as they can be. */
export const MAX_HELLO = 131_400;

/** Bytes of a session id (RFC 5246 §7.4.1.2). */
const MAX_SESSION_ID = 32;

/** What stands in a ClientHello, whichever way it is written. */
interface Parts {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cookie?: Uint8Array | undefined;
  readonly cipherSuites: readonly number[];
  readonly extensions: Extensions | undefined;
  readonly isSsl2: boolean;
}

/** A ClientHello. Its views live as long as it does. */
export class ClientHello {
  /** `legacy_version`. */
  readonly version: number;
  /** 32 bytes; in an SSL 2.0 hello 16 or more. */
  readonly random: Uint8Array;
  /** In order, GREASE included. SSL 2.0 cipher kinds have three bytes. */
  readonly cipherSuites: readonly number[];
  /** Absent where the message ends before them. */
  readonly extensions: Extensions | undefined;
  /** Whether it is an SSL 2.0 CLIENT-HELLO. */
  readonly isSsl2: boolean;
  /** Whether it repeats a cookie, so that a HelloVerifyRequest came before. */
  readonly hasCookie: boolean;
  readonly #sessionId: Uint8Array;

  constructor(parts: Parts) {
    this.version = parts.version;
    this.random = parts.random;
    this.cipherSuites = parts.cipherSuites;
    this.extensions = parts.extensions;
    this.isSsl2 = parts.isSsl2;
    this.hasCookie = (parts.cookie?.length ?? 0) > 0;
    this.#sessionId = parts.sessionId;
  }

  /** The host that the client asks for. */
  get serverName(): string | undefined {
    return this.extensions?.serverName;
  }

  /** The protocols offered inside, most wanted first. */
  get alpn(): readonly Uint8Array[] | undefined {
    return this.extensions?.alpn;
  }

  /** Versions offered by extension 43, GREASE included. */
  get supportedVersions(): number[] | undefined {
    return this.extensions?.read(
      EXTENSION.SUPPORTED_VERSIONS,
      (body) => toNumbers(body.vector8()),
    );
  }

  /** Groups for key exchange ("elliptic curves" before RFC 7919). */
  get groups(): number[] | undefined {
    return this.extensions?.read(
      EXTENSION.SUPPORTED_GROUPS,
      (body) => toNumbers(body.vector16()),
    );
  }

  get pointFormats(): readonly number[] | undefined {
    return this.extensions?.read(
      EXTENSION.EC_POINT_FORMATS,
      (body) => [...body.vector8()],
    );
  }

  get signatureAlgorithms(): number[] | undefined {
    return this.extensions?.read(
      EXTENSION.SIGNATURE_ALGORITHMS,
      (body) => toNumbers(body.vector16()),
    );
  }

  /** The newest version offered: of extension 43, else `legacy_version`. */
  get newestVersion(): number {
    return newest(this.supportedVersions ?? []) || this.version;
  }

  /**
   * Whether a ticket, a session id or a pre-shared key is offered. Clients that
   * offer TLS 1.3 send an id that means nothing (RFC 8446 §D.4), so theirs does
   * not count.
   */
  get offersResumption(): boolean {
    const { extensions } = this;
    const ticket = extensions?.body(EXTENSION.SESSION_TICKET);
    if (ticket && ticket.length > 0) return true;
    if (extensions?.has(EXTENSION.PRE_SHARED_KEY)) return true;
    return this.#sessionId.length > 0 &&
      !this.supportedVersions?.some(isVersion13);
  }
}

/**
 * Decodes the body of a ClientHello (RFC 8446 §4.1.2; with a cookie, RFC 6347
 * §4.2.1).
 *
 * @param body without the handshake header; kept
 * @throws Malformed
 */
export function decodeClientHello(
  body: Uint8Array,
  transport: "stream" | "datagram",
): ClientHello {
  const wire = new Wire(body);
  const version = wire.u16();
  const random = wire.bytes(32);
  const sessionId = wire.vector8();
  if (sessionId.length > MAX_SESSION_ID) {
    throw new Malformed(`A session id of ${sessionId.length} bytes`);
  }
  const cookie = transport === "datagram" ? wire.vector8() : undefined;
  const suites = wire.vector16();
  if (suites.length % 2 === 1) throw new Malformed("Half a cipher suite");
  wire.vector8(); // compression methods
  return new ClientHello({
    version,
    random,
    sessionId,
    cookie,
    cipherSuites: toNumbers(suites),
    extensions: readExtensions(wire),
    isSsl2: false,
  });
}

/**
 * Decodes an SSL 2.0 CLIENT-HELLO that offers SSL 3.0 or TLS (RFC 5246 §E.2).
 *
 * @param body without the two bytes of its record's size; kept
 * @throws Malformed
 */
export function decodeSsl2Hello(body: Uint8Array): ClientHello {
  const wire = new Wire(body);
  wire.u8(); // message type
  const version = wire.u16();
  const sizes = [wire.u16(), wire.u16(), wire.u16()] as const;
  const specs = wire.bytes(sizes[0]);
  if (specs.length % 3 !== 0) throw new Malformed("Half a cipher kind");
  const sessionId = wire.bytes(sizes[1]);
  const cipherSuites: number[] = [];
  for (const kinds = new Wire(specs); kinds.left > 0;) {
    cipherSuites.push(kinds.u24());
  }
  return new ClientHello({
    version,
    random: wire.bytes(sizes[2]),
    sessionId,
    cipherSuites,
    extensions: undefined,
    isSsl2: true,
  });
}
