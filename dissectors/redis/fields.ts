/** What an entry of redis has. */
import { bytes, type Fields, json, list, text } from "../../entry/field.ts";
import type { Exchange } from "../dissector.ts";

export const fields = {
  request: {
    type: text("Whether a client asked, or the server spoke unasked")
      .oneOf("command", "push"),
    command: text("Command in upper case; of a push its kind").caseless(),
    key: bytes("First key; of a push its channel").verbatim(),
    value: bytes("What SET, HSET, LPUSH, PUBLISH and the like store or send")
      .verbatim(),
    args: list(json("Argument"), "All after the command"),
  },
  response: {
    type: text("Type of the reply").oneOf(
      ...["string", "error", "integer", "bulk", "array", "null", "double"],
      ...["boolean", "bignum", "bulkError", "verbatim", "map", "set"],
    ),
    value: json("The reply; a map as its keys and values in turn"),
    error: text("The whole error line, without its `-`").verbatim(),
  },
} satisfies Fields;

export type RedisFields = typeof fields;
export type RedisExchange = Exchange<RedisFields>;
