/** The flows of a fixture as chunks, for tests that change them. */
import type { Side } from "../../../dissectors/dissector.ts";
import { Decoder } from "../../../packet/decode.ts";
import { FrameBatch } from "../../../packet/frame.ts";
import {
  OUTCOME,
  Packet,
  PROTOCOL,
  toAddress,
} from "../../../packet/packet.ts";
import { ofBytes, SavefileReader } from "../../../packet/savefile.ts";

const FIXTURES = new URL("../../../dissectors/tls/fixtures/", import.meta.url);

/** Bytes of one packet. */
export interface Segment {
  readonly side: Side;
  readonly bytes: Uint8Array;
  /** µs since 1970. */
  readonly time: number;
}

/** One flow; its client sent the first packet. */
export interface Recorded {
  readonly name: string;
  readonly transport: "tcp" | "udp";
  readonly segments: readonly Segment[];
}

/** All flows of all fixtures. Their packets came in order and once each. */
export function readRecordings(): Recorded[] {
  return [...Deno.readDirSync(FIXTURES)]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".pcap"))
    .sort()
    .flatMap((name) =>
      readFlows(name, Deno.readFileSync(new URL(name, FIXTURES)))
    );
}

function readFlows(name: string, savefile: Uint8Array): Recorded[] {
  const flows = new Map<string, Recorded & { segments: Segment[] }>();
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
  return [...flows.values()];
}

function add(
  flows: Map<string, Recorded & { segments: Segment[] }>,
  name: string,
  packet: Packet,
): void {
  const { bytes, ipVersion, srcPort, dstPort, start, end, time } = packet;
  const src = `${toAddress(bytes, packet.src, ipVersion)}:${srcPort}`;
  const dst = `${toAddress(bytes, packet.dst, ipVersion)}:${dstPort}`;
  const isAnswer = flows.has(`${dst} ${src}`);
  const key = isAnswer ? `${dst} ${src}` : `${src} ${dst}`;
  let flow = flows.get(key);
  if (!flow) {
    const transport = packet.protocol === PROTOCOL.TCP ? "tcp" : "udp";
    flows.set(key, flow = { name: `${name} ${key}`, transport, segments: [] });
  }
  if (end === start) return;
  const side = isAnswer ? "server" : "client";
  flow.segments.push({ side, bytes: bytes.slice(start, end), time });
}
