/** Runs `hub`. */
import {
  BadWorkerUrl,
  readSecret,
  RemoteWorker,
} from "../hub/remote_worker.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { type Listening, OpenHub } from "./open_hub.ts";
import { say } from "./output.ts";
import { readTextFile } from "./text_file.ts";

/** What `hub` was told. */
export interface HubCommandOptions {
  readonly worker: readonly string[];
  readonly listen: Listening;
  readonly host?: readonly string[];
  readonly secretFile?: string;
  readonly workerCa?: string;
  readonly tokenFile?: string;
}

/** Answers until it is interrupted. */
export async function runHub(options: HubCommandOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const links = await dialled(options);
  await using hub = await OpenHub.open({
    ...options.listen,
    links,
    names: options.host,
    tokenFile: options.tokenFile,
  });
  await hub.workers.refresh();
  for (const { link, missing } of hub.workers.all) {
    if (missing) say(`thresher: ${link.name}: ${missing.reason}`);
  }
  say(`thresher: open ${hub.pageUrl()} (good once, for ten minutes)`);
  await aborted(interruption.signal);
  return EXIT.INTERRUPTED;
}

/** @throws CommandError */
async function dialled(options: HubCommandOptions): Promise<RemoteWorker[]> {
  const secret = options.secretFile === undefined
    ? undefined
    : await readTextFile(options.secretFile, readSecret);
  const ca = options.workerCa === undefined
    ? undefined
    : await readTextFile(options.workerCa);
  try {
    return options.worker.map((url) => new RemoteWorker(url, { secret, ca }));
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
