/**
 * Cgroups named as the kubelet names those of pods, so that processes here are
 * found as those of containers are. Needs root, and cgroups of either version.
 */
import { join } from "node:path";
import { sleep } from "./network.ts";

/** Where hierarchies are mounted: the second version's, or any of the first. */
const ROOTS = [
  "/sys/fs/cgroup",
  "/sys/fs/cgroup/unified",
  "/sys/fs/cgroup/pids",
];

/** How long the kernel may take to see that processes are gone, ms. */
const PATIENCE = 5000;

/** A pod of no more than its name. */
export class PodCgroup implements AsyncDisposable {
  readonly uid: string = crypto.randomUUID();
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws Error where none can be made */
  static create(): PodCgroup {
    const root = rootOf();
    if (root === undefined) throw new Error("There are no cgroups to write to");
    const pod = new PodCgroup(join(root, `thresher-${crypto.randomUUID()}`));
    Deno.mkdirSync(pod.#container, { recursive: true });
    return pod;
  }

  /** Makes a process one of the pod's; what it has started is none. */
  add(pid: number): void {
    Deno.writeTextFileSync(join(this.#container, "cgroup.procs"), `${pid}`);
  }

  get #container(): string {
    return join(this.#folder, `pod${this.uid}`, "c0ffee");
  }

  /** Its processes have ended, or are about to. */
  async [Symbol.asyncDispose](): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    const pod = join(this.#folder, `pod${this.uid}`);
    for (const folder of [this.#container, pod, this.#folder]) {
      while (!isRemoved(folder) && Date.now() < deadline) await sleep(20);
    }
  }
}

/** Whether pods' cgroups cannot be made here; then tests are skipped. */
export function lacksCgroups(): boolean {
  if (rootOf() !== undefined) return false;
  console.warn("Tests are skipped, for want of cgroups that can be written to");
  return true;
}

function rootOf(): string | undefined {
  return ROOTS.find((root) => {
    const trial = join(root, `thresher-trial-${crypto.randomUUID()}`);
    try {
      Deno.statSync(join(root, "cgroup.procs"));
      Deno.mkdirSync(trial);
      Deno.removeSync(trial);
      return true;
    } catch {
      // For whatever reason: then not there.
      return false;
    }
  });
}

/** A cgroup's folder is removed as it is, with all that seems to be in it. */
function isRemoved(folder: string): boolean {
  try {
    Deno.removeSync(folder);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}
