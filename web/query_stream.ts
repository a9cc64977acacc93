/** One question to the hub and its answer, over a WebSocket of its own. */
import { BadMessage, Batch } from "../api/batch.ts";
import { SocketChannel } from "../api/channel.ts";
import {
  type Answer,
  FIRST_CREDIT,
  type QueryRequest,
  readAnswer,
} from "../api/messages.ts";
import { HUB } from "../api/paths.ts";

/** Why a stream ended before its answer did. */
export type Ending =
  /** It could not be opened, or broke. */
  | "lost"
  /** The hub is of another version than this page. */
  | "outdated";

/** What a stream tells. Nothing comes after `onEnd`. */
export interface StreamEvents {
  /** Entries. Each batch costs a credit, to be granted again. */
  onBatch(batch: Batch): void;
  onAnswer(answer: Answer): void;
  onEnd(ending: Ending): void;
}

/** Grants are sent together: one for so many batches. */
const GRANT = FIRST_CREDIT / 4;

/** An answer on its way. */
export class QueryStream {
  readonly #channel: SocketChannel;
  readonly #events: StreamEvents;
  #ungranted = 0;
  #isClosed = false;

  constructor(request: QueryRequest, events: StreamEvents) {
    this.#events = events;
    const url = new URL(HUB.query, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.#channel = new SocketChannel(socket);
    socket.addEventListener("open", () => {
      this.#channel.send(JSON.stringify(request));
    });
    this.#channel.listen({
      onMessage: (message) => this.#read(message),
      onClose: () => this.#end("lost"),
    });
  }

  /** Lets one more batch come. */
  grant(): void {
    if (++this.#ungranted < GRANT) return;
    this.#channel.send(JSON.stringify({ credit: this.#ungranted }));
    this.#ungranted = 0;
  }

  /** Ends it; nothing is told any more. */
  close(): void {
    this.#isClosed = true;
    this.#channel.close("no longer wanted");
  }

  #read(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.#isClosed) return;
    try {
      if (typeof message === "string") {
        this.#events.onAnswer(readAnswer(message));
      } else {
        const batch = new Batch(message);
        if (batch.count > 0) this.#events.onBatch(batch);
      }
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#end("outdated");
    }
  }

  #end(ending: Ending): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.onEnd(ending);
  }
}
