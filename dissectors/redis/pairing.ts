/**
 * Commands and replies, paired by their order, for RESP has no request ids.
 *
 * As long as nothing was lost, the oldest command that waits is the one that a
 * reply answers. When bytes of either direction are missing, nobody knows how
 * many messages they held. Then a *turn* is held back: commands, and replies
 * until the client speaks again. If there are as many of the one as of the
 * other, and nothing else came from the server, they may belong together, and do
 *
 * - if the connection was silent before, so that no reply was owed;
 * - if one was asked, and this client was never seen to ask for more before it
 *   was answered;
 * - if several were, and the numbers agree twice in a row.
 *
 * From then on order counts again. What stays in doubt is given as halves.
 */
import type { Incomplete } from "../../entry/entry.ts";
import type { Message } from "../dissector.ts";
import type { RedisExchange } from "./fields.ts";
import type { Kind } from "./kinds.ts";
import type { RedisCommand, RedisReply } from "./message.ts";
import { Queue } from "./queue.ts";

/** Commands of one connection that may wait, and their bytes. */
export const MAX_WAITING = 1 << 17;
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Replies that a turn may hold, and their bytes. */
export const MAX_HELD = 4096;
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** How long a connection is silent before no reply is owed, µs. */
const SILENCE = 100_000;

/** How often the numbers of a turn must agree. */
const AGREEMENTS = 2;

/** A command that waits for its reply. */
export interface Command {
  readonly request: Message<RedisCommand>;
  readonly kind: Kind;
  /** Whether only its beginning was kept. */
  readonly isCut: boolean;
}

/** A reply. */
export interface Reply {
  readonly response: Message<RedisReply>;
  /** Whether only its beginning was kept. */
  readonly isCut: boolean;
}

/** What a {@link Pairing} knows between two messages, beside those it holds. */
export interface PairingState {
  readonly sure: number;
  readonly givenUp: number;
  readonly missing: "gap" | "mid-stream" | undefined;
  readonly deepest: number;
  readonly heard: number;
  readonly turnStart: number;
  readonly isAfterSilence: boolean;
  readonly agreements: number;
  readonly lastTime: number;
}

