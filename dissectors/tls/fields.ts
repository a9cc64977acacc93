/**
 * What an entry shows of a handshake, worked out when asked for.
 *
 * QUIC carries the same messages and shows the same fields.
 */
import {
  bool,
  list,
  number,
  object,
  text,
  time,
  type ValuesOf,
} from "../../entry/field.ts";
import type { Alert } from "./alert.ts";
import { type Certificate, decodeCertificates } from "./certificate.ts";
import { toCipherSuiteName } from "./cipher_suites.ts";
import type { ClientHello } from "./client_hello.ts";
import { type Carrier, toJa3, toJa3s, toJa4 } from "./ja.ts";
import { toVersionName } from "./names.ts";
import type { ServerHello } from "./server_hello.ts";
import { toText } from "./wire.ts";

const alert = object(
  {
    level: text("How grave it is").oneOf("warning", "fatal"),
    description: text("In the words of RFC 8446, such as `handshake_failure`"),
  },
  "The alert that this end sent in clear; the fatal one, if there were several",
);

const certificate = object({
  subject: text("Whom it is about, as RFC 4514 text: `CN=carts,O=Shop`"),
  issuer: text("Who signed it, as RFC 4514 text"),
  serial: number("Serial number"),
  notBefore: time("From when it is valid"),
  notAfter: time("Until when it is valid"),
  dnsNames: list(text("Name"), "DNS names of subjectAltName"),
  sha256: text("SHA-256 of the DER, in hex"),
}, "A certificate");

/*
 * No field says that its value stands verbatim in the stream: a peer may cut a
 * hello into as many records as it likes, and circumvention tools cut server
 * names in two. Nothing is lost by it: of a flow that cannot match only the
 * record headers are read.
 */
export const REQUEST_FIELDS = {
  serverName: text("Host that the client asks for (SNI)"),
  alpn: list(text("Protocol"), "Protocols offered inside, in order"),
  version: text("`legacy_version` of the ClientHello"),
  supportedVersions: list(text("Version"), "Versions offered by extension 43"),
  cipherSuites: list(text("Cipher suite"), "Cipher suites offered, IANA names"),
  cipherSuiteIds: list(number("Cipher suite"), "The same as numbers"),
  extensions: list(
    number("Extension type"),
    "Types of the extensions in order, GREASE included",
  ),
  ja3: text("JA3 fingerprint: MD5 in hex"),
  ja4: text("JA4 fingerprint"),
  sessionResumption: bool("Whether a ticket, id or PSK is offered"),
  certificates: list(certificate, "Client certificates in clear, leaf first"),
  alert,
  retransmissions: number("DTLS: how often the unanswered hello was repeated"),
};

export const RESPONSE_FIELDS = {
  alpn: text("Protocol chosen, if in clear"),
  version: text("`legacy_version` of the ServerHello"),
  supportedVersion: text("Version chosen by extension 43"),
  cipherSuite: text("Cipher suite chosen, IANA name"),
  cipherSuiteId: number("The same as a number"),
  extensions: list(
    number("Extension type"),
    "Types of the extensions in order",
  ),
  ja3s: text("JA3S fingerprint: MD5 in hex"),
  certificates: list(certificate, "Server certificates in clear, leaf first"),
  helloRetry: bool(
    "Whether a HelloRetryRequest or HelloVerifyRequest came before",
  ),
  alert,
};

/** What both halves have: certificates and an alert. */
class Half {
  readonly alert: Alert | undefined;
  readonly #message: Uint8Array | undefined;
  #certificates: readonly Certificate[] | undefined;

  /** @param message body of the Certificate message; kept */
  constructor(message: Uint8Array | undefined, alert: Alert | undefined) {
    this.#message = message;
    this.alert = alert;
  }

  /** Empty where the end was asked for certificates and sent none. */
  get certificates(): readonly Certificate[] | undefined {
    return this.#certificates ??= this.#message &&
      decodeCertificates(this.#message);
  }
}

/** What the client said. */
export class RequestValues extends Half
  implements ValuesOf<typeof REQUEST_FIELDS> {
  readonly #hello: ClientHello | undefined;
  readonly #carrier: Carrier;
  readonly #repeats: number;

  constructor(
    hello: ClientHello | undefined,
    carrier: Carrier,
    more: {
      readonly certificates?: Uint8Array | undefined;
      readonly alert?: Alert | undefined;
      readonly repeats?: number;
    } = {},
  ) {
    super(more.certificates, more.alert);
    this.#hello = hello;
    this.#carrier = carrier;
    this.#repeats = more.repeats ?? 0;
  }

  get serverName(): string | undefined {
    return this.#hello?.serverName;
  }

  get alpn(): string[] | undefined {
    return this.#hello?.alpn?.map(toText);
  }

  get version(): string | undefined {
    return this.#hello && toVersionName(this.#hello.version);
  }

  get supportedVersions(): string[] | undefined {
    return this.#hello?.supportedVersions?.map(toVersionName);
  }

  get cipherSuites(): string[] | undefined {
    return this.#hello?.cipherSuites.map(toCipherSuiteName);
  }

  get cipherSuiteIds(): readonly number[] | undefined {
    return this.#hello?.cipherSuites;
  }

  get extensions(): readonly number[] | undefined {
    return this.#hello?.extensions?.types;
  }

  get ja3(): string | undefined {
    return this.#fingerprinted && toJa3(this.#fingerprinted);
  }

  get ja4(): string | undefined {
    return this.#fingerprinted && toJa4(this.#fingerprinted, this.#carrier);
  }

  get sessionResumption(): boolean | undefined {
    return this.#hello?.offersResumption;
  }

  get retransmissions(): number | undefined {
    return this.#repeats || undefined;
  }

  /** The hello, if fingerprints are defined for its kind. */
  get #fingerprinted(): ClientHello | undefined {
    return this.#hello?.isSsl2 ? undefined : this.#hello;
  }
}

/** What the server said. */
export class ResponseValues extends Half
  implements ValuesOf<typeof RESPONSE_FIELDS> {
  readonly helloRetry: true | undefined;
  readonly #hello: ServerHello | undefined;

  constructor(
    hello: ServerHello | undefined,
    more: {
      readonly certificates?: Uint8Array | undefined;
      readonly alert?: Alert | undefined;
      readonly helloRetry?: boolean;
    } = {},
  ) {
    super(more.certificates, more.alert);
    this.#hello = hello;
    this.helloRetry = more.helloRetry || undefined;
  }

  get alpn(): string | undefined {
    return this.#hello?.alpn;
  }

  get version(): string | undefined {
    return this.#hello && toVersionName(this.#hello.version);
  }

  get supportedVersion(): string | undefined {
    const version = this.#hello?.supportedVersion;
    return version === undefined ? undefined : toVersionName(version);
  }

  get cipherSuite(): string | undefined {
    return this.#hello && toCipherSuiteName(this.#hello.cipherSuite);
  }

  get cipherSuiteId(): number | undefined {
    return this.#hello?.cipherSuite;
  }

  get extensions(): readonly number[] | undefined {
    return this.#hello?.extensions?.types;
  }

  get ja3s(): string | undefined {
    return this.#hello && toJa3s(this.#hello);
  }
}
