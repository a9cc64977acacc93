/**
 * One Redis connection.
 *
 * Most of it is commands and their replies (see `pairing.ts`). What else goes
 * by is told apart here: commands that are not answered, what the server sends
 * unasked to subscribers and monitors, and the commands that a primary streams
 * to its replica.
 */
import type { StreamReader } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import type { Ending, Parser, ParserContext, Side } from "../dissector.ts";
import type { Command, Reply } from "./doubt.ts";
import type { RedisExchange, RedisFields } from "./fields.ts";
import { Framer, type FramerState } from "./framer.ts";
import { type Kind, kindOf } from "./kinds.ts";
import { RedisCommand, RedisPush, RedisReply, toUpperCase } from "./message.ts";
import { alone, Pairing, type PairingState } from "./pairing.ts";
import { LF, RESP, toText } from "./resp.ts";
import {
  fromSavedCommand,
  fromSavedReply,
  type SavedCommand,
  type SavedMessage,
  toSavedCommand,
  toSavedReply,
} from "./saved.ts";
import {
  firstWord,
  Subscriptions,
  type SubscriptionsState,
} from "./subscriptions.ts";
import { Transfer, type TransferState } from "./transfer.ts";

/** A line of MONITOR: time, database and client come before the command. */
const MONITORED = /^\d{1,15}\.\d{6} \[/;

/** Bytes of an option of a command that are looked at. */
const MAX_WORD = 32;

/** Which commands the client wants to be answered (CLIENT REPLY). */
type Answering = "all" | "none" | "not the next";

interface SavedParser {
  readonly client: FramerState;
  readonly server: FramerState;
  readonly pairing: PairingState;
  readonly waiting: readonly SavedCommand[];
  readonly doubted: readonly SavedCommand[];
  readonly replies: readonly SavedMessage[];
  readonly answering: Answering;
  readonly subscriptions: SubscriptionsState;
  readonly isMonitor: boolean;
  readonly isReplica: boolean;
  readonly transfer: TransferState | undefined;
}

/** Reads both directions of a connection. */
export class RedisParser implements Parser<RedisFields> {
  readonly #pairing: Pairing;
  readonly #client: Framer;
  #server: Framer;
  #answering: Answering = "all";
  readonly #subscriptions = new Subscriptions();
  #isMonitor = false;
  /** Whether the client is a replica, which the server sends commands. */
  #isReplica = false;
  /** The snapshot on its way to a replica. */
  #transfer: Transfer | undefined;

  constructor({ midStream }: ParserContext) {
    this.#pairing = new Pairing(midStream);
    this.#client = new Framer(true, midStream);
    this.#server = new Framer(false, midStream);
  }

  get isIdle(): boolean {
    return this.#pairing.isIdle;
  }

  read(side: Side, reader: StreamReader): Iterable<RedisExchange> {
    return side === "client"
      ? this.#readCommands(reader)
      : this.#readReplies(reader);
  }

  *gap(
    side: Side,
    size: number,
    reader: StreamReader,
  ): Iterable<RedisExchange> {
    if (side === "client") {
      this.#client.lose();
      // Whether the client still wants silence is not known.
      this.#answering = "all";
      yield* this.#pairing.loseCommands();
      return;
    }
    if (this.#transfer) this.#follow();
    this.#server.lose();
    this.#pairing.hear(reader.offset + reader.available + size);
    yield* this.#pairing.loseReplies();
  }

  *end(side: Side | undefined, ending: Ending): Iterable<RedisExchange> {
    if (side !== undefined) return;
    const reason = ending === "closed" ? "no response" : ending;
    yield* this.#pairing.end(reason);
  }

  expire(time: number): Iterable<RedisExchange> {
    return this.#pairing.expire(time);
  }

  save(): Uint8Array {
    const pairing = this.#pairing;
    const state: SavedParser = {
      client: this.#client.save(),
      server: this.#server.save(),
      pairing: pairing.save(),
      waiting: Array.from(pairing.waiting, toSavedCommand),
      doubted: pairing.doubt.commands.map(toSavedCommand),
      replies: pairing.doubt.replies.map(toSavedReply),
      answering: this.#answering,
      subscriptions: this.#subscriptions.save(),
      isMonitor: this.#isMonitor,
      isReplica: this.#isReplica,
      transfer: this.#transfer?.save(),
    };
    return encodeState(state);
  }

  restore(saved: Uint8Array): void {
    const state = decodeState(saved) as SavedParser;
    this.#answering = state.answering;
    this.#subscriptions.restore(state.subscriptions);
    this.#isMonitor = state.isMonitor;
    if (state.isReplica) this.#follow();
    if (state.transfer) {
      this.#transfer = new Transfer();
      this.#transfer.restore(state.transfer);
    }
    this.#client.restore(state.client);
    this.#server.restore(state.server);
    this.#pairing.restore(
      state.pairing,
      state.waiting.map(fromSavedCommand),
      state.doubted.map(fromSavedCommand),
      state.replies.map(fromSavedReply),
    );
  }

  *#readCommands(reader: StreamReader): Iterable<RedisExchange> {
    const framer = this.#client;
    // Commands outlive the bytes, which are borrowed; all of a packet's share
    // one copy.
    let source: Uint8Array | undefined;
    let copy = framer.bytes;
    let base = 0;
    framer.begin(reader);
    while (framer.next()) {
      const { bytes, start, end } = framer;
      if (isNothing(bytes, start, end)) continue;
      if (source !== bytes) {
        source = bytes;
        base = start;
        copy = bytes.slice(start);
      }
      const { first, last, size, isCut } = framer;
      const values = new RedisCommand(copy, start - base, end - base);
      const kind = kindOf(bytes, start);
      const command = { values, first, last, size, kind, isCut };
      if (this.#isUsual(command)) this.#pairing.push(command);
      else yield* this.#command(command);
      while (this.#pairing.isFull) yield this.#pairing.giveUp("cut");
    }
  }

  /** Whether the command is one of the many that are answered in order. */
  #isUsual({ kind }: Command): boolean {
    return kind === "plain" && this.#answering === "all" &&
      this.#pairing.isSure && !this.#isReplica;
  }

  *#command(command: Command): Iterable<RedisExchange> {
    const { kind, values } = command;
    const isAnswered = this.#isAnswered(kind, values);
    if (kind === "replconf" && !isAnswered && !this.#isReplica) {
      this.#follow();
      this.#server.lose();
    }
    if (this.#isReplica || !isAnswered) {
      yield alone(command, undefined);
    } else if (kind === "subscribe" && !this.#pairing.isSure) {
      // Its answers are known by themselves, but how many there are is not.
      yield alone(command, this.#pairing.missing);
    } else {
      yield* this.#pairing.ask(command);
    }
  }

  /** Whether the server answers the command, as far as the client lets it. */
  #isAnswered(kind: Kind, { words }: RedisCommand): boolean {
    if (this.#answering === "all" && kind === "plain") return true;
    const before = this.#answering;
    if (before === "not the next") this.#answering = "all";
    if (kind === "reset") this.#answering = "all";
    const [, first, second] = kind === "plain" ? [] : words.map(toWord);
    if (kind === "replconf" && first === "ACK") return false;
    if (kind === "client" && first === "REPLY") {
      if (second === "ON") this.#answering = "all";
      else if (second === "OFF") this.#answering = "none";
      else if (second === "SKIP" && before !== "none") {
        this.#answering = "not the next";
      }
      return second === "ON";
    }
    return before === "all" || kind === "reset";
  }

  *#readReplies(reader: StreamReader): Iterable<RedisExchange> {
    this.#pairing.hear(reader.offset + reader.available);
    while (true) {
      if (this.#pairing.next?.kind === "sync") yield* this.#awaitSync(reader);
      if (this.#transfer) {
        if (!this.#transfer.read(reader)) return;
        this.#follow();
      }
      if (this.#isReplica) {
        yield* this.#readStream(reader);
        return;
      }
      this.#server.begin(reader);
      let turned = false;
      while (!turned && this.#server.next()) {
        const exchange = this.#answer(this.#server);
        if (exchange) yield exchange;
        else yield* this.#reply(this.#server);
        turned = this.#transfer !== undefined || this.#isReplica ||
          this.#pairing.next?.kind === "sync";
      }
      if (!turned) return;
    }
  }

  /** The exchange of a reply that is one of the many answers in order. */
  #answer(framer: Framer): RedisExchange | undefined {
    const { bytes, start } = framer;
    const mayBePush = bytes[start] === RESP.PUSH || this.#isMonitor ||
      this.#subscriptions.isSubscribed;
    if (mayBePush || this.#pairing.next?.kind !== "plain") return undefined;
    return this.#pairing.pair(toReply(framer));
  }

  /** Any other message of the server. */
  *#reply(framer: Framer): Iterable<RedisExchange> {
    const { bytes, start } = framer;
    const reply = toReply(framer);
    const { values } = reply;
    const type = bytes[start];
    if (type === RESP.PUSH) {
      const kind = firstWord(bytes, start);
      // In RESP3 a push is all that answers a subscription.
      if (this.#isConfirmation(kind)) yield this.#pairing.skip();
      yield push(reply);
    } else if (type === RESP.ARRAY && this.#mayBeMessage()) {
      yield* this.#subscriberArray(reply, firstWord(bytes, start));
    } else if (type === RESP.STRING && this.#isMonitor && isMonitored(values)) {
      yield push(reply);
    } else {
      const command = this.#pairing.next;
      yield* this.#pairing.answer(reply);
      if (command && command.kind !== "plain") this.#answered(command, values);
    }
  }

  /** Whether an array may be what RESP2 sends to subscribers. */
  #mayBeMessage(): boolean {
    return this.#subscriptions.isSubscribed || this.#pairing.isEmpty ||
      this.#pairing.next?.kind === "subscribe";
  }

  /** An array that may be a subscriber's, `kind` being its first element. */
  *#subscriberArray(reply: Reply, kind: string): Iterable<RedisExchange> {
    const subscriptions = this.#subscriptions;
    if (Subscriptions.areMessages(kind)) {
      subscriptions.isSubscribed = true;
      yield push(reply);
      return;
    }
    if (!Subscriptions.areConfirmations(kind)) {
      yield* this.#pairing.answer(reply);
      return;
    }
    subscriptions.confirm(kind, reply.values);
    if (this.#isConfirmation(kind)) {
      subscriptions.begin(kind, this.#pairing.next!.values);
      yield* this.#pairing.answer(reply);
    } else if (subscriptions.countFurther(kind)) {
      yield push(reply);
    } else {
      yield* this.#pairing.miss(reply);
    }
  }

  /** Whether it is what the command that is answered next asked for. */
  #isConfirmation(kind: string): boolean {
    const next = this.#pairing.next;
    return next?.kind === "subscribe" && next.values.command === kind;
  }

  /** What an answer changes on the connection. */
  #answered({ kind }: Command, reply: RedisReply): void {
    if (kind === "monitor") {
      this.#isMonitor = reply.value === "OK";
    } else if (kind === "reset" && reply.value === "RESET") {
      this.#isMonitor = this.#subscriptions.isSubscribed = false;
    } else if (kind === "sync") {
      const said = String(reply.value);
      if (said.startsWith("FULLRESYNC")) this.#transfer = new Transfer();
      else if (said.startsWith("CONTINUE")) this.#follow();
    }
  }

  /** The next answer is to SYNC, which is none, or to PSYNC. */
  *#awaitSync(reader: StreamReader): Iterable<RedisExchange> {
    // Empty lines keep the replica waiting.
    while (this.#server.isIdle && reader.peek() === LF) reader.skip(1);
    if (this.#pairing.next?.values.command !== "SYNC") return;
    if (reader.peek() === RESP.ERROR || reader.available === 0) return;
    yield this.#pairing.skip();
    this.#transfer = new Transfer();
  }

  /** From here on the server sends the client commands. */
  #follow(): void {
    this.#transfer = undefined;
    this.#isReplica = true;
    this.#server = new Framer(true, false);
  }

  /** The commands that a primary streams, which nobody answers. */
  *#readStream(reader: StreamReader): Iterable<RedisExchange> {
    const framer = this.#server;
    framer.begin(reader);
    while (framer.next()) {
      const { bytes, start, end } = framer;
      if (isNothing(bytes, start, end)) continue;
      const { first, last, size, isCut } = framer;
      const values = new RedisCommand(bytes, start, end);
      const incomplete = isCut ? ["cut"] as const : undefined;
      const request = { values, first, last, size };
      yield { asker: "server", request, incomplete };
    }
  }
}

function toReply(framer: Framer): Reply {
  const { bytes, start, end, first, last, size, isCut } = framer;
  const values = new RedisReply(bytes, start, end);
  return { values, first, last, size, isCut };
}

/** A one-way message of the server. */
function push(reply: Reply): RedisExchange {
  const values = new RedisPush(reply.values);
  const incomplete = reply.isCut ? ["cut"] as const : undefined;
  return { asker: "server", request: { ...reply, values }, incomplete };
}

/** An empty line, or an array of no words: no command, and not answered. */
function isNothing(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === RESP.ARRAY) {
    return bytes[start + 1] === 0x30 || bytes[start + 1] === 0x2d; // 0 -
  }
  for (let at = start; at < end; at++) if (bytes[at]! > 0x20) return false;
  return true;
}

function toWord(bytes: Uint8Array): string {
  return toUpperCase(toText(bytes.subarray(0, MAX_WORD)));
}

function isMonitored({ value }: RedisReply): boolean {
  return typeof value === "string" && MONITORED.test(value);
}
