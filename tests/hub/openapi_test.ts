/** The hub's description of itself: a document, and of what there is. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { HUB } from "../../api/paths.ts";
import { RunningHub } from "./running_hub.ts";

type Document = {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { responses: object; schemas: object; securitySchemes: object };
};

interface Operation {
  operationId: string;
  summary: string;
  security?: object[];
  parameters?: {
    name: string;
    in: string;
    required: boolean;
    schema: object;
  }[];
  requestBody?: { content: Record<string, object> };
  responses: Record<string, { description?: string; $ref?: string }>;
}

async function describe(hub: RunningHub): Promise<Document> {
  return await (await hub.fetch(HUB.openapi)).json();
}

/** What OpenAPI 3.1 demands of a document, as far as ours uses it. */
function validate(document: Document): void {
  match(document.openapi, /^3\.1\.\d+$/);
  ok(document.info.title && document.info.version);
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries(document.paths)) {
    match(path, /^\//);
    const inTemplate = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const [method, operation] of Object.entries(operations)) {
      ok(["get", "put", "post"].includes(method));
      ok(!ids.has(operation.operationId), operation.operationId);
      ids.add(operation.operationId);
      ok(operation.summary.length > 0);
      const parameters = operation.parameters ?? [];
      deepEqual(
        parameters.filter((each) => each.in === "path").map((each) =>
          each.name
        ),
        inTemplate,
      );
      for (const each of parameters) {
        ok(each.schema, each.name);
        ok(each.in !== "path" || each.required);
      }
      ok(Object.keys(operation.responses).length > 0);
      for (const [status, response] of Object.entries(operation.responses)) {
        match(status, /^(\d{3}|default)$/);
        ok(response.description ?? response.$ref);
      }
      equal("requestBody" in operation, method !== "get");
    }
  }
  for (
    const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
  ) {
    let at: unknown = document;
    for (const part of ref!.split("/")) {
      at = (at as Record<string, unknown>)[part];
    }
    ok(at, `#/${ref} leads nowhere`);
  }
}

Deno.test("the description is a sound OpenAPI 3.1 document", async () => {
  await using hub = await RunningHub.start();
  validate(await describe(hub));
});

Deno.test("every path that clients know is described", async () => {
  await using hub = await RunningHub.start();
  const { paths } = await describe(hub);
  const described = Object.keys(paths);
  for (const path of Object.values(HUB)) {
    ok(described.some((each) => each.startsWith(path)), path);
  }
});

Deno.test("everything that is described is answered, and wants the token where it says so", async () => {
  await using hub = await RunningHub.start();
  for (
    const [path, operations] of Object.entries((await describe(hub)).paths)
  ) {
    const url = `http://${hub.host}${
      path.replace("{id}", "a~0~0~0").replace("{half}", "request")
    }`;
    for (const [method, { security }] of Object.entries(operations)) {
      const response = await fetch(url, { method: method.toUpperCase() });
      await response.body?.cancel();
      equal(response.status === 401, security === undefined, path);
      ok(![405, 500].includes(response.status), path);
    }
  }
  deepEqual(hub.faults, []);
});
