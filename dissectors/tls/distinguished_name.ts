/** Distinguished names as text (RFC 4514). */
import { Der, type Element, TAG, toOid, toString } from "./der.ts";

/**
 * Short names of attribute types: those of RFC 4514 §3, and others of the LDAP
 * registry (RFC 4519, RFC 2985) that stand in certificates.
 */
const SHORT_NAMES = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.4", "SN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.12", "title"],
  ["2.5.4.15", "businessCategory"],
  ["2.5.4.17", "postalCode"],
  ["2.5.4.42", "givenName"],
  ["2.5.4.46", "dnQualifier"],
  ["2.5.4.97", "organizationIdentifier"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
]);

/**
 * A name as RFC 4514 writes it: the last part first.
 *
 * @param content what its SEQUENCE holds
 * @returns empty for a name without parts
 * @throws Malformed
 */
export function toDistinguishedName(content: Uint8Array): string {
  const parts: string[] = [];
  const sequence = new Der(content);
  while (sequence.hasMore) {
    const attributes: string[] = [];
    const set = sequence.enter(TAG.SET);
    while (set.hasMore) attributes.push(toAttribute(set.enter(TAG.SEQUENCE)));
    parts.push(attributes.join("+"));
  }
  return parts.reverse().join(",");
}

function toAttribute(attribute: Der): string {
  const oid = toOid(attribute.expect(TAG.OID));
  const value = attribute.next();
  const name = SHORT_NAMES.get(oid);
  const text = name === undefined ? undefined : toString(value);
  return text === undefined
    ? `${name ?? oid}=${toHexValue(value)}`
    : `${name}=${escape(text)}`;
}

/** What has no text stands as the digits of its BER (§2.4). */
const toHexValue = ({ whole }: Element): string => "#" + whole.toHex();

/** Puts `\` where a character would be read as something else (§2.4). */
function escape(text: string): string {
  return text
    .replace(/["+,;<>\\]/g, "\\$&")
    .replace(/^[ #]|(?<=.) $/gs, "\\$&")
    .replaceAll("\0", "\\00");
}
