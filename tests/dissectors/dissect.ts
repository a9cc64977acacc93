/**
 * Chunks or savefiles -> entries as JSON, for the tests of dissectors.
 */
import {
  Conversation,
  type ConversationOptions,
} from "../../dissectors/conversation.ts";
import type { AnyDissector, Ending, Side } from "../../dissectors/dissector.ts";
import { PROTOCOLS, SCHEMA } from "../../dissectors/registry.ts";
import type { Entry } from "../../entry/entry.ts";
import { toPlain } from "../../entry/json.ts";
import { Schema } from "../../entry/schema.ts";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { OUTCOME, Packet, PROTOCOL } from "../../packet/packet.ts";
import { ofBytes, SavefileReader } from "../../packet/savefile.ts";
import { Flow } from "../../stream/flow.ts";
import { toPlace } from "../../stream/reader.ts";
import { Replay } from "../../worker/scan/replay.ts";

/** What one direction of a flow gives next. */
export type Chunk =
  /** Bytes; the time in µs goes on by 1,000 for each chunk without one. */
  | { side: Side; bytes: Uint8Array | string; time?: number }
  /** Bytes that were not captured. */
  | { side: Side; gap: number }
  /** A FIN. */
  | { side: Side; fin: true }
  /** The clock goes on and nothing comes. */
  | { expire: number };

/** How chunks are told to the conversation. */
export interface DissectOptions {
  readonly transport?: "tcp" | "udp" | "icmp";
  readonly midStream?: boolean;
  readonly serverPort?: number;
  readonly ending?: Ending;
  readonly wantsBodies?: boolean;
  /** Every dissector that may speak; only the one under test by default. */
  readonly dissectors?: readonly AnyDissector[];
  /** Saves and restores the conversation after each chunk. */
  readonly resumed?: boolean;
}

/** When the first chunk of a test is captured, µs since 1970. */
export const START = 1_700_000_000_000_000;

/** An entry as JSON would read it back. */
export type JsonEntry = Record<string, unknown>;

/** Entries of a flow that consists of the chunks. */
export function dissect(
  dissector: AnyDissector,
  chunks: Iterable<Chunk>,
  options: DissectOptions = {},
): JsonEntry[] {
  const dissectors = options.dissectors ?? [dissector];
  const schema = new Schema(dissectors);
  const entries: JsonEntry[] = [];
  const transport = options.transport ?? "tcp";
  const flow = toFlow(
    transport,
    options.serverPort ?? dissector.ports[0] ?? 80,
  );
  flow.midStream = options.midStream ?? false;
  const shared: ConversationOptions = {
    dissectors,
    node: { name: "test" },
    wantsBodies: options.wantsBodies ?? true,
    onEntry: (entry) => entries.push(toJsonEntry(entry, schema)),
    counters: { malformed: 0, opaqueBytes: 0 },
  };
  let conversation = new Conversation(flow, shared);
  let time = START;
  let packet = 0;
  for (const chunk of chunks) {
    // A chunk names the end as it seems at first; it may turn out otherwise.
    const side =
      "side" in chunk && (chunk.side === "client") === flow.clientIsLow
        ? "client"
        : "server";
    if ("expire" in chunk) {
      time = chunk.expire;
      conversation.expire(time);
    } else if ("gap" in chunk) conversation.gap(side, chunk.gap);
    else if ("fin" in chunk) conversation.finished(side);
    else {
      time = chunk.time ?? time + (packet === 0 ? 0 : 1000);
      const bytes = typeof chunk.bytes === "string"
        ? new TextEncoder().encode(chunk.bytes)
        : chunk.bytes.slice();
      const place = toPlace(0, packet++);
      conversation.data(side, bytes, 0, bytes.length, time, place);
      // What was borrowed is gone.
      bytes.fill(0xee);
    }
    if (options.resumed) {
      conversation = Conversation.restored(conversation.save(), flow, shared);
    }
  }
  conversation.end(options.ending ?? "closed");
  return entries;
}

