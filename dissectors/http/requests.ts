/** The client's direction: bytes -> requests, one after another. */
import type { Incomplete } from "../../entry/entry.ts";
import type { Capture, StreamReader } from "../../stream/reader.ts";
import type { Ending } from "../dissector.ts";
import { Body, newTally, NO_BODY } from "./body.ts";
import {
  Direction,
  endOfLost,
  skipEmptyLines,
  type Stage,
} from "./direction.ts";
import { Asked, type AskedState, breakChunks } from "./exchange.ts";
import { Http1RequestHead } from "./head.ts";
import { toLatin1 } from "./latin1.ts";
import { HttpRequest } from "./message.ts";
import { Outline, SIMPLE } from "./outline.ts";
import type { Pairing } from "./pairing.ts";
import { findRequest, guessRequest, MAX_FIELD_NAME } from "./seek.ts";
import { COLON, CR, LF, MAX_HEAD, MORE, NEVER, SPACE, TAB } from "./syntax.ts";
import { Transfer } from "./transfer.ts";

/** Bytes of a header line that follows a request line without a version. */
const MAX_SIMPLE_LINE = 8192;

/** Bytes held back until it is known whether they are another protocol's. */
const MAX_HELD = 64 * 1024;

/** Shared by all connections: it is read before anything else is. */
const outline = new Outline();
const readHead = (bytes: Uint8Array): number => outline.readRequest(bytes);

/** Reads the requests of one connection. */
export class Requests {
  readonly #wantsBodies: boolean;
  readonly #tally = newTally();
  readonly #pairing: Pairing;
  readonly #ended: (asked: Asked) => void;
  readonly #direction: Direction;
  /** The request that is being read, or that header lines may follow. */
  #asking: Asked | undefined;

  /** @param ended takes each request that was read to its end */
  constructor(
    context: { readonly midStream: boolean; readonly wantsBodies: boolean },
    pairing: Pairing,
    ended: (asked: Asked) => void,
  ) {
    this.#wantsBodies = context.wantsBodies;
    this.#pairing = pairing;
    this.#ended = ended;
    this.#direction = new Direction(context.midStream ? "seek" : "start");
  }

  /** The request that is being read. */
  get asking(): Asked | undefined {
    return this.#asking;
  }

  /** Reads on; whether there may be more to read. */
  read(reader: StreamReader): boolean {
    return reader.available > 0 && this.#readOn(reader);
  }

  /** `size` bytes after the unread ones are missing. */
  lose(size: number, reader: StreamReader): void {
    const { stage } = this.#direction;
    const isUnknown = stage === "held" ||
      stage === "seek" && !this.#pairing.hasGap;
    if (isUnknown) {
      this.#direction.enter("seek");
      return;
    }
    // Further lines of it may be among them.
    if (stage === "simple" && this.#asking) this.#asking.reason ??= "gap";
    const beyond = this.#loseOfBody(size, reader);
    if (beyond === 0) return;
    this.#asking = undefined;
    this.#direction.enter("seek");
    // After chunks there may have been just their end.
    this.#pairing.loseRequests(reader.time, beyond !== undefined);
  }

  /** No more bytes come. */
  end(ending: Ending, reader: StreamReader): void {
    const asked = this.#asking;
    if (asked && !asked.isEnded) {
      const reason = ending === "reset" ? ending : "cut";
      this.#end(asked, reader, isUnsent(asked) ? undefined : reason);
    }
    this.#asking = undefined;
  }

  /** What was held back is requests after all. */
  release(): void {
    if (this.#direction.stage === "held") this.#direction.enter("start");
  }

  /** Leaves what follows to another protocol. */
  stop(): void {
    this.#direction.enter("over");
  }

  /** Plain data for {@link restore}. */
  save(): RequestsState {
    const asking = this.#asking;
    const place = asking ? this.#pairing.indexOf(asking) : -1;
    return {
      stage: this.#direction.stage,
      asking: place < 0 ? asking?.save() : place,
    };
  }

  /** Called when the pairing was restored. */
  restore({ stage, asking }: RequestsState): void {
    this.#direction.enter(stage);
    this.#asking = typeof asking === "number"
      ? this.#pairing.at(asking)
      : asking && Asked.restored(asking);
  }

  /** Reads on; false where more bytes are needed. */
  #readOn(reader: StreamReader): boolean {
    switch (this.#direction.stage) {
      case "start":
        return this.#readRequest(reader);
      case "body":
        return this.#readBody(reader);
      case "seek":
        return this.#direction.seek(reader, findRequest);
      case "simple":
        return this.#readSimpleField(reader);
      case "held":
        return this.#isStillHttp(reader);
      case "over":
        return false;
    }
  }

  #readRequest(reader: StreamReader): boolean {
    if (!skipEmptyLines(reader)) return false;
    const bytes = reader.unread();
    const size = this.#direction.readHead(bytes, outline, readHead);
    if (size === MORE) return false;
    if (size === NEVER) {
      this.#direction.enter("seek");
      return true;
    }
    const first = reader.mark();
    const raw = toLatin1(bytes, 0, size);
    reader.skip(size);
    const transfer = this.#transfer();
    const asked = new Asked(
      first,
      outline.traits,
      new HttpRequest(
        new Http1RequestHead(raw, outline.lineSize),
        transfer?.body ?? NO_BODY,
        outline.transferCodings,
      ),
    );
    this.#pairing.ask(asked);
    if (transfer) {
      asked.note(reader);
      asked.transfer = transfer;
      this.#asking = asked;
      this.#direction.enter("body");
    } else {
      this.#end(asked, reader);
      if (asked.traits.minor === SIMPLE) {
        this.#asking = asked;
        this.#direction.enter("simple");
      }
    }
    return true;
  }

