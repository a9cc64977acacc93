/** The kinds of objects that the fake API server keeps. */

/** One kind, as discovery tells of it. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  /** Parts that have an address of their own. */
  readonly parts: readonly string[];
}

const kind = (
  apiVersion: string,
  name: string,
  plural: string,
  more: Partial<Kind> = {},
): Kind => {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return {
    group,
    version,
    plural,
    kind: name,
    namespaced: true,
    shortNames: [],
    parts: [],
    ...more,
  };
};

const RBAC = "rbac.authorization.k8s.io/v1";

export const KINDS: readonly Kind[] = [
  kind("v1", "Namespace", "namespaces", {
    namespaced: false,
    shortNames: ["ns"],
    parts: ["status"],
  }),
  kind("v1", "Node", "nodes", {
    namespaced: false,
    shortNames: ["no"],
    parts: ["status"],
  }),
  kind("v1", "Pod", "pods", {
    shortNames: ["po"],
    parts: ["status", "log", "portforward", "proxy"],
  }),
  kind("v1", "Service", "services", {
    shortNames: ["svc"],
    parts: ["status", "proxy"],
  }),
  kind("v1", "ConfigMap", "configmaps", { shortNames: ["cm"] }),
  kind("v1", "Secret", "secrets"),
  kind("v1", "ServiceAccount", "serviceaccounts", { shortNames: ["sa"] }),
  kind("v1", "Event", "events", { shortNames: ["ev"] }),
  kind("apps/v1", "Deployment", "deployments", {
    shortNames: ["deploy"],
    parts: ["status", "scale"],
  }),
  kind("apps/v1", "ReplicaSet", "replicasets", {
    shortNames: ["rs"],
    parts: ["status", "scale"],
  }),
  kind("apps/v1", "DaemonSet", "daemonsets", {
    shortNames: ["ds"],
    parts: ["status"],
  }),
  kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
  kind("coordination.k8s.io/v1", "Lease", "leases"),
  kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", {
    shortNames: ["netpol"],
  }),
  kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", {
    namespaced: false,
    shortNames: ["pc"],
  }),
  kind(RBAC, "Role", "roles"),
  kind(RBAC, "RoleBinding", "rolebindings"),
  kind(RBAC, "ClusterRole", "clusterroles", { namespaced: false }),
  kind(RBAC, "ClusterRoleBinding", "clusterrolebindings", {
    namespaced: false,
  }),
];

/** Kinds that only OpenShift has. */
export const OPENSHIFT_KINDS: readonly Kind[] = [
  kind(
    "security.openshift.io/v1",
    "SecurityContextConstraints",
    "securitycontextconstraints",
    { namespaced: false, shortNames: ["scc"] },
  ),
];

/** Kinds that are only asked, and kept nowhere. */
export const REVIEWS: readonly Kind[] = [
  kind(
    "authorization.k8s.io/v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    { namespaced: false },
  ),
];

export const apiVersionOf = ({ group, version }: Kind): string =>
  group ? `${group}/${version}` : version;

/** For people and for the store: `daemonsets.apps`, `pods`. */
export const longName = ({ group, plural }: Kind): string =>
  group ? `${plural}.${group}` : plural;

/** `/api/v1` or `/apis/GROUP/VERSION`, each with its kinds. */
export function discovery(known: readonly Kind[]): Map<string, unknown> {
  const pages = new Map<string, unknown>();
  pages.set("/api", {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [],
  });
  const groups = new Map<string, Kind[]>();
  for (const one of [...known, ...REVIEWS]) {
    groups.set(one.group, [...groups.get(one.group) ?? [], one]);
  }
  const described = [];
  for (const [group, kinds] of groups) {
    const groupVersion = apiVersionOf(kinds[0]!);
    pages.set(group ? `/apis/${groupVersion}` : `/api/${groupVersion}`, {
      kind: "APIResourceList",
      ...(group && { apiVersion: "v1" }),
      groupVersion,
      resources: kinds.flatMap(toResources),
    });
    if (!group) continue;
    const version = { groupVersion, version: kinds[0]!.version };
    const page = {
      name: group,
      versions: [version],
      preferredVersion: version,
    };
    described.push(page);
    pages.set(`/apis/${group}`, {
      kind: "APIGroup",
      apiVersion: "v1",
      ...page,
    });
  }
  pages.set("/apis", {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: described,
  });
  return pages;
}

function toResources(one: Kind) {
  const isReview = REVIEWS.includes(one);
  const whole = {
    name: one.plural,
    singularName: one.kind.toLowerCase(),
    namespaced: one.namespaced,
    kind: one.kind,
    verbs: isReview ? ["create"] : [
      "create",
      "delete",
      "deletecollection",
      "get",
      "list",
      "patch",
      "update",
      "watch",
    ],
    ...(one.shortNames.length > 0 && { shortNames: one.shortNames }),
  };
  const parts = one.parts.map((part) => ({
    name: `${one.plural}/${part}`,
    singularName: "",
    namespaced: one.namespaced,
    kind: one.kind,
    verbs: part === "portforward" ? ["create", "get"] : ["get"],
  }));
  return [whole, ...parts];
}
