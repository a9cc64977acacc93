/**
 * The end of a line of shards, read on as it grows.
 *
 * Frames are read from the PCAP itself, for the columns of a shard that is
 * being written are not there yet. A shard is kept from being deleted only
 * while it is open.
 */
import { PCAP_HEADER, PCAP_RECORD } from "../../packet/savefile.ts";
import { toPlace } from "../../stream/reader.ts";
import type { PcapFile } from "../shards/pcap_file.ts";
import { type Shard, toName } from "../shards/shard.ts";
import type { Store } from "../shards/store.ts";
import type { SourceScan } from "./source_scan.ts";

/** What a tail tells whoever reads it. */
export interface TailOptions {
  readonly store: Store;
  readonly scan: SourceScan;
  /** Bytes of a shard of which nothing is given. */
  readonly silentBytesOf: (shard: number) => number;
}

/** A shard that is open, and how far it was read. */
interface OpenShard {
  readonly shard: Shard;
  readonly frames: PcapFile;
  /** Row of the batch that comes next. */
  at: number;
  /** Whether all that was there has been read. */
  isDry: boolean;
}

/** Reads one line. */
export class LineTail {
  readonly scan: SourceScan;
  /** Time of the frame that was read last, µs. */
  time = -Infinity;
  /** Whether packets were deleted before they could be read. */
  hasLost = false;
  readonly #store: Store;
  readonly #silentBytesOf: TailOptions["silentBytesOf"];
  /** Shards that were not begun yet, the oldest first. */
  readonly #queue: number[] = [];
  /** The shard that was begun last, and where its next record begins. */
  #number: number | undefined;
  #position = PCAP_HEADER;
  #row = 0;
  #isSilent = true;
  #open: OpenShard | undefined;

  constructor({ store, scan, silentBytesOf }: TailOptions) {
    this.#store = store;
    this.scan = scan;
    this.#silentBytesOf = silentBytesOf;
  }

  /** A shard that comes behind those there are. */
  add(shard: number): void {
    this.#queue.push(shard);
  }

  /** Whether what is read now is not to be given. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Gives what is found from now on. What was read has been counted by others. */
  speak(): void {
    this.#isSilent = false;
    const { coverage } = this.scan;
    coverage.packets =
      coverage.cut =
      coverage.malformed =
      coverage.others =
        0;
    coverage.entries = coverage.matches = 0;
    coverage.first = Infinity;
    coverage.last = -Infinity;
  }

  /** Whether there is something to read. */
  get hasMore(): boolean {
    if (this.#queue.length > 0) return true;
    const open = this.#open;
    if (open && open.at < open.frames.batch.count) return true;
    if (this.#number === undefined) return false;
    const name = toName(this.#number, "pcap");
    const file = this.#store.folder.open(name, "read");
    const size = file?.size() ?? 0;
    file?.close();
    return size > this.#next;
  }

  /**
   * Reads on, no further than some frames.
   *
   * @param mayGoOn asked before each further frame
   * @returns whether there was anything to read
   */
  read(mayGoOn: () => boolean): boolean {
    const open = this.#fill();
    if (!open) {
      // Whatever it was to be silent about has been read.
      if (this.#isSilent) this.speak();
      return false;
    }
    const { batch } = open.frames;
    const { number, linkType } = open.shard;
    const silentBytes = this.#silentBytesOf(number);
    while (open.at < batch.count) {
      const i = open.at++;
      const end = batch.position[i]! + batch.captured[i]!;
      if (this.#isSilent && end > silentBytes) this.speak();
      this.time = batch.time[i]!;
      this.scan.frame(batch, i, linkType, toPlace(number, this.#row++));
      if (!mayGoOn()) break;
    }
    return true;
  }

  /** Closes what is open, so that it may be deleted; reading goes on there. */
  release(): void {
    if (!this.#open) return;
    this.#position = this.#next;
    this.#open.shard.close();
    this.#open = undefined;
  }

  /** Where the record begins that is read next. */
  get #next(): number {
    const open = this.#open;
    if (!open) return this.#position;
    const { batch, position } = open.frames;
    return open.at < batch.count
      ? batch.position[open.at]! - PCAP_RECORD
      : position;
  }

  /** The open shard with unread frames in its batch; none at the end. */
  #fill(): OpenShard | undefined {
    while (true) {
      const open = this.#open ??= this.#reopen();
      if (!open) return undefined;
      if (open.at < open.frames.batch.count) return open;
      // Others were announced before this looks once more: then it has ended.
      const isFound = open.isDry ? open.frames.more() : open.frames.next();
      open.at = 0;
      open.isDry = !isFound;
      if (isFound) return open;
      open.frames.batch.count = 0;
      if (this.#queue.length === 0) return undefined;
      if (open.frames.more()) return open;
      open.frames.batch.count = 0;
      this.#leave(open);
    }
  }

  /** Opens the shard that reading stands in, or the first that is still there. */
  #reopen(): OpenShard | undefined {
    while (true) {
      if (this.#number === undefined) {
        this.#number = this.#queue.shift();
        this.#position = PCAP_HEADER;
        this.#row = 0;
      }
      if (this.#number === undefined) return undefined;
      const shard = this.#store.attempt(this.#number);
      if (shard) {
        const frames = shard.frames(this.#position);
        frames.batch.count = 0;
        this.scan.isOwnCapture = shard.source === undefined;
        this.scan.podIpsOf = (network) => shard.podIpsOf(network);
        return { shard, frames, at: 0, isDry: false };
      }
      this.hasLost = true;
      this.#number = undefined;
    }
  }

  /** Goes on to the next shard. */
  #leave({ shard, frames }: OpenShard): void {
    const { coverage } = this.scan;
    const { facts, number } = shard;
    if (!this.#isSilent) {
      coverage.shards++;
      for (const { packets } of facts.drops) coverage.lost += packets;
    }
    if (frames.damage !== undefined) {
      coverage.damage.push(`shard ${number}: ${frames.damage}`);
    }
    shard.close();
    this.#open = undefined;
    this.#number = undefined;
  }
}
