/**
 * What the formats of savefiles have in common.
 */
import type { FrameBatch, Interface, Records } from "./frame.ts";
import type { Window } from "./source.ts";

/** Bytes of one frame: more than any interface sends, segments joined. */
export const MAX_FRAME = 16 * 1024 * 1024;

/** What a file keeps to decrypt its traffic with, such as a TLS key log. */
export interface Secrets {
  /** Of which kind, see {@link SECRETS}. */
  readonly type: number;
  readonly data: Uint8Array;
}

/** Kinds of secrets (draft-ietf-opsawg-pcapng §4.7). */
export const SECRETS = { TLS_KEY_LOG: 0x544c534b } as const;

/** Reads one kind of savefile. */
export interface Format {
  /** How its frames stand in the window. */
  readonly records: Records;
  /** What has been described so far. */
  readonly interfaces: readonly Interface[];
  readonly secrets: readonly Secrets[];
  /** Frames that the capturing machine says it lost. */
  readonly dropped: number;

  /**
   * Adds the frames that are whole in the window to the batch, and moves the
   * window on. The window is not filled while the batch has rows.
   *
   * @returns bytes of which the next record consists, as far as is known; 0
   *   when the batch is full
   * @throws Damage; the rows added before count
   */
  read(window: Window, batch: FrameBatch): number;
}

/** A savefile that breaks off or contradicts itself. */
export class Damage extends Error {
  override name = "Damage";

  /**
   * @param what a noun, such as "a record that is cut off"
   * @param position of the record's or block's first byte in the file
   */
  constructor(what: string, position: number) {
    super(`${what} at byte ${position}`);
  }
}
