/** The server's direction: bytes -> responses, one after another. */
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
import {
  Answer,
  type AnswerState,
  Asked,
  type AskedState,
  breakChunks,
  versionOf,
} from "./exchange.ts";
import { Http1ResponseHead } from "./head.ts";
import { toLatin1 } from "./latin1.ts";
import { HttpResponse } from "./message.ts";
import { ABSENT, Outline, SIMPLE, type Traits } from "./outline.ts";
import type { Pairing } from "./pairing.ts";
import { findResponse, guessResponse } from "./seek.ts";
import { CR, LF, MAX_HEAD, MORE, NEVER } from "./syntax.ts";
import { type Phase, Transfer } from "./transfer.ts";

/** Shared by all connections: it is read before anything else is. */
const outline = new Outline();
const readHead = (bytes: Uint8Array): number => outline.readResponse(bytes);

/** Reads the responses of one connection. */
export class Responses {
  readonly #wantsBodies: boolean;
  readonly #tally = newTally();
  readonly #pairing: Pairing;
  readonly #ended: (answer: Answer) => void;
  readonly #direction: Direction;
  /** The response that is being read. */
  #answer: Answer | undefined;

  /** @param ended takes each response that was read to its end */
  constructor(
    context: { readonly midStream: boolean; readonly wantsBodies: boolean },
    pairing: Pairing,
    ended: (answer: Answer) => void,
  ) {
    this.#wantsBodies = context.wantsBodies;
    this.#pairing = pairing;
    this.#ended = ended;
    this.#direction = new Direction(context.midStream ? "seek" : "start");
  }

  /** Whether a response has begun and not ended. */
  get isAnswering(): boolean {
    return this.#answer !== undefined;
  }

  /** Reads on; whether there may be more to read. */
  read(reader: StreamReader): boolean {
    this.#pairing.hear();
    return reader.available > 0 && this.#readOn(reader);
  }

