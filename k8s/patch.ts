/**
 * Changes to manifests that are data themselves: the little of JSON Patch
 * (RFC 6902) that ours are written in, so that kustomize takes them as they
 * are.
 */
import type { KubeObject } from "./objects.ts";

/** What changes in which objects, as an entry of kustomize's `patches`. */
export interface Patch {
  readonly target: {
    readonly kind: string;
    /** `NAME=VALUE`. */
    readonly labelSelector: string;
  };
  readonly patch: readonly Operation[];
}

/** One change. */
export interface Operation {
  /** To a list, at its end (`/-`), or as a new member; or in place of one. */
  readonly op: "add" | "replace";
  /** A JSON Pointer (RFC 6901). */
  readonly path: string;
  readonly value: unknown;
}

/**
 * An object with the patches that are for it.
 *
 * @param object left as it is
 * @throws Error if a patch does not fit what it is for
 */
export function patched<T extends KubeObject>(
  object: T,
  patches: readonly Patch[],
): T {
  const operations = patches.filter(({ target }) => isFor(target, object))
    .flatMap(({ patch }) => patch);
  if (operations.length === 0) return object;
  const changed = structuredClone(object);
  for (const operation of operations) apply(changed, operation);
  return changed;
}

function isFor(
  { kind, labelSelector }: Patch["target"],
  object: KubeObject,
): boolean {
  const [name = "", value] = labelSelector.split("=");
  return object.kind === kind && object.metadata?.labels?.[name] === value;
}

type Node = { [key: string]: unknown } | unknown[];

function apply(root: object, { op, path, value }: Operation): void {
  const keys = path.split("/").slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = keys.pop()!;
  const parent = keys.reduce((node: unknown, key) => Object(node)[key], root) as
    | Node
    | undefined;
  const isThere = parent !== undefined && Object.hasOwn(parent, last);
  if (Array.isArray(parent) && last === "-" && op === "add") {
    parent.push(value);
  } else if (isObject(parent) && isThere === (op === "replace")) {
    parent[last] = value;
  } else throw new Error(`Cannot ${op} ${path}: the manifest is not like that`);
}

const isObject = (node: unknown): node is { [key: string]: unknown } =>
  typeof node === "object" && node !== null && !Array.isArray(node);
