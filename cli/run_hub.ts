/** Runs `hub`. */
import {
  BadWorkerUrl,
  type Dialling,
  readSecret,
  RemoteWorker,
} from "../hub/remote_worker.ts";
import type { ClusterHub, ClusterHubOptions } from "./cluster_hub.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { type Listening, OpenHub } from "./open_hub.ts";
import { say } from "./output.ts";
import { readTextFile } from "./text_file.ts";

/** What `hub` was told. */
export interface HubCommandOptions extends ClusterHubOptions {
  readonly worker?: readonly string[];
  readonly cluster?: true;
  readonly mesh?: true;
  readonly listen: Listening;
  readonly host?: readonly string[];
  readonly secretFile?: string;
  readonly workerCa?: string;
  readonly tokenFile?: string;
}

/** Answers until it is interrupted. */
export async function runHub(options: HubCommandOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  if (!options.worker && !options.cluster) {
    throw new CommandError(
      EXIT.MISUSED,
      "A hub wants workers: name them with --worker, or give --cluster",
    );
  }
  const dialling = await readDialling(options);
  const links = dialled(options.worker ?? [], dialling);
  await using cluster = options.cluster && await openCluster(options);
  await using hub = await OpenHub.open({
    ...options.listen,
    links,
    names: options.host,
    tokenFile: options.tokenFile,
    cluster: cluster?.view,
    mesh: options.mesh,
  });
  cluster?.find(hub.workers, dialling);
  await hub.workers.refresh();
  for (const { link, missing } of hub.workers.all) {
    if (missing) say(`thresher: ${link.name}: ${missing.reason}`);
  }
  // A pod's log has more readers than a terminal.
  if (options.cluster) say("thresher: answers; `thresher proxy` leads here");
  else say(`thresher: open ${hub.pageUrl()} (good once, for ten minutes)`);
  await Promise.race([aborted(interruption.signal), cluster?.view.ended]
    .filter((end) => end !== undefined));
  return EXIT.INTERRUPTED;
}

/** @throws CommandError */
async function openCluster(options: HubCommandOptions): Promise<ClusterHub> {
  // What talks to clusters is loaded for those who have one.
  const { ClusterHub } = await import("./cluster_hub.ts");
  return await ClusterHub.open(options);
}

/** @throws CommandError */
async function readDialling(
  { secretFile, workerCa }: HubCommandOptions,
): Promise<Dialling> {
  return {
    secret: secretFile === undefined
      ? undefined
      : await readTextFile(secretFile, readSecret),
    ca: workerCa === undefined ? undefined : await readTextFile(workerCa),
  };
}

/** @throws CommandError */
function dialled(
  urls: readonly string[],
  dialling: Dialling,
): RemoteWorker[] {
  try {
    return urls.map((url) => new RemoteWorker(url, dialling));
  } catch (error) {
    if (!(error instanceof BadWorkerUrl)) throw error;
    throw new CommandError(EXIT.MISUSED, error.message, error);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
