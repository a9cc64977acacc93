/** X.509 certificates (RFC 5280) -> what an entry shows of them. */
import { createHash } from "node:crypto";
import { Der, TAG, toInteger, toOid, toTime } from "./der.ts";
import { toDistinguishedName } from "./distinguished_name.ts";
import { leniently, toText, Wire } from "./wire.ts";

/** Certificates of one message that are looked at. */
export const MAX_CERTIFICATES = 100;

/** A certificate. What its bytes do not tell is absent. */
export interface Certificate {
  /** RFC 4514 text, such as `CN=carts,O=Shop`. */
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  readonly serial?: number | string | undefined;
  /** RFC 3339. */
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
  /** Of the subjectAltName extension, in order. */
  readonly dnsNames?: readonly string[] | undefined;
  /** Hex, of the DER. */
  readonly sha256: string;
}

/**
 * Decodes the certificates of a Certificate message (RFC 5246 §7.4.2), leaf
 * first. A broken list ends at the break.
 *
 * @param body without the handshake header
 */
export function decodeCertificates(body: Uint8Array): Certificate[] {
  const certificates: Certificate[] = [];
  leniently(() => {
    const list = new Wire(new Wire(body).vector24());
    while (list.left > 0 && certificates.length < MAX_CERTIFICATES) {
      certificates.push(decodeCertificate(list.vector24()));
    }
  });
  return certificates;
}

/** Decodes one certificate; of broken DER it gives what comes before. */
export function decodeCertificate(der: Uint8Array): Certificate {
  const sha256 = createHash("sha256").update(der).digest("hex");
  const told: { -readonly [K in keyof Certificate]?: Certificate[K] } = {};
  leniently(() => {
    const fields = new Der(der).enter(TAG.SEQUENCE).enter(TAG.SEQUENCE);
    if (fields.nextTag === VERSION) fields.next();
    told.serial = toInteger(fields.expect(TAG.INTEGER));
    fields.expect(TAG.SEQUENCE); // signature algorithm
    told.issuer = toDistinguishedName(fields.expect(TAG.SEQUENCE));
    const validity = fields.enter(TAG.SEQUENCE);
    told.notBefore = toTime(validity.next());
    told.notAfter = toTime(validity.next());
    told.subject = toDistinguishedName(fields.expect(TAG.SEQUENCE));
    fields.expect(TAG.SEQUENCE); // public key
    while (fields.hasMore) {
      const { tag, content } = fields.next();
      if (tag === EXTENSIONS) told.dnsNames = readDnsNames(content);
    }
  });
  const { subject, issuer, serial, notBefore, notAfter, dnsNames } = told;
  return { subject, issuer, serial, notBefore, notAfter, dnsNames, sha256 };
}

/** Tags of what a certificate may have (§4.1). */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

const SUBJECT_ALT_NAME = "2.5.29.17";

/** Tag of a `dNSName` among the kinds of names (§4.2.1.6). */
const DNS_NAME = 0x82;

function readDnsNames(content: Uint8Array): string[] | undefined {
  const extensions = new Der(content).enter(TAG.SEQUENCE);
  while (extensions.hasMore) {
    const extension = extensions.enter(TAG.SEQUENCE);
    if (toOid(extension.expect(TAG.OID)) !== SUBJECT_ALT_NAME) continue;
    if (extension.nextTag === TAG.BOOLEAN) extension.next();
    const names: string[] = [];
    const list = extension.enter(TAG.OCTET_STRING).enter(TAG.SEQUENCE);
    while (list.hasMore) {
      const { tag, content } = list.next();
      if (tag === DNS_NAME) names.push(toText(content));
    }
    return names.length > 0 ? names : undefined;
  }
  return undefined;
}
