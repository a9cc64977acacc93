/** A worker, as a hub sees it. */
import type { Channel } from "./channel.ts";

/** The way to one worker, in this process or elsewhere. */
export interface WorkerLink {
  /** Where it is, for people: its URL, or what it reads. */
  readonly name: string;
  /**
   * A new channel, on which one query is asked.
   *
   * @throws Error that says why it cannot be reached
   */
  ask(): Promise<Channel>;
  /**
   * Asks one of its routes (`paths.ts`).
   *
   * @throws Error that says why it cannot be reached
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** What `GET /v1/state` gives. Times are µs since 1970, sizes bytes. */
export interface WorkerState {
  /** Of the node; stands in the ids of its entries. */
  readonly node: string;
  /** Of Thresher. */
  readonly version: string;
  readonly storage: StorageState;
  /** Absent where a savefile is read. */
  readonly capture?: CaptureState | undefined;
}

/** What is kept. */
export interface StorageState {
  readonly limit: number;
  /** Bytes of all files. */
  readonly used: number;
  readonly packets: number;
  /** Least and greatest time of the packets; absent without any. */
  readonly first?: number | undefined;
  readonly last?: number | undefined;
  readonly deletedUntil?: number | undefined;
}

/**
 * What `PUT /v1/targets` takes: whose packets are captured from now on. A
 * worker that was started with `--await-targets` captures nothing before the
 * first order; any other captures everything until one comes.
 */
export type TargetsOrder =
  & {
    /** Told back in `CaptureState.order`: whoever lacks it is told again. */
    readonly revision: string;
    /**
     * Pods whose own loopback interface is captured, too; absent for none. A
     * worker that was not started with `--mesh` passes them over.
     */
    readonly networks?: readonly PodNetwork[] | undefined;
  }
  & (
    | { readonly all: true }
    /** Packets of which an end is one of these; none at all if it is empty. */
    | { readonly all?: undefined; readonly ends: readonly TargetEnd[] }
  );

/** An end whose packets are captured. */
export interface TargetEnd {
  readonly ip: string;
  /**
   * Of TCP, UDP and SCTP: only these, for pods on their node's own address.
   * Absent for all that the address sends and gets.
   */
  readonly ports?: readonly number[] | undefined;
}

/** Ends that one order may name; of a node's own pods there are hundreds. */
export const MAX_TARGET_ENDS = 10_000;

/**
 * A pod of the worker's node that has a service mesh's proxy beside its
 * application. What these two tell each other passes the loopback interface of
 * the pod's own network, in the clear.
 */
export interface PodNetwork {
  /** As the kubelet has it in the names of the pod's cgroups. */
  readonly uid: string;
  readonly namespace: string;
  readonly pod: string;
  /** Addresses of the pod, by which what is said on its loopback is named. */
  readonly ips: readonly string[];
}

/** Networks that one order may name: a kubelet runs 110 pods, or some more. */
export const MAX_POD_NETWORKS = 500;

/** What became of the packets since the capture began. */
export interface CaptureState {
  readonly since: number;
  /** Revision of the last `TargetsOrder` that was taken; absent before one. */
  readonly order?: string | undefined;
  /** Names of the interfaces that it listens on. */
  readonly interfaces: readonly string[];
  /**
   * What became of the networks of the last order; absent where a worker
   * enters none (without `--mesh`).
   */
  readonly networks?: NetworksState | undefined;
  readonly packets: number;
  readonly bytes: number;
  /** Lost, for they were not taken out of the kernel's memory in time. */
  readonly droppedByKernel: number;
  /** Taken, and not stored for want of room. */
  readonly notStored: number;
  /** Left out: seen on another interface already. */
  readonly copies: number;
  /** Left out: what hub and worker tell each other. */
  readonly ownTraffic: number;
  /** Why nothing is stored at the moment; absent if all is well. */
  readonly stopped?: string | undefined;
}

/** Networks of pods, as a worker has them. */
export interface NetworksState {
  /** How many are captured. */
  readonly open: number;
  readonly failed: readonly FailedNetwork[];
}

/** A network that is not captured though it was asked for. */
export interface FailedNetwork {
  readonly namespace: string;
  readonly pod: string;
  /** In words, with what to do. */
  readonly reason: string;
}
