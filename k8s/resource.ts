/** Where the API server keeps which kind of object. */
import type { KubeObject } from "./objects.ts";

/** A kind of object, as addresses and access reviews name it. */
export interface Resource {
  /** `""` for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, as in addresses. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const resource = (
  apiVersion: string,
  kind: string,
  plural: string,
  scope: "namespaced" | "cluster" = "namespaced",
): Resource => {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return { group, version, plural, kind, namespaced: scope === "namespaced" };
};

export const NAMESPACES = resource("v1", "Namespace", "namespaces", "cluster");
export const NODES = resource("v1", "Node", "nodes", "cluster");
export const PODS = resource("v1", "Pod", "pods");
export const SERVICES = resource("v1", "Service", "services");
export const EVENTS = resource("v1", "Event", "events");
export const SECRETS = resource("v1", "Secret", "secrets");
export const DEPLOYMENTS = resource("apps/v1", "Deployment", "deployments");
export const DAEMON_SETS = resource("apps/v1", "DaemonSet", "daemonsets");
export const ENDPOINT_SLICES = resource(
  "discovery.k8s.io/v1",
  "EndpointSlice",
  "endpointslices",
);
export const CLUSTER_ROLES = resource(
  "rbac.authorization.k8s.io/v1",
  "ClusterRole",
  "clusterroles",
  "cluster",
);
export const CLUSTER_ROLE_BINDINGS = resource(
  "rbac.authorization.k8s.io/v1",
  "ClusterRoleBinding",
  "clusterrolebindings",
  "cluster",
);

export const CONFIG_MAPS = resource("v1", "ConfigMap", "configmaps");

/** OpenShift's own; absent elsewhere. */
export const SECURITY_CONTEXT_CONSTRAINTS = resource(
  "security.openshift.io/v1",
  "SecurityContextConstraints",
  "securitycontextconstraints",
  "cluster",
);

/** Every kind that Thresher touches. */
export const RESOURCES: readonly Resource[] = [
  NAMESPACES,
  NODES,
  PODS,
  SERVICES,
  EVENTS,
  SECRETS,
  CONFIG_MAPS,
  resource("v1", "ServiceAccount", "serviceaccounts"),
  DEPLOYMENTS,
  DAEMON_SETS,
  ENDPOINT_SLICES,
  CLUSTER_ROLES,
  CLUSTER_ROLE_BINDINGS,
  resource("rbac.authorization.k8s.io/v1", "Role", "roles"),
  resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
  resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  resource(
    "scheduling.k8s.io/v1",
    "PriorityClass",
    "priorityclasses",
    "cluster",
  ),
  SECURITY_CONTEXT_CONSTRAINTS,
];

/**
 * The kind of an object.
 *
 * @throws Error if Thresher has no business with it
 */
export function resourceOf(object: KubeObject): Resource {
  const found = RESOURCES.find((one) =>
    one.kind === object.kind && apiVersionOf(one) === object.apiVersion
  );
  if (found) return found;
  throw new Error(`No such kind here: ${object.apiVersion} ${object.kind}`);
}

/** `apps/v1`, or `v1` for the core group. */
export const apiVersionOf = ({ group, version }: Resource): string =>
  group ? `${group}/${version}` : version;

/**
 * The address of a kind's objects, of one of them, or of a part of that.
 *
 * @param namespace ignored where the kind has none; absent for all namespaces
 */
export function pathOf(
  resource: Resource,
  namespace?: string,
  ...rest: readonly string[]
): string {
  const root = resource.group ? "/apis" : "/api";
  const scope = resource.namespaced && namespace !== undefined
    ? ["namespaces", namespace]
    : [];
  const parts = [...scope, resource.plural, ...rest].map(encodeURIComponent);
  return [root, apiVersionOf(resource), ...parts].join("/");
}
