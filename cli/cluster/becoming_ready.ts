/** Waits for an installation, and says what keeps it. */
import type { Client } from "../../k8s/client.ts";
import {
  isComplete,
  isUsable,
  type Readiness,
  watchReadiness,
} from "../../k8s/readiness.ts";
import { CommandError, EXIT } from "../exit.ts";
import type { Interruption } from "../interruption.ts";
import { LiveLine } from "./live_line.ts";
import { describeProblem, describeReadiness, type News } from "./news.ts";

/** How long the other workers are waited for once there is one, ms. */
const PATIENCE_FOR_REST_MS = 5000;

/** How long, and for what. */
export interface Waiting {
  /** ms. */
  readonly timeout: number;
  /** By default what can be used: the hub and one worker. */
  readonly wants?: (state: Readiness) => boolean;
}

/**
 * Waits until it is as wanted, and for the other workers a little longer.
 *
 * @throws CommandError if it is not ready in time; Interrupted
 */
export async function becomeReady(
  client: Client,
  namespace: string,
  { timeout, wants = isUsable }: Waiting,
  news: News,
  { signal }: Interruption,
): Promise<void> {
  using line = new LiveLine();
  const controller = new AbortController();
  const end = () => controller.abort();
  const timer = setTimeout(end, timeout);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  let last: Readiness | undefined;
  let wantedSince: number | undefined;
  try {
    for await (
      const state of watchReadiness(client, namespace, controller.signal)
    ) {
      last = state;
      line.show(describeReadiness(state));
      for (const text of news.ofReadiness(state)) line.note(text);
      if (!wants(state)) continue;
      wantedSince ??= Date.now();
      if (Date.now() - wantedSince > PATIENCE_FOR_REST_MS) break;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
  signal.throwIfAborted();
  if (!last || !wants(last)) throw notReady(last, timeout);
  line.end();
  if (isComplete(last)) return;
  line.note(
    `goes on without ${last.missing.join(", ")}: more workers join when they ` +
      "are ready",
  );
}

function notReady(
  state: Readiness | undefined,
  timeout: number,
): CommandError {
  const far = state ? describeReadiness(state) : "the API server is away";
  const reasons =
    state?.problems.map((problem) =>
      `\n  ${describeProblem(problem).replaceAll("\n", "\n  ")}`
    ) ?? [];
  return new CommandError(
    EXIT.NOT_READY,
    `not ready after ${timeout / 1000} s (--timeout): ${far}` +
      [...new Set(reasons)].join(""),
  );
}
