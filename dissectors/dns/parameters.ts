/**
 * Names of DNS numbers, as registered.
 *
 * Source: IANA, "Domain Name System (DNS) Parameters" (RFC 6895).
 */

/** Record types by number. */
const TYPES: { readonly [number: number]: string } = {
  1: "A",
  2: "NS",
  3: "MD",
  4: "MF",
  5: "CNAME",
  6: "SOA",
  7: "MB",
  8: "MG",
  9: "MR",
  10: "NULL",
  11: "WKS",
  12: "PTR",
  13: "HINFO",
  14: "MINFO",
  15: "MX",
  16: "TXT",
  17: "RP",
  18: "AFSDB",
  19: "X25",
  20: "ISDN",
  21: "RT",
  22: "NSAP",
  23: "NSAP-PTR",
  24: "SIG",
  25: "KEY",
  26: "PX",
  27: "GPOS",
  28: "AAAA",
  29: "LOC",
  30: "NXT",
  31: "EID",
  32: "NIMLOC",
  33: "SRV",
  34: "ATMA",
  35: "NAPTR",
  36: "KX",
  37: "CERT",
  38: "A6",
  39: "DNAME",
  40: "SINK",
  41: "OPT",
  42: "APL",
  43: "DS",
  44: "SSHFP",
  45: "IPSECKEY",
  46: "RRSIG",
  47: "NSEC",
  48: "DNSKEY",
  49: "DHCID",
  50: "NSEC3",
  51: "NSEC3PARAM",
  52: "TLSA",
  53: "SMIMEA",
  55: "HIP",
  56: "NINFO",
  57: "RKEY",
  58: "TALINK",
  59: "CDS",
  60: "CDNSKEY",
  61: "OPENPGPKEY",
  62: "CSYNC",
  63: "ZONEMD",
  64: "SVCB",
  65: "HTTPS",
  66: "DSYNC",
  67: "HHIT",
  68: "BRID",
  99: "SPF",
  100: "UINFO",
  101: "UID",
  102: "GID",
  103: "UNSPEC",
  104: "NID",
  105: "L32",
  106: "L64",
  107: "LP",
  108: "EUI48",
  109: "EUI64",
  128: "NXNAME",
  249: "TKEY",
  250: "TSIG",
  251: "IXFR",
  252: "AXFR",
  253: "MAILB",
  254: "MAILA",
  255: "ANY",
  256: "URI",
  257: "CAA",
  258: "AVC",
  259: "DOA",
  260: "AMTRELAY",
  261: "RESINFO",
  262: "WALLET",
  263: "CLA",
  264: "IPN",
  32768: "TA",
  32769: "DLV",
};

/** Numbers of the record types that this code treats by name. */
export const TYPE = {
  SOA: 6,
  SRV: 33,
  NIMLOC: 32,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
} as const;

const CLASSES: { readonly [number: number]: string } = {
  1: "IN",
  3: "CH",
  4: "HS",
  254: "NONE",
  255: "ANY",
};

const OPCODES: { readonly [number: number]: string } = {
  0: "QUERY",
  1: "IQUERY",
  2: "STATUS",
  4: "NOTIFY",
  5: "UPDATE",
  6: "DSO",
};

/** Numbers of the opcodes that this code treats by name. */
export const OPCODE = { QUERY: 0, UPDATE: 5, DSO: 6 } as const;

/** 16 is BADVERS here: as BADSIG it stands in TSIG records alone. */
const RCODES: { readonly [number: number]: string } = {
  0: "NOERROR",
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
  6: "YXDOMAIN",
  7: "YXRRSET",
  8: "NXRRSET",
  9: "NOTAUTH",
  10: "NOTZONE",
  11: "DSOTYPENI",
  16: "BADVERS",
  17: "BADKEY",
  18: "BADTIME",
  19: "BADMODE",
  20: "BADNAME",
  21: "BADALG",
  22: "BADTRUNC",
  23: "BADCOOKIE",
};

/** Parameters of SVCB and HTTPS records (RFC 9460 §14.3.2). */
const SERVICE_KEYS: { readonly [number: number]: string } = {
  0: "mandatory",
  1: "alpn",
  2: "no-default-alpn",
  3: "port",
  4: "ipv4hint",
  5: "ech",
  6: "ipv6hint",
  7: "dohpath",
  8: "ohttp",
};

/** A record type: `AAAA`, unregistered ones as `TYPE65280` (RFC 3597 §5). */
export const typeName = (number: number): string =>
  TYPES[number] ?? `TYPE${number}`;

/** Whether the record type is registered. */
export const isKnownType = (number: number): boolean => number in TYPES;

/** A class: `IN`, unregistered ones as `CLASS32` (RFC 3597 §5). */
export const className = (number: number): string =>
  CLASSES[number] ?? `CLASS${number}`;

/** Whether the class is registered. */
export const isKnownClass = (number: number): boolean => number in CLASSES;

/** An opcode; unregistered ones as `OPCODE3`. */
export const opcodeName = (number: number): string =>
  OPCODES[number] ?? `OPCODE${number}`;

/** Whether the opcode is registered. */
export const isKnownOpcode = (number: number): boolean => number in OPCODES;

/** A response code with EDNS's upper bits; unregistered ones as `RCODE12`. */
export const rcodeName = (number: number): string =>
  RCODES[number] ?? `RCODE${number}`;

/** The key of a service parameter; unregistered ones as `key667`. */
export const serviceKeyName = (number: number): string =>
  SERVICE_KEYS[number] ?? `key${number}`;

/** The values of a response code that have a name, for completion. */
export const RCODE_NAMES: readonly string[] = Object.values(RCODES);

/** The values of an opcode that have a name, for completion. */
export const OPCODE_NAMES: readonly string[] = Object.values(OPCODES);
