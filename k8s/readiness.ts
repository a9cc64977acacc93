/**
 * How far an installation is, and why it is no further.
 *
 * Reasons alternate (`ErrImagePull` with `ImagePullBackOff`), some stand only
 * in events (a DaemonSet whose pods are forbidden), and a probe that fails in
 * a pod's first second is normal. So each look gathers whatever explains the
 * present state, and whoever shows it shows the latest.
 */
import { type Client, isFault } from "./client.ts";
import { unlessAway } from "./cluster_error.ts";
import { LABELS, NAMES, OURS } from "./identity.ts";
import type {
  Condition,
  ContainerStatus,
  Event,
  Pod,
  Workload,
} from "./objects.ts";
import { DAEMON_SETS, DEPLOYMENTS, EVENTS, PODS } from "./resource.ts";

/** Something that is in the way. */
export interface Problem {
  /** For people: `pod thresher-hub-5d8f-x on node-a`. */
  readonly about: string;
  /** As Kubernetes names it: `ImagePullBackOff`. */
  readonly reason: string;
  readonly message: string;
}

/** How far an installation is. */
export interface Readiness {
  readonly hub: boolean;
  readonly workers: { readonly ready: number; readonly wanted: number };
  /** Nodes whose worker is not ready. */
  readonly missing: readonly string[];
  readonly problems: readonly Problem[];
}

/** How often it is looked at, in ms. */
const LOOK_MS = 500;

/** Lines of a crashed container's log that are shown. */
const LOG_LINES = 5;

/** Enough to work with: the hub and a worker; the others may come later. */
export const isUsable = ({ hub, workers }: Readiness): boolean =>
  hub && workers.ready > 0;

export const isComplete = ({ hub, workers }: Readiness): boolean =>
  hub && workers.wanted > 0 && workers.ready === workers.wanted;

/**
 * Looks again and again, until it is complete or the signal says so. While
 * the API server is away, it waits.
 */
export async function* watchReadiness(
  client: Client,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<Readiness, void> {
  while (!signal.aborted) {
    const state = await unlessAway(readReadiness(client, namespace));
    if (state) yield state;
    if (state && isComplete(state)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** One look. */
export async function readReadiness(
  client: Client,
  namespace: string,
): Promise<Readiness> {
  const [hub, worker, pods, events] = await Promise.all([
    client.get<Workload>(DEPLOYMENTS, NAMES.hub, namespace),
    client.get<Workload>(DAEMON_SETS, NAMES.worker, namespace),
    client.listAll<Pod>(PODS, { namespace, labels: OURS }),
    client.listAll<Event>(EVENTS, { namespace }),
  ]);
  const crashes = await Promise.all(
    pods.map((pod) => crashOf(client, pod)),
  );
  const workers = pods.filter(({ metadata }) =>
    metadata?.labels?.[LABELS.component] === "worker"
  );
  return {
    hub: isCurrent(hub) && (hub?.status?.readyReplicas ?? 0) > 0,
    workers: {
      // Until the controller has seen the change, its numbers are the old ones.
      ready: isCurrent(worker) ? worker?.status?.numberReady ?? 0 : 0,
      wanted: worker?.status?.desiredNumberScheduled ?? 0,
    },
    missing: workers.filter((pod) => !isReady(pod))
      .map(({ spec }) => spec?.nodeName ?? "a node"),
    problems: [
      ...pods.flatMap(problemsOfPod),
      ...crashes.filter((problem) => problem !== undefined),
      ...events.flatMap((event) => problemOfEvent(event, pods)),
    ],
  };
}

const isCurrent = (workload: Workload | undefined): boolean =>
  (workload?.status?.observedGeneration ?? 0) >=
    (workload?.metadata?.generation ?? 0);

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status }) =>
    type === "Ready" && status === "True"
  ) ?? false;

const called = ({ metadata, spec }: Pod): string =>
  `pod ${metadata?.name}${spec?.nodeName ? ` on ${spec.nodeName}` : ""}`;

/** States that pass by themselves. */
const PASSING = new Set(["ContainerCreating", "PodInitializing"]);

function problemsOfPod(pod: Pod): Problem[] {
  const about = called(pod);
  const unscheduled = pod.status?.conditions?.filter(isUnscheduled) ?? [];
  return [
    ...unscheduled.map(({ reason = "", message = "" }) => ({
      about,
      reason,
      message,
    })),
    ...statusesOf(pod).flatMap(({ state }) => {
      const { reason = "", message = "" } = state?.waiting ?? {};
      const isShown = state?.waiting && !PASSING.has(reason) &&
        reason !== "CrashLoopBackOff"; // which has a log to show
      return isShown ? [{ about, reason, message }] : [];
    }),
  ];
}

const isUnscheduled = ({ type, status }: Condition): boolean =>
  type === "PodScheduled" && status === "False";

const statusesOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...status?.initContainerStatuses ?? [],
  ...status?.containerStatuses ?? [],
];

/** A container that ended by itself, with its last words. */
async function crashOf(client: Client, pod: Pod): Promise<Problem | undefined> {
  const crashed = statusesOf(pod).find(({ state, lastState, restartCount }) =>
    (state?.terminated?.exitCode ?? 0) !== 0 ||
    (restartCount ?? 0) > 0 && (lastState?.terminated?.exitCode ?? 0) !== 0 &&
      !state?.running
  );
  if (!crashed) return undefined;
  const ended = crashed.state?.terminated ?? crashed.lastState?.terminated;
  const { name = "", namespace = "" } = pod.metadata ?? {};
  const words = await lastWords(client, name, namespace, crashed.name);
  return {
    about: called(pod),
    reason: ended?.reason ?? "Error",
    message: `ended with ${ended?.exitCode}${words && `:\n${words}`}`,
  };
}

async function lastWords(
  client: Client,
  pod: string,
  namespace: string,
  container: string,
): Promise<string> {
  try {
    // Without `previous`, which a collected container no longer has.
    const log = await client.log(pod, namespace, {
      container,
      tailLines: LOG_LINES,
    });
    return (await new Response(log).text()).trimEnd();
  } catch (error) {
    const isGone = isFault(error, "missing") || isFault(error, "invalid") ||
      isFault(error, "forbidden");
    if (!isGone) throw error;
    return "";
  }
}

/** Events that explain why something is not there. */
const TELLING = new Set([
  "FailedCreate",
  "FailedScheduling",
  "FailedMount",
  "FailedCreatePodSandBox",
  "Failed",
]);

function problemOfEvent(event: Event, pods: readonly Pod[]): Problem[] {
  const { type, reason = "", message = "", involvedObject = {} } = event;
  if (type !== "Warning" || !TELLING.has(reason)) return [];
  const { kind = "", name = "", uid } = involvedObject;
  if (kind === "Pod") {
    const pod = pods.find(({ metadata }) => metadata?.uid === uid);
    // Its own state says most of it, and what it got over is over.
    if (!pod || isReady(pod) || reason === "Failed") return [];
    return [{ about: called(pod), reason, message }];
  }
  const isOurs = name === NAMES.worker || name.startsWith(`${NAMES.hub}-`);
  const component = name === NAMES.worker ? "worker" : "hub";
  const isOver = pods.some(({ metadata }) =>
    metadata?.labels?.[LABELS.component] === component
  );
  return isOurs && !isOver
    ? [{ about: `${kind} ${name}`, reason, message }]
    : [];
}
