/** What the capture thread and whoever started it say to each other. */
import type { RecoveryReport } from "../shards/recovery.ts";
import type { RecorderState } from "./recorder.ts";

/** What the thread is told when it starts. */
export interface CaptureOrder {
  /** Names of interfaces; `undefined` for all. */
  readonly interfaces: readonly string[] | undefined;
  /** A compiled expression, see `compileFilter`. */
  readonly expression: Uint8Array | undefined;
  readonly ringSize: number | undefined;
  readonly folder: string;
  readonly node: string;
  /** Bytes. */
  readonly storageLimit: number;
  /** Becomes readable when {@link control} has changed. */
  readonly wakeFd: number;
  /** Shared: not 0 once the thread shall end. */
  readonly control: Int32Array<SharedArrayBuffer>;
}

/** What the thread says. */
export type CaptureNews =
  | { readonly kind: "started"; readonly recovery: RecoveryReport }
  | { readonly kind: "state"; readonly state: RecorderState }
  | { readonly kind: "ended"; readonly state: RecorderState }
  | {
    readonly kind: "failed";
    readonly message: string;
    readonly denied: boolean;
  };
