/**
 * Commands, replies and pushes as entries have them, made of their bytes when
 * somebody asks: a filter that looks at keys pays for keys.
 */
import { type Bytes, type Json, toBytes } from "../../entry/field.ts";
import { COMMANDS, type KeyRule } from "./commands.ts";
import { splitWords } from "./inline.ts";
import { CR, LF, RESP, toText } from "./resp.ts";
import { ValueReader } from "./value.ts";

/** Which argument is the value, its command being argument 0. */
const VALUE_AT: { readonly [command: string]: number } = {
  SET: 2,
  GETSET: 2,
  APPEND: 2,
  SETNX: 2,
  LPUSH: 2,
  RPUSH: 2,
  SADD: 2,
  PUBLISH: 2,
  HSET: 3,
  SETEX: 3,
  PSETEX: 3,
};

/** A command, as an array of bulk strings or as a line. */
export class RedisCommand {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  #words: readonly Uint8Array[] | undefined;
  /** Its name in upper case, however it is spelled; empty if there is none. */
  #name: string | undefined;

  /** @param bytes borrowed for its life, from `start` to `end` */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** Its bytes as sent, borrowed. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** How many of its bytes were kept. */
  get keptSize(): number {
    return this.#end - this.#start;
  }

  get type(): string {
    return "command";
  }

  get command(): string | undefined {
    return this.#verbatim(0) && this.name;
  }

  /** As {@link command}, also where a line spells it with escapes. */
  get name(): string {
    return this.#name ??= nameOf(this.words);
  }

  get args(): readonly Json[] | undefined {
    const words = this.words;
    if (words.length < 2) return undefined;
    return words.slice(1).map((word) => toBytes(word) as Json);
  }

  get key(): Bytes | undefined {
    const at = this.words.length > 1 ? firstKey(this.words, this.name) : 0;
    const key = at > 0 ? this.#verbatim(at) : undefined;
    return key && toBytes(key);
  }

  get value(): Bytes | undefined {
    if (this.words.length < 3) return undefined;
    const at = VALUE_AT[this.command ?? ""];
    const value = at === undefined ? undefined : this.#verbatim(at);
    return value && toBytes(value);
  }

  /** Its name and arguments, borrowed. */
  get words(): readonly Uint8Array[] {
    return this.#words ??= this.#split();
  }

  /**
   * A word that stands in the stream as it is; one that a line spells with
   * escapes is absent, for a search for its bytes would not find it.
   */
  #verbatim(at: number): Uint8Array | undefined {
    const word = this.words[at];
    return word?.buffer === this.#bytes.buffer ? word : undefined;
  }

  #split(): Uint8Array[] {
    if (this.#bytes[this.#start] === RESP.ARRAY) {
      return new ValueReader(this.#bytes, this.#start, this.#end).strings();
    }
    let end = this.#end;
    if (this.#bytes[end - 1] === LF) end--;
    if (end > this.#start && this.#bytes[end - 1] === CR) end--;
    return splitWords(this.#bytes.subarray(this.#start, end));
  }
}

/** A reply. */
export class RedisReply {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  /** @param bytes borrowed for its life, from `start` to `end` */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** How many of its bytes were kept. */
  get keptSize(): number {
    return this.#end - this.#start;
  }

  /** A copy that outlives the bytes. */
  kept(): RedisReply {
    const bytes = this.bytes.slice();
    return new RedisReply(bytes, 0, bytes.length);
  }

  /** Its bytes as sent, borrowed. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  get type(): string {
    return this.#reader.typeName;
  }

  get value(): Json {
    return this.#reader.value();
  }

  get error(): string | undefined {
    const reader = this.#reader;
    const isError = reader.type === RESP.ERROR ||
      reader.type === RESP.BULK_ERROR;
    if (!isError) return undefined;
    const value = reader.value() as { error: string } | null;
    return value?.error;
  }

  get #reader(): ValueReader {
    return new ValueReader(this.#bytes, this.#start, this.#end);
  }
}

/** Where the channel of a push stands, its kind being argument 0. */
const CHANNEL_AT: { readonly [kind: string]: number } = { PMESSAGE: 2 };

/** What a server sends unasked: a push of RESP3, or an array to a subscriber. */
export class RedisPush {
  readonly type = "push";
  readonly #reply: RedisReply;

  constructor(reply: RedisReply) {
    this.#reply = reply;
  }

  get command(): string | undefined {
    const kind = this.#values?.[0];
    return typeof kind === "string" ? toUpperCase(kind) : undefined;
  }

  get args(): readonly Json[] | undefined {
    const values = this.#values;
    if (!values) return [this.#reply.value]; // a line of MONITOR
    return values.length > 1 ? values.slice(1) : undefined;
  }

  /** Its channel; of an invalidation the first key. */
  get key(): Bytes | undefined {
    const at = CHANNEL_AT[this.command ?? ""] ?? 1;
    const value = this.#values?.[at];
    const key = Array.isArray(value) ? value[0] : value;
    return isBytes(key) ? key : undefined;
  }

  get #values(): readonly Json[] | undefined {
    const value = this.#reply.value;
    return Array.isArray(value) ? value : undefined;
  }
}

function isBytes(value: Json | undefined): value is Bytes & Json {
  return typeof value === "string" ||
    typeof value === "object" && value !== null && "base64" in value;
}

const LOWER_CASE = /[a-z]/;
const NOT_ASCII = /[\u0080-\uffff]/;

/** Upper case of ASCII letters alone, as redis compares names. */
export function toUpperCase(text: string): string {
  if (!LOWER_CASE.test(text)) return text;
  if (!NOT_ASCII.test(text)) return text.toUpperCase();
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** The first word in upper case. */
function nameOf([name]: readonly Uint8Array[]): string {
  return name ? toUpperCase(toText(name)) : "";
}

/**
 * Which word is the first key; 0 for none.
 *
 * @param name the first of the words, in upper case
 */
export function firstKey(
  words: readonly Uint8Array[],
  name: string = nameOf(words),
): number {
  if (words.length < 2) return 0;
  const rule = COMMANDS.get(name);
  if (rule === undefined) return 0;
  if (rule !== 0) return keyAt(rule, words);
  const subcommand = `${name} ${toUpperCase(toText(words[1]!))}`;
  return keyAt(COMMANDS.get(subcommand) ?? 0, words);
}

function keyAt(rule: KeyRule, words: readonly Uint8Array[]): number {
  if (typeof rule === "number") return rule < words.length ? rule : 0;
  if ("count" in rule) {
    const count = words[rule.count];
    const hasKeys = count !== undefined && Number(toText(count)) > 0;
    return hasKeys ? keyAt(rule.count + rule.first, words) : 0;
  }
  if ("after" in rule) {
    const { after, from } = rule;
    // From an argument on, or backwards from one counted from the end.
    const step = from < 0 ? -1 : 1;
    let at = from < 0 ? words.length + from : from;
    for (; at > 0 && at < words.length; at += step) {
      const isWord = toUpperCase(toText(words[at]!)) === after;
      if (isWord) return keyAt(at + 1, words);
    }
    return 0;
  }
  for (const each of rule) {
    const at = keyAt(each, words);
    if (at > 0 && words[at]!.length > 0) return at;
  }
  return 0;
}
