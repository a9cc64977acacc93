/**
 * Random segments, flows and parsers: what a stream, a count or a reader gives
 * must agree with a plain model of it, however packets are lost, repeated,
 * overlapped or reordered, and whenever state is saved and restored.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { Packet, PROTOCOL, TCP } from "../../packet/packet.ts";
import {
  ChunkAnalysis,
  DatagramAnalysis,
  type FlowAnalysis,
  restoreAnalysis,
  saveAnalysis,
} from "../../stream/analysis.ts";
import type { Flow, FlowEnding } from "../../stream/flow.ts";
import { type FlowState, FlowTable } from "../../stream/flow_table.ts";
import { type ReaderState, StreamReader } from "../../stream/reader.ts";
import {
  MAX_WAITING_BYTES,
  Reassembler,
  type ReassemblerState,
  type Sink,
  WaitingRoom,
} from "../../stream/reassembly.ts";
import { decodeState, encodeState, type State } from "../../stream/state.ts";
import { TcpAnalysis } from "../../stream/tcp_analysis.ts";
import { Random } from "./random.ts";

/** Runs `cases` times with seeds that a failure names. */
function fuzz(
  name: string,
  cases: number,
  run: (random: Random) => void,
): void {
  Deno.test(`${name} (${cases} cases)`, () => {
    for (let seed = 1; seed <= cases; seed++) {
      try {
        run(new Random(seed));
      } catch (error) {
        throw new Error(`Seed ${seed} fails`, { cause: error });
      }
    }
  });
}

// Segments of one direction, and what is acknowledged of it.

/** What the other end or the capture does with a stream. */
interface Traffic {
  readonly packets: readonly Packet[];
  /** Per byte: what came first for it; undefined if nothing was captured. */
  readonly first: (number | undefined)[];
  readonly hasFin: boolean;
  /** Whether every byte was captured, and nothing acknowledged too early. */
  readonly isWhole: boolean;
}

const SIZE = 300;

/** Segments in a random order, some lost, cut or of other content. */
function trafficOf(random: Random): Traffic {
  const isn = random.chance(0.3) ? 2 ** 32 - random.int(1, SIZE) : 1000;
  const size = random.int(0, SIZE);
  const isLossy = random.chance(0.5);
  const hasFin = random.chance(0.7);
  const ranges = rangesOf(random, size, hasFin);
  const packets = [segment(isn, -1, 0, TCP.SYN, random)];
  const first: (number | undefined)[] = Array(size).fill(undefined);
  let time = 0;
  let isWhole = true;
  let highest = 0;
  for (const [start, end, isFin] of ranges) {
    time += random.pick([1, 1000, 60_000, 200_000]);
    if (isLossy && random.chance(0.1)) continue;
    const packet = segment(isn, start, end - start, 0, random);
    if (isFin) packet.flags |= TCP.FIN;
    if (isLossy && random.chance(0.1)) {
      packet.missing = random.int(0, packet.end - packet.start);
      packet.end -= packet.missing;
    }
    packet.time = time;
    packets.push(packet);
    for (let i = packet.start; i < packet.end; i++) {
      first[start + i - packet.start] ??= packet.bytes[i];
    }
    highest = Math.max(highest, end);
    if (isLossy && random.chance(0.3)) {
      packets.push(ack(isn, random.int(0, highest), time, random));
    }
  }
  if (isLossy || ranges.length === 0 && hasFin) isWhole = false;
  packets.forEach((packet, index) => packet.place = index);
  return { packets, first, hasFin, isWhole };
}

/** Ranges that cover a stream, with repeats and overlaps, nearly in order. */
function rangesOf(
  random: Random,
  size: number,
  hasFin: boolean,
): [start: number, end: number, isFin: boolean][] {
  const ranges: [number, number, boolean][] = [];
  for (let at = 0; at < size;) {
    const end = Math.min(size, at + random.int(1, 60));
    ranges.push([at, end, hasFin && end === size && random.chance(0.5)]);
    at = end;
    if (!random.chance(0.2)) continue;
    const start = random.int(0, size - 1);
    ranges.push([start, random.int(start, Math.min(size, start + 80)), false]);
  }
  if (hasFin) ranges.push([size, size, true]);
  for (let n = random.int(0, ranges.length); n > 0; n--) {
    const at = random.int(0, ranges.length - 1);
    const [moved] = ranges.splice(at, 1);
    ranges.splice(Math.max(0, at - random.int(0, 8)), 0, moved!);
  }
  return ranges;
}

