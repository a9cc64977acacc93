/**
 * Requests and responses of HTTP/1 while their exchange is open.
 */
import type { Incomplete } from "../../entry/entry.ts";
import type { Capture, Mark, StreamReader } from "../../stream/reader.ts";
import type { Message } from "../dissector.ts";
import { Body, type BodyState } from "./body.ts";
import { FieldLines } from "./field_lines.ts";
import { Http1RequestHead, Http1ResponseHead } from "./head.ts";
import { HttpRequest, HttpResponse } from "./message.ts";
import { SIMPLE, type Traits } from "./outline.ts";
import { Transfer, type TransferState } from "./transfer.ts";

/** Versions as entries name them. */
export function versionOf(minor: number): string {
  return minor === 1 ? "1.1" : minor === SIMPLE ? "0.9" : `1.${minor}`;
}

/** What requests and responses have in common: they come in pieces. */
abstract class Arriving<V extends HttpRequest | HttpResponse> {
  readonly first: Mark;
  /** Where what was read of it ends. */
  last: Capture;
  size = 0;
  isEnded = false;
  /** What it lacks; gaps are told by the body. */
  reason: Incomplete | undefined;
  /** The body on its way, until it ends. */
  transfer: Transfer | undefined;
  abstract readonly values: V | undefined;

  constructor(first: Mark) {
    this.first = first;
    this.last = first;
  }

  /** Takes note of how far it was read. */
  note(reader: StreamReader): void {
    this.last = reader.lastMark(this.first);
    this.size = reader.offset - this.first.offset;
  }

  /** Takes note that all of it was read that ever will be. */
  end(last: Capture, size: number, reason?: Incomplete): void {
    this.last = last;
    this.size = size;
    this.isEnded = true;
    this.reason = reason;
    const { transfer, values } = this;
    if (!transfer) return;
    transfer.body.isEnded = !reason && transfer.isSizeKnown;
    if (transfer.trailers && values) {
      values.trailerLines = new FieldLines(transfer.trailers);
    }
    this.transfer = undefined;
  }

  get hasGap(): boolean {
    return this.values?.content?.hasGap ?? false;
  }

  /** What an exchange takes of it. */
  toMessage(): Message<V> | undefined {
    const { values, first, last, size } = this;
    return values && { values, first, last, size };
  }

  protected saved(): ArrivingState {
    const { first, last, size, isEnded, reason, transfer, values } = this;
    return {
      first,
      last,
      size,
      isEnded,
      reason,
      transfer: transfer?.save(),
      body: transfer ? undefined : values?.content?.save(),
      codings: values?.transferCodings,
      trailers: values?.trailerLines?.raw,
    };
  }

  /** The body that was saved, which the transfer goes on to fill. */
  protected restore(state: ArrivingState): Body | undefined {
    this.last = state.last;
    this.size = state.size;
    this.isEnded = state.isEnded;
    this.reason = state.reason;
    this.transfer = state.transfer && Transfer.restored(state.transfer);
    return this.transfer?.body ?? (state.body && Body.restored(state.body));
  }

  protected restoreTrailers(state: ArrivingState): void {
    if (!this.values || state.trailers === undefined) return;
    this.values.trailerLines = new FieldLines(state.trailers);
  }
}

interface ArrivingState {
  readonly first: Mark;
  readonly last: Capture;
  readonly size: number;
  readonly isEnded: boolean;
  readonly reason: Incomplete | undefined;
  readonly transfer: TransferState | undefined;
  readonly body: BodyState | undefined;
  readonly codings: readonly string[] | undefined;
  readonly trailers: string | undefined;
}

/** The chunks of a body make no sense: it keeps that coding. */
export function breakChunks({ values }: Asked | Answer): void {
  if (!values) return;
  values.transferCodings = [...values.transferCodings, "chunked"];
}

/** A request. */
export class Asked extends Arriving<HttpRequest> {
  readonly traits: Traits;
  /** Absent once it was given without its response. */
  values: HttpRequest | undefined;
  /** Its response, if that was complete before the request was. */
  answer: Answer | undefined;
  /** Why it gets no response, if that was known before it was complete. */
  givenUp: Incomplete | undefined;

  constructor(first: Mark, traits: Traits, values: HttpRequest | undefined) {
    super(first);
    this.traits = traits;
    this.values = values;
  }

  /** Whether what follows it may be another protocol. */
  get mayEndHttp(): boolean {
    return this.traits.isConnect || this.traits.upgrades;
  }

  save(): AskedState {
    const { minor, isHead, isConnect, upgrades, expectsContinue } = this.traits;
    return {
      ...this.saved(),
      traits: { minor, isHead, isConnect, upgrades, expectsContinue },
      head: (this.values?.head as Http1RequestHead | undefined)?.raw,
      answer: this.answer?.save(),
      givenUp: this.givenUp,
    };
  }

  static restored(state: AskedState): Asked {
    const asked = new Asked(state.first, state.traits, undefined);
    const body = asked.restore(state);
    if (state.head !== undefined) {
      const head = new Http1RequestHead(state.head);
      asked.values = new HttpRequest(head, body!, state.codings);
      asked.restoreTrailers(state);
    }
    asked.answer = state.answer && Answer.restored(state.answer, asked);
    asked.givenUp = state.givenUp;
    return asked;
  }
}

/** A request as saved. */
export interface AskedState extends ArrivingState {
  readonly traits: Traits;
  readonly head: string | undefined;
  readonly answer: AnswerState | undefined;
  readonly givenUp: Incomplete | undefined;
}

/** A response, with the informational ones before it. */
export class Answer extends Arriving<HttpResponse> {
  /** The request that it answers, if that is known. */
  readonly asked: Asked | undefined;
  /** Why the request is not known. */
  unasked: Incomplete | undefined;
  readonly informational: number[] = [];
  /** See `Outline.minor`. */
  minor = 1;
  /** Whether informational responses before it may be missing. */
  lacksStart = false;
  /** Whether the next response may follow its head: it may answer a HEAD. */
  mayLackBody = false;
  values: HttpResponse | undefined;

  constructor(first: Mark, asked: Asked | undefined) {
    super(first);
    this.asked = asked;
    this.mayLackBody = asked === undefined;
  }

  save(): AnswerState {
    const { unasked, informational, minor, lacksStart, mayLackBody, values } =
      this;
    return {
      ...this.saved(),
      unasked,
      informational,
      minor,
      lacksStart,
      mayLackBody,
      head: (values?.head as Http1ResponseHead | undefined)?.raw,
      status: values?.status,
      version: values?.version,
    };
  }

  static restored(state: AnswerState, asked: Asked | undefined): Answer {
    const answer = new Answer(state.first, asked);
    const body = answer.restore(state);
    answer.unasked = state.unasked;
    answer.informational.push(...state.informational);
    answer.minor = state.minor;
    answer.lacksStart = state.lacksStart;
    answer.mayLackBody = state.mayLackBody;
    if (state.head !== undefined) {
      answer.values = new HttpResponse(
        new Http1ResponseHead(state.head),
        state.status,
        state.version,
        answer.informational,
        body,
        state.codings,
      );
      answer.restoreTrailers(state);
    }
    return answer;
  }
}

/** A response as saved. */
export interface AnswerState extends ArrivingState {
  readonly unasked: Incomplete | undefined;
  readonly informational: readonly number[];
  readonly minor: number;
  readonly lacksStart: boolean;
  readonly mayLackBody: boolean;
  readonly head: string | undefined;
  readonly status: number | undefined;
  readonly version: string | undefined;
}
