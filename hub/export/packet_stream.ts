/** The packets of one worker, out of the savefile that it sends. */
import { FrameBatch, type Interface } from "../../packet/frame.ts";
import { SavefileReader } from "../../packet/savefile.ts";

/** Frames that are looked at together. */
const BATCH = 512;

/** Bytes of the buffer that they lie in; it grows for larger frames. */
const BUFFER = 64 * 1024;

/** Bytes by which a savefile is known. */
const HEAD = 24;

/** A worker's savefile ended before it should have. */
export class BrokenSavefile extends Error {
  override name = "BrokenSavefile";
}

/** Frames in order, read only as fast as they are taken. */
export class PacketStream {
  /** The node that they come from. */
  readonly node: string;
  /** Packets that it lost while it captured, as far as it knows. */
  readonly lost: number;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #batch = new FrameBatch(BATCH);
  readonly #reader: SavefileReader;
  /** What came and was not read. */
  readonly #waiting: Uint8Array[];
  #row = 0;

  /**
   * Reads its head.
   *
   * @throws BrokenSavefile
   */
  static async open(
    node: string,
    bytes: AsyncIterable<Uint8Array>,
    lost = 0,
  ): Promise<PacketStream> {
    const chunks = bytes[Symbol.asyncIterator]();
    const waiting: Uint8Array[] = [];
    for (let size = 0; size < HEAD;) {
      const { done, value } = await chunks.next();
      if (done) throw new BrokenSavefile(`${node} sent no savefile`);
      waiting.push(value);
      size += value.length;
    }
    return new PacketStream(node, chunks, waiting, lost);
  }

  private constructor(
    node: string,
    chunks: AsyncIterator<Uint8Array>,
    waiting: Uint8Array[],
    lost: number,
  ) {
    this.node = node;
    this.lost = lost;
    this.#chunks = chunks;
    this.#waiting = waiting;
    this.#reader = new SavefileReader(
      { read: (into) => this.#read(into) },
      { bufferSize: BUFFER },
    );
  }

  /** `pcap` has one link type. */
  get format(): "pcap" | "pcapng" {
    return this.#reader.format;
  }

  /** What its frames begin with; grows while a pcapng file is read. */
  get interfaces(): readonly Interface[] {
    return this.#reader.interfaces;
  }

  /** The batch in which the present frame lies. Borrowed until {@link next}. */
  get batch(): FrameBatch {
    return this.#batch;
  }

  /** Row of the present frame. */
  get row(): number {
    return this.#row;
  }

  /** Goes to the next frame of the batch, or says that there is none. */
  step(): boolean {
    return ++this.#row < this.#batch.count;
  }

  /**
   * Gets the next batch.
   *
   * @returns whether there is one
   * @throws BrokenSavefile
   */
  async next(): Promise<boolean> {
    this.#row = 0;
    while (!this.#reader.next(this.#batch)) {
      const { done, value } = await this.#chunks.next();
      if (done) {
        const { damage } = this.#reader;
        if (damage === undefined) return false;
        throw new BrokenSavefile(`${this.node} was lost: ${damage}`);
      }
      this.#waiting.push(value);
      this.#reader.goOn();
    }
    return true;
  }

  /** Wants no more. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #read(into: Uint8Array): number | null {
    const chunk = this.#waiting.shift();
    if (!chunk) return null;
    const size = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, size));
    if (size < chunk.length) this.#waiting.unshift(chunk.subarray(size));
    return size > 0 ? size : this.#read(into);
  }
}
