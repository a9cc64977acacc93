/**
 * HTTP/1 (RFC 9112) and what was before it: one connection's messages, and
 * which response answers which request.
 *
 * Responses come in the order of their requests, and nothing else says what
 * answers what. So where requests or responses were not captured:
 *
 * - bytes lost inside a body whose size is known are counted through;
 * - otherwise reading goes on at the next line that begins a message;
 * - a response is given to a request only if it can answer no other one that
 *   was sent or may have been sent before it. Else both stand alone, with
 *   `gap`. This costs pairs on connections that pipeline, and no others.
 *
 * A connection that is joined in its midst is read from the next message on,
 * and its first response may have no request.
 */
import type { Incomplete } from "../../entry/entry.ts";
import type { StreamReader } from "../../stream/reader.ts";
import type { Mark } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import type {
  Ending,
  Exchange,
  Message,
  Parser,
  ParserContext,
  Readers,
  Side,
} from "../dissector.ts";
import { Body, NO_BODY } from "./body.ts";
import {
  Answer,
  type AnswerState,
  Asked,
  type AskedState,
  Missed,
  versionOf,
} from "./exchange.ts";
import type { HttpFields } from "./fields.ts";
import { Http1RequestHead, Http1ResponseHead } from "./head.ts";
import { toLatin1 } from "./latin1.ts";
import { HttpRequest, HttpResponse } from "./message.ts";
import {
  ABSENT,
  findRequest,
  findResponse,
  guessRequest,
  guessResponse,
  MAX_FIELD_NAME,
  MAX_HEAD,
  MORE,
  NEVER,
  Outline,
  sectionEnd,
  SIMPLE,
} from "./outline.ts";
import { type Phase, Transfer } from "./transfer.ts";

type HttpExchange = Exchange<HttpFields>;

/** Requests that may wait for responses; beyond them none is captured. */
const MAX_OPEN = 1024;

/** Bytes of a header line that follows a request line without a version. */
const MAX_SIMPLE_LINE = 8192;

/** Bytes after which it is certain that a line may begin a message. */
const MAX_BEGINNING = 64;

/** Bytes held back until it is known whether they are another protocol's. */
const MAX_HELD = 64 * 1024;

/** For how long responses of missed requests may still come, µs. */
const PATIENCE = 30e6;

const LF = 10, CR = 13, SPACE = 32, TAB = 9, COLON = 58;

/** Where in its messages a direction stands. */
type Stage =
  /** Between messages. */
  | "start"
  /** In a body, or after it. */
  | "body"
  /** Somewhere: a line that begins a message is looked for. */
  | "seek"
  /** After an HTTP/0.9 request that header lines may follow all the same. */
  | "simple"
  /** After a request that may end HTTP: what follows waits for its response. */
  | "held";

/** One direction of a connection. */
class Direction {
  stage: Stage = "start";
  /** Bytes of the next head that were searched for its end. */
  searched = 0;
  /** Whether the first line of it is here. */
  hasLine = false;

  enter(stage: Stage): void {
    this.stage = stage;
    this.searched = 0;
    this.hasLine = false;
  }
}

/** Shared by all parsers: it is read before anything else is. */
const outline = new Outline();

/** One connection. */
export class Http1Parser implements Parser<HttpFields> {
  readonly #wantsBodies: boolean;
  readonly #midStream: boolean;
  readonly #requests = new Direction();
  readonly #responses = new Direction();
  /** Requests whose response has not begun, in order. */
  #open: (Asked | Missed)[] = [];
  /** The request that is being read, or that header lines may follow. */
  #asking: Asked | undefined;
  /** The response that is being read. */
  #answer: Answer | undefined;
  /** Whether no response was seen since the connection was joined. */
  #isJoined: boolean;
  /**
   * How many of the open requests may have been answered by what was lost or
   * not understood.
   */
  #doubtful = 0;
  /** Whether informational responses may be missing before the next response. */
  #lacksStart = false;
  /** Whether a request came while another one waited. */
  #pipelines = false;
  /** Whether bytes of requests are missing. */
  #hasGap = false;
  /** Whether the server said nothing since requests were lost. */
  #isSilent = false;
  /** In which packet the newest response without a request began. */
  #unaskedPlace = -1;
  /** Whether another protocol has taken over. */
  #isOver = false;
  /** What the call in progress gives. */
  #given: HttpExchange[] = [];

