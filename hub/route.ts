/**
 * Routes: one table by which the hub answers and describes itself. What is not
 * in it is not there, and what is in it is in `openapi.json`.
 */
import type { Access } from "./access.ts";
import type { Cluster } from "./cluster.ts";
import { Refused } from "../net/failure.ts";
import type { HttpRequest } from "../net/http.ts";
import type { Metrics } from "./metrics.ts";
import type { NameSource } from "./names.ts";
import type { NodeAnswers } from "./node_answers.ts";
import type { Queries } from "./queries.ts";
import type { SeenValues } from "./seen_values.ts";
import type { Targeting } from "./targeting.ts";
import type { Workers } from "./workers.ts";
import type { SavefileAdded } from "../api/hub.ts";

/** Bytes of a body of JSON. */
export const MAX_JSON = 1024 * 1024;

/** A file of the dashboard. */
export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same for clients that accept it; absent where it saves nothing. */
  readonly gzip?: Uint8Array<ArrayBuffer>;
  readonly brotli?: Uint8Array<ArrayBuffer>;
  /** Of the header `content-type`. */
  readonly type: string;
  /** Of the header `etag`, with its quotes. */
  readonly etag: string;
}

/** The dashboard. */
export interface Page {
  /** By the path of their URL; `/` is the page. */
  readonly files: ReadonlyMap<string, Asset>;
  /** With which each of them is sent: the policies of the page. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Takes a savefile, to ask it too.
 *
 * @param bytes borrowed, each until the next one is asked for
 * @throws Refused if it is none
 */
export type TakeSavefile = (
  name: string,
  bytes: AsyncIterable<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
) => Promise<SavefileAdded>;

/** A cluster that the hub watches, and what its workers are told. */
export interface HubCluster {
  readonly view: Cluster;
  readonly targeting: Targeting;
}

/** What routes work with. */
export interface Hub {
  /** Of Thresher. */
  readonly version: string;
  readonly workers: Workers;
  readonly queries: Queries;
  readonly seen: SeenValues;
  /** Who knows what the ends are called; absent where nobody does. */
  readonly names: NameSource | undefined;
  readonly answers: NodeAnswers;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly page: Page | undefined;
  readonly takeSavefile: TakeSavefile | undefined;
  readonly cluster: HubCluster | undefined;
}

/** One request of a route. */
export interface Call {
  readonly hub: Hub;
  readonly request: HttpRequest;
  /** Parts of the path, decoded. */
  readonly parts: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** A JSON Schema (2020-12), as OpenAPI 3.1 has them. */
export type JsonSchema = { readonly [key: string]: unknown };

/** What a request or an answer consists of. */
export interface Content {
  readonly type: string;
  readonly schema?: JsonSchema;
}

/** One way to ask the hub. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT";
  /** `{name}` stands for one part. */
  readonly path: string;
  /** One line. */
  readonly summary: string;
  readonly description?: string;
  /** Whether it is answered without a token. */
  readonly isOpen?: true;
  readonly parameters?: readonly Parameter[];
  readonly takes?: Content;
  readonly gives: Content & { readonly status?: number; readonly doc: string };
  readonly handle: (call: Call) => Response | Promise<Response>;
}

/** A parameter behind the `?`. */
export interface Parameter {
  readonly name: string;
  readonly doc: string;
  readonly schema: JsonSchema;
  readonly isRequired?: true;
}

/** A route that was found, with the parts of the path. */
export interface Found {
  readonly route: Route;
  readonly parts: Readonly<Record<string, string>>;
}

/**
 * Finds the route of a request.
 *
 * @throws Refused where there is none
 */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): Found {
  const wanted = method === "HEAD" ? "GET" : method;
  const others = new Set<string>();
  for (const route of routes) {
    const parts = match(route.path, path);
    if (!parts) continue;
    if (route.method === wanted) return { route, parts };
    others.add(route.method);
  }
  if (others.size > 0) {
    const known = [...others].join(" or ");
    throw new Refused("method", `Ask "${path}" with ${known}`);
  }
  throw new Refused("missing", `There is nothing at "${path}"`);
}

function match(
  template: string,
  path: string,
): Record<string, string> | undefined {
  const wanted = template.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    if (name === undefined) {
      if (part !== given[i]) return undefined;
      continue;
    }
    const value = decodePart(given[i]!);
    if (!value) return undefined;
    parts[name] = value;
  }
  return parts;
}

/** A part of a path; `undefined` where its escapes are none. */
function decodePart(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}

/**
 * The body of a request, as a JSON object.
 *
 * @throws Refused
 */
export async function readObject(
  request: HttpRequest,
  most: number = MAX_JSON,
): Promise<Readonly<Record<string, unknown>>> {
  // A form of another site's page can send all types but this one.
  if (
    !/^application\/json\s*(;|$)/.test(request.headers["content-type"] ?? "")
  ) {
    throw new Refused("message", "The body must be application/json");
  }
  const text = await readBody(request, most);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Refused("message", "The body is no JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Refused("message", "The body is no JSON object");
}

async function readBody(request: HttpRequest, most: number): Promise<string> {
  const tooLarge = () =>
    new Refused("large", `The body is larger than ${most} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > most) throw tooLarge();
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for await (const chunk of request.body()) {
    size += chunk.length;
    if (size > most) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
