/** Runs `worker`. */
import { Capturing, type CapturingOptions } from "./capturing.ts";
import { dataFolder } from "./data_folder.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import {
  answerFor,
  type ListenOptions,
  ownTraffic,
  readListens,
} from "./worker_server.ts";

/** What `worker` was told. */
export interface WorkerOptions extends CapturingOptions, ListenOptions {
  readonly dataDir?: string;
}

/** Captures, and answers if it is to, until it is interrupted. */
export async function runWorker(options: WorkerOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const listens = await readListens(options);
  const folder = dataFolder(options.dataDir);
  const own = listens && ownTraffic(listens);
  const capturing = await Capturing.start(options, folder, {
    own,
    dropsRights: true,
  });
  signal.addEventListener("abort", () => capturing.stop());
  if (signal.aborted) capturing.stop();
  try {
    await using _server = listens && await answerFor(capturing, listens);
    await capturing.ended;
  } catch (error) {
    capturing.stop();
    await capturing.ended.catch(() => {});
    throw error;
  }
  return EXIT.INTERRUPTED;
}
