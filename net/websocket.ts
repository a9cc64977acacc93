/**
 * WebSockets as hub and workers accept them (RFC 6455, without extensions).
 *
 * Deno's own takes frames of up to 64 MiB before anybody has shown a token.
 * This one has bounds for each message, for what waits to be sent, and for the
 * time that a peer may be silent.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Channel, ChannelEvents, Message } from "../api/channel.ts";

/** Bytes of one message from a client: questions and credit are short. */
export const MAX_CLIENT_MESSAGE = 256 * 1024;

/** Frames that one of them may come in. */
const MAX_PARTS = 64;

/** Bytes of a control frame (§5.5). */
const MAX_CONTROL = 125;

/** How often a peer is asked for a sign of life, ms; it has as long for it. */
const PING_INTERVAL = 20_000;

/** How long a peer may take to close its end, ms. */
const CLOSE_PATIENCE = 2000;

/** Kinds of frames (§5.2). */
const OPCODE = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const;

/** Why a connection is closed (§7.4.1). */
const CODE = {
  NORMAL: 1000,
  PROTOCOL_ERROR: 1002,
  NOT_UTF8: 1007,
  TOO_BIG: 1009,
} as const;

/** What the key is made of that proves who answers (§1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The client broke the protocol. */
class Violation extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The value of `sec-websocket-accept` for a request; `undefined` if it asks
 * for no WebSocket that we could give (§4.2.1).
 */
export function acceptKeyFor(
  { method, headers }: Pick<IncomingMessage, "method" | "headers">,
): string | undefined {
  const key = headers["sec-websocket-key"];
  const isAsked = method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-version"] === "13" &&
    typeof key === "string" && /^[+/0-9A-Za-z]{22}==$/.test(key);
  if (!isAsked) return undefined;
  return createHash("sha1").update(key + GUID).digest("base64");
}

/** The server's end of a WebSocket. */
export class AcceptedSocket implements Channel {
  readonly #socket: Duplex;
  readonly #parser: FrameReader;
  #events: ChannelEvents | undefined;
  #isClosing = false;
  #isAlive = true;
  readonly #pings: ReturnType<typeof setInterval>;