  /**
   * The body that the outline tells of (RFC 9112 §6.3). A request whose length
   * nobody could tell has none: servers refuse it.
   */
  #transfer(): Transfer | undefined {
    const { contentLength, isChunked, isForm } = outline;
    if (!isChunked && contentLength <= 0) return undefined;
    const keeps = this.#wantsBodies || isForm || outline.hasCodings;
    return isChunked
      ? new Transfer("size", 0, new Body(keeps, this.#tally))
      : new Transfer("length", contentLength, new Body(keeps, this.#tally));
  }

  #readBody(reader: StreamReader): boolean {
    const asked = this.#asking!;
    if (isUnsent(asked)) {
      const guess = guessRequest(reader.unread(), 0);
      if (guess === MORE) return false;
      if (guess !== NEVER) {
        this.#endAt(asked, asked.last, asked.size);
        return true;
      }
    }
    const progress = asked.transfer!.read(reader);
    asked.note(reader);
    if (progress === "more") return false;
    this.#end(asked, reader);
    if (progress === "broken") {
      breakChunks(asked);
      this.#direction.enter("seek");
    }
    return true;
  }

  /** A header line after a request line without a version belongs to it. */
  #readSimpleField(reader: StreamReader): boolean {
    const asked = this.#asking;
    const values = asked?.values;
    const bytes = reader.unread().subarray(0, MAX_SIMPLE_LINE);
    const line = bytes.subarray(0, bytes.indexOf(LF) + 1);
    // Once its response has begun, or it was given, it has all its lines.
    const isOver = !asked || !values || !this.#pairing.isNewest(asked) ||
      !mayBeField(bytes) || asked.size > MAX_HEAD ||
      line.length === 0 && bytes.length === MAX_SIMPLE_LINE;
    if (!isOver) {
      if (line.length === 0) return false;
      reader.skip(line.length);
      const { raw, lineSize } = values.head as Http1RequestHead;
      const more = raw + toLatin1(line, 0, line.length);
      asked.values = new HttpRequest(
        new Http1RequestHead(more, lineSize),
        NO_BODY,
      );
      asked.note(reader);
      if (line[0] !== LF && line[0] !== CR) return true;
    }
    this.#asking = undefined;
    this.#direction.enter("start");
    return true;
  }

  /** Whether held bytes are requests after all, or too many to hold. */
  #isStillHttp(reader: StreamReader): boolean {
    if (guessRequest(reader.unread(), 0) > 0) this.#direction.enter("start");
    else if (reader.available > MAX_HELD) this.#direction.enter("seek");
    else return false;
    return true;
  }

  /**
   * Counts missing bytes through the body that is being read.
   *
   * @returns how many of them follow it; `undefined` if that is not known
   */
  #loseOfBody(size: number, reader: StreamReader): number | undefined {
    const asked = this.#asking;
    const transfer = asked?.transfer;
    if (!asked || !transfer) return size;
    const beyond = transfer.lose(size);
    asked.size = endOfLost(reader, size, beyond) - asked.first.offset;
    if (beyond !== 0 || transfer.isComplete) {
      this.#endAt(asked, reader.lastMark(asked.first), asked.size);
    }
    return beyond;
  }

  #end(asked: Asked, reader: StreamReader, reason?: Incomplete): void {
    const size = reader.offset - asked.first.offset;
    this.#endAt(asked, reader.lastMark(asked.first), size, reason);
  }

  #endAt(asked: Asked, last: Capture, size: number, reason?: Incomplete): void {
    asked.end(last, size, reason);
    this.#asking = undefined;
    this.#direction.enter(asked.mayEndHttp && !asked.answer ? "held" : "start");
    this.#ended(asked);
  }
}

/** The client's direction as saved. */
export interface RequestsState {
  readonly stage: Stage;
  /** Where in the pairing's queue it stands, or the request itself. */
  readonly asking: number | AskedState | undefined;
}

/**
 * Whether a body may never be sent: its client waits to be told so, and was
 * told something else (RFC 9110 §10.1.1).
 */
function isUnsent({ traits, answer, transfer }: Asked): boolean {
  return traits.expectsContinue && answer !== undefined &&
    transfer?.body.size === 0;
}

/** Whether bytes may be a header line, a further one, or the empty one. */
function mayBeField(bytes: Uint8Array): boolean {
  const first = bytes[0];
  if (first === LF || first === CR || first === SPACE || first === TAB) {
    return true;
  }
  const most = Math.min(bytes.length, MAX_FIELD_NAME);
  for (let at = 0; at < most; at++) {
    if (bytes[at] === COLON) return true;
    if (bytes[at]! <= SPACE) return false;
  }
  return bytes.length < MAX_FIELD_NAME;
}
