/**
 * Commands and replies, paired by their order, for RESP has no request ids.
 *
 * As long as nothing is missing, the oldest command that waits is the one that
 * a reply answers. When it is not known any more which one is, both are held
 * in doubt (see `doubt.ts`) until it is known again.
 */
import type { Incomplete } from "../../entry/entry.ts";
import { type Command, Doubt, type DoubtState, type Reply } from "./doubt.ts";
import type { RedisExchange } from "./fields.ts";
import { Queue } from "./queue.ts";

/** Commands of one connection that may wait, and their bytes. */
export const MAX_WAITING = 1 << 17;
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * How long a connection is silent before no reply is owed, µs: so many times
 * as long as replies take on it, and 100 ms where that is not known.
 */
const SILENCE = { factor: 10, least: 2_000, most: 100_000 };

/** By how much the slowest reply is forgotten with each other one. */
const FORGETTING = 0.999;

/** What a {@link Pairing} knows between two messages, beside those it holds. */
export interface PairingState {
  readonly sure: number;
  readonly givenUp: number;
  readonly missing: "gap" | "mid-stream" | undefined;
  readonly isTrusting: boolean;
  readonly heard: number;
  readonly lastTime: number;
  readonly slowest: number;
  readonly doubt: DoubtState;
}

/** The commands of one connection that wait. */
export class Pairing {
  readonly #waiting = new Queue<Command>();
  #waitingBytes = 0;
  /** Commands given up before these, whose replies are still to come. */
  #givenUp = 0;
  /** How many that wait are answered next, in order; 0 means doubt. */
  #sure: number;
  readonly #doubt = new Doubt();
  /** Whether it is sure only if the client does not ask ahead of replies. */
  #isTrusting = false;
  /** Why messages are missing, once some are. */
  #missing: "gap" | "mid-stream" | undefined;
  /** Bytes of the server's stream so far. */
  #heard = 0;
  /** When the last message was captured; 0 before the first. */
  #lastTime = 0;
  /** How long the slowest of the newest replies took, µs; 0 before any did. */
  #slowest = 0;

  constructor(isMidStream: boolean) {
    this.#sure = isMidStream ? 0 : Infinity;
    this.#missing = isMidStream ? "mid-stream" : undefined;
  }

  /** Why messages are missing, once some are. */
  get missing(): "gap" | "mid-stream" | undefined {
    return this.#missing;
  }

  /** Whether no command waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#doubt.isAsked;
  }

  /** Whether nothing waits, replies in doubt included. */
  get isIdle(): boolean {
    return this.isEmpty && !this.#doubt.isAnswered;
  }

  /** Whether order says what a reply answers. */
  get isSure(): boolean {
    return this.#sure > 0;
  }

  /** Whether more waits than may; then the oldest is given up. */
  get isFull(): boolean {
    return this.#waiting.length > MAX_WAITING ||
      this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** The command that the next reply answers, if that is sure. */
  get next(): Command | undefined {
    return this.isSure && this.#givenUp === 0 ? this.#waiting.first : undefined;
  }

  /** The exchange of {@link next} with its reply. */
  pair(reply: Reply): RedisExchange {
    const { first, last } = reply;
    const command = this.#take();
    this.#lastTime = last.time;
    this.#slowest = Math.max(
      first.time - command.first.time,
      this.#slowest * FORGETTING,
    );
    return paired(command, reply);
  }

