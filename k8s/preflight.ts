/** What to know of a cluster before anything is made in it. */
import { type Client, groupAndPlural, isFault, type Right } from "./client.ts";
import { ClusterError } from "./cluster_error.ts";
import { LABELS, OURS } from "./identity.ts";
import { OPENSHIFT, type Settings, tailored } from "./installation.ts";
import type { KubeObject, Namespace, Node, Workload } from "./objects.ts";
import {
  DAEMON_SETS,
  DEPLOYMENTS,
  NAMESPACES,
  NODES,
  resourceOf,
  SECURITY_CONTEXT_CONSTRAINTS,
} from "./resource.ts";

/** The oldest Kubernetes on which all that is used is there: 1.25. */
const OLDEST_MINOR = 25;

/** A right that is needed, and whether it is there. */
export interface Checked extends Right {
  readonly allowed: boolean;
}

/** An installation that is there already. */
export interface Installed {
  readonly namespace: string;
  readonly version: string | undefined;
  readonly instance: string | undefined;
  /** When it was made, RFC 3339. */
  readonly since: string | undefined;
  /** Whether its workers enter the networks of pods (`--mesh`). */
  readonly mesh: boolean;
}

/** What was found. */
export interface Preflight {
  /** `v1.36.2`. */
  readonly version: string;
  readonly rights: readonly Checked[];
  readonly installed: readonly Installed[];
  /** Nodes on which a worker will run; absent if they may not be listed. */
  readonly nodes: number | undefined;
  /** Whether the namespace is there, and not by us. */
  readonly isForeignNamespace: boolean;
  /** What will not work, or not well, each with what to do. */
  readonly warnings: readonly string[];
}

/**
 * Looks at the cluster, and changes nothing.
 *
 * Whether the worker may run as it is meant to (host network, and with `--mesh`
 * host processes and SYS_ADMIN) is asked of the server where the namespace is
 * there already; one that is made allows it, by its labels.
 */
export async function preflight(
  client: Client,
  objects: readonly KubeObject[],
  namespace: string,
): Promise<Preflight> {
  const [version, rights, installed, home, nodes] = await Promise
    .all([
      client.version(),
      checkRights(client, objects, namespace),
      findInstalled(client, namespace),
      readable(client.get<Namespace>(NAMESPACES, namespace)),
      readable(client.listAll<Node>(NODES)),
    ]);
  const isForeignNamespace = home !== undefined &&
    home.metadata?.labels?.[LABELS.manager] !== "thresher-cli";
  const systems = (nodes ?? []).map((node) =>
    node.status?.nodeInfo?.operatingSystem ?? "linux"
  );
  const linux = systems.filter((system) => system === "linux").length;
  const refusals = isForeignNamespace
    ? [...ofNamespace(home), ...await refusalsOf(client, objects)]
    : [];
  return {
    version,
    rights,
    installed,
    nodes: nodes && linux,
    isForeignNamespace,
    warnings: [
      ...ofVersion(version),
      ...refusals,
      ...ofNodes(nodes ?? [], systems.length - linux),
    ],
  };
}

const AUTOPILOT = "GKE Autopilot refuses NET_RAW and the host's network, and " +
  "what --mesh takes, to all but workloads on its own list: workers will not " +
  "start there";

function ofVersion(version: string): string[] {
  const minor = Number(/^v1\.(\d+)/.exec(version)?.[1] ?? NaN);
  return minor < OLDEST_MINOR
    ? [`Kubernetes ${version} is older than 1.${OLDEST_MINOR}`]
    : [];
}

function ofNamespace({ metadata }: Namespace): string[] {
  const label = "pod-security.kubernetes.io/enforce";
  const level = metadata?.labels?.[label];
  if (level === undefined || level === "privileged") return [];
  return [
    `Namespace ${metadata?.name} enforces PodSecurity "${level}", which no ` +
    `worker passes: choose another with --install-namespace`,
  ];
}

/** What policies of the cluster say to the worker, were it made now. */
async function refusalsOf(
  client: Client,
  objects: readonly KubeObject[],
): Promise<string[]> {
  const worker = objects.find(({ kind }) => kind === DAEMON_SETS.kind);
  if (!worker) return [];
  try {
    await client.apply(worker, { dryRun: true });
    return [];
  } catch (error) {
    if (!(error instanceof ClusterError) || error.isPassing) throw error;
    // A right that is missing stands in the table.
    if (/ cannot (patch|create) resource /.test(error.message)) return [];
    return [`The cluster refuses the worker: ${error.message}`];
  }
}

function ofNodes(nodes: readonly Node[], others: number): string[] {
  const isAutopilot = nodes.some(({ metadata }) =>
    metadata?.labels?.["cloud.google.com/gke-provisioning"] !== undefined &&
    metadata.name?.startsWith("gk3-")
  );
  return [
    ...(isAutopilot ? [AUTOPILOT] : []),
    ...(others > 0 ? [`${others} nodes are not Linux, and are left out`] : []),
  ];
}

/**
 * What OpenShift has to be given besides, so that pods may be as they are; none
 * elsewhere.
 */
export async function openShiftObjects(
  client: Client,
  settings: Settings,
): Promise<KubeObject[]> {
  const isOpenShift = await client.hasGroup(SECURITY_CONTEXT_CONSTRAINTS.group);
  return isOpenShift ? tailored(OPENSHIFT, settings) : [];
}

/** Everything that installing, using and removing takes. */
export function rightsFor(
  objects: readonly KubeObject[],
  namespace: string,
): Right[] {
  const made = objects.flatMap((object) => {
    const resource = resourceOf(object);
    const where = resource.namespaced ? { namespace } : {};
    return ["create", "patch", "delete", "list"].map((verb) => ({
      verb,
      ...groupAndPlural(resource),
      ...where,
    }));
  });
  const used: [verb: string, resource: string][] = [
    ["list", "pods"],
    ["list", "events"],
    ["get", "secrets"],
    ["get", "pods/log"],
    ["get", "pods/portforward"],
    ["create", "pods/portforward"],
  ];
  const all = [
    ...made,
    ...used.map(([verb, resource]) => ({
      verb,
      group: "",
      resource,
      namespace,
    })),
  ];
  // Of several services one is enough to ask for.
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}

async function checkRights(
  client: Client,
  objects: readonly KubeObject[],
  namespace: string,
): Promise<Checked[]> {
  const rights = rightsFor(objects, namespace);
  return await Promise.all(
    rights.map(async (right) => ({
      ...right,
      allowed: await client.may(right),
    })),
  );
}

/**
 * Every installation that this account can see.
 *
 * @param namespace looked into by itself where the whole cluster may not be
 */
export async function findInstalled(
  client: Client,
  namespace: string,
): Promise<Installed[]> {
  const labels = `${OURS},${LABELS.component}=hub`;
  const hubs = await readable(
    client.listAll<Workload>(DEPLOYMENTS, { labels }),
  ) ?? await readable(
    client.listAll<Workload>(DEPLOYMENTS, { labels, namespace }),
  ) ?? [];
  const staying = hubs.filter(({ metadata }) => !metadata?.deletionTimestamp);
  return staying.map(({ metadata, spec }) => ({
    namespace: metadata?.namespace ?? "",
    version: metadata?.labels?.[LABELS.version],
    instance: metadata?.labels?.[LABELS.instance],
    since: metadata?.creationTimestamp,
    mesh: spec?.template?.spec?.containers
      ?.some(({ args }) => args?.includes("--mesh")) ?? false,
  }));
}

/** What was asked for, or nothing where this account may not see it. */
export async function readable<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isFault(error, "forbidden")) return undefined;
    throw error;
  }
}
