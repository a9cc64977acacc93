/** The savefile that an export writes, from any number of sources. */
import type { FrameBatch, Interface } from "../../packet/frame.ts";
import { type ByteSink, SavefileWriter } from "../../packet/savefile_writer.ts";
import type { Keeper } from "./selection.ts";

/** Classic PCAP has one link type, and a packet of another one came. */
export class MixedLinkTypes extends Error {
  override name = "MixedLinkTypes";
}

/** Packets of several sources in one savefile, with nanoseconds. */
export class PacketOutput implements Keeper {
  readonly #sink: ByteSink;
  readonly #format: "pcap" | "pcapng";
  #writer: SavefileWriter | undefined;
  #linkType: number | undefined;
  /** Those of the present source; they may grow while it is read. */
  #interfaces: readonly Interface[] = [];
  /** Interface in the output of each of the source's. */
  #numbers = new Uint32Array(0);

  constructor(sink: ByteSink, format: "pcap" | "pcapng") {
    this.#sink = sink;
    this.#format = format;
  }

  /** Frames written. */
  get frames(): number {
    return this.#writer?.frames ?? 0;
  }

  /** The frames that follow are of another source. */
  begin(interfaces: readonly Interface[]): void {
    this.#interfaces = interfaces;
    this.#numbers = new Uint32Array(0);
  }

  /** @throws MixedLinkTypes */
  rows(batch: FrameBatch, rows: Uint32Array, count: number): void {
    if (count === 0) return;
    const first = this.#interfaces[batch.interface[rows[0]!]!]!;
    const writer = this.#writer ?? this.#open(first);
    if (this.#format === "pcapng") this.#describeInterfaces(writer);
    else this.#checkLinkTypes(batch, rows, count);
    writer.copyRows(batch, rows, count, this.#numbers);
  }

  /** @throws MixedLinkTypes */
  held(frame: FrameBatch): void {
    this.rows(frame, new Uint32Array(1), 1);
  }

  /** Writes what is left. A file without packets is a savefile too. */
  finish(): void {
    const writer = this.#writer ??
      this.#open(this.#interfaces[0] ?? { linkType: 1, snapLength: 0 });
    writer.flush();
  }

  /** Begins the file; a pcapng file's first interface is `first`. */
  #open(first: Interface): SavefileWriter {
    this.#linkType = first.linkType;
    this.#writer = new SavefileWriter(this.#sink, this.#format, first);
    return this.#writer;
  }

  /** Describes the interfaces that the source has come to have. */
  #describeInterfaces(writer: SavefileWriter): void {
    const known = this.#numbers.length;
    const interfaces = this.#interfaces;
    if (known === interfaces.length) return;
    const numbers = new Uint32Array(interfaces.length);
    numbers.set(this.#numbers);
    for (let i = known; i < interfaces.length; i++) {
      numbers[i] = writer.addInterface(interfaces[i]!);
    }
    this.#numbers = numbers;
  }

  #checkLinkTypes(batch: FrameBatch, rows: Uint32Array, count: number): void {
    const interfaces = this.#interfaces;
    const [only] = interfaces;
    if (interfaces.length === 1 && only!.linkType === this.#linkType) return;
    for (let i = 0; i < count; i++) {
      const { linkType } = interfaces[batch.interface[rows[i]!]!]!;
      if (linkType !== this.#linkType) {
        throw new MixedLinkTypes(
          `Packets of link types ${this.#linkType} and ${linkType} do not fit in one pcap file`,
        );
      }
    }
  }
}