  constructor(context: ParserContext) {
    this.#wantsBodies = context.wantsBodies;
    this.#midStream = this.#isJoined = context.midStream;
    if (!context.midStream) return;
    this.#requests.enter("seek");
    this.#responses.enter("seek");
  }

  read(side: Side, reader: StreamReader): Iterable<HttpExchange> {
    if (side === "client") this.#readRequests(reader);
    else this.#readResponses(reader);
    return this.#give();
  }

  gap(side: Side, size: number, reader: StreamReader): Iterable<HttpExchange> {
    if (this.#isOver) return [];
    if (side === "client") this.#loseOfRequests(size, reader);
    else this.#loseOfResponses(size, reader);
    return this.#give();
  }

  end(
    side: Side | undefined,
    ending: Ending,
    readers: Readers,
  ): Iterable<HttpExchange> {
    if (this.#isOver) return [];
    if (side !== "server") this.#endRequests(ending, readers.client);
    if (side !== "client") this.#endResponses(ending, readers.server);
    if (side === undefined) this.#endAll(ending);
    return this.#give();
  }

  expire(time: number): Iterable<HttpExchange> {
    for (const asked of this.#open) {
      if (asked instanceof Missed) continue;
      if (!asked.isEnded || asked.last.time >= time) break;
      // It keeps its place, so that the next one does not get its response.
      this.#giveAlone(asked, "no response");
    }
    return this.#give();
  }

  save(): Uint8Array {
    const open = this.#open.map((asked) =>
      asked instanceof Missed
        ? { time: asked.time, missed: asked.reason }
        : asked.save()
    );
    const asking = this.#asking;
    const place = asking ? this.#open.indexOf(asking) : -1;
    return encodeState({
      requests: this.#requests.stage,
      responses: this.#responses.stage,
      open,
      asking: place >= 0 ? place : asking?.save(),
      answer: this.#answer?.save(),
      answered: this.#answer?.asked && this.#answer.asked !== asking
        ? this.#answer.asked.save()
        : undefined,
      answersAsking: asking !== undefined && this.#answer?.asked === asking,
      isJoined: this.#isJoined,
      doubtful: this.#doubtful,
      lacksStart: this.#lacksStart,
      pipelines: this.#pipelines,
      hasGap: this.#hasGap,
      isSilent: this.#isSilent,
      unaskedPlace: this.#unaskedPlace,
      isOver: this.#isOver,
    });
  }

  restore(saved: Uint8Array): void {
    const state = decodeState(saved) as SavedParser;
    this.#requests.enter(state.requests);
    this.#responses.enter(state.responses);
    this.#open = state.open.map((asked) =>
      "missed" in asked
        ? new Missed(asked.time, asked.missed)
        : Asked.restored(asked)
    );
    const { asking, answered } = state;
    this.#asking = typeof asking === "number"
      ? this.#open[asking] as Asked
      : asking && Asked.restored(asking);
    const asked = state.answersAsking
      ? this.#asking
      : answered && Asked.restored(answered);
    this.#answer = state.answer && Answer.restored(state.answer, asked);
    this.#isJoined = state.isJoined;
    this.#doubtful = state.doubtful;
    this.#lacksStart = state.lacksStart;
    this.#pipelines = state.pipelines;
    this.#hasGap = state.hasGap;
    this.#isSilent = state.isSilent;
    this.#unaskedPlace = state.unaskedPlace;
    this.#isOver = state.isOver;
  }

  // ——— Requests

