/**
 * Frame by frame, what we decode is what tshark decodes: times, sizes, the
 * innermost addresses, ports, sequence numbers and payload sizes.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  OUTCOME,
  type Packet,
  PROTOCOL,
  toAddress,
} from "../../packet/packet.ts";
import {
  captures,
  decodeCapture,
  type DecodedFrame,
  hasCaptures,
  pathOf,
} from "./captures.ts";
import { OUTCOME_NAMES, PROTOCOL_NAMES } from "./decoded.ts";
import { hasProgram, run } from "./programs.ts";

const FIELDS = [
  "frame.time_epoch",
  "frame.cap_len",
  "frame.len",
  "frame.protocols",
  "ip.src",
  "ip.dst",
  "ipv6.src",
  "ipv6.dst",
  "tcp.srcport",
  "tcp.dstport",
  "tcp.seq_raw",
  "tcp.ack_raw",
  "tcp.len",
  "tcp.flags",
  "tcp.window_size_value",
  "udp.srcport",
  "udp.dstport",
  "udp.length",
  "sctp.srcport",
  "sctp.dstport",
  "_ws.expert.severity",
] as const;

type Field = typeof FIELDS[number];

/** What tshark says of one frame; a layer that occurs twice gives two values. */
class TsharkFrame {
  readonly #values: readonly string[][];

  constructor(line: string) {
    this.#values = line.split("\t").map((value) => value.split(","));
  }

  all(field: Field): readonly string[] {
    return this.#values[FIELDS.indexOf(field)] ?? [];
  }

  first(field: Field): string {
    return this.all(field)[0] ?? "";
  }

  last(field: Field): string {
    return this.all(field).at(-1) ?? "";
  }

  /** Blocks of pcapng that are no packets are frames to tshark, without time. */
  get isPacket(): boolean {
    return this.first("frame.protocols") !== "data" ||
      this.first("frame.time_epoch") !== "";
  }

  /** Whether it found a header that contradicts itself. */
  get hasError(): boolean {
    return this.all("_ws.expert.severity").includes("8388608");
  }

  /** The innermost packet as {@link summary} writes it; `none` without one. */
  get summary(): string {
    const layers = this.first("frame.protocols").split(":");
    // What an ICMP error quotes is no packet of its own.
    const icmp = layers.findIndex((name) => name.startsWith("icmp"));
    const own = icmp < 0 ? layers : layers.slice(0, icmp + 1);
    const transport = own.findLastIndex((name) => TRANSPORTS.includes(name));
    if (transport < 0) return "none";
    const below = own.slice(0, transport);
    const version = below.lastIndexOf("ipv6") > below.lastIndexOf("ip")
      ? "ipv6"
      : "ip";
    const nth = below.filter((name) => name === version).length - 1;
    const src = this.all(`${version}.src`)[nth] ?? "";
    const dst = this.all(`${version}.dst`)[nth] ?? "";
    const name = own[transport]!;
    return [name, src, dst, ...this.#transport(name)].join(" ");
  }

  #transport(name: string): string[] {
    switch (name) {
      case "tcp":
        return TCP_FIELDS.map((field) => this.last(field));
      case "udp":
        return UDP_FIELDS.map((field) => this.last(field));
      case "sctp":
        return [this.last("sctp.srcport"), this.last("sctp.dstport")];
      default:
        return [];
    }
  }
}

const TRANSPORTS = ["tcp", "udp", "sctp", "icmp", "icmpv6"];
const TCP_FIELDS = [
  "tcp.srcport",
  "tcp.dstport",
  "tcp.seq_raw",
  "tcp.ack_raw",
  "tcp.len",
  "tcp.window_size_value",
] as const;
const UDP_FIELDS = ["udp.srcport", "udp.dstport", "udp.length"] as const;

/** Our packet with the values that {@link TsharkFrame.summary} has. */
function summary(packet: Packet): string {
  const { bytes, ipVersion } = packet;
  const name = PROTOCOL_NAMES[packet.protocol]!;
  const ends = [
    toAddress(bytes, packet.src, ipVersion),
    toAddress(bytes, packet.dst, ipVersion),
  ];
  const ports = [packet.srcPort, packet.dstPort];
  switch (packet.protocol) {
    case PROTOCOL.TCP:
      return [
        name,
        ...ends,
        ...ports,
        packet.seq,
        packet.ack,
        packet.size,
        packet.window,
      ].join(" ");
    case PROTOCOL.UDP:
      return [name, ...ends, ...ports, packet.size + 8].join(" ");
    case PROTOCOL.SCTP:
      return [name, ...ends, ...ports].join(" ");
    default:
      return [name, ...ends].join(" ");
  }
}

