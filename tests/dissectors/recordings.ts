/** The flows of a protocol's fixtures as chunks, for tests that change them. */
import type { Side } from "../../dissectors/dissector.ts";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { OUTCOME, Packet, PROTOCOL, toAddress } from "../../packet/packet.ts";
import { ofBytes, SavefileReader } from "../../packet/savefile.ts";

/** What one packet carried. */
export interface Segment {
  readonly side: Side;
  readonly bytes: Uint8Array;
  /** µs since 1970. */
  readonly time: number;
}

/** One flow; its client sent the first packet. */
export interface Recorded {
  readonly name: string;
  readonly transport: "tcp" | "udp" | "icmp";
  readonly ipVersion: number;
  readonly client: { readonly ip: string; readonly port: number };
  readonly server: { readonly ip: string; readonly port: number };
  readonly segments: Segment[];
}

/** All flows of all fixtures. Their packets came in order and once each. */
export function readRecordings(protocol: string): Recorded[] {
  const folder = new URL(
    `../../dissectors/${protocol}/fixtures/`,
    import.meta.url,
  );
  return [...Deno.readDirSync(folder)]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".pcap"))
    .sort()
    .flatMap((name) =>
      readFlows(name, Deno.readFileSync(new URL(name, folder)))
    );
}

function readFlows(name: string, savefile: Uint8Array): Recorded[] {
  const flows = new Map<string, Recorded>();
  const reader = new SavefileReader(ofBytes(savefile));
  const batch = new FrameBatch(1024);
  const decoder = new Decoder();
  const packet = new Packet();
  while (reader.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const outcome = decoder.decode(
        batch.bytes,
        batch.start[i]!,
        batch.captured[i]!,
        batch.original[i]!,
        reader.interfaces[batch.interface[i]!]!.linkType,
        batch.time[i]!,
        i,
        packet,
      );
      if (outcome === OUTCOME.PACKET) add(flows, name, packet);
    }
  }
  return [...flows.values()].filter(({ segments }) => segments.length > 0);
}

function add(flows: Map<string, Recorded>, name: string, packet: Packet): void {
  const { bytes, ipVersion, start, end, time } = packet;
  const src = {
    ip: toAddress(bytes, packet.src, ipVersion),
    port: packet.srcPort,
  };
  const dst = {
    ip: toAddress(bytes, packet.dst, ipVersion),
    port: packet.dstPort,
  };
  const [forth, back] = [
    JSON.stringify([src, dst]),
    JSON.stringify([dst, src]),
  ];
  const isAnswer = flows.has(back);
  let flow = flows.get(isAnswer ? back : forth);
  if (!flow) {
    const transport = packet.protocol === PROTOCOL.TCP
      ? "tcp"
      : packet.protocol === PROTOCOL.UDP
      ? "udp"
      : "icmp";
    flow = {
      name: `${name} ${forth}`,
      transport,
      ipVersion,
      client: src,
      server: dst,
      segments: [],
    };
    flows.set(forth, flow);
  }
  if (end === start) return;
  const side = isAnswer ? "server" : "client";
  flow.segments.push({ side, bytes: bytes.slice(start, end), time });
}