  #readRequests(reader: StreamReader): void {
    const direction = this.#requests;
    while (!this.#isOver && reader.available > 0) {
      switch (direction.stage) {
        case "start":
          if (!this.#readRequest(reader)) return;
          break;
        case "body":
          if (!this.#readRequestBody(reader)) return;
          break;
        case "seek":
          if (!seek(reader, direction, findRequest)) return;
          break;
        case "simple":
          if (!this.#readSimpleFields(reader)) return;
          break;
        case "held":
          if (!this.#isStillHttp(reader)) return;
          break;
      }
    }
  }

  /** Reads a request's head; false while it is not all here. */
  #readRequest(reader: StreamReader): boolean {
    if (!skipEmptyLines(reader)) return false;
    const direction = this.#requests;
    const bytes = reader.unread();
    const size = readHead(direction, bytes, readRequestHead);
    if (size === MORE) return false;
    if (size === NEVER) {
      direction.enter("seek");
      return true;
    }
    const first = reader.mark();
    const raw = toLatin1(bytes, 0, size);
    reader.skip(size);
    const head = new Http1RequestHead(raw, outline.lineSize);
    const transfer = this.#requestTransfer();
    const values = new HttpRequest(
      head,
      transfer?.body ?? NO_BODY,
      outline.transferCodings,
    );
    const { minor, isHead, isConnect, upgrades, expectsContinue } = outline;
    const traits = { minor, isHead, isConnect, upgrades, expectsContinue };
    const asked = new Asked(first, traits, values);
    this.#ask(asked);
    if (transfer) {
      asked.note(reader);
      asked.transfer = transfer;
      this.#asking = asked;
      direction.enter("body");
    } else {
      this.#endRequest(asked, reader);
      if (minor !== SIMPLE) return true;
      this.#asking = asked;
      direction.enter("simple");
    }
    return true;
  }

  /**
   * Where the body ends that the outline tells of (RFC 9112 §6.3). A request
   * whose length nobody could tell has none: servers refuse it.
   */
  #requestTransfer(): Transfer | undefined {
    const { contentLength, isChunked } = outline;
    if (!isChunked && contentLength <= 0) return undefined;
    const body = new Body(
      this.#wantsBodies || outline.isForm || this.#mustBeDecoded(),
    );
    return isChunked
      ? new Transfer("size", 0, body)
      : new Transfer("length", contentLength, body);
  }

  /** Whether a body's size can only be known by undoing its codings. */
  #mustBeDecoded(): boolean {
    return outline.isEncoded || outline.transferCodings !== undefined;
  }

