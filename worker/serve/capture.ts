/** A capture that goes on, as whoever answers for it sees it. */
import type { CaptureState } from "../../api/worker.ts";

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
   * Captures from now on only what is from or to these addresses; all packets
   * if there are none given.
   *
   * @throws CannotCapture if they are too many
   */
  target(addresses: readonly string[] | undefined): Promise<void>;
}
