/**
 * Names of ICMP's message types, in lower case.
 *
 * Source: IANA, "Internet Control Message Protocol (ICMP) Parameters" and
 * "Internet Control Message Protocol version 6 (ICMPv6) Parameters". Type 8 of
 * ICMP, there "Echo", is called as in ICMPv6.
 */

const ICMP: { readonly [type: number]: string } = {
  0: "echo reply",
  3: "destination unreachable",
  4: "source quench",
  5: "redirect",
  6: "alternate host address",
  8: "echo request",
  9: "router advertisement",
  10: "router solicitation",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp",
  14: "timestamp reply",
  15: "information request",
  16: "information reply",
  17: "address mask request",
  18: "address mask reply",
  30: "traceroute",
  31: "datagram conversion error",
  32: "mobile host redirect",
  33: "ipv6 where-are-you",
  34: "ipv6 i-am-here",
  35: "mobile registration request",
  36: "mobile registration reply",
  37: "domain name request",
  38: "domain name reply",
  39: "skip",
  40: "photuris",
  42: "extended echo request",
  43: "extended echo reply",
};

const ICMPV6: { readonly [type: number]: string } = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  137: "redirect message",
  138: "router renumbering",
  139: "icmp node information query",
  140: "icmp node information response",
  141: "inverse neighbor discovery solicitation message",
  142: "inverse neighbor discovery advertisement message",
  143: "version 2 multicast listener report",
  144: "home agent address discovery request message",
  145: "home agent address discovery reply message",
  146: "mobile prefix solicitation",
  147: "mobile prefix advertisement",
  148: "certification path solicitation message",
  149: "certification path advertisement message",
  151: "multicast router advertisement",
  152: "multicast router solicitation",
  153: "multicast router termination",
  154: "fmipv6 messages",
  155: "rpl control message",
  156: "ilnpv6 locator update message",
  157: "duplicate address request",
  158: "duplicate address confirmation",
  159: "mpl control message",
  160: "extended echo request",
  161: "extended echo reply",
};

/** A type's name; unregistered ones as `type 165`. */
export function typeName(version: 4 | 6, type: number): string {
  return (version === 4 ? ICMP : ICMPV6)[type] ?? `type ${type}`;
}

/** Numbers of the types that are treated by name. */
export const TYPE = {
  4: {
    ECHO_REQUEST: 8,
    ECHO_REPLY: 0,
    DESTINATION_UNREACHABLE: 3,
    REDIRECT: 5,
  },
  6: {
    ECHO_REQUEST: 128,
    ECHO_REPLY: 129,
    PACKET_TOO_BIG: 2,
    NEIGHBOR_SOLICITATION: 135,
    NEIGHBOR_ADVERTISEMENT: 136,
    REDIRECT: 137,
  },
} as const;

/** Types that report an error and quote the packet that made it. */
const ERRORS: { readonly [V in 4 | 6]: readonly number[] } = {
  4: [3, 4, 5, 11, 12], // RFC 1122 §3.2.2
  6: [1, 2, 3, 4], // RFC 4443 §2.1
};

/** Errors that say that a packet did not arrive. */
const FAILURES: { readonly [V in 4 | 6]: readonly number[] } = {
  4: [3, 11, 12],
  6: [1, 2, 3, 4],
};

/** Types whose messages begin with an id and a sequence number. */
const NUMBERED: { readonly [V in 4 | 6]: readonly number[] } = {
  4: [0, 8, 13, 14, 15, 16, 17, 18],
  6: [128, 129],
};

/** Whether the type reports an error. */
export const isError = (version: 4 | 6, type: number): boolean =>
  ERRORS[version].includes(type);

/** Whether the type says that a packet did not arrive. */
export const isFailure = (version: 4 | 6, type: number): boolean =>
  FAILURES[version].includes(type);

/** Whether messages of the type have an id and a sequence number. */
export const isNumbered = (version: 4 | 6, type: number): boolean =>
  NUMBERED[version].includes(type);