  /** Puts a request in line for its response. */
  #ask(asked: Asked): void {
    const open = this.#open;
    // A response that nobody asked for came later: it may be this one's.
    if (this.#hasGap && asked.first.place < this.#unaskedPlace) {
      asked.reason = "gap";
      return;
    }
    this.#settle();
    this.#pipelines ||= open.length > 0;
    open.push(asked);
    if (open.length > MAX_OPEN) this.#abandon(open.length, asked.first.time);
  }

  /**
   * A client that does not pipeline goes on once it has its response. So when
   * it goes on, what was lost or not understood has answered all before; but
   * if the server said nothing since requests were lost, it does pipeline.
   */
  #settle(): void {
    const open = this.#open;
    if (this.#pipelines || open.length === 0) return;
    const areMissed = open.at(-1) instanceof Missed;
    const isAnswered = areMissed && this.#isSilent
      ? false
      : areMissed && open.length === 1 || this.#doubtful >= open.length;
    if (!isAnswered) return;
    for (const asked of open.splice(0)) {
      if (asked instanceof Asked) this.#giveAlone(asked, "gap");
    }
    this.#doubtful = 0;
    this.#lacksStart = false;
  }

  #readRequestBody(reader: StreamReader): boolean {
    const asked = this.#asking!;
    const transfer = asked.transfer!;
    const isUnsent = asked.traits.expectsContinue && asked.answer &&
      transfer.body.size === 0;
    if (isUnsent) {
      // The client was told not to go on (RFC 9110 §10.1.1).
      const guess = guessRequest(reader.unread(), 0);
      if (guess === MORE) return false;
      if (guess !== NEVER) {
        this.#endRequestWith(asked, asked.last, asked.size);
        return true;
      }
    }
    const progress = transfer.read(reader);
    asked.note(reader);
    if (progress === "more") return false;
    this.#endRequest(asked, reader);
    if (progress === "broken") this.#breakBody(asked, this.#requests);
    return true;
  }

  /** The chunks of a body make no sense any more: it ends where they did. */
  #breakBody(message: Asked | Answer, direction: Direction): void {
    const { values } = message;
    if (values) {
      values.transferCodings = [...values.transferCodings, "chunked"];
    }
    direction.enter("seek");
  }

  /** Header lines after a request line without a version belong to it. */
  #readSimpleFields(reader: StreamReader): boolean {
    const asked = this.#asking;
    const values = asked?.values;
    const bytes = reader.unread().subarray(0, MAX_SIMPLE_LINE);
    const line = bytes.subarray(0, bytes.indexOf(LF) + 1);
    // Once its response has begun, or it was given, it has all its lines.
    const isOver = !asked || !values || this.#open.at(-1) !== asked ||
      !mayBeField(bytes) || asked.size > MAX_HEAD ||
      line.length === 0 && bytes.length === MAX_SIMPLE_LINE;
    if (isOver) {
      this.#asking = undefined;
      this.#requests.enter("start");
      return true;
    }
    if (line.length === 0) return false;
    reader.skip(line.length);
    const { raw, lineSize } = values.head as Http1RequestHead;
    const more = raw + toLatin1(line, 0, line.length);
    const head = new Http1RequestHead(more, lineSize);
    asked.values = new HttpRequest(head, NO_BODY);
    asked.end(reader.lastMark(), reader.offset - asked.first.offset);
    if (line[0] === LF || line[0] === CR) {
      this.#asking = undefined;
      this.#requests.enter("start");
    }
    return true;
  }

  /** Whether held bytes are requests after all, or too many to hold. */
  #isStillHttp(reader: StreamReader): boolean {
    const guess = guessRequest(reader.unread(), 0);
    if (guess > 0) this.#requests.enter("start");
    else if (reader.available > MAX_HELD) this.#requests.enter("seek");
    else return false;
    return true;
  }

  #endRequest(asked: Asked, reader: StreamReader): void {
    const size = reader.offset - asked.first.offset;
    this.#endRequestWith(asked, reader.lastMark(), size);
  }

  #endRequestWith(
    asked: Asked,
    last: Mark,
    size: number,
    reason?: Incomplete,
  ): void {
    const { answer } = asked;
    const isAlone = asked.reason === "gap";
    asked.end(last, size, reason);
    this.#asking = undefined;
    this.#requests.enter(mayEndHttp(asked) && !answer ? "held" : "start");
    if (isAlone) this.#giveAlone(asked, "gap");
    else if (answer) this.#givePair(asked, answer);
  }

  /** `size` bytes of requests after the unread ones are missing. */
  #loseOfRequests(size: number, reader: StreamReader): void {
    const direction = this.#requests;
    // Whose bytes these were is not known.
    const isUnknown = direction.stage === "held" ||
      direction.stage === "seek" && !this.#hasGap;
    if (isUnknown) {
      direction.enter("seek");
      return;
    }
    let beyond: number | undefined = size;
    const asked = this.#asking;
    if (direction.stage === "body" && asked?.transfer) {
      const { transfer } = asked;
      beyond = transfer.lose(size);
      asked.size = endOfLost(reader, size, beyond) - asked.first.offset;
      if (beyond === 0 && !transfer.isComplete) return;
      this.#endRequestWith(asked, reader.lastMark(), asked.size);
      if (beyond === 0) return;
    }
    this.#asking = undefined;
    this.#hasGap = true;
    direction.enter("seek");
    // After chunks there may have been just their end.
    if (beyond !== undefined || this.#pipelines) this.#miss(reader.time);
  }

  /** Requests were lost, whose responses come where they stood. */
  #miss(time: number): void {
    this.#isSilent = true;
    if (this.#open.at(-1) instanceof Missed) return;
    this.#open.push(new Missed(time, "gap"));
  }

  #endRequests(ending: Ending, reader: StreamReader): void {
    const asked = this.#asking;
    if (asked && !asked.isEnded) {
      const isUnsent = asked.traits.expectsContinue && asked.answer &&
        asked.transfer?.body.size === 0;
      const reason = isUnsent ? undefined : ending === "reset" ? ending : "cut";
      const size = reader.offset - asked.first.offset;
      this.#endRequestWith(asked, reader.lastMark(), size, reason);
    }
    this.#asking = undefined;
  }

  // ——— Responses

  #readResponses(reader: StreamReader): void {
    const direction = this.#responses;
    this.#isSilent = false;
    while (!this.#isOver && reader.available > 0) {
      switch (direction.stage) {
        case "body":
          if (!this.#readResponseBody(reader)) return;
          break;
        case "seek":
          if (!this.#seekResponse(reader)) return;
          break;
        default:
          if (!this.#readResponse(reader)) return;
          break;
      }
    }
  }

  #seekResponse(reader: StreamReader): boolean {
    const before = reader.offset;
    const isFound = seek(reader, this.#responses, findResponse);
    if (reader.offset > before) {
      const stray = reader.lastMark();
      this.#doubtful = this.#countBefore(stray);
    }
    return isFound;
  }

  /** Reads a response's head; false while it is not all here. */
  #readResponse(reader: StreamReader): boolean {
    const direction = this.#responses;
    const front = this.#open[0];
    const mayBeSimple = front instanceof Asked && front.traits.minor === SIMPLE;
    if (!mayBeSimple && !skipEmptyLines(reader)) return false;
    const bytes = reader.unread();
    const size = readHead(direction, bytes, readResponseHead);
    if (size === MORE) return false;
    if (size === NEVER) {
      if (mayBeSimple) this.#beginSimple(reader);
      else direction.enter("seek");
      return true;
    }
    const answer = this.#answer ?? this.#claim(reader.mark());
    const { status, minor } = outline;
    if (status < 200 && status !== 101) {
      this.#answer = answer;
      answer.informational.push(status);
      reader.skip(size);
      answer.note(reader);
      return true;
    }
    const raw = toLatin1(bytes, 0, size);
    reader.skip(size);
    this.#beginResponse(answer, raw, status, minor);
    if (!answer.transfer) this.#endResponse(answer, reader);
    return true;
  }

  /** @param raw the head that the outline was made of */
  #beginResponse(
    answer: Answer,
    raw: string,
    status: number,
    minor: number,
  ): void {
    const asked = answer.asked?.traits;
    answer.minor = minor;
    const phase = phaseOf(asked?.isHead, asked?.isConnect, status);
    let body: Body | undefined;
    if (phase) {
      body = new Body(this.#wantsBodies || this.#mustBeDecoded());
      answer.transfer = new Transfer(phase, outline.contentLength, body);
      if (answer.transfer.isComplete) {
        answer.transfer = undefined;
        body = NO_BODY;
      }
    }
    answer.values = new HttpResponse(
      new Http1ResponseHead(raw, outline.lineSize),
      status,
      asked && asked.minor !== minor ? versionOf(minor) : undefined,
      answer.informational,
      body,
      outline.transferCodings,
    );
    if (!answer.transfer) return;
    this.#answer = answer;
    this.#responses.enter("body");
  }

  /** The answer to an HTTP/0.9 request is a body and nothing else. */
  #beginSimple(reader: StreamReader): void {
    const answer = this.#claim(reader.mark());
    const body = new Body(this.#wantsBodies);
    answer.minor = SIMPLE;
    answer.transfer = new Transfer("close", 0, body);
    answer.values = new HttpResponse(
      new Http1ResponseHead(""),
      undefined,
      undefined,
      [],
      body,
    );
    this.#answer = answer;
    this.#responses.enter("body");
  }

  /** Begins the response to whichever request it answers. */
  #claim(first: Mark): Answer {
    const asked = this.#takeAsked(first);
    const answer = new Answer(first, asked, this.#hasGap ? "gap" : undefined);
    answer.lacksStart = this.#lacksStart;
    this.#lacksStart = false;
    if (!asked) this.#unaskedPlace = first.place;
    return answer;
  }

  /** The request that a response begun there certainly answers. */
  #takeAsked(first: Mark): Asked | undefined {
    const open = this.#open;
    if (this.#doubtful > 0 || this.#isJoined) {
      const sent = this.#countBefore(first);
      // It may answer any of them,
      if (this.#doubtful > 0 && sent > 1) this.#abandon(sent, first.time);
      // or one before them, on a connection that was pipelined already.
      else if (this.#isJoined && sent > 1) {
        open.unshift(new Missed(first.time, "mid-stream"));
      }
      this.#doubtful = 0;
      this.#isJoined = false;
    }
    const [front, next] = open;
    if (front instanceof Missed) {
      const waits = next instanceof Asked && isBefore(next, first);
      if (waits && next.first.time - front.time > PATIENCE) open.shift();
      else {
        // It answers a missed one or, if that was answered, the next one.
        if (waits) {
          this.#giveAlone(next, front.reason);
          open.splice(1, 1);
        } else open.shift();
        return undefined;
      }
    }
    if (!(open[0] instanceof Asked) || !isBefore(open[0], first)) {
      return undefined;
    }
    return open.shift() as Asked;
  }

  /** How many of the open requests were sent before those bytes came. */
  #countBefore(mark: Mark): number {
    return this.#open.findLastIndex((asked) => isBefore(asked, mark)) + 1;
  }

  /** Gives the first `count` requests up: what answers them is not known. */
  #abandon(count: number, time: number): void {
    this.#hasGap = true;
    const missed = new Missed(time, "gap");
    for (const asked of this.#open.splice(0, count, missed)) {
      if (asked instanceof Asked) this.#giveAlone(asked, "gap");
    }
  }

  #readResponseBody(reader: StreamReader): boolean {
    const answer = this.#answer!;
    const transfer = answer.transfer!;
    if (answer.mayLackBody) {
      const guess = guessResponse(reader.unread(), 0);
      if (guess === MORE) return false;
      answer.mayLackBody = false;
      if (guess > 0) {
        this.#withoutBody(answer, reader);
        return true;
      }
    }
    const progress = transfer.read(reader);
    if (progress === "more") return false;
    if (progress === "broken" && !transfer.hasChunks) {
      this.#takeAsIs(answer, transfer);
      return true;
    }
    this.#endResponse(answer, reader);
    if (progress === "broken") this.#breakBody(answer, this.#responses);
    return true;
  }

  /** There never were any chunks: the body is what it is, until the end. */
  #takeAsIs({ values }: Answer, transfer: Transfer): void {
    transfer.phase = "close";
    if (!values) return;
    values.transferCodings = [...values.transferCodings, "chunked"];
  }

  /** Ends a response that has no body after all, or none that is known. */
  #withoutBody(
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
    this.#endResponse(answer, reader, reason);
  }

  #endResponse(
    answer: Answer,
    reader: StreamReader,
    reason?: Incomplete,
  ): void {
    const size = reader.offset - answer.first.offset;
    this.#endResponseWith(answer, reader.lastMark(), size, reason);
  }

  #endResponseWith(
    answer: Answer,
    last: Mark,
    size: number,
    reason?: Incomplete,
  ): void {
    const { asked } = answer;
    answer.end(last, size, reason);
    this.#answer = undefined;
    this.#responses.enter("start");
    if (asked && !asked.isEnded) asked.answer = answer;
    else this.#givePair(asked, answer);
  }

  /** `size` bytes of responses after the unread ones are missing. */
  #loseOfResponses(size: number, reader: StreamReader): void {
    const direction = this.#responses;
    this.#isSilent = false;
    const last = reader.lastMark();
    const answer = this.#answer;
    const transfer = answer?.transfer;
    if (answer && transfer && answer.mayLackBody) {
      // Whether any of them are its body is not known.
      this.#withoutBody(answer, reader, "gap");
    } else if (answer && transfer) {
      const beyond = transfer.lose(size);
      if (beyond === 0 && !transfer.isComplete) return;
      const end = endOfLost(reader, size, beyond);
      this.#endResponseWith(answer, last, end - answer.first.offset);
      if (beyond === 0) return;
    } else if (answer) {
      // Its final status is missing.
      answer.values = informationalOnly(answer);
      this.#endResponseWith(answer, answer.last, answer.size, "gap");
    }
    this.#doubtful = this.#open.length;
    this.#lacksStart = this.#doubtful > 0;
    direction.enter("seek");
  }

  #endResponses(ending: Ending, reader: StreamReader): void {
    if (ending === "closed" && this.#responses.stage === "start") {
      this.#readUnendedHead(reader);
    }
    const answer = this.#answer;
    const transfer = answer?.transfer;
    if (!answer || !transfer) return;
    if (ending === "closed" && transfer.mayBeUnchunked(reader)) {
      this.#takeAsIs(answer, transfer);
      transfer.read(reader);
    }
    if (transfer.phase === "close" && ending === "closed") {
      this.#endResponse(answer, reader);
    } else {
      this.#endResponse(answer, reader, ending === "closed" ? "cut" : ending);
    }
  }

  /** Browsers take a head that the connection's end ends. */
  #readUnendedHead(reader: StreamReader): void {
    const unread = reader.unread();
    if (unread.length === 0 || unread.length > MAX_HEAD) return;
    const bytes = new Uint8Array(unread.length + 4);
    bytes.set(unread);
    bytes.set([CR, LF, CR, LF], unread.length);
    if (outline.readResponse(bytes) <= 0) return;
    const { status, minor } = outline;
    if (status < 200) return;
    const answer = this.#answer ?? this.#claim(reader.mark());
    const raw = toLatin1(bytes, 0, unread.length);
    reader.skip(unread.length);
    this.#beginResponse(answer, raw, status, minor);
    if (!answer.transfer) this.#endResponse(answer, reader);
  }

  // ——— Exchanges

  #endAll(ending: Ending): void {
    const reason = ending === "closed" ? "no response" : ending;
    const answer = this.#answer;
    if (answer) {
      answer.values ??= informationalOnly(answer);
      this.#endResponseWith(answer, answer.last, answer.size, reason);
    }
    // What came after lost requests may have been answered for them.
    let missed: Missed["reason"] | undefined;
    for (const [i, asked] of this.#open.entries()) {
      if (asked instanceof Missed) missed = asked.reason;
      else {
        const lost = missed ?? (i < this.#doubtful ? "gap" : undefined);
        this.#giveAlone(asked, lost ?? asked.reason ?? reason);
      }
    }
    this.#open = [];
    this.#isOver = true;
  }

  /** Gives a request that gets no response, unless it was given. */
  #giveAlone(asked: Asked, reason: Incomplete): void {
    const request = asked.toMessage();
    if (!request) return;
    if (!asked.isEnded) {
      // Its body still comes; the entry has to wait for that.
      asked.reason = "gap";
      return;
    }
    const incomplete = reasonsOf(asked.hasGap, asked.reason, reason);
    asked.values = undefined;
    this.#push(versionOf(asked.traits.minor), request, undefined, incomplete);
  }

  #givePair(asked: Asked | undefined, answer: Answer): void {
    const request = asked?.toMessage();
    const response = answer.toMessage()!;
    const minor = asked?.traits.minor ?? answer.minor;
    const incomplete = reasonsOf(
      asked?.hasGap || answer.hasGap || answer.lacksStart,
      asked?.reason ?? (asked ? undefined : this.#whyUnasked(answer)),
      answer.reason,
    );
    const next = this.#nextProtocol(asked, answer);
    this.#push(versionOf(minor), request, response, incomplete, next);
    if (next) this.#isOver = true;
    else if (asked && mayEndHttp(asked) && this.#requests.stage === "held") {
      this.#requests.enter("start");
    }
  }

  /** Why a response has no request. */
  #whyUnasked(answer: Answer): Incomplete | undefined {
    if (answer.unasked) return answer.unasked;
    // Servers send it to clients that connect and say nothing.
    if (answer.values?.status === 408 && !this.#midStream) return undefined;
    return "mid-stream";
  }

  /** What a response hands the connection over to (RFC 9110 §7.8, §9.3.6). */
  #nextProtocol(
    asked: Asked | undefined,
    { values, reason }: Answer,
  ): { protocol?: string | undefined } | undefined {
    const status = values?.status ?? 0;
    const isTunnel = asked?.traits.isConnect && status >= 200 && status < 300;
    if (reason || !isTunnel && status !== 101) return undefined;
    // A client that goes on with requests knows better.
    if (this.#open.length > 0) return undefined;
    if (isTunnel) return {};
    const upgrade = values!.head.first("upgrade") ??
      asked?.values?.head.first("upgrade") ?? "";
    const name = upgrade.split(/[,/]/, 1)[0]!.trim().toLowerCase();
    return { protocol: name || undefined };
  }

  #push(
    version: string,
    request: Message<HttpRequest> | undefined,
    response: Message<HttpResponse> | undefined,
    incomplete: Incomplete[] | undefined,
    next?: HttpExchange["next"],
  ): void {
    this.#given.push({
      asker: "client",
      version,
      request,
      response,
      incomplete,
      next,
    });
  }

  #give(): HttpExchange[] {
    const given = this.#given;
    if (given.length > 0) this.#given = [];
    return given;
  }
}

