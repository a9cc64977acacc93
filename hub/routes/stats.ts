/** What an answer amounts to, so that no page has to load all of it. */
import type { Batch } from "../../api/batch.ts";
import { MAP_LEVELS, type MapLevel } from "../../api/hub.ts";
import { HUB } from "../../api/paths.ts";
import { ask, isBatch } from "../ask.ts";
import { Refused } from "../../net/failure.ts";
import type { Call, JsonSchema, Parameter, Route } from "../route.ts";
import { ServiceMap, Statistics } from "../stats/aggregate.ts";
import { planOrRefuse } from "../planned_query.ts";
import { questionIn, requireRoom, WINDOW_PARAMETERS } from "./request.ts";

const SUMMARY: { readonly [name: string]: JsonSchema } = {
  count: { type: "integer" },
  failed: { type: "integer" },
  requestBytes: { type: "integer" },
  responseBytes: { type: "integer" },
  elapsedTime: {
    type: "object",
    description: "ms, within 1 %",
    properties: {
      p50: { type: "number" },
      p95: { type: "number" },
      p99: { type: "number" },
    },
  },
};

const COVERAGE: JsonSchema = { type: "array", items: { type: "object" } };

const BY: Parameter = {
  name: "by",
  doc:
    "What ends are told apart by where they have it, else by name or address",
  schema: { type: "string", enum: MAP_LEVELS, default: "name" },
};

/** Rows are added to it; what it then is is sent. */
interface Aggregate {
  add(batch: Batch): void;
  toPlain(): object;
}

export const statsRoutes: readonly Route[] = [
  {
    method: "GET",
    path: HUB.stats,
    summary: "Rates, failures and durations of what matches",
    parameters: WINDOW_PARAMETERS,
    gives: {
      type: "application/json",
      doc: "Over time, by protocol and by status; of the whole range",
      schema: {
        type: "object",
        properties: {
          all: { type: "object", properties: SUMMARY },
          protocols: {
            type: "array",
            items: {
              type: "object",
              properties: { protocol: { type: "string" }, ...SUMMARY },
            },
          },
          statuses: { type: "array", items: { type: "object" } },
          series: {
            type: "object",
            properties: {
              step: { type: "integer", description: "µs" },
              steps: { type: "array", items: { type: "object" } },
            },
          },
          coverage: COVERAGE,
        },
      },
    },
    handle: (call) => aggregate(call, call.query, new Statistics()),
  },
  {
    method: "GET",
    path: HUB.map,
    summary: "Who talks to whom, of what matches",
    parameters: [...WINDOW_PARAMETERS, BY],
    gives: {
      type: "application/json",
      doc: "An edge for each pair and protocol, the busiest first",
      schema: {
        type: "object",
        properties: {
          edges: {
            type: "array",
            items: {
              type: "object",
              properties: {
                src: { type: "string" },
                dst: { type: "string" },
                protocol: { type: "string" },
                ...SUMMARY,
              },
            },
          },
          ends: {
            type: "array",
            description: "Whom `by == value` finds, and in which namespace",
            items: {
              type: "object",
              properties: {
                end: { type: "string" },
                by: { type: "string" },
                value: { type: "string" },
                namespace: { type: "string" },
              },
            },
          },
          first: { type: "integer", description: "µs, as the first began" },
          last: { type: "integer", description: "µs, as the last began" },
          isCut: {
            type: "boolean",
            description: "Whether the smallest are one edge without a name",
          },
          coverage: COVERAGE,
        },
      },
    },
    handle: (call) => {
      const window = new URLSearchParams(call.query);
      window.delete(BY.name);
      return aggregate(call, window, new ServiceMap(levelIn(call.query)));
    },
  },
];

/** @throws Refused */
function levelIn(query: URLSearchParams): MapLevel {
  const wanted = query.get(BY.name) ?? "name";
  const level = MAP_LEVELS.find((each) => each === wanted);
  if (level) return level;
  throw new Refused("message", `"by" is one of ${MAP_LEVELS.join(", ")}`);
}

async function aggregate(
  { hub, request }: Call,
  window: URLSearchParams,
  sum: Aggregate,
): Promise<Response> {
  const names = WINDOW_PARAMETERS.map(({ name }) => name);
  const question = { ...questionIn(window, names), output: "row" } as const;
  planOrRefuse(question);
  requireRoom(hub);
  const answers = ask(hub.queries.open(), question, request.signal);
  for await (const part of answers) {
    if (isBatch(part)) sum.add(part);
    else if ("error" in part) throw new Refused("busy", part.error.message);
    else if ("done" in part) {
      const { coverage } = part;
      return Response.json({ ...sum.toPlain(), coverage });
    }
  }
  throw new Refused("worker", "The query ended without its answer");
}
