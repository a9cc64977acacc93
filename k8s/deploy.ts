/**
 * Makes an installation and takes it away again.
 *
 * The truth about what is ours stands in the cluster: labels on every object,
 * with a run's own on what that run made. So whoever comes later, or after a
 * crash, finds all of it, and nothing else is ever touched. A namespace in
 * which somebody else has put something is kept, and said to be.
 */
import { type Client, isFault, nameOf, withKind } from "./client.ts";
import { ClusterError, persist } from "./cluster_error.ts";
import { LABELS, OURS } from "./identity.ts";
import { objectsOf, USUAL } from "./installation.ts";
import type { KubeObject, Namespace } from "./objects.ts";
import { readable } from "./preflight.ts";
import {
  CONFIG_MAPS,
  DAEMON_SETS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  NAMESPACES,
  NODES,
  PODS,
  type Resource,
  resourceOf,
  RESOURCES,
  SECRETS,
  SERVICES,
} from "./resource.ts";

/** How long a namespace that is going may take to be gone, in ms. */
const GOING_MS = 60_000;

/** How often it is looked whether something is gone, in ms. */
const LOOK_MS = 250;

/** Something that was made, or is as it should be already. */
export interface Applied {
  readonly object: KubeObject;
  /** For people: `DaemonSet thresher/thresher-worker-daemon-set`. */
  readonly name: string;
}

/** How to apply. */
export interface InstallOptions {
  /**
   * Lets the server check everything, and changes nothing; what would be in a
   * namespace that is not there yet cannot be checked.
   */
  readonly dryRun?: boolean;
  /** Told why something is tried again. */
  readonly waiting?: (error: ClusterError) => void;
}

/**
 * Applies objects in their order, and waits for an API server that is away.
 *
 * A namespace that is there and not ours is used as it is. What fails throws;
 * what was made until then has its labels, for {@link remove}.
 */
export async function* install(
  client: Client,
  objects: readonly KubeObject[],
  { dryRun = false, waiting }: InstallOptions = {},
): AsyncGenerator<Applied, void> {
  const absent = new Set<string>();
  for (const object of objects) {
    const { name = "", namespace } = object.metadata ?? {};
    if (object.kind === "Namespace") {
      const home = await persist(
        () => settled(client, name, dryRun),
        waiting,
      );
      if (!home) absent.add(name);
      else if (!isOurs(home)) continue;
    }
    const cannotCheck = dryRun && namespace !== undefined &&
      absent.has(namespace);
    if (!cannotCheck) {
      await persist(() => client.apply(object, { dryRun }), waiting);
    }
    yield { object, name: nameOf(object) };
  }
}

/** A namespace, once it is clear whether it stays. */
async function settled(
  client: Client,
  name: string,
  dryRun: boolean,
): Promise<Namespace | undefined> {
  const end = Date.now() + GOING_MS;
  for (;;) {
    const home = await client.get<Namespace>(NAMESPACES, name);
    // Applied to while it goes, it would be gone a moment later.
    if (!home?.metadata?.deletionTimestamp || dryRun) return home;
    if (Date.now() > end) {
      throw new ClusterError(
        "conflict",
        `Cannot install: namespace ${name} is still being removed. ` +
          "`kubectl get namespace -o yaml` says what holds it",
      );
    }
    await pause();
  }
}

const isOurs = ({ metadata }: KubeObject): boolean =>
  metadata?.labels?.[LABELS.part] === "thresher" &&
  metadata.labels[LABELS.manager] === "thresher-cli";

/** What is to be removed. */
export interface Ours {
  /** Of one run; absent for all, of whatever version. */
  readonly instance?: string | undefined;
  /** In one namespace and the cluster's own; absent for everywhere. */
  readonly namespace?: string | undefined;
}

/** What came of a removal. */
export interface Removal {
  /** For people, in the order in which they went. */
  readonly removed: readonly string[];
  /** Ours, and kept for somebody else's sake. */
  readonly kept: readonly { readonly name: string; readonly why: string }[];
  /** Still there when patience ended. */
  readonly left: readonly string[];
}

/** Kinds in the order of removal: first what runs, last what all is in. */
const ORDER: readonly Resource[] = [
  DAEMON_SETS,
  DEPLOYMENTS,
  ...RESOURCES.filter((one) =>
    ![DAEMON_SETS, DEPLOYMENTS, NAMESPACES, NODES, PODS, EVENTS].includes(
      one,
    ) &&
    one !== ENDPOINT_SLICES
  ),
  NAMESPACES,
];

