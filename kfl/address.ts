/**
 * Addresses and networks, as filters write them and entries hold them.
 *
 * An address is a text in `inet_ntop` form (FIELDS §1), so two are equal when
 * their texts are. Only for networks are they taken apart, into 16-bit groups:
 * two for IPv4, eight for IPv6.
 */

/** Addresses whose first `bits` bits are those of `value`. */
export interface Network {
  readonly value: string;
  readonly bits: number;
}

/** An address's 16-bit groups, or `undefined` where the text is none. */
export function parseAddress(text: string): number[] | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!parts) return undefined;
  const [a, b, c, d] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (Math.max(a, b, c, d) > 255) return undefined;
  return [a << 8 | b, c << 8 | d];
}

/** The text forms of RFC 4291 §2.2. */
function parseIpv6(text: string): number[] | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups: number[][] = [];
  for (const [place, half] of halves.entries()) {
    const read: number[] = [];
    const parts = half === "" ? [] : half.split(":");
    for (const [i, part] of parts.entries()) {
      const last = place === halves.length - 1 && i === parts.length - 1;
      if (last && part.includes(".")) {
        const ipv4 = parseIpv4(part);
        if (!ipv4) return undefined;
        read.push(...ipv4);
      } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
        read.push(parseInt(part, 16));
      } else {
        return undefined;
      }
    }
    groups.push(read);
  }
  const [head, tail] = groups as [number[], number[] | undefined];
  if (!tail) return head.length === 8 ? head : undefined;
  const zeros = 8 - head.length - tail.length;
  if (zeros < 1) return undefined;
  return [...head, ...new Array<number>(zeros).fill(0), ...tail];
}

/** An address as entries hold it, or `undefined` where the text is none. */
export function normalizeAddress(text: string): string | undefined {
  const groups = parseAddress(text);
  return groups && formatAddress(groups);
}

/** Groups as `inet_ntop` writes them (RFC 5952, IPv4 tails with dots). */
export function formatAddress(groups: readonly number[]): string {
  if (groups.length === 2) {
    const [high, low] = groups as [number, number];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const leading = groups.findIndex((group) => group !== 0);
  const mapped = leading === 5 && groups[5] === 0xffff;
  if (mapped || leading === 6) {
    return (mapped ? "::ffff:" : "::") + formatAddress(groups.slice(6));
  }
  let run = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > run.length) run = { at, length };
    at += length;
  }
  const hex = (part: readonly number[]) =>
    part.map((group) => group.toString(16)).join(":");
  if (run.at < 0) return hex(groups);
  return `${hex(groups.slice(0, run.at))}::${
    hex(groups.slice(run.at + run.length))
  }`;
}

/** The network `text`, such as `10.0.0.0/8`; its host bits are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const bits = Number(text.slice(slash + 1));
  const groups = parseAddress(text.slice(0, slash));
  if (slash < 0 || !groups || !(bits <= groups.length * 16)) return undefined;
  const network = groups.map((group, i) => group & maskOf(bits, i));
  return { value: formatAddress(network), bits };
}

/** Which bits of the 16-bit group `i` the first `bits` bits cover. */
function maskOf(bits: number, i: number): number {
  const covered = Math.min(16, Math.max(0, bits - 16 * i));
  return 0xffff << (16 - covered) & 0xffff;
}

/** Whether an address lies in a network; no text that is no address does. */
export function isWithin(address: string, network: Network): boolean {
  return withinTest(network)(address);
}

/** {@link isWithin} for many addresses and one network. */
export function withinTest(network: Network): (address: string) => boolean {
  const wanted = parseAddress(network.value);
  if (!wanted) return () => false;
  return (address) => {
    const groups = parseAddress(address);
    return groups !== undefined && groups.length === wanted.length &&
      wanted.every((group, i) =>
        ((group ^ groups[i]!) & maskOf(network.bits, i)) === 0
      );
  };
}
