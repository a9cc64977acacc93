/**
 * Savefiles: pcap and pcapng, read and written a batch at a time.
 */
import { Damage, type Format, type Secrets } from "./format.ts";
import type { FrameBatch, Interface } from "./frame.ts";
import { Pcap } from "./pcap.ts";
import { Pcapng } from "./pcapng.ts";
import { type ByteSource, Window } from "./source.ts";

export { MAX_FRAME, SECRETS, type Secrets } from "./format.ts";
export { PCAP_HEADER, PCAP_RECORD } from "./pcap.ts";
export { type ByteSource, ofBytes } from "./source.ts";
export {
  type ByteSink,
  type SavefileFormat,
  SavefileWriter,
} from "./savefile_writer.ts";

/** How a file is read. */
export interface ReaderOptions {
  /** Bytes of the buffer, which grows where a frame is larger: 512 KiB. */
  readonly bufferSize?: number;
}

const BUFFER_SIZE = 512 * 1024;

/** A file that is no savefile. The message says what it is instead. */
export class NotASavefile extends Error {
  override name = "NotASavefile";
}

/**
 * Reads a savefile's frames in batches.
 *
 * Damage in the middle of a file is no error: what stands before it is given,
 * and {@link damage} then says what is wrong and where.
 */
export class SavefileReader {
  readonly #window: Window;
  readonly #format: Format;
  #damage: string | undefined;

  /**
   * @param source stands at the file's first byte; opened and closed by the
   *   caller
   * @throws NotASavefile if it begins like none
   */
  constructor(source: ByteSource, options: ReaderOptions = {}) {
    this.#window = new Window(source, options.bufferSize ?? BUFFER_SIZE);
    const format = Pcapng.open(this.#window) ?? Pcap.open(this.#window);
    if (!format) throw new NotASavefile(toComplaint(this.#window));
    this.#format = format;
  }

  /** `pcap` can be resumed at a position, see {@link resumeAt}. */
  get format(): "pcap" | "pcapng" {
    return this.#format instanceof Pcap ? "pcap" : "pcapng";
  }

  /** What frames begin with; grows while a pcapng file is read. */
  get interfaces(): readonly Interface[] {
    return this.#format.interfaces;
  }

  /** Key logs and the like that the file brought up to here. */
  get secrets(): readonly Secrets[] {
    return this.#format.secrets;
  }

  /** Frames that the capturing machine lost, as far as the file tells. */
  get dropped(): number {
    return this.#format.dropped;
  }

  /** What is wrong with the file and at which byte, once it was reached. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Where the next record begins in the file, or the damage. */
  get position(): number {
    return this.#window.position;
  }

  /**
   * Fills the batch with the next frames; its bytes are borrowed until the
   * next call.
   *
   * @returns whether there were any
   */
  next(batch: FrameBatch): boolean {
    batch.count = 0;
    batch.records = this.#format.records;
    while (batch.count === 0 && this.#damage === undefined) {
      try {
        const needed = this.#format.read(this.#window, batch);
        if (batch.count === 0 && !this.#window.fill(needed)) {
          if (this.#window.available === 0) break;
          throw new Damage("a record that is cut off", this.position);
        }
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        this.#damage = error.message;
      }
    }
    batch.bytes = this.#window.bytes;
    return batch.count > 0;
  }

  /**
   * Bytes that stand before each frame of a classic file; `undefined` in a
   * pcapng file, where that differs.
   */
  get recordSize(): number | undefined {
    return this.#format instanceof Pcap ? this.#format.recordSize : undefined;
  }

  /**
   * Goes on where it stands, for a source that had no more bytes has some now:
   * a record that was cut off by that was none that is damaged.
   */
  goOn(): void {
    this.#window.goOn();
    this.#damage = undefined;
  }

  /**
   * Goes on elsewhere in a classic file. The caller has moved the source to
   * the byte `position`, where a record begins: that is {@link recordSize}
   * before its frame. Damage met before is forgotten, so that a file that
   * grows can be tried again from {@link position}.
   */
  resumeAt(position: number): void {
    if (!(this.#format instanceof Pcap)) {
      throw new Error("Only classic files can be resumed");
    }
    this.#window.restart(position);
    this.#damage = undefined;
  }
}

/** What files begin with that are taken for savefiles, and what to do. */
const STRANGERS: readonly [magic: readonly number[], text: string][] = [
  [[0x1f, 0x8b], "It is compressed with gzip: unpack it first"],
  [[0x28, 0xb5, 0x2f, 0xfd], "It is compressed with zstd: unpack it first"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "It is compressed with xz: unpack it first"],
  [[0x04, 0x22, 0x4d, 0x18], "It is compressed with lz4: unpack it first"],
  [[0x42, 0x5a, 0x68], "It is compressed with bzip2: unpack it first"],
  [[0x50, 0x4b, 0x03, 0x04], "It is a ZIP archive: unpack it first"],
  [[0x73, 0x6e, 0x6f, 0x6f, 0x70, 0], "It is a snoop file: convert it"],
  [[0x47, 0x4d, 0x42, 0x55], "It is a Network Monitor file: convert it"],
];

/** Why the bytes in the window are no savefile's. */
function toComplaint(window: Window): string {
  const head = window.bytes.subarray(window.from, Math.min(window.to, 24));
  if (head.length === 0) return "The file is empty";
  const stranger = STRANGERS.find(([magic]) =>
    magic.every((byte, at) => head[at] === byte)
  );
  if (stranger) return `${stranger[1]} (for instance with editcap)`;
  const start = head.subarray(0, 4).toHex();
  if (head.length < 24) {
    return `Neither pcap nor pcapng: ${head.length} bytes, beginning ${start}`;
  }
  return `Neither pcap nor pcapng: it begins with the bytes ${start}`;
}
