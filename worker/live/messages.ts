/** What the capture thread and whoever started it say to each other. */
import type { Aim } from "../capture/source.ts";
import type { RecoveryReport } from "../shards/recovery.ts";
import type { QueueMemory } from "./probe_queue.ts";
import type { RecorderState } from "./recorder.ts";

/** What the capture thread and the one that probes flows share. */
export interface SharedProbing {
  readonly queue: QueueMemory;
  /** The flows' slots. */
  readonly slots: SharedArrayBuffer;
}

/** What the thread is told when it starts. */
export interface CaptureStart {
  /** Names of interfaces; `undefined` for all. */
  readonly interfaces: readonly string[] | undefined;
  /** Another network than this process is in. */
  readonly network: string | undefined;
  /** Whether networks of pods are entered, as {@link aim} names them. */
  readonly entersPods: boolean;
  /** A compiled expression, see `compileFilter`. */
  readonly expression: Uint8Array | undefined;
  readonly aim: Aim;
  readonly ringSize: number | undefined;
  /** Memory shared with the thread that probes flows, if one does. */
  readonly probing: SharedProbing | undefined;
  readonly folder: string;
  readonly node: string;
  /** Bytes. */
  readonly storageLimit: number;
  /**
   * An `eventfd`, to which 1 is added with each order: the thread waits in the
   * kernel, where it hears no message.
   */
  readonly wakeFd: number;
}

/** What it is told while it runs. All but `stop` are answered, in order. */
export type CaptureOrder =
  | { readonly kind: "stop" }
  | { readonly kind: "aim"; readonly aim: Aim }
  | { readonly kind: "storage limit"; readonly storageLimit: number }
  /** Whether to say that packets were stored. */
  | { readonly kind: "listen"; readonly isHeard: boolean };

/** What the thread says. */
export type CaptureNews =
  | { readonly kind: "started"; readonly recovery: RecoveryReport }
  | { readonly kind: "state"; readonly state: RecorderState }
  /** Packets were stored since this was said last. */
  | { readonly kind: "stored" }
  /** The oldest order was obeyed, unless it cannot be: then why. */
  | { readonly kind: "answer"; readonly refusal: string | undefined }
  | { readonly kind: "ended"; readonly state: RecorderState }
  | {
    readonly kind: "failed";
    readonly message: string;
    readonly denied: boolean;
  };