/** A `Missed` as saved. */
interface MissedState {
  readonly time: number;
  readonly missed: Missed["reason"];
}

/** A parser as saved. */
interface SavedParser {
  readonly requests: Stage;
  readonly responses: Stage;
  readonly open: readonly (AskedState | MissedState)[];
  /** Where in `open` it is, or the request itself. */
  readonly asking: number | AskedState | undefined;
  readonly answer: AnswerState | undefined;
  readonly answered: AskedState | undefined;
  readonly answersAsking: boolean;
  readonly isJoined: boolean;
  readonly doubtful: number;
  readonly lacksStart: boolean;
  readonly pipelines: boolean;
  readonly hasGap: boolean;
  readonly isSilent: boolean;
  readonly unaskedPlace: number;
  readonly isOver: boolean;
}

const readRequestHead = (bytes: Uint8Array) => outline.readRequest(bytes);
const readResponseHead = (bytes: Uint8Array) => outline.readResponse(bytes);

/**
 * Fills the outline from the head that the bytes begin with.
 *
 * @returns the head's size, {@link MORE} or {@link NEVER}
 */
function readHead(
  direction: Direction,
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => number,
): number {
  // What was searched before is not read again before there is an end to it.
  const { searched, hasLine } = direction;
  if (hasLine || searched > MAX_BEGINNING) {
    const isHere = hasLine
      ? sectionEnd(bytes, searched) > 0
      : bytes.indexOf(LF, searched) >= 0;
    if (!isHere) {
      direction.searched = bytes.length;
      return bytes.length > MAX_HEAD ? NEVER : MORE;
    }
  }
  const size = read(bytes);
  if (size !== MORE) {
    direction.searched = 0;
    direction.hasLine = false;
    return size;
  }
  direction.searched = bytes.length;
  direction.hasLine = outline.lineSize > 0;
  return bytes.length > MAX_HEAD ? NEVER : MORE;
}

