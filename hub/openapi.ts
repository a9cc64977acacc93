/** The hub's description of itself, out of the table that it answers by. */
import { HUB } from "../api/paths.ts";
import { STATUS } from "../net/failure.ts";
import type { Content, JsonSchema, Route } from "./route.ts";

const FAILURE: JsonSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { enum: Object.keys(STATUS), description: "For programs" },
        message: { type: "string", description: "For people" },
        diagnostics: {
          description: "Of `kfl`: what is wrong with the filter, and where",
          type: "array",
          items: { type: "object" },
        },
      },
    },
  },
};

/** The routes as an OpenAPI 3.1 document. */
export function toOpenApi(
  routes: readonly Route[],
  version: string,
): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    const path = paths[route.path] ??= {};
    path[route.method.toLowerCase()] = toOperation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Thresher",
      version,
      description: "Asks the traffic that the workers keep.",
      license: { name: "See the project", identifier: "LicenseRef-Thresher" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }, { cookie: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "thresher_8899",
          description: `With the hub's port; \`${HUB.session}\` sets it`,
        },
      },
      schemas: { Failure: FAILURE },
      responses: {
        Refused: {
          description: "What was wrong, with a status of 400 or above",
          content: {
            "application/json": {
              schema: { $ref: "#/components/schemas/Failure" },
            },
          },
        },
      },
    },
  };
}

function toOperation(route: Route): JsonSchema {
  const { summary, description, takes, gives } = route;
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const behind = (route.parameters ?? []).map((each) => ({
    name: each.name,
    in: "query",
    required: each.isRequired === true,
    description: each.doc,
    schema: each.schema,
  }));
  const parameters = [...inPath, ...behind];
  return {
    operationId: operationIdOf(route),
    summary,
    ...description !== undefined && { description },
    ...route.isOpen && { security: [] },
    ...parameters.length > 0 && { parameters },
    ...takes && {
      requestBody: { required: true, content: toContent(takes) },
    },
    responses: {
      [String(gives.status ?? 200)]: {
        description: gives.doc,
        content: toContent(gives),
      },
      default: { $ref: "#/components/responses/Refused" },
    },
  };
}

function toContent({ type, schema }: Content): JsonSchema {
  return { [type]: schema ? { schema } : {} };
}

/** `getEntriesIdPackets` */
function operationIdOf({ method, path }: Route): string {
  const words = path.replace("/api/v1", "").split(/[^\w]+/).filter(Boolean);
  return method.toLowerCase() +
    words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}
