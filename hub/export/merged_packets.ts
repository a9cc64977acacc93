/**
 * The packets of several workers as one savefile, by their times.
 *
 * Each worker sends its packets as they were stored, which is their order but
 * for what several interfaces captured at once: so the merge only ever looks
 * at the first packet of each.
 */
import {
  type ByteSink,
  type SavefileFormat,
  SavefileWriter,
} from "../../packet/savefile.ts";
import type { Interface } from "../../packet/frame.ts";
import type { PacketStream } from "./packet_stream.ts";

/** What a file without packets says that they would begin with: Ethernet. */
const NOTHING: Interface = { linkType: 1, snapLength: 0 };

/** The format in which all of them fit: classic PCAP has one link type. */
export function fittingFormat(
  wanted: "pcap" | "pcapng",
  streams: readonly PacketStream[],
): "pcap" | "pcapng" {
  const linkTypes = new Set(
    streams.flatMap(({ interfaces }) =>
      interfaces.map(({ linkType }) => linkType)
    ),
  );
  const isOne = linkTypes.size <= 1 &&
    streams.every(({ format }) => format === "pcap");
  return wanted === "pcap" && isOne ? "pcap" : "pcapng";
}

/**
 * One savefile of all streams, a piece at a time.
 *
 * @param missing nodes whose packets are not in it, and why; said in pcapng
 * @throws BrokenSavefile
 */
export async function* mergePackets(
  streams: readonly PacketStream[],
  format: "pcap" | "pcapng",
  missing: readonly string[] = [],
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const sink = new Pieces();
  try {
    const output = new MergedOutput(sink, format, streams, missing);
    const open = new Set<PacketStream>();
    for (const stream of streams) if (await stream.next()) open.add(stream);
    while (open.size > 0) {
      const first = earliest(open);
      output.copy(first);
      if (first.step()) continue;
      yield* sink.take();
      if (!await first.next()) open.delete(first);
    }
    output.finish();
    yield* sink.take();
  } finally {
    for (const stream of streams) await stream.close();
  }
}

/** The stream whose present frame is the oldest. */
function earliest(streams: Iterable<PacketStream>): PacketStream {
  let first: PacketStream | undefined;
  for (const stream of streams) {
    if (!first || isBefore(stream, first)) first = stream;
  }
  return first!;
}

function isBefore(a: PacketStream, b: PacketStream): boolean {
  return (a.batch.time[a.row]! - b.batch.time[b.row]! ||
    a.batch.nanos[a.row]! - b.batch.nanos[b.row]!) < 0;
}

/** The file, and which of its interfaces are whose. */
class MergedOutput {
  readonly #writer: SavefileWriter;
  readonly #format: SavefileFormat;
  /** Numbers here of each stream's interfaces. */
  readonly #numbers = new Map<PacketStream, number[]>();
  readonly #streams: readonly PacketStream[];
  /** Time of the latest packet, µs. */
  #time = 0;

  constructor(
    sink: ByteSink,
    format: SavefileFormat,
    streams: readonly PacketStream[],
    missing: readonly string[],
  ) {
    this.#format = format;
    this.#streams = streams;
    const [first] = streams;
    const begins = first?.interfaces[0];
    this.#writer = new SavefileWriter(
      sink,
      format,
      begins ? named(begins, first!) : NOTHING,
      missing.map((what) => `missing: ${what}`).join("\n"),
    );
    if (begins) this.#numbers.set(first!, [0]);
  }

  copy(stream: PacketStream): void {
    const { batch, row } = stream;
    const number = this.#format === "pcapng"
      ? this.#numberOf(stream, batch.interface[row]!)
      : 0;
    this.#writer.copy(batch, row, number);
    this.#time = Math.max(this.#time, batch.time[row]!);
  }

  finish(): void {
    if (this.#format === "pcapng") this.#writeLosses();
    this.#writer.flush();
  }

  /**
   * What each node lost, at its first interface: capture waits for packets of
   * all interfaces in one place, and which of them was lost nobody knows.
   */
  #writeLosses(): void {
    for (const stream of this.#streams) {
      if (stream.lost === 0 || stream.interfaces.length === 0) continue;
      const number = this.#numberOf(stream, 0);
      this.#writer.addLosses(number, stream.lost, this.#time);
    }
  }

  #numberOf(stream: PacketStream, index: number): number {
    let numbers = this.#numbers.get(stream);
    if (!numbers) this.#numbers.set(stream, numbers = []);
    while (numbers.length <= index) {
      const added = stream.interfaces[numbers.length]!;
      numbers.push(this.#writer.addInterface(named(added, stream)));
    }
    return numbers[index]!;
  }
}

/** An interface, called so that one knows whose it is. */
function named(given: Interface, { node }: PacketStream): Interface {
  const name = given.name === undefined ? node : `${node}: ${given.name}`;
  return { ...given, name };
}

/** Written bytes, until they are sent. */
class Pieces implements ByteSink {
  #pieces: Uint8Array<ArrayBuffer>[] = [];

  write(bytes: Uint8Array): void {
    this.#pieces.push(new Uint8Array(bytes));
  }

  take(): Uint8Array<ArrayBuffer>[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}
