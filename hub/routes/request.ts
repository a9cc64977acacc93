/** What routes read of a request alike. */
import { BadMessage } from "../../api/batch.ts";
import { type QueryRequest, readQueryRequest } from "../../api/messages.ts";
import { Refused } from "../../net/failure.ts";
import type { Hub, JsonSchema, Parameter } from "../route.ts";

/** A filter, and the stretch of time that it is about. */
export const WINDOW_PARAMETERS: readonly Parameter[] = [
  {
    name: "kfl",
    doc: "The filter; absent or empty, it matches everything",
    schema: { type: "string" },
  },
  {
    name: "from",
    doc: "Only what began then or later: µs since 1970, or RFC 3339",
    schema: { type: ["integer", "string"] },
  },
  {
    name: "to",
    doc: "Only what began then or before",
    schema: { type: ["integer", "string"] },
  },
];

/** The same in a body. */
export const WINDOW_PROPERTIES: { readonly [name: string]: JsonSchema } = {
  kfl: { type: "string", description: "The filter; empty matches everything" },
  from: { type: "integer", description: "µs since 1970, included" },
  to: { type: "integer", description: "µs since 1970, included" },
};

/**
 * Reads a question that stands behind the `?`.
 *
 * @param names those that the route knows
 * @throws Refused
 */
export function questionIn(
  query: URLSearchParams,
  names: readonly string[],
): QueryRequest {
  const question: Record<string, unknown> = { kfl: "" };
  for (const [name, value] of query) {
    if (!names.includes(name)) {
      throw new Refused("message", `A query has no "${name}"`);
    }
    question[name] = toValue(name, value);
  }
  return readQuestion(question);
}

/** Texts stay what they are; all else is written as in JSON. */
function toValue(name: string, value: string): unknown {
  switch (name) {
    case "kfl":
    case "order":
    case "output":
      return value;
    case "from":
    case "to":
      return toTime(value);
    case "follow":
      return value === "true" ? true : value === "false" ? false : value;
    default:
      return /^\d{1,16}$/.test(value) ? Number(value) : value;
  }
}

/** µs since 1970; a text that is no time is left to be refused. */
function toTime(value: string): unknown {
  if (/^-?\d{1,17}$/.test(value)) return Number(value);
  const [, micros = ""] = /\.(\d{1,6})\d*/.exec(value) ?? [];
  const seconds = Date.parse(value.replace(/\.\d+/, ""));
  if (Number.isNaN(seconds) || !/^\d{4}-\d\d-\d\dT/.test(value)) return value;
  return seconds * 1000 + Number(micros.padEnd(6, "0"));
}

/** @throws Refused */
export function readQuestion(question: object): QueryRequest {
  try {
    return readQueryRequest(JSON.stringify(question));
  } catch (error) {
    if (!(error instanceof BadMessage)) throw error;
    throw new Refused("message", error.message);
  }
}

/** @throws Refused if as many queries run as may */
export function requireRoom(hub: Hub): void {
  if (hub.queries.hasRoom) return;
  hub.metrics.refused++;
  throw new Refused("busy", "Too many queries run already; try again later");
}
