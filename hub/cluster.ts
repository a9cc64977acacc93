/** What a hub asks of whoever watches its cluster. */
import type {
  ClusterStatus,
  LostKind,
  TargetSelection,
  TargetsPreview,
} from "../api/hub.ts";
import type { PodNetwork, TargetEnd } from "../api/worker.ts";
import type { NameSource } from "./names.ts";

/** A cluster that is watched. */
export interface Cluster {
  /** How well it is known. */
  status(): ClusterStatus;
  /** Tells that this has changed, until disposed of. */
  listen(changed: () => void): Disposable;
  readonly targets: PodPicker;
  /** What its addresses are called, and were. */
  readonly names: NameSource;
}

/** What an answer's reader has to know of it; nothing if all is well. */
export function warningsOf({ isReady, lost }: ClusterStatus): string[] {
  if (!isReady) {
    return [
      `Ends have no names yet: ${
        lost[0]?.reason ?? "the cluster is being listed"
      }`,
    ];
  }
  const byReason = Map.groupBy(lost, ({ reason }) => reason);
  return [...byReason].map(([reason, kinds]) => {
    const since = Math.min(...kinds.map(({ since }) => since));
    const names = kinds.map(({ kind }) => WORDS[kind]).join(", ");
    const time = new Date(since / 1000).toISOString();
    return `What is known of ${names} may be out of date since ${time}: ${reason}`;
  });
}

const WORDS: Readonly<Record<LostKind["kind"], string>> = {
  pods: "pods",
  services: "services",
  slices: "endpoint slices",
  nodes: "nodes",
};

/** Which pods are captured. */
export interface PodPicker {
  /** Whether the pods are known: before, nobody is told what to capture. */
  readonly isKnown: boolean;
  /** What is picked now. */
  toPreview(): TargetsPreview;
  /**
   * What another selection would pick.
   *
   * @throws BadSelection
   */
  preview(selection: TargetSelection): TargetsPreview;
  /** @throws BadSelection, and then the selection stays as it was */
  select(selection: TargetSelection): void;
  /** What to capture on a node; `undefined` for everything. */
  endsOn(node: string): readonly TargetEnd[] | undefined;
  /**
   * Networks of those pods of a node that have a service mesh's proxy; in an
   * order that stays.
   */
  networksOn(node: string): readonly PodNetwork[];
  /** How many pods of a node are picked. */
  countOn(node: string): number;
  /** Nodes that have picked pods. */
  nodes(): Iterable<string>;
  /** Tells that something else is picked than before, until disposed of. */
  listen(changed: () => void): Disposable;
}
