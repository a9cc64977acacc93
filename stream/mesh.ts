/**
 * A service mesh within a pod: what its application and its proxy (Istio's,
 * Linkerd's) say to each other on the pod's loopback interface.
 *
 * What the application sends out, whoever it is for, the kernel redirects to
 * the proxy's port (`REDIRECT` of iptables, in OUTPUT). An answer's source is
 * turned back before it passes the interface. So a connection has other ends
 * one way than the other, and the answers tell for whom it was meant:
 *
 *     10.1.0.7:42472 ──► 127.0.0.1:15001
 *     10.1.0.7:42472 ◄── 10.96.0.10:80
 *
 * What comes in the proxy sends on by a connection of its own, to the
 * application's own port, and from 127.0.0.6 (Istio) or the pod itself.
 */
import { Packet, PROTOCOL } from "../packet/packet.ts";
import type { FlowEnd } from "./flow_end.ts";

/** Between application and proxy: what the application asks, or is asked. */
export type MeshLeg = "outbound" | "inbound";

/**
 * Ports that proxies have redirected to: Istio's for all that goes out and for
 * names (`15001`, `15053`), and Linkerd's (`4140`).
 *
 * https://istio.io/latest/docs/ops/deployment/application-requirements/
 * https://linkerd.io/2/reference/proxy-configuration/
 */
export const REDIRECT_PORTS: readonly number[] = [15001, 4140, 15053];

/** Addresses of the pod whose network it is; none where nobody knows. */
export type PodIpsOf = (network: number) => readonly string[];

/** Where nobody knows any. */
export const NO_PODS: PodIpsOf = () => [];

/** Whether an address is one of the pod's loopback interface alone. */
export function isLoopback(
  bytes: Uint8Array,
  at: number,
  ipVersion: number,
): boolean {
  if (ipVersion === 4) return bytes[at] === 127;
  for (let i = 0; i < 15; i++) if (bytes[at + i] !== 0) return false;
  // ::1, and ::6, from which Istio's proxy connects.
  return bytes[at + 15] === 1 || bytes[at + 15] === 6;
}

/** Whether an end is that of a proxy to which connections are redirected. */
export function isRedirect({ ip, port = 0 }: FlowEnd): boolean {
  return (ip === "127.0.0.1" || ip === "::1") && REDIRECT_PORTS.includes(port);
}

/**
 * Which leg of a conversation a flow in a pod's network is; `undefined` for what
 * containers of one pod say to each other, which no proxy passes on.
 */
export function toMeshLeg(
  client: FlowEnd,
  server: FlowEnd,
): MeshLeg | undefined {
  if (isRedirect(server)) return "outbound";
  // Without the proxy's own address it cannot be told from another container.
  const isProxys = client.ip === "127.0.0.6" || client.ip === "::6";
  const isLocal = server.podIp !== undefined;
  return isProxys || !isLocal ? "inbound" : undefined;
}

/** Finds the flows that redirected packets' answers belong to. */
export class Answers {
  /** The packet as if the proxy had sent it: its ends alone. */
  readonly #asked = new Packet();
  readonly #bytes = new Uint8Array(32);

  /**
   * Whether a packet may be such an answer: then the flow is looked for under
   * what {@link asked} gives.
   */
  mayBe({ protocol, bytes, src, dst, ipVersion }: Packet): boolean {
    return (protocol === PROTOCOL.TCP || protocol === PROTOCOL.UDP) &&
      !isLoopback(bytes, src, ipVersion) && !isLoopback(bytes, dst, ipVersion);
  }

  /**
   * The packet with a proxy's end in the place of its source. Borrowed until
   * the next call.
   */
  asked(packet: Packet, port: number): Packet {
    const asked = this.#asked;
    const size = packet.ipVersion === 4 ? 4 : 16;
    const bytes = this.#bytes.fill(0);
    if (size === 4) bytes[0] = 127;
    bytes[size - 1] = 1;
    for (let i = 0; i < size; i++) {
      bytes[16 + i] = packet.bytes[packet.dst + i]!;
    }
    asked.bytes = bytes;
    asked.src = 0;
    asked.dst = 16;
    asked.ipVersion = packet.ipVersion;
    asked.protocol = packet.protocol;
    asked.network = packet.network;
    asked.srcPort = port;
    asked.dstPort = packet.dstPort;
    return asked;
  }
}
