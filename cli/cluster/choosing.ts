/** What `tap` taps: a cluster, or this machine (DESIGN §8). */
import {
  type ClusterAccess,
  fromKubeconfig,
  kubeconfigFiles,
} from "../../k8s/access.ts";
import { Client, isFault } from "../../k8s/client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { say } from "../output.ts";
import { accessFor, describeAccess } from "./connect.ts";
import type { SelectionOptions } from "./selection.ts";
import type { ClusterOptions } from "./options.ts";

/** How long a cluster that nobody named may take to answer, ms. */
const REACH_MS = 5000;

/** What decides. */
export interface Choice extends ClusterOptions, SelectionOptions {
  readonly regex: string | undefined;
  readonly local?: true;
  readonly pcap?: readonly string[];
  readonly interface?: readonly string[];
  readonly bpf?: string;
  readonly dataDir?: string;
  readonly ringSize?: number;
  readonly dryRun?: true;
  readonly output?: string;
  readonly registry?: string;
  readonly imagePullSecret?: readonly string[];
  readonly keep?: true;
  readonly mesh?: true;
  readonly duration?: number;
}

/** Options that have no meaning here, by how they are written. */
const IN_CLUSTER = {
  context: "--context",
  kubeconfig: "--kubeconfig",
  installNamespace: "--install-namespace",
  dryRun: "--dry-run",
  output: "--output",
  registry: "--registry",
  imagePullSecret: "--image-pull-secret",
  keep: "--keep",
  mesh: "--mesh",
  duration: "--duration",
  namespaces: "--namespaces",
  allNamespaces: "--all-namespaces",
  excludeNamespaces: "--exclude-namespaces",
  selector: "--selector",
} as const satisfies Partial<Record<keyof Choice, string>>;

/** Options that have no meaning in a cluster. */
const ON_MACHINE = {
  local: "--local",
  pcap: "--pcap",
  interface: "--interface",
  bpf: "--bpf",
  dataDir: "--data-dir",
  ringSize: "--ring-size",
} as const satisfies Partial<Record<keyof Choice, string>>;

/**
 * The cluster that is meant; `undefined` for this machine.
 *
 * @param isConfigured of an option by its name: such a value is for when it is
 *     of use, and decides nothing, but for --local, --context and --kubeconfig
 * @param signal ends waiting for an answer on the terminal
 * @throws CommandError, ClusterError
 */
export async function chooseCluster(
  choice: Choice,
  signal: AbortSignal,
  isConfigured: (name: string) => boolean = () => false,
): Promise<ClusterAccess | undefined> {
  const here = firstGiven(choice, ON_MACHINE, isConfigured);
  const there = choice.regex === undefined
    ? firstGiven(choice, IN_CLUSTER, isConfigured)
    : "POD-REGEX";
  if (here && there) {
    throw new CommandError(
      EXIT.MISUSED,
      `${here} is about this machine and ${there} about a cluster: give one`,
    );
  }
  if (here) return undefined;
  if (choice.output !== undefined && !choice.dryRun) {
    throw new CommandError(EXIT.MISUSED, "--output belongs to --dry-run");
  }
  if (!there && choice.local) return undefined;
  if (there || choice.context || choice.kubeconfig) {
    const access = await accessFor(choice);
    say(`thresher: ${describeAccess(access)}`);
    return access;
  }
  const access = await fromKubeconfig(kubeconfigFiles());
  if (!access) {
    say("thresher: there is no kubectl context, so this machine is captured");
    return undefined;
  }
  say(`thresher: ${describeAccess(access)}`);
  if (await isReached(access)) return access;
  await agreeToThisMachine(access, signal);
  return undefined;
}

const firstGiven = (
  choice: Choice,
  options: Partial<Record<keyof Choice, string>>,
  isConfigured: (name: string) => boolean,
): string | undefined =>
  Object.entries(options).find(([name]) =>
    choice[name as keyof Choice] !== undefined && !isConfigured(name)
  )?.[1];

/** Whether it answers, whatever it does. */
async function isReached(access: ClusterAccess): Promise<boolean> {
  using client = new Client(access);
  try {
    await client.version({ timeoutMs: REACH_MS });
    return true;
  } catch (error) {
    if (!isFault(error, "unreachable")) throw error;
    say(`thresher: ${error.message}`);
    return false;
  }
}

/**
 * Asks whether to capture this machine instead.
 *
 * @throws CommandError if nobody can be asked, or says no
 */
async function agreeToThisMachine(
  { context }: ClusterAccess,
  signal: AbortSignal,
): Promise<void> {
  const canAsk = Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
  if (canAsk && await says("capture this machine instead? [y/N] ", signal)) {
    return;
  }
  throw new CommandError(
    EXIT.NOT_READY,
    `The cluster of context "${context}" cannot be reached: choose another ` +
      "with --context, or capture this machine with --local",
  );
}

/** Whether the user agrees. */
async function says(question: string, signal: AbortSignal): Promise<boolean> {
  Deno.stderr.writeSync(new TextEncoder().encode(`thresher: ${question}`));
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), {
      once: true,
    })
  );
  const buffer = new Uint8Array(64);
  const count = await Promise.race([Deno.stdin.read(buffer), aborted]);
  const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  return /^\s*y(es)?\s*$/i.test(answer);
}