/** What tshark says of each packet of a file. */
async function askTshark(path: string): Promise<TsharkFrame[]> {
  const { output } = await run("tshark", [
    "-n",
    "-r",
    path,
    "-T",
    "fields",
    "-E",
    "occurrence=a",
    "-E",
    "aggregator=,",
    ...FIELDS.flatMap((field) => ["-e", field]),
  ]);
  return output.split("\n").slice(0, -1).map((line) => new TsharkFrame(line))
    .filter((frame) => frame.isPacket);
}

/** How a frame stood in a capture, and what was made of it, as texts. */
function ours({ batch, row, outcome, packet }: DecodedFrame) {
  const seconds = Math.floor(batch.time[row]! / 1e6);
  const nanos = (batch.time[row]! - seconds * 1e6) * 1000 + batch.nanos[row]!;
  return {
    time: `${seconds}.${String(nanos).padStart(9, "0")}`,
    captured: String(batch.captured[row]),
    original: String(batch.original[row]),
    packet: outcome === OUTCOME.PACKET ? summary(packet) : "none",
    outcome: OUTCOME_NAMES[outcome],
  };
}

/** What tshark says, once the known differences are taken out of it. */
function theirs(frame: TsharkFrame, our: ReturnType<typeof ours>) {
  const time = frame.first("frame.time_epoch");
  // It counts sizes up to 2^31 - 1. Where a header has more all is nonsense,
  // and its times overflow, too.
  const isNonsense = frame.first("frame.len") === "2147483647";
  // Simple packets have no time.
  const isTimeless = /^$|^0\.0*$/.test(time);
  return {
    ...our,
    time: isTimeless || isNonsense ? our.time : time,
    captured: frame.first("frame.cap_len"),
    original: isNonsense ? our.original : frame.first("frame.len"),
    packet: reconciled(frame, our),
  };
}

function reconciled(
  frame: TsharkFrame,
  our: ReturnType<typeof ours>,
): string {
  const their = frame.summary;
  // A TCP header that contradicts itself makes no packet here.
  if (our.outcome === "malformed" && frame.hasError) return our.packet;
  // A length beyond the packet, or none, is corrected here.
  if (our.packet.startsWith("udp") && their.startsWith("udp")) {
    const [size, claim] = [our.packet, their].map((text) =>
      Number(text.slice(text.lastIndexOf(" ")))
    );
    if (claim! > size! || claim === 0) {
      return their.slice(0, their.lastIndexOf(" ")) + ` ${size}`;
    }
  }
  return their;
}

/** Compares captures whose frames tshark saw one after the other. */
function compare(
  captures: readonly string[],
  frames: readonly TsharkFrame[],
): void {
  let number = 0;
  let damaged = 0;
  for (const capture of captures) {
    const before = number;
    const damage = decodeCapture(capture, (decoded) => {
      const frame = frames[number++];
      ok(frame, `${capture} has no frame ${number}`);
      const our = ours(decoded);
      deepEqual(
        our,
        theirs(frame, our),
        `${capture}, frame ${number - before}`,
      );
    });
    if (damage !== undefined) damaged++;
  }
  // Of a last record that is cut off tshark shows what there is.
  equal(frames.length - number, damaged, captures.join());
  compared += number;
}

let compared = 0;

/** A group's captures as one file for tshark, which is slow to start. */
async function compareGroup(group: readonly string[]): Promise<void> {
  const path = Deno.makeTempFileSync({ suffix: ".pcapng" });
  try {
    const files = group.map(pathOf);
    const { success } = await run("mergecap", ["-a", "-w", path, ...files]);
    if (success) return compare(group, await askTshark(path));
  } finally {
    Deno.removeSync(path);
  }
  for (const one of group) compare([one], await askTshark(pathOf(one)));
}

Deno.test({
  name: "every frame of every capture is what tshark says it is",
  ignore: !hasCaptures || !hasProgram("tshark") || !hasProgram("mergecap"),
  fn: async () => {
    const groups = Object.values(
      Object.groupBy(captures, (name) => name.split("/")[0]!),
    );
    for (const group of groups) await compareGroup(group!);
    ok(compared > 20_000, `${compared} frames`);
  },
});
