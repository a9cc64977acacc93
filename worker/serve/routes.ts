/** A worker's routes (DESIGN §7); `api/paths.ts` says where they are. */
import { WORKER } from "../../api/paths.ts";
import type { WorkerState } from "../../api/worker.ts";
import { CannotCapture } from "../capture/source.ts";
import type { Capture } from "./capture.ts";
import { METRICS_TYPE } from "./metrics.ts";
import { Refused } from "../../net/failure.ts";
import { toTargetsOrder } from "./targets_order.ts";
import type { WantedFile } from "./thread_messages.ts";

/** Bytes of what is put, such as a list of addresses. */
export const MAX_BODY = 1024 * 1024;

/** Bytes of what is posted for packets: a plan, and names in base64. */
const MAX_PACKETS_ASK = 32 * 1024 * 1024;

/** Bytes of `?redact=`. */
const MAX_REDACT = 8 * 1024;

/** What the routes are made of. */
export interface Routed {
  /** What only a new start mends; `undefined` if all is well. */
  readonly illness: string | undefined;
  toState(): WorkerState;
  /** For Prometheus. */
  toMetrics(): string;
  readonly capture: Capture | undefined;
  /** @throws Refused */
  file(wanted: WantedFile): Promise<Response>;
}

/** Answers a request. Never throws what whoever asks could have caused. */
export async function route(
  request: Request,
  routed: Routed,
): Promise<Response> {
  try {
    return await toAnswer(request, routed);
  } catch (error) {
    if (error instanceof Refused) return error.toResponse();
    throw error;
  }
}

async function toAnswer(request: Request, routed: Routed): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case WORKER.health:
      allow(request, "GET");
      return routed.illness === undefined
        ? new Response("ok\n")
        : new Response(`${routed.illness}\n`, { status: 503 });
    case WORKER.metrics:
      allow(request, "GET");
      return new Response(routed.toMetrics(), {
        headers: { "content-type": METRICS_TYPE },
      });
    case WORKER.state:
      allow(request, "GET");
      return Response.json(routed.toState());
    case WORKER.storageLimit:
      allow(request, "PUT");
      return await setStorageLimit(request, captureOf(routed));
    case WORKER.targets:
      allow(request, "PUT");
      return await setTargets(request, captureOf(routed));
    case WORKER.names:
      allow(request, "GET");
      return await routed.file({ what: "names", since: sinceOf(request) });
    case WORKER.packets:
      allow(request, "POST");
      return await routed.file({
        what: "packets",
        ask: await textOf(request, MAX_PACKETS_ASK),
      });
  }
  const wanted = toEntryFile(new URL(request.url));
  if (!wanted) throw new Refused("missing", `There is nothing at ${pathname}`);
  allow(request, "GET");
  return await routed.file(wanted);
}

/** @throws Refused if nothing is captured here */
function captureOf({ capture }: Routed): Capture {
  if (capture) return capture;
  throw new Refused("unable", "Nothing is captured here: this is a savefile");
}

async function setStorageLimit(
  request: Request,
  capture: Capture,
): Promise<Response> {
  const { limit } = await jsonOf(request);
  if (!Number.isSafeInteger(limit) || (limit as number) <= 0) {
    throw new Refused("message", '"limit" must be a number of bytes');
  }
  await orRefused(() => capture.setStorageLimit(limit as number));
  return new Response(null, { status: 204 });
}

async function setTargets(
  request: Request,
  capture: Capture,
): Promise<Response> {
  const order = toTargetsOrder(await jsonOf(request));
  await orRefused(() => capture.target(order));
  return new Response(null, { status: 204 });
}

/** @throws Refused if the capture cannot do so */
async function orRefused(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof CannotCapture)) throw error;
    throw new Refused("unsuitable", error.message);
  }
}

/** @throws Refused if `?since=` is no time */
function sinceOf({ url }: Request): number {
  const since = Number(new URL(url).searchParams.get("since") ?? 0);
  if (Number.isSafeInteger(since)) return since;
  throw new Refused("message", '"since" must be a time in microseconds');
}

/** `/v1/entries/{id}`, and what belongs to it. */
function toEntryFile({ pathname, searchParams }: URL): WantedFile | undefined {
  if (!pathname.startsWith(`${WORKER.entries}/`)) return undefined;
  const [encoded = "", part, half, ...rest] = pathname
    .slice(WORKER.entries.length + 1).split("/");
  const id = decoded(encoded);
  if (rest.length > 0 || id === undefined) return undefined;
  const redact = searchParams.get("redact") ?? undefined;
  if (redact !== undefined && redact.length > MAX_REDACT) {
    throw new Refused("message", '"redact" is too long');
  }
  if (part === undefined) return { what: "entry", id, redact };
  if (part === "packets" && half === undefined) {
    if (redact !== undefined && redact !== "[]") {
      throw new Refused(
        "hidden",
        "The query hides values, and packets cannot be given out without them",
      );
    }
    const conversation = searchParams.has("conversation");
    return { what: "entry packets", id, conversation };
  }
  if (part === "body" && (half === "request" || half === "response")) {
    return { what: "body", id, half, redact };
  }
  return undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
}

/** @throws Refused */
function allow({ method }: Request, wanted: string): void {
  if (method === wanted || wanted === "GET" && method === "HEAD") return;
  throw new Refused("method", `This wants ${wanted}`);
}

/** @throws Refused */
async function jsonOf(request: Request): Promise<Record<string, unknown>> {
  const text = await textOf(request);
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Refused("message", "The body is no JSON object");
}

/**
 * What was posted.
 *
 * @throws Refused if it is too long
 */
async function textOf(
  { body, headers }: Request,
  most: number = MAX_BODY,
): Promise<string> {
  const tooLong = () => new Refused("large", "The body is too long");
  if (Number(headers.get("content-length") ?? 0) > most) throw tooLong();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    if (size > most) throw tooLong();
    parts.push(part);
  }
  const decoder = new TextDecoder();
  return parts.map((part) => decoder.decode(part, { stream: true })).join("") +
    decoder.decode();
}
