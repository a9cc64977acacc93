/**
 * Channel: a way for messages between two processes or threads.
 *
 * Hub, workers and pages speak the same over a WebSocket and over the port of a
 * thread, so that a hub and a worker in one process are wired as two in two
 * machines are.
 */

/** Text is JSON of `messages.ts`, bytes are batches of `batch.ts`. */
export type Message = string | Uint8Array<ArrayBuffer>;

/** What a channel tells whoever holds one end of it. */
export interface ChannelEvents {
  /** A message, whole. They come in the order in which they were sent. */
  readonly onMessage: (message: Message) => void;
  /** The channel is of no more use, for this reason. Called once. */
  readonly onClose: (reason: string) => void;
}

/** One end of a way for messages. */
export interface Channel {
  /**
   * Sends a message; of a closed channel it is forgotten.
   *
   * @param message bytes are given away
   */
  send(message: Message): void;
  /** Bytes that were sent and have not left yet. */
  readonly buffered: number;
  /** Ends it; the other end is told why. Does nothing the second time. */
  close(reason?: string): void;
  /** Begins to receive; to be called once, before anything else happens. */
  listen(events: ChannelEvents): void;
}

/** What a channel needs of a WebSocket that is open, or about to be. */
export interface Socket extends EventTarget {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string | ArrayBufferView<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

const OPEN = 1;

/** Ended as agreed; of everything else a socket tells by itself (RFC 6455 §7.4). */
const NORMAL = 1000;

/** Bytes of a reason that a closing frame can hold (RFC 6455 §5.5). */
const MAX_REASON = 123;

/** A channel over a WebSocket, which is its own from now on. */
export class SocketChannel implements Channel {
  readonly #socket: Socket;
  #events: ChannelEvents | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Message): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(message);
  }

  close(reason: string = ""): void {
    if (!this.#events && this.#socket.readyState > OPEN) return;
    this.#socket.close(NORMAL, cutText(reason, MAX_REASON));
    this.#end(reason || "closed");
  }

  listen(events: ChannelEvents): void {
    this.#events = events;
    this.#socket.addEventListener("message", (event) => {
      const { data } = event as MessageEvent<string | ArrayBuffer>;
      this.#events?.onMessage(
        typeof data === "string" ? data : new Uint8Array(data),
      );
    });
    this.#socket.addEventListener("close", (event) => {
      const { reason, code } = event as CloseEvent;
      this.#end(reason || (code === NORMAL ? "closed" : "connection lost"));
    });
    // What went wrong is told by the `close` that follows.
    this.#socket.addEventListener("error", (event) => event.preventDefault());
  }

  #end(reason: string): void {
    const events = this.#events;
    this.#events = undefined;
    events?.onClose(reason);
  }
}

/** Bytes that are copied for less than it costs to give them away. */
const MAX_COPIED = 256;

/** What goes through a port: a message, or that there will be no more. */
type Posted = Message | { readonly closed: string };

/** A channel over one port of a `MessageChannel`. */
export class PortChannel implements Channel {
  /** Ports do not say what waits in them: who sends counts credit. */
  readonly buffered = 0;
  readonly #port: MessagePort;
  #events: ChannelEvents | undefined;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  send(message: Message): void {
    if (this.#isClosed) return;
    const isSmall = message.length <= MAX_COPIED;
    if (typeof message === "string" || isSmall) this.#port.postMessage(message);
    else this.#port.postMessage(message, [message.buffer]);
  }

  close(reason: string = ""): void {
    if (this.#isClosed) return;
    this.#port.postMessage({ closed: reason } satisfies Posted);
    this.#end(reason || "closed");
  }

  listen(events: ChannelEvents): void {
    this.#events = events;
    this.#port.onmessage = ({ data }: MessageEvent<Posted>) => {
      if (typeof data === "object" && "closed" in data) {
        this.#end(data.closed || "closed");
      } else this.#events?.onMessage(data);
    };
  }

  #end(reason: string): void {
    this.#isClosed = true;
    this.#port.close();
    const events = this.#events;
    this.#events = undefined;
    events?.onClose(reason);
  }
}

/** A text of at most `size` bytes, without half a character at its end. */
function cutText(text: string, size: number): string {
  const bytes = new Uint8Array(size);
  const { read } = new TextEncoder().encodeInto(text, bytes);
  return text.slice(0, read);
}