function segment(
  isn: number,
  position: number,
  size: number,
  flags: number,
  random: Random,
): Packet {
  const packet = new Packet();
  packet.seq = isn + 1 + position >>> 0;
  packet.flags = flags;
  packet.start = random.int(0, 3);
  packet.end = packet.start + size;
  packet.bytes = random.bytes(packet.end);
  return packet;
}

/** A segment of the other direction. */
function ack(
  isn: number,
  position: number,
  time: number,
  random: Random,
): Packet {
  const packet = new Packet();
  packet.flags = TCP.ACK;
  packet.ack = isn + 1 + position >>> 0;
  packet.time = time;
  packet.end = random.chance(0.3) ? 1 : 0;
  packet.bytes = new Uint8Array(1);
  return packet;
}

/** What came out, byte by byte: `undefined` for those in a gap. */
class Output implements Sink {
  readonly bytes: (number | undefined)[] = [];
  gaps = 0;
  ends = 0;

  data(bytes: Uint8Array, start: number, end: number): void {
    ok(end > start, "nothing is no data");
    equal(this.ends, 0);
    for (let i = start; i < end; i++) this.bytes.push(bytes[i]);
  }

  gap(size: number): void {
    ok(size > 0, "nothing is no gap");
    equal(this.ends, 0);
    this.gaps++;
    for (let i = 0; i < size; i++) this.bytes.push(undefined);
  }

  fin(): void {
    this.ends++;
  }
}

/** Gives a reassembler its packets; those with an ACK are the other end's. */
function reassemble(
  packets: readonly Packet[],
  between: (reassembler: Reassembler, sink: Sink, time: number) => Reassembler,
): Output {
  const output = new Output();
  const room = new WaitingRoom();
  let reassembler = new Reassembler(room);
  for (const packet of packets) {
    reassembler = between(reassembler, output, packet.time);
    if ((packet.flags & TCP.ACK) !== 0) reassembler.acknowledge(packet, output);
    else reassembler.add(packet, output);
  }
  reassembler.end(output);
  equal(reassembler.waiting, 0);
  return output;
}

fuzz("a stream is what was captured of it first", 12_000, (random) => {
  const { packets, first, hasFin, isWhole } = trafficOf(random);
  const output = reassemble(packets, (reassembler) => reassembler);
  output.bytes.forEach((byte, at) => {
    if (byte !== undefined) equal(byte, first[at], `byte ${at}`);
  });
  ok(output.bytes.length <= first.length);
  if (!isWhole) return;
  deepEqual(output.bytes, first);
  equal(output.gaps, 0);
  equal(output.ends, hasFin ? 1 : 0);
});

fuzz("a stream does not depend on pauses or restarts", 8_000, (random) => {
  const { packets } = trafficOf(random);
  const expected = reassemble(packets, (reassembler) => reassembler);
  const saved = reassemble(packets, (reassembler) => {
    const state = decodeState(encodeState(reassembler.save()));
    return Reassembler.restored(state as ReassemblerState);
  });
  deepEqual(saved, expected);
  let last = 0;
  const expired = reassemble(packets, (reassembler, sink, time) => {
    if (time >= last) reassembler.expire(random.int(last, time), sink);
    last = time;
    return reassembler;
  });
  deepEqual(expired, expected);
});

const SILENT: Sink = { data() {}, gap() {}, fin() {} };

/** A packet of which nothing can be expected. */
function garbage(random: Random): Packet {
  const packet = new Packet();
  packet.bytes = random.bytes(random.int(0, 40));
  packet.end = packet.bytes.length;
  packet.start = random.int(0, packet.end);
  packet.seq = random.pick([
    0,
    100,
    random.int(0, 2 ** 32 - 1),
    random.int(0, 200),
    2 ** 31,
    2 ** 32 - 1,
    2 ** 26,
  ]);
  packet.ack = random.pick([0, random.int(0, 2 ** 32 - 1), 100, 2 ** 31]);
  packet.flags = random.int(0, 31);
  packet.window = random.pick([0, 0, 500]);
  packet.missing = random.chance(0.2) ? random.int(1, 70_000) : 0;
  packet.time = random.int(0, 1e6);
  packet.place = random.int(0, 1e6);
  return packet;
}

