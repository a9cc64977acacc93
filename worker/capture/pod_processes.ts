/**
 * Which network a pod is in, by the processes of its containers: their cgroups
 * are named after the pod (`cgroups(7)`, and the kubelet's naming of them), and
 * `/proc/PID/ns/net` is their network (`network_namespaces(7)`).
 */

/** What is known of the processes of a node. */
export interface Processes {
  /** Their numbers, the least first: a pod's oldest before the others. */
  list(): readonly number[];
  /** What `/proc/PID/cgroup` says; `undefined` if the process is gone. */
  cgroup(pid: number): string | undefined;
  /**
   * The network it is in, by a text that no other network has as long as it
   * lives; `undefined` if the process is gone.
   *
   * @throws Deno.errors.PermissionDenied
   */
  network(pid: number): string | undefined;
  /** The same of the thread that asks. */
  own(): string;
}

/** The process that began first has the least number, until they wrap. */
const INIT = 1;

/** The processes that `/proc` shows. */
export const PROC: Processes = {
  list: () =>
    [...Deno.readDirSync("/proc")]
      .map(({ name }) => Number(name))
      .filter((pid) => pid > 0)
      .sort((a, b) => a - b),
  cgroup: (pid) =>
    unlessGone(() => Deno.readTextFileSync(`/proc/${pid}/cgroup`)),
  network: (pid) => unlessGone(() => Deno.readLinkSync(pathOf(pid))),
  own: () => Deno.readLinkSync(pathOf("thread-self")),
};

/** The file that stands for the network of a process. */
export function pathOf(pid: number | "thread-self"): string {
  return `/proc/${pid}/ns/net`;
}

/** Gives `undefined` where the process has ended. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // ESRCH, of which Deno makes no error of its own.
    const isGone = error instanceof Deno.errors.NotFound ||
      error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!isGone) throw error;
    return undefined;
  }
}

/**
 * A pod's uid in the name of a cgroup: `pod`, and as the kubelet writes it, or
 * with `_` for `-`, as systemd's slices want it. Static pods have no dashes.
 */
const POD =
  /[/-]pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?=[./:]|$)/g;

/**
 * The uid of the pod that a process belongs to.
 *
 * @param cgroup as `/proc/PID/cgroup` has it, of either version
 * @returns that of the innermost pod; `undefined` if it is in none
 */
export function podOf(cgroup: string): string | undefined {
  for (const line of cgroup.split("\n")) {
    const uid = [...line.matchAll(POD)].at(-1)?.[1];
    if (uid !== undefined) return uid.replaceAll("_", "-");
  }
  return undefined;
}

/** Where a pod's network was found. */
export interface FoundNetwork {
  /** The process by which it was. */
  readonly pid: number;
  /** As {@link Processes.network}. */
  readonly network: string;
}

/** Why it was not. */
export type Unfound =
  /** The pod has no process, as far as we see. */
  | "no process"
  /** It uses the network of its node. */
  | "node's network"
  | "denied";

/**
 * Finds the networks of pods. Takes a millisecond for some dozens of processes.
 *
 * @param uids of the pods
 * @returns of each pod where it is, or why that is not known
 */
export function findNetworks(
  uids: Iterable<string>,
  processes: Processes,
): Map<string, FoundNetwork | Unfound> {
  const found = new Map<string, FoundNetwork | Unfound>();
  for (const uid of uids) found.set(uid, "no process");
  if (found.size === 0) return found;
  let left = found.size;
  const nodes = [processes.own(), networkUnlessDenied(processes, INIT)];
  for (const pid of processes.list()) {
    if (left === 0) break;
    const uid = podOf(processes.cgroup(pid) ?? "");
    if (uid === undefined || found.get(uid) !== "no process") continue;
    const network = networkUnlessDenied(processes, pid);
    if (network === undefined) continue;
    found.set(uid, toFound(pid, network, nodes));
    left--;
  }
  return found;
}

function toFound(
  pid: number,
  network: string,
  nodes: readonly (string | undefined)[],
): FoundNetwork | Unfound {
  if (network === DENIED) return DENIED;
  return nodes.includes(network) ? "node's network" : { pid, network };
}

const DENIED = "denied";

/** {@link Processes.network}, or that we may not know. */
function networkUnlessDenied(
  processes: Processes,
  pid: number,
): string | undefined {
  try {
    return processes.network(pid);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    return DENIED;
  }
}