  /**
   * Accepts a connection.
   *
   * @param socket on which nothing was written yet
   * @param key of {@link acceptKeyFor}
   * @param head bytes that came behind the request
   * @param most bytes of one message
   */
  constructor(
    socket: Duplex,
    key: string,
    head: Uint8Array,
    most: number = MAX_CLIENT_MESSAGE,
  ) {
    this.#socket = socket;
    this.#parser = new FrameReader(
      (opcode, payload) => this.#take(opcode, payload),
      most,
    );
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
        `Connection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
    );
    socket.on("error", () => this.#end("connection lost"));
    socket.on("close", () => this.#end("connection lost"));
    socket.on("end", () => socket.end());
    this.#pings = setInterval(() => this.#ping(), PING_INTERVAL);
    // What comes before anybody listens waits in the socket.
    socket.pause();
    if (head.length > 0) socket.unshift(Buffer.from(head));
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  send(message: Message): void {
    if (this.#isClosing) return;
    if (typeof message === "string") {
      this.#write(OPCODE.TEXT, new TextEncoder().encode(message));
    } else this.#write(OPCODE.BINARY, message);
  }

  close(reason: string = ""): void {
    this.#close(CODE.NORMAL, reason);
  }

  listen(events: ChannelEvents): void {
    this.#events = events;
    this.#socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    this.#socket.resume();
  }

  #read(chunk: Uint8Array): void {
    this.#isAlive = true;
    if (this.#isClosing) return;
    try {
      this.#parser.read(chunk);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#close(error.code, error.message);
    }
  }

  #take(opcode: number, payload: Uint8Array<ArrayBuffer>): void {
    switch (opcode) {
      case OPCODE.TEXT:
        this.#events?.onMessage(toText(payload));
        break;
      case OPCODE.BINARY:
        this.#events?.onMessage(payload);
        break;
      case OPCODE.PING:
        this.#write(OPCODE.PONG, payload);
        break;
      case OPCODE.CLOSE:
        this.#answerClose(payload);
        break;
    }
  }

  /** The peer closes: its words are said back to it (§5.5.1). */
  #answerClose(payload: Uint8Array): void {
    const code = payload.length >= 2
      ? payload[0]! * 256 + payload[1]!
      : CODE.NORMAL;
    const reason = payload.length > 2 ? toText(payload.subarray(2)) : "";
    this.#close(
      code,
      "",
      reason || (code === CODE.NORMAL ? "closed" : "connection lost"),
    );
  }

  #close(code: number, reason: string, told = reason || "closed"): void {
    if (this.#isClosing) return;
    const text = new TextEncoder().encode(reason).subarray(0, MAX_CONTROL - 2);
    // Cut inside a character, the frame would be none.
    const whole = new TextEncoder().encode(
      new TextDecoder().decode(text).replace(/\ufffd+$/, ""),
    );
    const payload = new Uint8Array(2 + whole.length);
    payload[0] = code >> 8;
    payload[1] = code;
    payload.set(whole, 2);
    this.#write(OPCODE.CLOSE, payload);
    this.#isClosing = true;
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_PATIENCE);
    this.#socket.once("close", () => clearTimeout(timer));
    this.#end(told);
  }

  #end(reason: string): void {
    clearInterval(this.#pings);
    this.#isClosing = true;
    const events = this.#events;
    this.#events = undefined;
    events?.onClose(reason);
  }

  /** A peer that vanished without a word is found out. */
  #ping(): void {
    if (!this.#isAlive) return void this.#socket.destroy();
    this.#isAlive = false;
    this.#write(OPCODE.PING, new Uint8Array(0));
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#isClosing || !this.#socket.writable) return;
    const { length } = payload;
    const wide = length > 0xffff ? 8 : length > MAX_CONTROL ? 2 : 0;
    const head = new Uint8Array(2 + wide);
    const view = new DataView(head.buffer);
    head[0] = 0x80 | opcode;
    head[1] = wide === 8 ? 127 : wide === 2 ? 126 : length;
    if (wide === 2) view.setUint16(2, length);
    if (wide === 8) view.setBigUint64(2, BigInt(length));
    this.#socket.cork();
    this.#socket.write(head);
    if (length > 0) this.#socket.write(payload);
    this.#socket.uncork();
  }
}

/** Bytes of a client -> messages and control frames. Bounded and sans-I/O. */
export class FrameReader {
  readonly #onFrame: (opcode: number, payload: Uint8Array<ArrayBuffer>) => void;
  readonly #most: number;
  /** What came and is no whole frame yet. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Bytes that are needed before it is worth looking again. */
  #needed = 2;
  #size = 0;
  /** A message in several frames, and what it is. */
  #parts: Uint8Array[] = [];
  #partsSize = 0;
  #opcode: number | undefined;

  /**
   * @param onFrame gets whole messages and control frames; bytes are its own
   * @param most bytes of one message
   */
  constructor(
    onFrame: (opcode: number, payload: Uint8Array<ArrayBuffer>) => void,
    most: number = MAX_CLIENT_MESSAGE,
  ) {
    this.#onFrame = onFrame;
    this.#most = most;
  }

  /**
   * Takes bytes as they come; borrowed.
   *
   * @throws an error with the code to close by if they break the protocol
   */
  read(chunk: Uint8Array): void {
    this.#append(chunk);
    while (this.#size >= this.#needed) {
      const used = this.#readFrame();
      if (used === 0) break;
      this.#rest.copyWithin(0, used, this.#size);
      this.#size -= used;
      this.#needed = 2;
    }
  }

  #append(chunk: Uint8Array): void {
    const size = this.#size + chunk.length;
    if (size > this.#rest.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#rest.length));
      grown.set(this.#rest.subarray(0, this.#size));
      this.#rest = grown;
    }
    this.#rest.set(chunk, this.#size);
    this.#size = size;
  }

  /** @returns bytes of the frame; 0 if it is not all here */
  #readFrame(): number {
    const bytes = this.#rest;
    const first = bytes[0]!;
    const second = bytes[1]!;
    if ((first & 0x70) !== 0 || (second & 0x80) === 0) {
      throw new Violation(CODE.PROTOCOL_ERROR, "A frame breaks the protocol");
    }
    const short = second & 0x7f;
    const wide = short === 127 ? 8 : short === 126 ? 2 : 0;
    const head = 2 + wide + 4;
    if (this.#size < head) return this.#wait(head);
    const view = new DataView(bytes.buffer, 0, head);
    const length = wide === 8
      ? Number(view.getBigUint64(2))
      : wide === 2
      ? view.getUint16(2)
      : short;
    this.#check(first, length);
    if (this.#size < head + length) return this.#wait(head + length);
    const payload = bytes.slice(head, head + length);
    const mask = bytes.subarray(head - 4, head);
    for (let i = 0; i < length; i++) payload[i]! ^= mask[i & 3]!;
    this.#takeFrame(first, payload);
    return head + length;
  }

  #wait(size: number): 0 {
    this.#needed = size;
    return 0;
  }

  #check(first: number, length: number): void {
    const opcode = first & 0x0f;
    const isControl = opcode >= OPCODE.CLOSE;
    const isFinal = (first & 0x80) !== 0;
    const isKnown = opcode <= OPCODE.BINARY ||
      isControl && opcode <= OPCODE.PONG;
    const isInPlace = isControl ||
      (opcode === OPCODE.CONTINUATION) === (this.#opcode !== undefined);
    const isShort = !isControl || isFinal && length <= MAX_CONTROL;
    if (!isKnown || !isInPlace || !isShort) {
      throw new Violation(CODE.PROTOCOL_ERROR, "A frame breaks the protocol");
    }
    const isTooLong = this.#partsSize + length > this.#most ||
      this.#parts.length === MAX_PARTS;
    if (!isControl && isTooLong) {
      throw new Violation(CODE.TOO_BIG, "A message is too long");
    }
  }

  #takeFrame(first: number, payload: Uint8Array<ArrayBuffer>): void {
    const opcode = first & 0x0f;
    if (opcode >= OPCODE.CLOSE) return this.#onFrame(opcode, payload);
    const isFinal = (first & 0x80) !== 0;
    if (isFinal && this.#opcode === undefined) {
      return this.#onFrame(opcode, payload);
    }
    this.#opcode ??= opcode;
    this.#partsSize += payload.length;
    this.#parts.push(payload);
    if (!isFinal) return;
    const whole = new Uint8Array(this.#partsSize);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    const kind = this.#opcode;
    this.#parts = [];
    this.#partsSize = 0;
    this.#opcode = undefined;
    this.#onFrame(kind, whole);
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** @throws Violation if it is none (§8.1) */
function toText(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Violation(CODE.NOT_UTF8, "A text is not UTF-8");
  }
}
