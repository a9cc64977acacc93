/**
 * Redis: RESP2, RESP3 and inline commands.
 */
import { type Bytes, fromBytes } from "../../entry/field.ts";
import type { Dissector } from "../dissector.ts";
import { fields, type RedisFields } from "./fields.ts";
import { RedisParser } from "./parser.ts";
import { PORTS, probe } from "./recognize.ts";
import { toText } from "./resp.ts";

/** Redis, and what speaks its protocol. */
export const redis: Dissector<RedisFields> = {
  name: "redis",
  doc: "Commands and replies of Redis (RESP2, RESP3, inline), and its pushes",
  spec: "https://redis.io/docs/latest/develop/reference/protocol-spec/",
  transports: ["tcp"],
  ports: PORTS,
  fields,
  probe,
  open: (context) => new RedisParser(context),
  summarize({ request, response }) {
    if (!request) {
      return toLine(response?.values.error ?? response?.values.type);
    }
    const { command, key } = request.values;
    return [command, toLine(key)].filter(Boolean).join(" ");
  },
  status({ response }) {
    if (!response) return undefined;
    return response.values.error?.split(" ", 1)[0] ?? "OK";
  },
  failed: ({ response }) => response?.values.error !== undefined,
};

/** Bytes as they fit into a line. */
function toLine(value: Bytes | undefined): string {
  if (value === undefined || typeof value === "string") return value ?? "";
  return toText(fromBytes(value));
}
