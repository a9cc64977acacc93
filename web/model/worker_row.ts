/** A worker in short: how it is, what it keeps and what it lost. */
import type { WorkerStatus } from "../../api/hub.ts";
import type { CaptureState } from "../../api/worker.ts";
import { counted, formatCount, formatSize, formatSpan } from "./format.ts";

/** How a worker is. */
export type Health =
  /** It captures, or answers for a savefile. */
  | "well"
  /** It answers, and something was or is lost. */
  | "troubled"
  | "missing";

/** What is said of one worker. */
export interface WorkerRow {
  readonly name: string;
  readonly health: Health;
  /** What it does, in a word or two. */
  readonly state: string;
  /** More of that: since when, where, or why not. */
  readonly about: string;
  /** `12 MB of 200 MB`; absent if it never told. */
  readonly kept?: string;
  /** Share of its limit, of 1; absent where there is no limit to speak of. */
  readonly share?: number;
  /** How long a stretch of time that is; absent of savefiles. */
  readonly reach?: string;
  readonly packets?: string;
  /** Packets that were captured and are nowhere, by cause; absent for none. */
  readonly dropped?: string;
}

/** Limits beyond it are none: savefiles are kept whole. */
const NO_LIMIT = 2 ** 50;

/** @param clock writes a time, µs since 1970, as the page shows them */
export function toWorkerRow(
  worker: WorkerStatus,
  clock: (time: number) => string,
): WorkerRow {
  const { name, state } = worker;
  const said = stateOf(worker, clock);
  if (!state) return { name, ...said };
  const { limit, used, packets, first, last } = state.storage;
  const isBounded = limit < NO_LIMIT;
  const dropped = state.capture && dropsOf(state.capture);
  return {
    name: state.node,
    ...said,
    kept: isBounded
      ? `${formatSize(used)} of ${formatSize(limit)}`
      : formatSize(used),
    ...isBounded && { share: Math.min(1, used / limit) },
    ...isBounded && first !== undefined && last !== undefined &&
      { reach: formatSpan(last - first) },
    packets: formatCount(packets),
    ...dropped && { dropped },
  };
}

function stateOf(
  { state, missing }: WorkerStatus,
  clock: (time: number) => string,
): Pick<WorkerRow, "health" | "state" | "about"> {
  if (missing) {
    const about = `since ${clock(missing.since)}: ${missing.reason}`;
    return { health: "missing", state: "Does not answer", about };
  }
  if (!state) return { health: "well", state: "Is asked", about: "" };
  const { capture } = state;
  if (!capture) {
    return { health: "well", state: "Stored packets", about: "a savefile" };
  }
  const where = capture.interfaces.join(", ") || "no interface";
  const since = `since ${clock(capture.since)} on ${where}`;
  if (capture.stopped) {
    return { health: "troubled", state: "Not storing", about: capture.stopped };
  }
  const health = dropsOf(capture) ? "troubled" : "well";
  return { health, state: "Captures", about: since };
}

/** What was lost, and where. */
function dropsOf({ droppedByKernel, notStored }: CaptureState): string {
  return [
    droppedByKernel > 0 &&
    `${counted(droppedByKernel, "packet")} by the kernel`,
    notStored > 0 && `${counted(notStored, "packet")} for want of room`,
  ].filter(Boolean).join(", ");
}

/** All of them, those that need a look first, then by name. */
export function toWorkerRows(
  workers: readonly WorkerStatus[],
  clock: (time: number) => string,
): WorkerRow[] {
  const order: readonly Health[] = ["missing", "troubled", "well"];
  return workers.map((worker) => toWorkerRow(worker, clock)).sort((a, b) =>
    order.indexOf(a.health) - order.indexOf(b.health) ||
    a.name.localeCompare(b.name, "en", { numeric: true })
  );
}
