/** Frames in which names are asked for, and addresses used. */
import { message, query } from "../../dissectors/dns/messages.ts";
import { type End, toEthernet, toIpPacket } from "../shards/traffic.ts";

const UDP = 17;

/** Where names are asked for. */
export const SERVER: End = { address: [10, 0, 0, 53], port: 53 };

/** A datagram as a frame. */
export function datagram(
  src: End,
  dst: End,
  payload: Uint8Array = new Uint8Array(20),
): Uint8Array {
  const packet = toIpPacket({
    ...{ src, dst, protocol: UDP, payload: payload.length },
  });
  packet.set(payload, packet.length - payload.length);
  return toEthernet(packet);
}

/** What goes wrong when a name is asked for. */
export type Fault = "none" | "unasked" | "failed" | "wrong port";

/** Frames in which a client is told the address of a name, or badly so. */
export function lookup(
  client: End,
  name: string,
  address: readonly number[],
  fault: Fault = "none",
  where: End = SERVER,
): Uint8Array[] {
  const id = client.port;
  const server = fault === "wrong port" ? { ...where, port: 5300 } : where;
  const answer = message({
    id,
    response: true,
    rcode: fault === "failed" ? 3 : 0,
    questions: [[name]],
    answers: [{ name, data: address }],
  });
  const asked = datagram(client, server, query(id, name));
  const answered = datagram(server, client, answer);
  return fault === "unasked" ? [answered] : [asked, answered];
}
