/**
 * exchange -> names that its answer gives to addresses.
 *
 * Only an answer to a question that was seen is believed, and only from where
 * name servers answer: whoever can send packets could tell anything otherwise.
 */
import type { Entry } from "../../entry/entry.ts";
import { isMulticast } from "../../stream/address.ts";
import { DnsMessage, type ResourceRecord } from "./message.ts";

/** Where name servers answer; the other port is that of OpenShift's pods. */
const SERVER_PORTS: readonly (number | undefined)[] = [53, 5353];

/** Records of one answer that are looked at; real ones have a few. */
const MAX_RECORDS = 64;

/**
 * What host names are made of (RFC 1123 §2.1), and `_`, which some have. None
 * looks like an address.
 */
const HOST_NAME = /^(?!.{254})([a-z0-9_-]{1,63}\.)*(?!\d+$)[a-z0-9_-]{1,63}$/;

/** Addresses of nobody in particular: unspecified, or the asker's own. */
const NOBODY = /^(0\.|127\.|255\.255\.255\.255$|::1?$)/;

/** Whether names may be asked for between two ends. */
export function mayAsk(
  client: { readonly port?: number | undefined },
  server: { readonly port?: number | undefined },
): boolean {
  return SERVER_PORTS.includes(client.port) ||
    SERVER_PORTS.includes(server.port);
}

/**
 * The addresses that an entry's answer gives to the name that was asked for,
 * also through aliases.
 *
 * @returns nothing of any other entry
 */
export function answeredBy(
  { protocol, request, response, dst }: Entry,
): { readonly name: string; readonly addresses: string[] } | undefined {
  const isAnswer = protocol === "dns" && request instanceof DnsMessage &&
    response instanceof DnsMessage && !response.multicast &&
    SERVER_PORTS.includes(dst.port) && response.code === "NOERROR";
  if (!isAnswer) return undefined;
  const [asked] = request.questions ?? [];
  // Servers and resolvers mix letter cases as a guard (draft-vixie-dns-0x20).
  const name = asked?.name?.toLowerCase();
  if (asked?.class !== "IN" || name === undefined) return undefined;
  if (asked.type !== "A" && asked.type !== "AAAA") return undefined;
  if (!HOST_NAME.test(name)) return undefined;
  const records = (response.answers ?? []).slice(0, MAX_RECORDS);
  const owners = aliasesOf(name, records);
  const addresses = records.flatMap(({ name: owner, type, data }) =>
    type === asked.type && owners.has(owner?.toLowerCase()) &&
      typeof data === "string" && isSomebodys(data)
      ? [data]
      : []
  );
  return addresses.length > 0 ? { name, addresses } : undefined;
}

/** A name with all that it is an alias of, in whatever order these stand. */
function aliasesOf(
  name: string,
  records: readonly ResourceRecord[],
): ReadonlySet<string | undefined> {
  const owners = new Set<string | undefined>([name]);
  const aliases = records.filter(({ type }) => type === "CNAME");
  for (let known = 0; known < owners.size;) {
    known = owners.size;
    for (const { name: owner, data } of aliases) {
      const isOne = owners.has(owner?.toLowerCase());
      if (isOne && typeof data === "string") owners.add(data.toLowerCase());
    }
  }
  return owners;
}

const isSomebodys = (address: string): boolean =>
  !NOBODY.test(address) && !isMulticast(address);
