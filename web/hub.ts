/** The hub's HTTP routes, as the page asks them. */
import type {
  ClusterStatus,
  ExportRequest,
  MapAnswer,
  MapLevel,
  SavefileAdded,
  SeenAnswer,
  SessionRequest,
  StatsAnswer,
  TargetSelection,
  TargetsPreview,
  TargetsStatus,
  WorkerStatus,
} from "../api/hub.ts";
import type { Failure } from "../api/messages.ts";
import { HUB } from "../api/paths.ts";
import { fromSchemaMessage, type SchemaMessage } from "../api/schema.ts";
import type { Schema } from "../entry/schema.ts";
import type { Wanted } from "../kfl/completion.ts";

/** The hub wants the token first. */
export class Denied extends Error {
  override name = "Denied";
}

/** The hub answered, and refused. */
export class Refused extends Error {
  override name = "Refused";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** The hub cannot be reached. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/**
 * Asks one of the hub's routes.
 *
 * @throws Denied, Refused, Unreachable
 */
export async function ask(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    throw new Unreachable("The hub cannot be reached", { cause });
  }
  if (response.ok) return response;
  throw toError(response.status, await response.text());
}

export async function fetchSchema(): Promise<Schema> {
  const message: SchemaMessage = await (await ask(HUB.schema)).json();
  return fromSchemaMessage(message);
}

export async function fetchWorkers(): Promise<readonly WorkerStatus[]> {
  return await (await ask(HUB.workers)).json();
}

/** How well the hub knows its cluster; `null` where it watches none. */
export async function fetchCluster(): Promise<ClusterStatus | null> {
  return await (await ask(HUB.cluster)).json();
}

/** Which pods are captured. @throws as {@link ask} */
export async function fetchTargets(): Promise<TargetsStatus> {
  return await (await ask(HUB.targets)).json();
}

/** Which pods a selection would pick. @throws as {@link ask} */
export async function previewTargets(
  selection: TargetSelection,
): Promise<TargetsPreview> {
  return await (await ask(HUB.targetsPreview, sent("POST", selection))).json();
}

/** Says which pods are captured from now on. @throws as {@link ask} */
export async function setTargets(
  selection: TargetSelection,
): Promise<TargetsStatus> {
  return await (await ask(HUB.targets, sent("PUT", selection))).json();
}

/** Says how many bytes each node may keep from now on. @throws as {@link ask} */
export async function setStorageLimit(limit: number): Promise<void> {
  await ask(HUB.storageLimit, sent("PUT", { limit }));
}

/** Values that a path has had lately, within a stretch of time. */
export async function fetchSeen(
  wanted: Wanted & Pick<ExportRequest, "from" | "to">,
): Promise<SeenAnswer> {
  return await (await ask(withQuery(HUB.values, wanted))).json();
}

/** What is counted: all that matches within a stretch of time. */
export type Counted = Pick<ExportRequest, "kfl" | "from" | "to">;

/** What an answer amounts to. @throws as {@link ask} */
export async function fetchStats(
  counted: Counted,
  signal: AbortSignal,
): Promise<StatsAnswer> {
  return await (await ask(withQuery(HUB.stats, counted), { signal })).json();
}

/** Who speaks with whom. @throws as {@link ask} */
export async function fetchMap(
  counted: Counted & { readonly by?: MapLevel },
  signal: AbortSignal,
): Promise<MapAnswer> {
  return await (await ask(withQuery(HUB.map, counted), { signal })).json();
}

/** A route with parameters, as far as they are given. */
function withQuery(path: string, parameters: object): string {
  const given = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, String(value)]);
  return `${path}?${new URLSearchParams(given)}`;
}

/** Shows the token; from then on a cookie stands for it. @throws as {@link ask} */
export async function openSession(token: string): Promise<void> {
  const request: SessionRequest = { token };
  await ask(HUB.session, sent("POST", request));
}

/** Where an entry, or its `packets`, are asked for. */
export function entryUrl(id: string, part?: "packets"): string {
  const url = `${HUB.entries}/${encodeURIComponent(id)}`;
  return part ? `${url}/${part}` : url;
}

/**
 * Matching traffic as a file.
 *
 * @param onProgress is told how many bytes have come
 */
export async function exportTraffic(
  request: ExportRequest,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const response = await ask(HUB.export, {
    ...sent("POST", request),
    signal,
  });
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      onProgress(bytes += chunk.length);
      controller.enqueue(chunk);
    },
  });
  // Read by the browser itself, which keeps large files on disk.
  return await new Response(response.body?.pipeThrough(counter)).blob();
}

/**
 * Adds a savefile to what is asked.
 *
 * @param onProgress is told what share of it has gone, of 1
 * @throws as {@link ask}
 */
export function addSavefile(
  file: File,
  onProgress: (share: number) => void,
): Promise<SavefileAdded> {
  // `fetch` does not tell how much it has sent.
  const request = new XMLHttpRequest();
  request.open(
    "POST",
    `${HUB.savefiles}?name=${encodeURIComponent(file.name)}`,
  );
  request.setRequestHeader("content-type", "application/octet-stream");
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    if (total > 0) onProgress(loaded / total);
  });
  return new Promise((resolve, reject) => {
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      if (status < 300) resolve(JSON.parse(responseText));
      else reject(toError(status, responseText));
    });
    request.addEventListener("error", () => {
      reject(new Unreachable("The hub cannot be reached"));
    });
    request.send(file);
  });
}

function sent(method: "POST" | "PUT", body: unknown): RequestInit {
  return {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

function toError(status: number, body: string): Error {
  if (status === 401) return new Denied("The hub wants its token");
  return new Refused(messageOf(body) ?? `The hub answered ${status}`, status);
}

/** What a `Failure` says; `undefined` if the body is none. */
function messageOf(body: string): string | undefined {
  try {
    const { error }: { error?: Partial<Failure> } = JSON.parse(body);
    return error?.message;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