fuzz("any segments leave a stream within its bounds", 5_000, (random) => {
  const room = new WaitingRoom(random.pick([100, MAX_WAITING_BYTES]));
  let reassembler = new Reassembler(room);
  for (let n = random.int(1, 60); n > 0; n--) {
    const packet = garbage(random);
    if (random.chance(0.7)) reassembler.add(packet, SILENT);
    else reassembler.acknowledge(packet, SILENT);
    ok(room.bytes <= room.most);
    equal(room.bytes, reassembler.waiting);
    if (random.chance(0.02)) {
      const state = reassembler.save();
      reassembler.end(SILENT);
      reassembler = Reassembler.restored(state, room);
    }
  }
  reassembler.end(SILENT);
  equal(room.bytes, 0);
});

// Counts.

fuzz("the bytes counted are those that were seen", 8_000, (random) => {
  const { packets, first } = trafficOf(random);
  let analysis: FlowAnalysis = new TcpAnalysis();
  const seen = new Set<number>();
  let reached = 0;
  for (const packet of packets) {
    analysis.add(packet, (packet.flags & TCP.ACK) === 0);
    if (random.chance(0.05)) analysis = restoredAnalysis(analysis);
    if ((packet.flags & (TCP.ACK | TCP.SYN)) !== 0) continue;
    const start = packet.seq - packets[0]!.seq - 1 >>> 0;
    for (let at = 0; at < packet.size; at++) seen.add(start + at);
    const reaches = packet.size > 0 || (packet.flags & TCP.FIN) !== 0;
    if (reaches) reached = Math.max(reached, start + packet.size);
  }
  const { coverage, headBytes } = (analysis as TcpAnalysis).low;
  equal(coverage.size, seen.size);
  let holes = 0;
  for (let at = 0; at < reached; at++) {
    if (!seen.has(at) && (at === 0 || seen.has(at - 1))) holes++;
    equal(coverage.has(at), seen.has(at));
  }
  ok(coverage.holes >= holes, `${coverage.holes} < ${holes}`);
  headBytes?.forEach((byte, at) => equal(byte, first[at]));
});

fuzz("any packets can be counted, saved and restored", 6_000, (random) => {
  const make = random.pick([
    () => new TcpAnalysis(),
    () => new DatagramAnalysis(),
    () => new ChunkAnalysis(),
  ]);
  const straight = make();
  let saved: FlowAnalysis = make();
  for (let n = random.int(1, 60); n > 0; n--) {
    const packet = garbage(random);
    const fromLow = random.chance(0.5);
    straight.add(packet, fromLow);
    saved.add(packet, fromLow);
    if (random.chance(0.2)) saved = restoredAnalysis(saved);
  }
  deepEqual(saveAnalysis(saved), saveAnalysis(straight));
  if (straight.transport === "tcp") straight.handshake(random.chance(0.5));
});

function restoredAnalysis(analysis: FlowAnalysis): FlowAnalysis {
  const state = decodeState(encodeState(saveAnalysis(analysis))) as State;
  return restoreAnalysis(analysis.transport, state)!;
}

// Flows.

/** Packets between a few ends, with times that jump. */
function flowPackets(random: Random): Packet[] {
  const packets: Packet[] = [];
  let time = 1e9;
  for (let n = random.int(1, 80); n > 0; n--) {
    time += random.pick([1, 1000, 61e6, 301e6, 10, 5, 1e6]);
    packets.push(flowPacket(random, time, packets.length));
  }
  return packets;
}

function flowPacket(random: Random, time: number, place: number): Packet {
  const packet = garbage(random);
  const ipVersion = random.pick([4, 6]);
  const size = ipVersion === 4 ? 4 : 16;
  const addresses = new Uint8Array(2 * size);
  addresses[random.int(0, size - 1)] = random.int(0, 1);
  addresses[size + random.int(0, size - 1)] = random.int(0, 1);
  packet.bytes = new Uint8Array([...addresses, ...packet.bytes]);
  packet.start += 2 * size;
  packet.end += 2 * size;
  packet.dst = size;
  packet.ipVersion = ipVersion;
  packet.protocol = random.pick(Object.values(PROTOCOL));
  const hasPorts = packet.protocol !== PROTOCOL.ICMP &&
    packet.protocol !== PROTOCOL.ICMPV6;
  packet.srcPort = hasPorts ? random.pick([1, 80, 5000]) : 0;
  packet.dstPort = hasPorts ? random.pick([1, 80, 5000]) : 0;
  packet.seq = random.pick([1, 2, 2 ** 32 - 1]);
  packet.ack = random.pick([2, 3, 0]);
  packet.flags = random.pick([2, 18, 16, 17, 4, 16, 16]);
  // Further back than a minute is a clock that was set back.
  packet.time = random.chance(0.05) ? time - random.int(0, 60e6) : time;
  packet.place = place;
  return packet;
}

