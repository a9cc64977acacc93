/**
 * Commands and replies of a connection of which messages are missing.
 *
 * Nobody knows how many, and so what answers what. What comes is held back in
 * *turns*: commands, and replies until the client speaks again. If a turn has
 * as many of the one as of the other, and the server said nothing else in it,
 * its replies may answer its commands, or others before them. The latter ends
 * sooner or later in a turn whose numbers differ. So all is believed
 *
 * - after a silence, before or behind a turn, for then no reply is owed;
 * - when enough turns agreed in a row. Of a client that asks ahead of replies,
 *   turns of one command say nothing: it may always be one ahead.
 *
 * A turn that does not agree leaves all that was held as halves.
 */
import type { Message } from "../dissector.ts";
import type { Kind } from "./kinds.ts";
import type { RedisCommand, RedisReply } from "./message.ts";

/** Replies that may be held, and their bytes. */
export const MAX_HELD = 4096;
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

/** Turns that must agree. */
const AGREEMENTS = 3;

/** A command that waits for its reply. */
export interface Command extends Message<RedisCommand> {
  readonly kind: Kind;
  /** Whether only its beginning was kept. */
  readonly isCut: boolean;
}

/** A reply. */
export interface Reply extends Message<RedisReply> {
  /** Whether only its beginning was kept. */
  readonly isCut: boolean;
}

/** What became of a turn. */
export type Verdict =
  /** Held: further turns may tell. */
  | "open"
  /** All that is held answers each other in order. */
  | "believed"
  /** Nobody will know. */
  | "given up";

/** Its state as saved, beside what it holds: plain data. */
export interface DoubtState {
  readonly asksAhead: boolean;
  readonly settled: number;
  readonly turns: number;
  readonly turnStart: number;
  readonly isAfterSilence: boolean;
}

/** What is held back. */
export class Doubt {
  readonly commands: Command[] = [];
  readonly replies: Reply[] = [];
  /** Whether the client was ever seen to ask while a reply was owed. */
  asksAhead = false;
  #bytes = 0;
  /** How many of each are of turns that agreed. */
  #settled = 0;
  /** How many of these turns count. */
  #turns = 0;
  /** Bytes of the server's stream before the turn; NaN if that was missed. */
  #turnStart = NaN;
  #isAfterSilence = false;

  /** Whether the server has spoken in this turn. */
  get isAnswered(): boolean {
    return this.replies.length > this.#settled;
  }

  /** Whether a command waits in this turn. */
  get isAsked(): boolean {
    return this.commands.length > this.#settled;
  }

  /** Whether it holds more than it may. */
  get isFull(): boolean {
    return this.replies.length > MAX_HELD || this.#bytes > MAX_HELD_BYTES;
  }

  /**
   * Adds a command; the turn before it must be closed.
   *
   * @param heard bytes of the server's stream so far
   * @param isAfterSilence whether it ends a silence
   */
  ask(command: Command, heard: number, isAfterSilence: boolean): void {
    if (this.isAsked) {
      this.asksAhead = true;
    } else {
      this.#turnStart = heard;
      this.#isAfterSilence = isAfterSilence;
    }
    this.commands.push(command);
    this.#bytes += command.values.keptSize;
  }

  /** Adds commands that waited already, to nobody knows which replies. */
  inherit(commands: Iterable<Command>): void {
    for (const command of commands) this.ask(command, NaN, false);
  }

  /** Adds a reply; keeps a copy. */
  answer(reply: Reply): void {
    const values = reply.values.kept();
    this.replies.push({ ...reply, values });
    this.#bytes += values.keptSize;
  }

  /**
   * Ends the turn, if one has begun.
   *
   * @param heard bytes of the server's stream so far
   * @param isSilent whether there has been silence since
   */
  close(heard: number, isSilent: boolean): Verdict {
    const asked = this.commands.length - this.#settled;
    const answered = this.replies.length - this.#settled;
    if (asked !== answered || !this.#isWhole(heard)) return "given up";
    if (asked > (this.asksAhead ? 1 : 0)) this.#turns++;
    this.#settled += asked;
    if (this.#settled === 0) return "open";
    const isBelieved = this.#isAfterSilence || isSilent ||
      this.#turns >= AGREEMENTS;
    return isBelieved ? "believed" : "open";
  }

  /** Forgets what it holds. */
  clear(): void {
    this.commands.length = this.replies.length = 0;
    this.#bytes = this.#settled = this.#turns = 0;
  }

  save(): DoubtState {
    return {
      asksAhead: this.asksAhead,
      settled: this.#settled,
      turns: this.#turns,
      turnStart: this.#turnStart,
      isAfterSilence: this.#isAfterSilence,
    };
  }

  /** Goes on from {@link save}, {@link commands} and {@link replies}. */
  restore(
    state: DoubtState,
    commands: readonly Command[],
    replies: readonly Reply[],
  ): void {
    for (const command of commands) this.ask(command, NaN, false);
    for (const reply of replies) this.answer(reply);
    this.asksAhead = state.asksAhead;
    this.#settled = state.settled;
    this.#turns = state.turns;
    this.#turnStart = state.turnStart;
    this.#isAfterSilence = state.isAfterSilence;
  }

  /** Whether the turn's replies are all that the server said in it. */
  #isWhole(heard: number): boolean {
    if (!this.isAsked) return true;
    let at = this.#turnStart;
    for (const { first, size } of this.replies.slice(this.#settled)) {
      if (first.offset !== at) return false;
      at += size;
    }
    return at === heard;
  }
}
