/**
 * Server-side apply: who owns which field, and what follows from that.
 *
 * A field is owned by whoever applied it last. Another manager that applies
 * another value is refused unless it forces; a field that its only owner no
 * longer applies is removed.
 */
import { applyConflicts } from "./refusal.ts";

/** Fields by path, each with the managers that own it. */
export type Owners = Map<string, Set<string>>;

type Tree = { [name: string]: unknown };

/** Lists that are merged by a key of their items; all others are one value. */
const LIST_KEYS: Record<string, readonly string[]> = {
  containers: ["name"],
  initContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  imagePullSecrets: ["name"],
  conditions: ["type"],
  ownerReferences: ["uid"],
  ports: ["containerPort", "port", "protocol"],
};

/** Fields that belong to the server, or that say which object it is. */
const IDENTITY = new Set([
  ".apiVersion",
  ".kind",
  ".metadata.name",
  ".metadata.namespace",
  ".metadata.uid",
  ".metadata.resourceVersion",
  ".metadata.generation",
  ".metadata.creationTimestamp",
]);

/**
 * What an object is after somebody applied a configuration.
 *
 * @param live the object as it is; empty where there is none
 * @param owners changed accordingly
 * @throws Refusal for conflicts
 */
export function applied(
  live: Tree,
  config: Tree,
  owners: Owners,
  manager: string,
  force: boolean,
): Tree {
  const wanted = leavesOf(config);
  const had = leavesOf(live);
  const conflicts = [];
  for (const [path, value] of wanted) {
    if (IDENTITY.has(path) || had.get(path) === value) continue;
    for (const other of owners.get(path) ?? []) {
      if (other !== manager) conflicts.push({ path, manager: other });
    }
  }
  if (conflicts.length > 0 && !force) throw applyConflicts(conflicts);
  const result = structuredClone(live);
  for (const [path, managers] of [...owners]) {
    if (!managers.has(manager) || wanted.has(path)) continue;
    managers.delete(manager);
    if (managers.size > 0) continue;
    owners.delete(path);
    remove(result, path);
  }
  for (const [path, value] of wanted) {
    if (IDENTITY.has(path)) continue;
    const managers = owners.get(path) ?? new Set();
    if (had.get(path) !== value) managers.clear();
    owners.set(path, managers.add(manager));
  }
  return merge(result, config, "") as Tree;
}

/** Gives the fields that an update changed to whoever made it. */
export function updated(
  before: Tree,
  after: Tree,
  owners: Owners,
  manager: string,
): void {
  const [had, has] = [leavesOf(before), leavesOf(after)];
  for (const path of had.keys()) if (!has.has(path)) owners.delete(path);
  for (const [path, value] of has) {
    if (IDENTITY.has(path) || had.get(path) === value) continue;
    owners.set(path, new Set([manager]));
  }
}

/** `metadata.managedFields`: each manager, and what it owns as leaves. */
export function toManagedFields(owners: Owners, apiVersion: string) {
  const byManager = new Map<string, Tree>();
  for (const [path, managers] of owners) {
    for (const manager of managers) {
      const fields = byManager.get(manager) ?? {};
      byManager.set(manager, fields);
      let at = fields;
      for (const step of stepsOf(path)) {
        at = (at[step.key ? `k:${step.key}` : `f:${step.name}`] ??= {}) as Tree;
      }
    }
  }
  return [...byManager].map(([manager, fieldsV1]) => ({
    manager,
    operation: "Apply",
    apiVersion,
    fieldsType: "FieldsV1",
    fieldsV1,
  }));
}

/** Every leaf of an object by its path, as text that can be compared. */
function leavesOf(value: unknown, path = ""): Map<string, string> {
  const leaves = new Map<string, string>();
  const visit = (value: unknown, path: string): void => {
    const keys = Array.isArray(value) ? keysFor(path, value) : undefined;
    if (keys) {
      for (const item of value as Tree[]) visit(item, path + key(item, keys));
    } else if (isTree(value) && Object.keys(value).length > 0) {
      for (const [name, child] of Object.entries(value)) {
        visit(child, `${path}.${name}`);
      }
    } else if (path) leaves.set(path, JSON.stringify(value));
  };
  visit(value, path);
  return leaves;
}

function merge(live: unknown, config: unknown, path: string): unknown {
  if (Array.isArray(config)) {
    const keys = keysFor(path, config);
    if (!keys || !Array.isArray(live)) return structuredClone(config);
    const items = new Map(
      (live as Tree[]).map((item) => [key(item, keys), item]),
    );
    for (const item of config as Tree[]) {
      const name = key(item, keys);
      const merged = merge(items.get(name) ?? {}, item, path + name);
      items.set(name, merged as Tree);
    }
    return [...items.values()];
  }
  if (!isTree(config)) return config;
  const result: Tree = isTree(live) ? { ...live } : {};
  for (const [name, value] of Object.entries(config)) {
    result[name] = merge(result[name], value, `${path}.${name}`);
  }
  return result;
}

function remove(root: Tree, path: string): void {
  const steps = stepsOf(path);
  const last = steps.pop();
  let at: unknown = root;
  for (const { name, key: wanted } of steps) {
    if (wanted && Array.isArray(at)) {
      const list: Tree[] = at;
      const keys = Object.keys(JSON.parse(wanted) as Tree);
      at = list.find((item) => key(item, keys) === `[${wanted}]`);
    } else at = (at as Tree | undefined)?.[name];
    if (at === undefined) return;
  }
  if (last && isTree(at)) delete at[last.name];
}

/** `.spec.ports[{"port":80}].name` as steps. */
function stepsOf(path: string): { name: string; key?: string }[] {
  // A dot may stand in the name of a label: those come after "labels" and are
  // the rest of the path.
  const free =
    /^(.*\.(?:labels|annotations|matchLabels|nodeSelector|data))\.(.+)$/
      .exec(path);
  const parts = (free ? free[1]! : path).match(/\.[^.[]+|\[\{.*?\}\]/g) ?? [];
  const steps = parts.map((part) =>
    part.startsWith("[")
      ? { name: "", key: part.slice(1, -1) }
      : { name: part.slice(1) }
  );
  return free ? [...steps, { name: free[2]! }] : steps;
}

function keysFor(path: string, list: readonly unknown[]) {
  const keys = LIST_KEYS[path.split(".").at(-1)!];
  return keys && list.length > 0 && list.every(isTree) ? keys : undefined;
}

function key(item: Tree, keys: readonly string[]): string {
  const values = keys.filter((name) => item[name] !== undefined)
    .map((name) => [name, item[name]]);
  return `[${JSON.stringify(Object.fromEntries(values))}]`;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);
