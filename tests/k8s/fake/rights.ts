/** Who is asking, and what they may: bearer tokens, and RBAC as it is stored. */
import { KINDS } from "./kinds.ts";
import { Refusal, unauthorized } from "./refusal.ts";
import type { Store, Stored } from "./store.ts";

/** Somebody who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is asked for. */
export interface Access {
  readonly verb: string;
  readonly group: string;
  /** With its part: `pods/log`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

const ANONYMOUS: User = {
  name: "system:anonymous",
  groups: ["system:unauthenticated"],
};

/** @throws Refusal 401 for a token that nobody has */
export function userOf(
  authorization: string | undefined,
  tokens: ReadonlyMap<string, string>,
): User {
  if (authorization === undefined) return ANONYMOUS;
  const token = /^Bearer (.+)$/.exec(authorization)?.[1] ?? "";
  const name = tokens.get(token);
  if (name === undefined) throw unauthorized();
  const account = /^system:serviceaccount:([^:]+):/.exec(name);
  return {
    name,
    groups: [
      "system:authenticated",
      ...(name === "admin" ? ["system:masters"] : []),
      ...(account
        ? ["system:serviceaccounts", `system:serviceaccounts:${account[1]}`]
        : []),
    ],
  };
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs?: readonly string[];
}

/** Whether the roles that are bound to somebody allow it. */
export function mayDo(store: Store, user: User, access: Access): boolean {
  if (user.groups.includes("system:masters")) return true;
  for (const binding of all(store, "ClusterRoleBinding")) {
    if (isBound(binding, user) && allows(store, binding, access)) return true;
  }
  for (const binding of all(store, "RoleBinding")) {
    if (binding.metadata.namespace !== access.namespace) continue;
    if (isBound(binding, user) && allows(store, binding, access)) return true;
  }
  return false;
}

/** @throws Refusal 403, in the real server's words */
export function mustBeAllowed(store: Store, user: User, access: Access): void {
  if (mayDo(store, user, access)) return;
  const { verb, resource, group, namespace, name } = access;
  const [plural] = resource.split("/");
  const long = group ? `${plural}.${group}` : plural;
  const which = name ? `${long} "${name}"` : long;
  // With one of two rights that it takes, its message ends here.
  if (verb === "create" && resource === "pods/portforward") {
    throw new Refusal(403, "Forbidden", `${which} is forbidden: `, {
      name,
      kind: plural!,
    });
  }
  const where = namespace
    ? ` in the namespace "${namespace}"`
    : " at the cluster scope";
  throw new Refusal(
    403,
    "Forbidden",
    `${which} is forbidden: User "${user.name}" cannot ${verb} resource ` +
      `"${resource}" in API group "${group}"${where}`,
    { ...(name && { name }), ...(group && { group }), kind: plural! },
  );
}

function all(store: Store, kind: string): Stored[] {
  return store.all(KINDS.find((one) => one.kind === kind)!);
}

function isBound({ subjects }: Stored, user: User): boolean {
  return ((subjects ?? []) as Record<string, string>[]).some((subject) => {
    switch (subject.kind) {
      case "User":
        return subject.name === user.name;
      case "Group":
        return user.groups.includes(subject.name!);
      default:
        return user.name ===
          `system:serviceaccount:${subject.namespace}:${subject.name}`;
    }
  });
}

function allows(store: Store, binding: Stored, access: Access): boolean {
  const reference = binding.roleRef as { kind: string; name: string };
  const kind = KINDS.find((one) => one.kind === reference.kind)!;
  const namespace = kind.namespaced ? binding.metadata.namespace! : "";
  const role = store.get(kind, namespace, reference.name);
  return ((role?.rules ?? []) as Rule[]).some((rule) => {
    const has = (list: readonly string[] | undefined, value: string) =>
      list?.some((one) => one === "*" || one === value) ?? false;
    const named = rule.resourceNames ?? [];
    return has(rule.verbs, access.verb) && has(rule.apiGroups, access.group) &&
      has(rule.resources, access.resource) &&
      (named.length === 0 || named.includes(access.name));
  });
}