/** To which flow each packet belongs, by the flow's first packet. */
function group(
  packets: readonly Packet[],
  options: { readonly maxFlows?: number; readonly seed?: number },
  between: (table: FlowTable, packet: Packet, open: Set<Flow>) => FlowTable,
): string[] {
  const open = new Set<Flow>();
  const lines: string[] = [];
  let table = new FlowTable({ onEnd, ...options });
  function onEnd(flow: Flow, ending: FlowEnding): void {
    ok(open.delete(flow), "a flow ends once");
    lines.push(`${flow.firstPlace} ${ending} ${flow.analysis?.low.packets}`);
  }
  for (const packet of packets) {
    const next = between(table, packet, open);
    if (next !== table) {
      const flows = [...open].sort((a, b) => a.lastPlace - b.lastPlace);
      open.clear();
      for (const flow of flows) {
        const state = decodeState(encodeState(table.save(flow)));
        open.add(next.resume(state as FlowState));
      }
      table = next;
    }
    const flow = table.find(packet);
    open.add(flow);
    equal(table.size, open.size);
    const own = table.fromClient ? flow.client : flow.server;
    equal(own.port ?? 0, packet.srcPort);
    lines.push(`${flow.firstPlace} ${packet.place} ${table.fromClient}`);
    if (packet.place % 10 === 9) flow.flip();
  }
  table.endAll();
  equal(open.size, 0);
  return lines.sort();
}

fuzz("flows do not depend on who asks when", 5_000, (random) => {
  const packets = flowPackets(random);
  const expected = group(packets, {}, (table) => table);
  const expired = group(packets, { seed: random.int(0, 1e9) }, (table, p) => {
    if (random.chance(0.3)) table.expire(p.time);
    return table;
  });
  deepEqual(expired, expected);
});

fuzz("a table stays within its bound", 3_000, (random) => {
  const maxFlows = random.int(1, 8);
  const packets = flowPackets(random);
  group(packets, { maxFlows }, (table) => {
    ok(table.size <= maxFlows);
    return table;
  });
});

fuzz("a flow goes on in another table", 1_000, (random) => {
  const packets = flowPackets(random);
  // Their clocks differ if time goes back, for a table knows its own flows.
  packets.forEach((packet, index) => packet.time = index * 20e6);
  const expected = group(packets, {}, (table) => table).filter(isOfPacket);
  const moved = group(
    packets,
    {},
    (table, _, open) =>
      random.chance(0.05)
        ? new FlowTable({
          onEnd: (flow) => open.delete(flow),
          seed: random.int(0, 1e9),
        })
        : table,
  );
  deepEqual(moved.filter(isOfPacket), expected);
});

function isOfPacket(line: string): boolean {
  return /(true|false)$/.test(line);
}

// The reader.

/** A stream with where each of its bytes was captured. */
class Model {
  readonly bytes: number[] = [];
  readonly places: number[] = [];
  position = 0;
}

fuzz("a reader reads what was appended", 8_000, (random) => {
  const model = new Model();
  let reader = new StreamReader();
  let place = 0;
  const marks = new Map<string, number>();
  const sizes = random.pick([[0, 1, 3, 20, 300], [1, 2], [0, 20, 3000]]);
  for (let n = random.pick([3, 10, 80]); n > 0; n--) {
    place += 2;
    // A segment sent again may fill holes around one that waited.
    const places = random.chance(0.2) ? [place, place - 1, place] : [place];
    for (const each of places) {
      append(random, reader, model, each, random.pick(sizes));
      for (let m = random.int(0, 6); m > 0; m--) {
        readSome(random, reader, model, marks);
      }
    }
    if (random.chance(0.3)) {
      const state = decodeState(encodeState(reader.save()));
      reader = StreamReader.restored(state as ReaderState);
    } else reader.retain();
    equal(reader.offset, model.position);
    equal(reader.available, model.bytes.length - model.position);
    if (random.chance(0.05)) lose(random, reader, model, place);
  }
});