/** The commands of one connection that wait. */
export class Pairing {
  readonly #waiting = new Queue<Command>();
  #waitingBytes = 0;
  /** Commands given up before these, whose replies are still to come. */
  #givenUp = 0;
  /** How many that wait are answered next, in order; 0 means doubt. */
  #sure: number;
  /** Why messages are missing, once some are. */
  #missing: "gap" | "mid-stream" | undefined;
  /** The most that waited together while nothing was in doubt. */
  #deepest = 0;
  /** Replies of a turn in doubt. */
  #held: Reply[] = [];
  #heldBytes = 0;
  /** Bytes of the server's stream so far. */
  #heard = 0;
  /** How many they were when the turn began; NaN if that went by unseen. */
  #turnStart = NaN;
  #isAfterSilence = false;
  #agreements = 0;
  #lastTime = 0;

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
    return this.#waiting.length === 0;
  }

  /** Whether order says what a reply answers. */
  get isSure(): boolean {
    return this.#sure > 0;
  }

  /** The command that the next reply answers, if that is sure. */
  get next(): Command | undefined {
    return this.isSure && this.#givenUp === 0 ? this.#waiting.first : undefined;
  }

  /** Takes {@link next} out, for it has no reply; gives it as it is. */
  skip(): RedisExchange {
    return alone(this.#take(), undefined);
  }

  /** The server's stream has come so far; its replies are given after this. */
  hear(offset: number): void {
    this.#heard = offset;
  }

  /** Adds a command that is to be answered. */
  *ask(command: Command): Iterable<RedisExchange> {
    const { time } = command.request.first;
    if (this.#held.length > 0) yield* this.#closeTurn();
    if (!this.isSure && this.isEmpty) {
      this.#turnStart = this.#heard;
      this.#isAfterSilence = time - this.#lastTime >= SILENCE;
    }
    this.push(command);
  }

  /** Adds a command that is to be answered, while order is sure. */
  push(command: Command): void {
    const { first, values } = command.request;
    this.#lastTime = first.time;
    this.#waiting.push(command);
    this.#waitingBytes += values.keptSize;
    const { length } = this.#waiting;
    if (this.#sure === Infinity && length > this.#deepest) {
      this.#deepest = length;
    }
  }

  /** Whether more waits than may; then the oldest is given up. */
  get isFull(): boolean {
    return this.#waiting.length > MAX_WAITING ||
      this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** Gives up the oldest; its reply is no other's if it comes at last. */
  giveUp(reason: Incomplete): RedisExchange {
    if (this.isSure) this.#givenUp++;
    return alone(this.#take(), reason);
  }

  /** The exchange of {@link next} with its reply. */
  pair(reply: Reply): RedisExchange {
    this.#lastTime = reply.response.last.time;
    return paired(this.#take(), reply);
  }

  /** Adds a reply. */
  *answer(reply: Reply): Iterable<RedisExchange> {
    const isFirst = this.#lastTime === 0;
    this.#lastTime = reply.response.last.time;
    if (this.#givenUp > 0) {
      this.#givenUp--;
      yield unasked(reply, undefined);
    } else if (!this.isSure) {
      yield* this.#hold(reply);
    } else if (this.isEmpty) {
      yield isFirst && isRefusal(reply)
        ? unasked(reply, undefined)
        : this.miss(reply);
    } else {
      yield paired(this.#take(), reply);
    }
  }

  /** A reply to a command that went by unseen: so may others have. */
  miss(reply: Reply): RedisExchange {
    this.#missing ??= "gap";
    this.#doubt();
    return unasked(reply, this.#missing);
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
    this.#doubt();
    yield* this.#dissolve();
  }

  /** Gives up what was asked before `time`, unless its reply may take long. */
  *expire(time: number): Iterable<RedisExchange> {
    while (true) {
      const oldest = this.#waiting.first;
      if (!oldest || oldest.request.first.time >= time) return;
      if (!this.isSure) yield* this.#closeTurn();
      else if (oldest.kind === "blocking") return;
      else yield this.giveUp("no response");
    }
  }

  /** Gives all that waits. */
  *end(reason: Incomplete): Iterable<RedisExchange> {
    if (!this.isSure) yield* this.#closeTurn();
    while (!this.isEmpty) {
      const isSure = this.isSure;
      const command = this.#take();
      // A server that obeys says nothing more.
      const isDue = command.kind !== "shutdown";
      yield alone(command, isSure ? isDue ? reason : undefined : this.#missing);
    }
  }

  /** The commands that wait, oldest first. */
  get waiting(): Iterable<Command> {
    return this.#waiting;
  }

  /** The replies of a turn in doubt, oldest first. */
  get held(): Iterable<Reply> {
    return this.#held;
  }

  save(): PairingState {
    return {
      sure: this.#sure,
      givenUp: this.#givenUp,
      missing: this.#missing,
      deepest: this.#deepest,
      heard: this.#heard,
      turnStart: this.#turnStart,
      isAfterSilence: this.#isAfterSilence,
      agreements: this.#agreements,
      lastTime: this.#lastTime,
    };
  }

  /** Goes on from {@link save}, {@link waiting} and {@link held}. */
  restore(
    state: PairingState,
    waiting: readonly Command[],
    held: readonly Reply[],
  ): void {
    this.#sure = state.sure;
    this.#givenUp = state.givenUp;
    this.#missing = state.missing;
    this.#deepest = state.deepest;
    this.#heard = state.heard;
    this.#turnStart = state.turnStart;
    this.#isAfterSilence = state.isAfterSilence;
    this.#agreements = state.agreements;
    this.#lastTime = state.lastTime;
    for (const command of waiting) {
      this.#waiting.push(command);
      this.#waitingBytes += command.request.values.keptSize;
    }
    for (const reply of held) {
      this.#held.push(reply);
      this.#heldBytes += reply.response.size;
    }
  }

  /** Takes the oldest that waits; there must be one. */
  #take(): Command {
    const command = this.#waiting.shift();
    this.#waitingBytes -= command.request.values.keptSize;
    if (this.#sure > 0 && --this.#sure === 0) this.#doubt();
    return command;
  }

  /** From here on nobody knows what answers what. */
  #doubt(): void {
    this.#sure = 0;
    this.#turnStart = NaN;
  }

  /** Holds a reply of a turn in doubt. */
  *#hold(reply: Reply): Iterable<RedisExchange> {
    if (this.isEmpty) {
      yield unasked(reply, this.#missing);
      return;
    }
    const { response } = reply;
    const values = response.values.kept();
    this.#held.push({ ...reply, response: { ...response, values } });
    this.#heldBytes += response.size;
    if (this.#held.length > MAX_HELD || this.#heldBytes > MAX_HELD_BYTES) {
      yield* this.#dissolve();
    }
  }

  /** The client speaks again, or nobody does: are these its answers? */
  *#closeTurn(): Iterable<RedisExchange> {
    const asked = this.#waiting.length;
    const agrees = asked === this.#held.length && this.#isWhole();
    this.#agreements = agrees ? this.#agreements + 1 : 0;
    const isSure = agrees && (this.#isAfterSilence ||
      (asked > 1 ? this.#agreements >= AGREEMENTS : this.#deepest <= 1));
    if (!isSure) {
      yield* this.#dissolve();
      return;
    }
    for (const reply of this.#held) yield paired(this.#take(), reply);
    this.#held = [];
    this.#heldBytes = 0;
    this.#sure = Infinity;
  }

  /** Whether the replies are all that the server said in the turn. */
  #isWhole(): boolean {
    let at = this.#turnStart;
    for (const { response } of this.#held) {
      if (response.first.offset !== at) return false;
      at += response.size;
    }
    return this.#held.length > 0 && at === this.#heard;
  }

  /** Gives a turn as halves. */
  *#dissolve(): Iterable<RedisExchange> {
    while (!this.isEmpty) yield alone(this.#take(), this.#missing);
    for (const reply of this.#held) yield unasked(reply, this.#missing);
    this.#held = [];
    this.#heldBytes = 0;
  }
}

function paired(command: Command, reply: Reply): RedisExchange {
  const { request } = command;
  const { response } = reply;
  return command.isCut || reply.isCut
    ? { asker: "client", request, response, incomplete: ["cut"] }
    : { asker: "client", request, response };
}

/** A command without its reply. */
export function alone(
  { request, isCut }: Command,
  reason: Incomplete | undefined,
): RedisExchange {
  return { asker: "client", request, incomplete: reasons(isCut, reason) };
}

/** What a server says before it closes a connection that it does not want. */
const REFUSAL = /^(DENIED |ERR max number of clients )/;

function isRefusal({ response }: Reply): boolean {
  return REFUSAL.test(response.values.error ?? "");
}

/** A reply without its command. */
function unasked(
  { response, isCut }: Reply,
  reason: Incomplete | undefined,
): RedisExchange {
  return { asker: "client", response, incomplete: reasons(isCut, reason) };
}

function reasons(
  isCut: boolean,
  reason: Incomplete | undefined,
): Incomplete[] {
  const all = new Set<Incomplete>(isCut ? ["cut"] : []);
  if (reason) all.add(reason);
  return [...all];
}
