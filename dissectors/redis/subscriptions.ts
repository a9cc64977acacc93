/**
 * What RESP2 sends to subscribers: arrays that are known by their first word.
 *
 * Each channel of a command is confirmed by an array of its own. The first
 * answers the command, the others come on top, as do the messages.
 */
import { type RedisCommand, type RedisReply, toUpperCase } from "./message.ts";
import { LF, RESP } from "./resp.ts";
import { ValueReader } from "./value.ts";

/** Bytes in which the first word of an array stands. */
const MAX_WORD = 64;

const MESSAGES = ["MESSAGE", "PMESSAGE", "SMESSAGE"];
const BEGINNINGS = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"];
const ENDS = ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"];

/** Its state as saved: plain data. */
export interface SubscriptionsState {
  readonly isSubscribed: boolean;
  readonly kind: string;
  readonly further: number;
}

/** The subscriptions of one connection. */
export class Subscriptions {
  /** Whether messages may come. */
  isSubscribed = false;
  /** The command that was confirmed last, and how often it will be again. */
  #kind = "";
  #further = 0;

  /** Whether arrays of this kind are messages of channels. */
  static areMessages(kind: string): boolean {
    return MESSAGES.includes(kind);
  }

  /** Whether arrays of this kind confirm a subscription or its end. */
  static areConfirmations(kind: string): boolean {
    return BEGINNINGS.includes(kind) || ENDS.includes(kind);
  }

  /** A confirmation tells how many channels are left. */
  confirm(kind: string, { value }: RedisReply): void {
    const left = Array.isArray(value) ? value[2] : undefined;
    this.isSubscribed = !ENDS.includes(kind) || left !== 0;
  }

  /** The first confirmation answers this command. */
  begin(kind: string, { words }: RedisCommand): void {
    const channels = words.length - 1;
    this.#kind = kind;
    // Without channels it ends all, however many those are.
    this.#further = channels > 0 ? channels - 1 : Infinity;
  }

  /** Counts a confirmation that answers no command; whether it was due. */
  countFurther(kind: string): boolean {
    if (kind !== this.#kind || this.#further === 0) return false;
    this.#further--;
    return true;
  }

  save(): SubscriptionsState {
    const { isSubscribed } = this;
    return { isSubscribed, kind: this.#kind, further: this.#further };
  }

  restore(state: SubscriptionsState): void {
    this.isSubscribed = state.isSubscribed;
    this.#kind = state.kind;
    this.#further = state.further;
  }
}

/** The first word of an aggregate in upper case; "" if it begins otherwise. */
export function firstWord(bytes: Uint8Array, start: number): string {
  const at = bytes.indexOf(LF, start) + 1;
  if (bytes[at] !== RESP.BULK && bytes[at] !== RESP.STRING) return "";
  const end = Math.min(bytes.length, at + MAX_WORD);
  const word = new ValueReader(bytes, at, end).value();
  return typeof word === "string" ? toUpperCase(word) : "";
}
