/** Runs `worker`. */
import { Capturing, type CapturingOptions } from "./capturing.ts";
import { dataFolder } from "./data_folder.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { Interruption } from "./interruption.ts";

/** What `worker` was told. */
export interface WorkerOptions extends CapturingOptions {
  readonly dataDir?: string;
}

/** Captures until it is interrupted. */
export async function runWorker(options: WorkerOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const folder = dataFolder(options.dataDir);
  const capturing = await Capturing.start(options, folder);
  signal.addEventListener("abort", () => capturing.stop());
  if (signal.aborted) capturing.stop();
  await capturing.ended;
  return EXIT.INTERRUPTED;
}
