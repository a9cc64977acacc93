/**
 * Whether bytes are RESP.
 */
import type { Guess, Side } from "../dissector.ts";
import { COMMANDS } from "./commands.ts";

/** Ports of redis and of its sentinels. */
export const PORTS: readonly number[] = [6379, 26379];

/** Bytes that tell. */
const MAX_BEGINNING = 64;

/** An array of strings, as clients send them. */
const ARRAY = /^\*[1-9]\d{0,6}\r\n\$\d{1,9}\r\n/;

/** The beginnings of {@link ARRAY}. */
const ARRAY_SO_FAR = /^\*([1-9]\d{0,6}(\r(\n(\$(\d{1,9}(\r)?)?)?)?)?)?$/;

/** Replies with a length or count. */
const SIZED = /^[$*%~>=!](-1|\d{1,10})\r\n/;

/** Other replies. */
const LINE =
  /^(\+[ -~]*|-[A-Z][ -~]*|:[+-]?\d{1,19}|,[+-]?[\d.a-z+-]+|#[tf]|_|\([+-]?\d+)\r\n/;

/** First bytes of replies, when there is no more of them yet. */
const TYPES = "$*%~>=!+-:,#_(|";

/** A word, and whether it ends. */
const WORD = /^([A-Za-z_]{1,20})([ \t\r\n]|$)/;

/** See `Dissector.probe`. */
export function probe(head: Uint8Array, side: Side, port: number): Guess {
  const text = String.fromCharCode(...head.subarray(0, MAX_BEGINNING));
  const isExpected = PORTS.includes(port);
  if (side === "server") return isReply(text, isExpected);
  if (ARRAY.test(text)) return "match";
  if (ARRAY_SO_FAR.test(text)) return "unsure";
  return isInline(text, isExpected);
}

/** Many protocols answer with such lines, so that only the port makes it one. */
function isReply(text: string, isExpected: boolean): Guess {
  if (SIZED.test(text) || LINE.test(text)) {
    return isExpected ? "match" : "unsure";
  }
  const mayBe = text.length > 0 && TYPES.includes(text[0]!);
  return mayBe && !text.includes("\r\n") ? "unsure" : "reject";
}

/** Other protocols have commands of the same names: the port must agree. */
function isInline(text: string, isExpected: boolean): Guess {
  const [, word = "", after] = WORD.exec(text) ?? [];
  if (!isExpected || word === "") return "reject";
  const name = word.toUpperCase();
  if (after !== "") return COMMANDS.has(name) ? "match" : "reject";
  for (const command of COMMANDS.keys()) {
    if (command.startsWith(name)) return "unsure";
  }
  return "reject";
}
