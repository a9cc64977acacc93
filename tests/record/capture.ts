/** tcpdump at work on the server of a {@link Network}. */
import { join } from "node:path";
import { type Network, sleep } from "./network.ts";
import type { Program } from "./program.ts";

/** What is captured. */
export interface CaptureOptions {
  /** Which packets, in the language of `pcap-filter(7)`; default all. */
  readonly filter?: string | undefined;
  /** Default: `eth0`. */
  readonly interface?: string | undefined;
  /** Bytes kept of each packet. */
  readonly snaplen?: number | undefined;
  /**
   * Whether much comes at once. Packets are then handed over in blocks, the
   * last of them up to a second late.
   */
  readonly bulk?: boolean | undefined;
}

/** Kernel memory for packets that tcpdump has not yet written. */
const BUFFER_KIB = { single: 131_072, bulk: 524_288 };

/** A nanosecond PCAP that is being written. */
export class Capture {
  readonly file: string;
  readonly #tcpdump: Program;

  private constructor(file: string, tcpdump: Program) {
    this.file = file;
    this.#tcpdump = tcpdump;
  }

  /**
   * Starts it and waits until it sees packets.
   *
   * @throws Error with what tcpdump said, if it cannot capture
   */
  static async start(
    network: Network,
    options: CaptureOptions = {},
  ): Promise<Capture> {
    const { filter = "", snaplen = 262_144, bulk = false } = options;
    const device = options.interface ?? "eth0";
    const file = join(network.folder, "capture.pcap");
    const tcpdump = network.start("server", [
      ...`tcpdump -i ${device} -s ${snaplen} --time-stamp-precision=nano`
        .split(" "),
      // Its own user could not write into our folder.
      ...`-n -Z root -w ${file}`.split(" "),
      // Immediate mode gives every packet a slot of the snapshot's length.
      ...(bulk
        ? `-B ${BUFFER_KIB.bulk}`
        : `-U --immediate-mode -B ${BUFFER_KIB.single}`).split(" "),
      filter,
    ]);
    while (!tcpdump.stderr.includes("listening on")) {
      if (!tcpdump.isRunning) {
        throw new Error(`tcpdump cannot capture: ${tcpdump.stderr}`);
      }
      await sleep(10);
    }
    return new Capture(file, tcpdump);
  }

  /**
   * Ends it.
   *
   * @returns the number of packets kept
   * @throws Error if there are none, or any was dropped
   */
  async end(): Promise<number> {
    await this.#tcpdump.stop("SIGINT");
    await this.#tcpdump.ended;
    const said = this.#tcpdump.stderr;
    const count = (what: RegExp) => Number(what.exec(said)?.[1] ?? NaN);
    const captured = count(/(\d+) packets? captured/);
    const dropped = count(/(\d+) packets? dropped by kernel/);
    if (!(captured > 0) || dropped !== 0) {
      throw new Error(`The capture is not whole: ${said}`);
    }
    return captured;
  }
}
