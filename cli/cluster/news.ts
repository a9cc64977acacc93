/**
 * What is worth telling whoever watches an installation: only what is new, and
 * each thing once.
 */
import type { MeshStatus, WorkerStatus } from "../../api/hub.ts";
import type { CaptureState } from "../../api/worker.ts";
import type { Problem, Readiness } from "../../k8s/readiness.ts";

/** Pods that are told of at once. */
const MAX_PODS = 5;

/** What was told of a worker last. */
interface Told {
  readonly missing: string | undefined;
  readonly stopped: string | undefined;
  /** Packets that were lost. */
  readonly lost: number;
}

/** Keeps what was told. */
export class News {
  readonly #workers = new Map<string, Told>();
  #isSilent = false;
  #refusal: string | undefined;
  readonly #problems = new Set<string>();
  #unheard: ReadonlyMap<string, string> = new Map();

  /** What is in the way, and was not told before. */
  ofReadiness({ problems }: Readiness): string[] {
    const fresh = problems.filter((problem) => {
      const key = keyOf(problem);
      return !this.#problems.has(key) && this.#problems.add(key);
    });
    return fresh.map(describeProblem);
  }

  /**
   * Whether the hub answers.
   *
   * @param trouble why it does not
   */
  ofHub(trouble: string | undefined): string[] {
    const wasSilent = this.#isSilent;
    this.#isSilent = trouble !== undefined;
    if (trouble === undefined) {
      return wasSilent ? ["the hub answers again"] : [];
    }
    return wasSilent ? [] : [`${trouble}; trying again`];
  }

  /**
   * Whether the API server tells how the installation is.
   *
   * @param refusal why it does not
   */
  ofRefusal(refusal: string | undefined): string[] {
    const before = this.#refusal;
    this.#refusal = refusal;
    if (refusal !== undefined) return refusal === before ? [] : [refusal];
    return before === undefined ? [] : ["the cluster can be asked again"];
  }

  /** Pods whose networks cannot be entered, each once as long as it lasts. */
  ofMesh({ isEntered, first }: MeshStatus): string[] {
    if (!isEntered) return [];
    const before = this.#unheard;
    this.#unheard = new Map(
      first.map((
        { namespace, pod, reason = "" },
      ) => [`${namespace}/${pod}`, reason]),
    );
    const fresh = [...this.#unheard]
      .filter(([pod, reason]) => before.get(pod) !== reason);
    const more = fresh.length - MAX_PODS;
    return [
      ...fresh.slice(0, MAX_PODS)
        .map(([pod, reason]) => `${pod}: not heard inside: ${reason}`),
      ...(more > 0 ? [`and ${more} more pods are not heard inside`] : []),
    ];
  }

  /** What became of workers; nothing of those that go on as they were. */
  ofWorkers(workers: readonly WorkerStatus[]): string[] {
    const lines: string[] = [];
    const there = new Set<string>();
    for (const worker of workers) {
      const node = worker.state?.node ?? worker.name;
      there.add(node);
      const before = this.#workers.get(node);
      const { news, told } = compare(node, worker, before);
      lines.push(...news);
      this.#workers.set(node, told);
    }
    for (const node of this.#workers.keys()) {
      if (there.has(node)) continue;
      this.#workers.delete(node);
      lines.push(`${node}: its worker is gone`);
    }
    return lines;
  }
}

function compare(
  node: string,
  { missing, state }: WorkerStatus,
  before: Told | undefined,
): { readonly news: string[]; readonly told: Told } {
  const news: string[] = [];
  if (missing && !before?.missing) {
    news.push(`${node}: its worker does not answer: ${missing.reason}`);
  } else if (!missing && before?.missing) news.push(`${node}: back`);
  const capture = state?.capture;
  const stopped = capture?.stopped;
  if (stopped !== undefined && stopped !== before?.stopped) {
    news.push(`${node}: packets are not kept at the moment: ${stopped}`);
  } else if (stopped === undefined && before?.stopped !== undefined) {
    news.push(`${node}: packets are kept again`);
  }
  let lost = before?.lost ?? 0;
  const now = lostOf(capture);
  // A worker that was started anew counts from 0 again.
  if (now < lost) lost = 0;
  // Losses go on while one waits: each doubling is news enough.
  if (now > 0 && now >= 2 * lost) {
    lost = now;
    news.push(
      `${node}: packets come faster than they can be kept: ${now} were lost ` +
        "so far. Fewer pods (a POD-REGEX, -n, -l) may help",
    );
  }
  return { news, told: { missing: missing?.reason, stopped, lost } };
}

const lostOf = (capture: CaptureState | undefined): number =>
  (capture?.droppedByKernel ?? 0) + (capture?.notStored ?? 0);

/** One line, or more with a log's last words. */
export const describeProblem = ({ about, reason, message }: Problem): string =>
  message ? `${about}: ${reason}: ${message}` : `${about}: ${reason}`;

/** The same trouble has two names that alternate. */
const keyOf = ({ about, reason }: Problem): string =>
  `${about} ${reason === "ErrImagePull" ? "ImagePullBackOff" : reason}`;

/** For people: `hub ready, workers 2 of 3`. */
export const describeReadiness = ({ hub, workers }: Readiness): string =>
  `hub ${hub ? "ready" : "not ready yet"}, ` +
  `workers ${workers.ready} of ${workers.wanted}`;