fuzz("a reader that lags knows where it is", 500, (random) => {
  let reader = new StreamReader();
  deepEqual(reader.mark(), { time: 0, place: 0, n: 0, offset: 0 });
  deepEqual(reader.lastMark(), { time: 0, place: 0, n: 0, offset: 0 });
  deepEqual([reader.time, reader.place], [0, 0]);
  const lag = random.int(1, 5);
  for (let at = 0; at < 200; at++) {
    reader.append(random.bytes(1), 0, 1, at * 10, at);
    reader.retain();
    if (at < lag) continue;
    equal(reader.skip(1), true);
    equal(reader.lastMark().place, at - lag);
    equal(reader.time, (at - lag + 1) * 10);
    if (random.chance(0.01)) reader = StreamReader.restored(reader.save());
  }
  equal(reader.available, lag);
});

function append(
  random: Random,
  reader: StreamReader,
  model: Model,
  place: number,
  size: number,
): void {
  const start = random.int(0, 5);
  const bytes = random.bytes(start + size + 3);
  reader.append(bytes, start, start + size, place * 10, place);
  for (let i = 0; i < size; i++) {
    model.bytes.push(bytes[start + i]!);
    model.places.push(place);
  }
}

function lose(
  random: Random,
  reader: StreamReader,
  model: Model,
  place: number,
): void {
  const size = random.int(1, 10);
  reader.loseTo(size);
  for (let i = 0; i < size; i++) {
    model.bytes.push(-1);
    model.places.push(place);
  }
  model.position = model.bytes.length;
}

/** One operation on both; what they say must agree. */
function readSome(
  random: Random,
  reader: StreamReader,
  model: Model,
  marks: Map<string, number>,
): void {
  const { bytes, position } = model;
  const left = bytes.length - position;
  const size = random.pick([0, 1, 2, 10, left >> 1, left + 1, -1]);
  const canRead = size >= 0 && size <= left;
  const numberOf = (count: number) =>
    left < count
      ? undefined
      : bytes.slice(position, position + count).reduce((n, b) => n * 256 + b);
  switch (random.int(0, 10)) {
    case 0: {
      const read = reader.bytes(size);
      equal(read !== undefined, canRead);
      read?.forEach((byte, at) => equal(byte, bytes[position + at]));
      if (canRead) model.position += size;
      break;
    }
    case 1:
      equal(reader.skip(size), canRead);
      if (canRead) model.position += size;
      break;
    case 2:
      equal(reader.u8(), numberOf(1));
      if (left >= 1) model.position++;
      break;
    case 3:
      equal(reader.u16(), numberOf(2));
      if (left >= 2) model.position += 2;
      break;
    case 4:
      equal(reader.u24(), numberOf(3));
      if (left >= 3) model.position += 3;
      break;
    case 5:
      equal(reader.u32(), numberOf(4));
      if (left >= 4) model.position += 4;
      break;
    case 6: {
      const byte = random.int(0, 255);
      const from = random.int(0, 5);
      const at = bytes.indexOf(byte, position + from);
      equal(reader.indexOf(byte, from), at < 0 ? -1 : at - position);
      break;
    }
    case 7:
      equal(reader.peek(Math.abs(size)), bytes[position + Math.abs(size)]);
      break;
    case 8: {
      const unread = reader.unread();
      equal(unread.length, left);
      equal(unread[left >> 1], bytes[position + (left >> 1)]);
      break;
    }
    case 9:
      equal(
        reader.attempt((r) => r.skip(1) ? r.u32() : undefined),
        left < 5 ? undefined : numberOf(5)! % 2 ** 32,
      );
      if (left >= 5) model.position += 5;
      break;
    default:
      if (left > 0) checkMarks(reader, model, marks);
  }
}

function checkMarks(
  reader: StreamReader,
  { places, position }: Model,
  marks: Map<string, number>,
): void {
  const place = places[position]!;
  const mark = reader.mark();
  deepEqual([mark.place, mark.offset], [place, position]);
  deepEqual([reader.time, reader.place], [mark.time, mark.place]);
  equal(mark.time, place * 10);
  deepEqual(reader.mark(), mark);
  const name = `${mark.place} ${mark.n}`;
  equal(marks.get(name) ?? position, position, "marks are unique");
  marks.set(name, position);
  if (position > 0 && places[position - 1] !== undefined) {
    equal(reader.lastMark().place, places[position - 1]);
  }
}
