/** Filters: what is wrong with them, how they go on, how they would run. */
import { HUB } from "../../api/paths.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import { complete, type SeenValue, type Wanted } from "../../kfl/completion.ts";
import { explain } from "../../kfl/explain.ts";
import { Refused } from "../../net/failure.ts";
import { type Hub, type JsonSchema, readObject, type Route } from "../route.ts";
import { isFailure, planOrRefuse, planQuery } from "../planned_query.ts";
import {
  questionIn,
  readQuestion,
  WINDOW_PARAMETERS,
  WINDOW_PROPERTIES,
} from "./request.ts";

const FILTER: JsonSchema = {
  type: "object",
  required: ["kfl"],
  properties: { kfl: { type: "string" } },
};

export const kflRoutes: readonly Route[] = [
  {
    method: "POST",
    path: HUB.check,
    summary: "What is wrong with a filter",
    takes: { type: "application/json", schema: FILTER },
    gives: {
      type: "application/json",
      schema: {
        type: "object",
        properties: { diagnostics: { type: "array" } },
      },
      doc: "All that is wrong; an empty list if nothing is",
    },
    handle: async ({ request }) => {
      const { kfl } = await readObject(request);
      const planned = planQuery(readQuestion({ kfl }));
      const diagnostics = isFailure(planned) ? planned.diagnostics : [];
      return Response.json({ diagnostics });
    },
  },
  {
    method: "POST",
    path: HUB.complete,
    summary: "What may come next in a filter",
    takes: {
      type: "application/json",
      schema: {
        type: "object",
        required: ["kfl"],
        properties: {
          kfl: { type: "string" },
          cursor: { type: "integer", description: "By default at the end" },
        },
      },
    },
    gives: {
      type: "application/json",
      schema: {
        type: "object",
        properties: {
          from: { type: "integer" },
          to: { type: "integer" },
          suggestions: { type: "array", items: { type: "object" } },
        },
      },
      doc: "Suggestions, and the stretch that each takes the place of",
    },
    handle: async ({ hub, request }) => {
      const { kfl, cursor } = await readObject(request);
      const text = readQuestion({ kfl }).kfl;
      const at = cursor ?? text.length;
      if (
        !Number.isSafeInteger(at) || Number(at) < 0 || Number(at) > text.length
      ) {
        throw new Refused("message", '"cursor" must be a place in the filter');
      }
      const { wants, ...completion } = complete(text, Number(at), SCHEMA);
      if (!wants) return Response.json(completion);
      const values = await seenOf(wants, hub);
      const { suggestions } = complete(text, Number(at), SCHEMA, { values });
      return Response.json({ ...completion, suggestions });
    },
  },
  {
    method: "GET",
    path: HUB.values,
    summary: "The commonest values that a path has had lately",
    description:
      "Of the newest entries that match and have it, of which a bounded " +
      "number is looked at, for a bounded time. What the filter redacts is " +
      "not given, nor what is long or no text.",
    parameters: [
      {
        name: "path",
        doc: 'As in a filter, such as `request.headers["content-type"]`',
        schema: { type: "string" },
        isRequired: true,
      },
      ...WINDOW_PARAMETERS,
    ],
    gives: {
      type: "application/json",
      schema: {
        type: "object",
        properties: {
          values: {
            type: "array",
            items: {
              type: "object",
              properties: {
                value: { type: "string" },
                count: { type: "integer", description: "Entries that had it" },
              },
            },
          },
          entries: {
            type: "integer",
            description: "How many were looked at",
          },
        },
      },
      doc: "The values, the commonest first",
    },
    handle: async ({ hub, query }) => {
      const path = query.get("path") ?? "";
      const rest = new URLSearchParams(query);
      rest.delete("path");
      const names = WINDOW_PARAMETERS.map(({ name }) => name);
      const question = questionIn(rest, names);
      return Response.json(await hub.seen.of({ ...question, path }));
    },
  },
  {
    method: "POST",
    path: HUB.explain,
    summary: "How a filter would run, stage by stage",
    takes: {
      type: "application/json",
      schema: { ...FILTER, properties: WINDOW_PROPERTIES },
    },
    gives: {
      type: "application/json",
      schema: {
        type: "object",
        properties: { text: { type: "string" }, plan: { type: "object" } },
      },
      doc: "The plan, for people and as it is sent to workers",
    },
    handle: async ({ request }) => {
      const { plan } = planOrRefuse(readQuestion(await readObject(request)));
      return Response.json({ text: explain(plan), plan });
    },
  },
];

/** What was seen of what completion wants; nothing where too many ask. */
async function seenOf(
  wants: Wanted,
  hub: Hub,
): Promise<readonly SeenValue[]> {
  try {
    return (await hub.seen.of(wants)).values;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [];
  }
}
