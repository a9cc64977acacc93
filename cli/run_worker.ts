/** Runs `worker`. */
import { hostname } from "node:os";
import { CannotCapture } from "../worker/capture/source.ts";
import { BadFilter, LiveCapture } from "../worker/live/live_capture.ts";
import type { RecorderState } from "../worker/live/recorder.ts";
import { isClean, type RecoveryReport } from "../worker/shards/recovery.ts";
import { DEFAULT_STORAGE_LIMIT } from "../worker/shards/store_writer.ts";
import { dataFolder } from "./data_folder.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { say } from "./output.ts";

/** What `worker` was told. */
export interface WorkerOptions {
  readonly interface?: readonly string[];
  readonly bpf?: string;
  readonly dataDir?: string;
  readonly storageLimit?: number;
  readonly store: "all";
  readonly ringSize?: number;
}

/** Captures until it is interrupted. */
export async function runWorker(options: WorkerOptions): Promise<ExitCode> {
  const folder = dataFolder(options.dataDir);
  const storageLimit = options.storageLimit ?? DEFAULT_STORAGE_LIMIT;
  using interruption = new Interruption();
  const troubles = new Troubles();
  try {
    const capture = await LiveCapture.start({
      interfaces: options.interface,
      bpf: options.bpf,
      ringSize: options.ringSize,
      folder,
      node: hostname(),
      storageLimit,
      onState: (state) => troubles.tell(state),
    });
    sayMended(capture.recovery);
    say(
      `thresher: capturing on ${options.interface?.join(", ") ?? "all"} ` +
        `interfaces into "${folder}", at most ${toText(storageLimit)}; ` +
        "Ctrl-C ends it",
    );
    interruption.signal.addEventListener("abort", () => void capture.stop());
    if (interruption.signal.aborted) void capture.stop();
    const state = await capture.ended;
    saySummary(state, folder);
    return EXIT.INTERRUPTED;
  } catch (error) {
    throw toCommandError(error);
  }
}

/** Says once when packets begin to be lost, and why. */
class Troubles {
  #stopped: RecorderState["stopped"];
  #droppedByKernel = 0;

  tell({ stopped, droppedByKernel }: RecorderState): void {
    if (stopped !== this.#stopped) {
      say(
        stopped
          ? `thresher: packets are not kept at the moment: ${stopped}`
          : "thresher: packets are kept again",
      );
      this.#stopped = stopped;
    }
    if (droppedByKernel > 0 && this.#droppedByKernel === 0) {
      say(
        "thresher: packets come faster than they can be kept; some are lost " +
          "and counted. A larger --ring-size or a --bpf filter may help",
      );
    }
    this.#droppedByKernel = droppedByKernel;
  }
}

function saySummary(state: RecorderState, folder: string): void {
  const { packets, bytes, droppedByKernel, notStored, copies } = state;
  const seenAgain = copies > 0
    ? `, and ${copies} copies from other interfaces were not kept`
    : "";
  say(
    `thresher: ${packets} packets (${toText(bytes)}) were captured; the ` +
      `kernel dropped ${droppedByKernel}, ${notStored} found no room` +
      `${seenAgain}. The packets are kept in "${folder}"`,
  );
}

function sayMended(recovery: RecoveryReport): void {
  if (isClean(recovery)) return;
  const bytes = recovery.cut.reduce((sum, { bytes }) => sum + bytes, 0);
  say(
    "thresher: the last capture into this folder did not end cleanly: " +
      `${bytes} bytes of a torn record were cut, ` +
      `${recovery.rebuilt.length} indexes made anew, and ` +
      `${recovery.unreadable.length} shards cannot be read`,
  );
}

/** Bytes for people, in the units of `--storage-limit`. */
function toText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}

function toCommandError(error: unknown): unknown {
  if (error instanceof BadFilter) {
    return new CommandError(EXIT.MISUSED, error.message, error);
  }
  if (!(error instanceof CannotCapture)) return error;
  const code = error.denied ? EXIT.NO_RIGHT : EXIT.FAILED;
  return new CommandError(code, error.message, error);
}