/** A flow from 10.0.0.1:50000 to 10.0.0.2. */
function toFlow(transport: "tcp" | "udp" | "icmp", port: number): Flow {
  const packet = new Packet();
  packet.bytes = Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2);
  packet.dst = 4;
  packet.ipVersion = 4;
  packet.protocol = {
    tcp: PROTOCOL.TCP,
    udp: PROTOCOL.UDP,
    icmp: PROTOCOL.ICMP,
  }[transport];
  packet.srcPort = 50_000;
  packet.dstPort = port;
  packet.time = START;
  return new Flow(0, packet, true, true);
}

/** The same bytes, each in a packet of its own captured at the same time. */
export function* bytewise(chunks: Iterable<Chunk>): Generator<Chunk> {
  let time = START;
  let first = true;
  for (const chunk of chunks) {
    if (!("bytes" in chunk)) {
      yield chunk;
      continue;
    }
    time = chunk.time ?? time + (first ? 0 : 1000);
    first = false;
    const bytes = typeof chunk.bytes === "string"
      ? new TextEncoder().encode(chunk.bytes)
      : chunk.bytes;
    for (const byte of bytes) {
      yield { side: chunk.side, bytes: Uint8Array.of(byte), time };
    }
  }
}

/** Changes that a test makes to the packets of a savefile. */
export interface ReplayOptions {
  /** Leaves out the frames for which this holds. */
  readonly drop?: (frame: number) => boolean;
  /** Bytes of a frame that are captured. */
  readonly snapLength?: number;
  /** Gives each TCP segment one byte at a time. */
  readonly bytewise?: boolean;
  /**
   * Looks at entries that borrow nothing when all is over, and overwrites
   * every packet after it was read.
   */
  readonly late?: boolean;
  readonly wantsBodies?: boolean;
  readonly dissectors?: readonly AnyDissector[];
}

/** Entries of a savefile, in the order of their completion. */
export function replay(
  savefile: Uint8Array,
  options: ReplayOptions = {},
): JsonEntry[] {
  const entries: (() => JsonEntry)[] = [];
  const scan = new Replay({
    node: { name: "test" },
    dissectors: options.dissectors ?? PROTOCOLS.dissectors,
    flowDissectors: PROTOCOLS.flowDissectors,
    wantsBodies: options.wantsBodies ?? true,
    onEntry: (entry) => {
      const look = () => toJsonEntry(entry, SCHEMA);
      if (options.late && entry.borrowsNothing) entries.push(look);
      else {
        const seen = look();
        entries.push(() => seen);
      }
    },
  });
  const reader = new SavefileReader(ofBytes(savefile.slice()));
  const batch = new FrameBatch(1024);
  const decoder = new Decoder();
  const packet = new Packet();
  let frame = 0;
  while (reader.next(batch)) {
    for (let i = 0; i < batch.count; i++) {
      const number = frame++;
      if (options.drop?.(number)) continue;
      const outcome = decoder.decode(
        batch.bytes,
        batch.start[i]!,
        Math.min(batch.captured[i]!, options.snapLength ?? Infinity),
        batch.original[i]!,
        reader.interfaces[batch.interface[i]!]!.linkType,
        batch.time[i]!,
        toPlace(0, number),
        packet,
      );
      if (outcome !== OUTCOME.PACKET) continue;
      if (options.bytewise && packet.protocol === 6) {
        for (const byte of singleBytes(packet)) scan.packet(byte);
      } else scan.packet(packet);
      if (options.late) packet.bytes.fill(0xee, packet.start, packet.end);
    }
  }
  scan.end();
  return entries.map((look) => look());
}

/** The segment as segments of one byte; flags that end it stay at the end. */
function* singleBytes(packet: Packet): Generator<Packet> {
  const { start, end, seq, flags } = packet;
  if (end - start < 2 || (flags & 2) !== 0) {
    yield packet;
    return;
  }
  for (let at = start; at < end; at++) {
    packet.start = at;
    packet.end = at + 1;
    packet.seq = (seq + at - start) >>> 0;
    packet.flags = at + 1 === end ? flags : flags & ~5;
    yield packet;
  }
}

function toJsonEntry(entry: Entry, schema: Schema): JsonEntry {
  return JSON.parse(JSON.stringify(toPlain(entry, schema)));
}
