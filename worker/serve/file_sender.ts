/** A file on its way to whoever asked for it: as fast as it is taken. */
import type { Channel } from "../../api/channel.ts";
import { readGrant } from "../../api/messages.ts";
import type { ByteSink } from "../../packet/savefile_writer.ts";
import { Bell } from "./bell.ts";
import { Credit } from "./credit.ts";
import { Cancelled } from "./query.ts";
import { FILE_END, type FileHead } from "./thread_messages.ts";

/** Bytes of one piece, but for what is given in one. */
const PIECE = 256 * 1024;

/** Sends a file over a channel. */
export class FileSender implements ByteSink {
  readonly #channel: Channel;
  readonly #over = new AbortController();
  readonly #credit: Credit;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;
  #hasBegun = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    const bell = new Bell();
    const credit = this.#credit = new Credit(bell, this.#over.signal);
    const end = (error: unknown) => {
      this.#over.abort(error);
      bell.ring();
    };
    channel.listen({
      onMessage(message) {
        try {
          credit.grant(readGrant(String(message)).credit);
        } catch (error) {
          // Also a mistake of ours ends this file alone.
          end(error);
        }
      },
      onClose: (reason) => end(new Cancelled(reason)),
    });
  }

  /** Aborted when nobody wants the file any more. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether its head was sent. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** What comes first. */
  head(head: FileHead): void {
    this.#hasBegun = true;
    this.#channel.send(JSON.stringify(head));
  }

  /** Takes bytes, which are copied; {@link ready} sends them. */
  write(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.#size += bytes.length;
  }

  /** A promise that is to be waited for before more is written, if so. */
  ready(): Promise<void> | undefined {
    return this.#size >= PIECE ? this.#flush() : undefined;
  }

  /** Sends what is left, and says that it was all. */
  async finish(): Promise<void> {
    await this.#flush();
    this.#channel.send(FILE_END);
  }

  /** Closes the channel; whoever has no end by then lacks some of it. */
  close(): void {
    this.#channel.close();
  }

  async #flush(): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#size = 0;
    for (const piece of pieces) {
      await this.#credit.wait();
      this.#credit.spend();
      this.#channel.send(piece);
    }
  }
}