/**
 * Everything that is ours, in the order in which it is to go.
 *
 * @throws ClusterError `forbidden` where the whole cluster is asked for and
 *     may not be seen: less would look like all
 */
export async function leftovers(
  client: Client,
  { instance, namespace }: Ours = {},
): Promise<KubeObject[]> {
  const labels = instance === undefined
    ? OURS
    : `${OURS},${LABELS.instance}=${instance}`;
  const lists = await Promise.all(ORDER.map(async (resource) => {
    const where = resource.namespaced ? namespace : undefined;
    const list = unlessUnknown(
      client.listAll(resource, { labels, namespace: where }),
    );
    const found = namespace === undefined ? await list : await readable(list);
    return (found ?? []).map((object) => withKind(object, resource));
  }));
  const all = lists.flat();
  return namespace === undefined
    ? all
    : all.filter(belongsTo(namespace, instancesIn(all)));
}

/** A list, empty for a kind that the cluster does not have. */
async function unlessUnknown<T>(list: Promise<T[]>): Promise<T[]> {
  try {
    return await list;
  } catch (error) {
    if (isFault(error, "missing")) return [];
    throw error;
  }
}

/** Runs of which something is in a namespace. */
const instancesIn = (objects: readonly KubeObject[]): ReadonlySet<string> =>
  new Set(
    objects.filter(({ metadata }) => metadata?.namespace !== undefined)
      .flatMap(({ metadata }) => metadata?.labels?.[LABELS.instance] ?? []),
  );

/**
 * Whether something is of the installation in a namespace. The cluster's own
 * objects tell it by the run that made them, or by a name as we give it.
 */
function belongsTo(
  namespace: string,
  instances: ReadonlySet<string>,
): (object: KubeObject) => boolean {
  const named = new Set(
    objectsOf({ ...USUAL, namespace })
      .map(({ kind, metadata }) => `${kind} ${metadata?.name}`),
  );
  return ({ kind, metadata = {} }) =>
    metadata.namespace !== undefined ||
    named.has(`${kind} ${metadata.name}`) ||
    kind !== "Namespace" &&
      instances.has(metadata.labels?.[LABELS.instance] ?? "");
}

/**
 * Removes what is ours, and waits until it is gone.
 *
 * @param going told of each object as its removal begins
 * @param patienceMs how long to wait for the last of it
 */
export async function remove(
  client: Client,
  ours: Ours,
  going: (name: string) => void = () => {},
  patienceMs = GOING_MS,
): Promise<Removal> {
  const removed: string[] = [];
  const kept: { name: string; why: string }[] = [];
  for (const object of await leftovers(client, ours)) {
    const { name = "", namespace, uid } = object.metadata ?? {};
    const said = nameOf(object);
    const foreign = object.kind === "Namespace"
      ? await foreignIn(client, name)
      : [];
    if (foreign.length > 0) {
      kept.push({ name: said, why: `it also holds ${foreign.join(", ")}` });
      continue;
    }
    going(said);
    await client.delete(resourceOf(object), name, namespace, uid);
    removed.push(said);
  }
  const isKept = new Set(kept.map(({ name }) => name));
  const end = Date.now() + patienceMs;
  for (;;) {
    const left = (await leftovers(client, ours)).map(nameOf)
      .filter((name) => !isKept.has(name));
    if (left.length === 0 || Date.now() > end) return { removed, kept, left };
    await pause();
  }
}

/** Kinds of which somebody else may have put one into our namespace. */
const FOREIGN: readonly Resource[] = [
  PODS,
  DEPLOYMENTS,
  DAEMON_SETS,
  SERVICES,
  CONFIG_MAPS,
  SECRETS,
];

/** What every namespace is given by the cluster itself. */
const GIVEN =
  /^(kube-root-ca\.crt|openshift-service-ca\.crt|.*-(token|dockercfg)-[a-z0-9]{5})$/;

async function foreignIn(client: Client, namespace: string): Promise<string[]> {
  const lists = await Promise.all(FOREIGN.map(async (resource) => {
    const all = await readable(client.listAll(resource, { namespace })) ?? [];
    return all.filter((object) =>
      !isOurs(object) && !GIVEN.test(object.metadata?.name ?? "")
    ).map((object) => `${resource.kind} ${object.metadata?.name}`);
  }));
  return lists.flat();
}

const pause = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, LOOK_MS));