  /** `size` bytes after the unread ones are missing. */
  lose(size: number, reader: StreamReader): void {
    this.#pairing.hear();
    const answer = this.#answer;
    const transfer = answer?.transfer;
    if (answer && !transfer) {
      // Its final status is missing.
      answer.values = informationalOnly(answer);
      this.#endAt(answer, answer.last, answer.size, "gap");
    } else if (answer?.mayLackBody) {
      // Whether any of them are its body is not known.
      this.#endWithoutBody(answer, reader, "gap");
    } else if (answer && transfer) {
      const beyond = transfer.lose(size);
      if (beyond === 0 && !transfer.isComplete) return;
      const end = endOfLost(reader, size, beyond);
      this.#endAt(
        answer,
        reader.lastMark(answer.first),
        end - answer.first.offset,
      );
      if (beyond === 0) return;
    }
    this.#pairing.loseResponses();
    this.#direction.enter("seek");
  }

  /** No more bytes come. */
  end(ending: Ending, reader: StreamReader): void {
    if (ending === "closed" && this.#direction.stage === "start") {
      this.#readUnendedHead(reader);
    }
    const answer = this.#answer;
    const transfer = answer?.transfer;
    if (!answer || !transfer) return;
    if (ending !== "closed") {
      this.#end(answer, reader, ending);
      return;
    }
    if (transfer.mayBeUnchunked(reader)) {
      takeAsIs(answer, transfer);
      transfer.read(reader);
    }
    this.#end(answer, reader, transfer.phase === "close" ? undefined : "cut");
  }

  /** Gives what there is of a response whose final status did not come. */
  giveUp(reason: Incomplete): void {
    const answer = this.#answer;
    if (!answer) return;
    answer.values ??= informationalOnly(answer);
    this.#endAt(answer, answer.last, answer.size, reason);
  }

  /** Leaves what follows to another protocol. */
  stop(): void {
    this.#direction.enter("over");
  }

  /**
   * Plain data for {@link restore}.
   *
   * @param asking the request that is being read, saved elsewhere
   */
  save(asking: Asked | undefined): ResponsesState {
    const answer = this.#answer;
    const asked = answer?.asked;
    return {
      stage: this.#direction.stage,
      answer: answer?.save(),
      asked: asked === asking ? undefined : asked?.save(),
      answersAsking: asked !== undefined && asked === asking,
    };
  }

  /** @param asking the request that is being read */
  restore(state: ResponsesState, asking: Asked | undefined): void {
    const asked = state.answersAsking
      ? asking
      : state.asked && Asked.restored(state.asked);
    this.#direction.enter(state.stage);
    this.#answer = state.answer && Answer.restored(state.answer, asked);
  }

  /** Reads on; false where more bytes are needed. */
  #readOn(reader: StreamReader): boolean {
    switch (this.#direction.stage) {
      case "body":
        return this.#readBody(reader);
      case "seek":
        return this.#seek(reader);
      case "over":
        return false;
      default:
        return this.#readResponse(reader);
    }
  }

  #seek(reader: StreamReader): boolean {
    const before = reader.offset;
    const isFound = this.#direction.seek(reader, findResponse);
    if (reader.offset > before) this.#pairing.strayTo(reader.lastMark());
    return isFound;
  }

  #readResponse(reader: StreamReader): boolean {
    const mayBeSimple = this.#pairing.oldest?.traits.minor === SIMPLE;
    if (!mayBeSimple && !skipEmptyLines(reader)) return false;
    const bytes = reader.unread();
    const size = this.#direction.readHead(bytes, outline, readHead);
    if (size === MORE) return false;
    if (size === NEVER) {
      if (mayBeSimple) this.#beginSimple(reader);
      else this.#direction.enter("seek");
      return true;
    }
    const answer = this.#answer ?? this.#claim(reader);
    reader.skip(size);
    if (outline.isInformational) {
      answer.informational.push(outline.status);
      answer.note(reader);
      this.#answer = answer;
    } else this.#begin(answer, toLatin1(bytes, 0, size), reader);
    return true;
  }

  /** A response begins, to whichever request it answers. */
  #claim(reader: StreamReader): Answer {
    const first = reader.mark();
    const asked = this.#pairing.claim(first);
    const answer = new Answer(first, asked);
    answer.lacksStart = this.#pairing.lacksStart();
    if (!asked) answer.unasked = this.#pairing.hasGap ? "gap" : "mid-stream";
    return answer;
  }

  /** @param raw the head that the outline was made of */
  #begin(answer: Answer, raw: string, reader: StreamReader): void {
    const { status, minor } = outline;
    const traits = answer.asked?.traits;
    const transfer = this.#transfer(traits);
    const hasBody = transfer !== undefined && !transfer.isComplete;
    answer.minor = minor;
    answer.values = new HttpResponse(
      new Http1ResponseHead(raw, outline.lineSize),
      status,
      traits && traits.minor !== minor ? versionOf(minor) : undefined,
      answer.informational,
      hasBody ? transfer.body : transfer && NO_BODY,
      outline.transferCodings,
    );
    if (!hasBody) {
      this.#end(answer, reader);
      return;
    }
    answer.transfer = transfer;
    this.#answer = answer;
    this.#direction.enter("body");
  }

  /** The body that the outline tells of; `undefined` if it can have none. */
  #transfer(traits: Traits | undefined): Transfer | undefined {
    const phase = phaseOf(traits);
    if (!phase) return undefined;
    const body = new Body(
      this.#wantsBodies || outline.hasCodings,
      this.#tally,
    );
    return new Transfer(phase, outline.contentLength, body);
  }

  /** The answer to an HTTP/0.9 request is a body and nothing else. */
  #beginSimple(reader: StreamReader): void {
    const answer = this.#claim(reader);
    const body = new Body(this.#wantsBodies);
    answer.minor = SIMPLE;
    answer.transfer = new Transfer("close", 0, body);
    answer.values = withoutHead([], body);
    this.#answer = answer;
    this.#direction.enter("body");
  }

  #readBody(reader: StreamReader): boolean {
    const answer = this.#answer!;
    const transfer = answer.transfer!;
    if (answer.mayLackBody) {
      const guess = guessResponse(reader.unread(), 0);
      if (guess === MORE) return false;
      answer.mayLackBody = false;
      if (guess !== NEVER) {
        this.#endWithoutBody(answer, reader);
        return true;
      }
    }
    const progress = transfer.read(reader);
    if (progress === "more") return false;
    if (progress === "broken" && !transfer.hasChunks) {
      takeAsIs(answer, transfer);
      return true;
    }
    this.#end(answer, reader);
    if (progress === "broken") {
      breakChunks(answer);
      this.#direction.enter("seek");
    }
    return true;
  }

  /** Browsers take a head that the connection's end ends. */
  #readUnendedHead(reader: StreamReader): void {
    const unread = reader.unread();
    if (unread.length === 0 || unread.length > MAX_HEAD) return;
    const bytes = new Uint8Array(unread.length + 4);
    bytes.set(unread);
    bytes.set([CR, LF, CR, LF], unread.length);
    if (outline.readResponse(bytes) <= 0 || outline.isInformational) return;
    const answer = this.#answer ?? this.#claim(reader);
    reader.skip(unread.length);
    this.#begin(answer, toLatin1(bytes, 0, unread.length), reader);
  }

  /** Ends a response that has no body after all, or none that is known. */
  #endWithoutBody(
    answer: Answer,
    reader: StreamReader,
    reason?: Incomplete,
  ): void {
    const { head, status, version } = answer.values!;
    answer.transfer = undefined;
    answer.values = new HttpResponse(
      head,
      status,
      version,
      answer.informational,
      undefined,
    );
    this.#end(answer, reader, reason);
  }

  #end(answer: Answer, reader: StreamReader, reason?: Incomplete): void {
    const size = reader.offset - answer.first.offset;
    this.#endAt(answer, reader.lastMark(answer.first), size, reason);
  }

  #endAt(
    answer: Answer,
    last: Capture,
    size: number,
    reason?: Incomplete,
  ): void {
    answer.end(last, size, reason);
    this.#answer = undefined;
    this.#direction.enter("start");
    this.#ended(answer);
  }
}

/** The server's direction as saved. */
export interface ResponsesState {
  readonly stage: Stage;
  readonly answer: AnswerState | undefined;
  /** The request that the response answers, where that is not being read. */
  readonly asked: AskedState | undefined;
  readonly answersAsking: boolean;
}

/** How the body of the outlined response ends (RFC 9112 §6.3). */
function phaseOf(traits: Traits | undefined): Phase | undefined {
  const { status, isChunked, transferCodings, contentLength } = outline;
  if (traits?.isHead || status < 200 || status === 204 || status === 304) {
    return undefined;
  }
  if (traits?.isConnect && status < 300) return undefined;
  if (isChunked) return "size";
  // Other codings than chunked have no end.
  if (transferCodings && transferCodings.length > 0) return "close";
  return contentLength > ABSENT ? "length" : "close";
}

/** There never were any chunks: the body is what it is, until the end. */
function takeAsIs(answer: Answer, transfer: Transfer): void {
  transfer.phase = "close";
  breakChunks(answer);
}

/** What is known of a response whose final status did not come. */
function informationalOnly(answer: Answer): HttpResponse {
  return withoutHead(answer.informational, undefined);
}

function withoutHead(
  informational: readonly number[],
  body: Body | undefined,
): HttpResponse {
  const head = new Http1ResponseHead("");
  return new HttpResponse(head, undefined, undefined, informational, body);
}
