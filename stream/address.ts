/** What dissectors, which do not know packets, need of addresses. */
export { toAddress } from "../packet/packet.ts";

/** Whether an address is a group's (RFC 5771, RFC 4291 §2.7). */
export function isMulticast(ip: string): boolean {
  if (ip.includes(":")) return ip.startsWith("ff");
  const first = parseInt(ip);
  return first >= 224 && first <= 239;
}
