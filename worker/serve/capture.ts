/** A capture that goes on, as whoever answers for it sees it. */
import type { CaptureState, TargetsOrder } from "../../api/worker.ts";

/** What fills the data folder. */
export interface Capture {
  readonly state: CaptureState;
  /**
   * Calls the listener soon after packets were stored.
   *
   * @returns ends that
   */
  onStored(listener: () => void): () => void;
  /** @throws CannotCapture if it is too little */
  setStorageLimit(bytes: number): Promise<void>;
  /**
   * Captures from now on what an order says, and says so in its state.
   *
   * @throws CannotCapture
   */
  target(order: TargetsOrder): Promise<void>;
}