  /** Takes {@link next} out, for it has no reply; gives it as it is. */
  skip(): RedisExchange {
    return alone(this.#take(), undefined);
  }

  /** Adds a command that is to be answered, while order is sure. */
  push(command: Command): void {
    const { first } = command;
    if (this.#waiting.length > 0) this.#seeAhead();
    else if (this.#isSilentAt(first.time)) this.#isTrusting = false;
    this.#lastTime = first.time;
    this.#add(command);
    if (!this.isSure) this.#begin();
  }

  #add(command: Command): void {
    this.#waiting.push(command);
    this.#waitingBytes += command.values.keptSize;
  }

  /** Whether nothing was said for so long before `time` that nothing is owed. */
  #isSilentAt(time: number): boolean {
    const { factor, least, most } = SILENCE;
    const slowest = this.#slowest || most;
    const needed = Math.min(most, Math.max(least, factor * slowest));
    // How long it was before the first message is not known.
    return this.#lastTime !== 0 && time - this.#lastTime >= needed;
  }

  /** The client asks while a reply is owed. */
  #seeAhead(): void {
    this.#doubt.asksAhead = true;
    if (this.#isTrusting) this.#sure = 0;
    this.#isTrusting = false;
  }

  /** Gives up the oldest; its reply is no other's if it comes at last. */
  giveUp(reason: Incomplete): RedisExchange {
    this.#givenUp++;
    return alone(this.#take(), reason);
  }

  /** The server's stream has come so far; its replies are given after this. */
  hear(offset: number): void {
    this.#heard = offset;
  }

  /** Adds a command that is to be answered. */
  *ask(command: Command): Iterable<RedisExchange> {
    const { time } = command.first;
    const isAfterSilence = this.#isSilentAt(time);
    if (this.#doubt.isAnswered) yield* this.#closeTurn(isAfterSilence);
    if (this.isSure) {
      this.push(command);
      return;
    }
    this.#lastTime = time;
    this.#doubt.ask(command, this.#heard, isAfterSilence);
    if (this.#doubt.isFull) yield* this.#dissolve();
  }

  /** Adds a reply. */
  *answer(reply: Reply): Iterable<RedisExchange> {
    const isFirst = this.#lastTime === 0;
    this.#lastTime = reply.last.time;
    if (this.#givenUp > 0) {
      this.#givenUp--;
      yield unasked(reply, undefined);
    } else if (this.#doubt.isAsked) {
      this.#doubt.answer(reply);
      if (this.#doubt.isFull) yield* this.#dissolve();
    } else if (!this.isEmpty) {
      yield paired(this.#take(), reply);
    } else if (isFirst && isRefusal(reply)) {
      yield unasked(reply, undefined);
    } else {
      yield* this.miss(reply);
    }
  }

  /** A reply to a command that went by unseen: so may others have. */
  *miss(reply: Reply): Iterable<RedisExchange> {
    this.#missing ??= "gap";
    this.#begin();
    yield* this.#dissolve();
    yield unasked(reply, this.#missing);
  }

  /** Commands are missing, after those that wait. */
  *loseCommands(): Iterable<RedisExchange> {
    this.#missing = "gap";
    if (this.isSure) this.#sure = Math.min(this.#sure, this.#waiting.length);
    else yield* this.#dissolve();
  }

  /** Replies are missing, and nobody knows to how many that wait. */
  *loseReplies(): Iterable<RedisExchange> {
    this.#missing = "gap";
    this.#givenUp = 0;
    this.#begin();
    yield* this.#dissolve();
  }

  /** Gives up what was asked before `time`, unless its reply may take long. */
  *expire(time: number): Iterable<RedisExchange> {
    for (let it; (it = this.#waiting.first) !== undefined;) {
      if (it.first.time >= time || it.kind === "blocking") return;
      yield this.giveUp("no response");
    }
    const [oldest] = this.#doubt.commands;
    if (!oldest || oldest.first.time >= time) return;
    yield* this.#closeTurn(this.#isSilentAt(time));
    if (!this.isSure) yield* this.#dissolve();
  }

  /** Gives all that waits. */
  *end(reason: Incomplete): Iterable<RedisExchange> {
    // At the end nothing is owed; where the capture ends, only perhaps.
    const isSettled = reason === "no response" || !this.#doubt.asksAhead;
    yield* this.#closeTurn(isSettled);
    while (this.#waiting.length > 0) {
      const command = this.#take();
      // A server that obeys says nothing more.
      const isDue = command.kind !== "shutdown";
      yield alone(command, isDue ? reason : undefined);
    }
    yield* this.#dissolve();
  }

  /** The commands that wait in order, oldest first. */
  get waiting(): Iterable<Command> {
    return this.#waiting;
  }

  /** What is held in doubt. */
  get doubt(): Doubt {
    return this.#doubt;
  }

  save(): PairingState {
    return {
      sure: this.#sure,
      givenUp: this.#givenUp,
      missing: this.#missing,
      isTrusting: this.#isTrusting,
      heard: this.#heard,
      lastTime: this.#lastTime,
      slowest: this.#slowest,
      doubt: this.#doubt.save(),
    };
  }

  /** Goes on from {@link save}, {@link waiting} and {@link doubt}. */
  restore(
    state: PairingState,
    waiting: readonly Command[],
    doubted: readonly Command[],
    replies: readonly Reply[],
  ): void {
    for (const command of waiting) this.#add(command);
    this.#doubt.restore(state.doubt, doubted, replies);
    this.#sure = state.sure;
    this.#givenUp = state.givenUp;
    this.#missing = state.missing;
    this.#isTrusting = state.isTrusting;
    this.#heard = state.heard;
    this.#lastTime = state.lastTime;
    this.#slowest = state.slowest;
  }

  /** Takes the oldest that waits; there must be one. */
  #take(): Command {
    const command = this.#waiting.shift();
    this.#waitingBytes -= command.values.keptSize;
    if (--this.#sure === 0) this.#begin();
    return command;
  }

  /** From here on nobody knows what answers what. */
  #begin(): void {
    this.#sure = 0;
    this.#doubt.inherit(this.#waiting);
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  /** The client speaks again, or nobody does. */
  *#closeTurn(isSilent: boolean): Iterable<RedisExchange> {
    const verdict = this.#doubt.close(this.#heard, isSilent);
    if (verdict === "given up") yield* this.#dissolve();
    if (verdict !== "believed") return;
    const { commands, replies } = this.#doubt;
    for (const [i, command] of commands.entries()) {
      yield paired(command, replies[i]!);
    }
    this.#isTrusting = !isSilent && !this.#doubt.asksAhead;
    this.#doubt.clear();
    this.#sure = Infinity;
  }

  /** Gives what is in doubt as halves. */
  *#dissolve(): Iterable<RedisExchange> {
    const { commands, replies } = this.#doubt;
    for (const command of commands) yield alone(command, this.#missing);
    for (const reply of replies) yield unasked(reply, this.#missing);
    this.#doubt.clear();
  }
}

function paired(request: Command, response: Reply): RedisExchange {
  return request.isCut || response.isCut
    ? { asker: "client", request, response, incomplete: ["cut"] }
    : { asker: "client", request, response };
}

/** A command without its reply. */
export function alone(
  request: Command,
  reason: Incomplete | undefined,
): RedisExchange {
  const incomplete = reasons(request.isCut, reason);
  return { asker: "client", request, incomplete };
}

/** What a server says before it closes a connection that it does not want. */
const REFUSAL = /^(DENIED |ERR max number of clients )/;

function isRefusal({ values }: Reply): boolean {
  return REFUSAL.test(values.error ?? "");
}

/** A reply without its command. */
function unasked(
  response: Reply,
  reason: Incomplete | undefined,
): RedisExchange {
  const incomplete = reasons(response.isCut, reason);
  return { asker: "client", response, incomplete };
}

function reasons(
  isCut: boolean,
  reason: Incomplete | undefined,
): Incomplete[] | undefined {
  if (!isCut) return reason && [reason];
  return reason && reason !== "cut" ? ["cut", reason] : ["cut"];
}
