/**
 * Savefiles: pcap and pcapng, read and written a batch at a time.
 */
import { type FrameBatch, type Interface } from "./frame.ts";
import {
  PCAP_HEADER,
  type PcapHeader,
  readPcapHeader,
  readPcapRecords,
} from "./pcap.ts";
import { type ByteSource, Window } from "./source.ts";

export { type ByteSource, ofBytes } from "./source.ts";

/** Bytes of the buffer through which a file is read. */
const WINDOW = 512 * 1024;

/** The file is no savefile. Its message says what it looks like instead. */
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
  readonly #pcap: PcapHeader;
  readonly #interfaces: Interface[] = [];
  #damage: string | undefined;

  /**
   * @param source borrowed: its file is opened and closed by the caller
   * @throws NotASavefile if it begins like none
   */
  constructor(source: ByteSource) {
    this.#window = new Window(source, WINDOW);
    const pcap = this.#window.fill(PCAP_HEADER)
      ? readPcapHeader(this.#window.view)
      : undefined;
    if (!pcap) throw new NotASavefile(toComplaint(this.#window));
    this.#window.from = PCAP_HEADER;
    this.#pcap = pcap;
    this.#interfaces.push(pcap);
  }

  /** What frames begin with. It grows while a pcapng file is read. */
  get interfaces(): readonly Interface[] {
    return this.#interfaces;
  }

  /** What is wrong with the file and at which byte, once it was met. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Where in the file the next record begins, or the damage. */
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
    batch.records = this.#pcap.records;
    while (this.#damage === undefined) {
      const result = readPcapRecords(this.#pcap, this.#window, batch);
      batch.bytes = this.#window.bytes;
      if (batch.count > 0) return true;
      if (typeof result === "string") this.#spoil(result);
      else if (!this.#window.fill(result)) {
        if (this.#window.available > 0) this.#spoil("a record that is cut off");
        return false;
      }
    }
    return false;
  }

  /**
   * Goes on at another record of a classic file: the caller has moved the
   * source to byte `position`, where a record's header begins.
   */
  resumeAt(position: number): void {
    this.#window.restart(position);
    this.#damage = undefined;
  }

  #spoil(what: string): void {
    this.#damage = `${what} at byte ${this.#window.position}`;
  }
}

/** What a file that is no savefile looks like. */
function toComplaint(window: Window): string {
  if (window.available === 0) return "The file is empty";
  return "Not a pcap or pcapng file";
}
