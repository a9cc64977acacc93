/** What can go wrong between Thresher and an API server, in words that help. */
import type { Status } from "./objects.ts";

/** What is wrong, as far as whoever asked can act on it. */
export type ClusterFault =
  /** No kubeconfig, or one that cannot be used. */
  | "config"
  /** Nobody answered, or the connection broke. */
  | "unreachable"
  /** The server does not believe who we are. */
  | "unauthorized"
  | "forbidden"
  | "missing"
  /** Somebody else owns or has changed it. */
  | "conflict"
  /** A place in the history that the server forgot. */
  | "expired"
  /** Asked to come again later. */
  | "busy"
  /** What we sent is refused. */
  | "invalid"
  /** The server itself failed. */
  | "server";

/** Why the cluster could not do something, and what to do about it. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly fault: ClusterFault;
  /** HTTP status; absent where there was no answer. */
  readonly code: number | undefined;
  /** What the server said, if it said it in its own form. */
  readonly status: Status | undefined;
  /** When to come again, if the server said it. */
  readonly retryAfterMs: number | undefined;

  constructor(fault: ClusterFault, message: string, about: {
    code?: number;
    status?: Status | undefined;
    retryAfterMs?: number | undefined;
    cause?: unknown;
  } = {}) {
    super(message, { cause: about.cause });
    this.fault = fault;
    this.code = about.code;
    this.status = about.status;
    this.retryAfterMs = about.retryAfterMs;
  }

  /** Whether it may be gone when the same is asked again. */
  get isPassing(): boolean {
    return PASSING.has(this.fault);
  }
}

const PASSING: ReadonlySet<ClusterFault> = new Set([
  "unreachable",
  "busy",
  "server",
]);

/** How long an API server that is away is waited for, in ms. */
const PATIENCE_MS = 60_000;

/** Between two attempts, unless the server says when to come again, in ms. */
const PAUSE_MS = 1000;

/** The longest that a server is waited for at once, in ms. */
const MAX_PAUSE_MS = 10_000;

/**
 * Tries again while the API server is away or busy, for a minute.
 *
 * @param attempt may be made twice, though the first was heard
 * @param waiting told why it is tried again
 * @throws ClusterError
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  waiting: (error: ClusterError) => void = () => {},
): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isPassing = error instanceof ClusterError && error.isPassing;
      if (!isPassing || Date.now() > end) throw error;
      waiting(error);
      const pause = Math.min(error.retryAfterMs ?? PAUSE_MS, MAX_PAUSE_MS);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** What was asked for, or nothing if it is worth asking again. */
export async function unlessAway<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ClusterError && error.isPassing) return undefined;
    throw error;
  }
}

/** Bytes of an error's body that are read: a server may send any page. */
const MAX_ERROR_BODY = 64 * 1024;

/**
 * What a refusal means. Its body need not be JSON: unknown paths are answered
 * in plain text, and proxies on the way have pages of their own.
 *
 * @param task what was tried, to follow "Cannot", such as `list pods`
 */
export function toClusterError(
  task: string,
  code: number,
  body: string,
  retryAfter?: string | null,
): ClusterError {
  const status = toStatus(body);
  const said = status?.message ?? body.slice(0, 200).trim();
  const seconds = Number(retryAfter ?? status?.details?.retryAfterSeconds);
  const retryAfterMs = seconds >= 0 && retryAfter !== ""
    ? seconds * 1000
    : undefined;
  const fault = faultOf(code, status);
  const text = `Cannot ${task}: ${said || `HTTP ${code}`}${HINTS[fault] ?? ""}`;
  return new ClusterError(fault, text, { code, status, retryAfterMs });
}

/** As {@link toClusterError}, of a response whose body is still to be read. */
export async function fromResponse(
  task: string,
  response: Response,
): Promise<ClusterError> {
  const body = await readSome(response);
  return toClusterError(
    task,
    response.status,
    body,
    response.headers.get("retry-after"),
  );
}

/** What to do, where the server's own words do not say it. */
const HINTS: Partial<Record<ClusterFault, string>> = {
  unauthorized: ". Log in to the cluster again: the credentials of this " +
    "context are missing, wrong or have expired",
  forbidden: ". Ask whoever runs the cluster for this right",
  busy: ". The API server is busy: try again in a moment",
};

function faultOf(code: number, status: Status | undefined): ClusterFault {
  switch (code) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "missing";
    case 409:
      return "conflict";
    case 410:
      return "expired";
    case 429:
    case 503:
    case 504:
      return "busy";
  }
  // Server-side apply answers a field outside the schema with a bare 500.
  if (code === 500 && /typed patch object/.test(status?.message ?? "")) {
    return "invalid";
  }
  return code < 500 ? "invalid" : "server";
}

function toStatus(body: string): Status | undefined {
  if (!body.startsWith("{")) return undefined;
  try {
    const status = JSON.parse(body) as Status;
    return status.kind === "Status" ? status : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

async function readSome(response: Response): Promise<string> {
  if (!response.body) return "";
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ERROR_BODY) break;
  }
  return text;
}