/**
 * Where in its stream a message ends whose end is missing.
 *
 * @param beyond how many of the missing bytes follow it, if that is known
 */
function endOfLost(
  reader: StreamReader,
  size: number,
  beyond: number = size,
): number {
  return reader.offset + reader.available + size - beyond;
}

/** Whether what follows the request may be another protocol. */
function mayEndHttp({ traits }: Asked): boolean {
  return traits.isConnect || traits.upgrades;
}

/** Whether a request was sent before a response began. */
function isBefore(asked: Asked | Missed, first: Mark): boolean {
  return asked instanceof Missed || asked.first.place < first.place;
}

/** How the body of a response ends; `undefined` if it can have none. */
function phaseOf(
  isHead = false,
  isConnect = false,
  status: number,
): Phase | undefined {
  if (isHead || status < 200 || status === 204 || status === 304) {
    return undefined;
  }
  if (isConnect && status < 300) return undefined;
  const { isChunked, transferCodings, contentLength } = outline;
  if (isChunked) return "size";
  // Other codings than chunked do not end (RFC 9112 §6.3, 4).
  if (transferCodings && transferCodings.length > 0) return "close";
  return contentLength > ABSENT ? "length" : "close";
}

/** What is known of a response whose final status did not come. */
function informationalOnly(answer: Answer): HttpResponse {
  return new HttpResponse(
    new Http1ResponseHead(""),
    undefined,
    undefined,
    answer.informational,
    undefined,
  );
}

/** The reasons that there are, each once. */
function reasonsOf(
  hasGap: boolean | undefined,
  ...reasons: (Incomplete | undefined)[]
): Incomplete[] | undefined {
  let found: Incomplete[] | undefined;
  if (hasGap) found = ["gap"];
  for (const reason of reasons) {
    if (!reason || found?.includes(reason)) continue;
    (found ??= []).push(reason);
  }
  return found;
}

/** Skips line ends before a message; whether there is something after them. */
function skipEmptyLines(reader: StreamReader): boolean {
  let byte = reader.peek();
  while (byte === CR || byte === LF) {
    reader.skip(1);
    byte = reader.peek();
  }
  return byte !== undefined;
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

/**
 * Skips to where the next message begins.
 *
 * @returns whether it is here
 */
function seek(
  reader: StreamReader,
  direction: Direction,
  find: (bytes: Uint8Array) => number,
): boolean {
  const at = find(reader.unread());
  reader.skip(at < 0 ? ~at : at);
  if (at >= 0) direction.enter("start");
  return at >= 0;
}
