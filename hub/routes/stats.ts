/** What an answer amounts to, so that no page has to load all of it. */
import type { Batch } from "../../api/batch.ts";
import { HUB } from "../../api/paths.ts";
import { ask, isBatch } from "../ask.ts";
import { Refused } from "../../net/failure.ts";
import type { Call, JsonSchema, Route } from "../route.ts";
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
    handle: (call) => aggregate(call, new Statistics()),
  },
  {
    method: "GET",
    path: HUB.map,
    summary: "Who talks to whom, of what matches",
    parameters: WINDOW_PARAMETERS,
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
          isCut: {
            type: "boolean",
            description: "Whether the smallest are one edge without a name",
          },
          coverage: COVERAGE,
        },
      },
    },
    handle: (call) => aggregate(call, new ServiceMap()),
  },
];

async function aggregate(
  { hub, request, query }: Call,
  sum: Aggregate,
): Promise<Response> {
  const names = WINDOW_PARAMETERS.map(({ name }) => name);
  const question = { ...questionIn(query, names), output: "row" } as const;
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
