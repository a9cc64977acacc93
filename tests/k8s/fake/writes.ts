/** What changes objects: create, apply, patch, put and delete. */
import { load, YAMLException } from "js-yaml";
import { applied, toManagedFields, updated } from "./apply.ts";
import { apiVersionOf, type Kind, KINDS, longName } from "./kinds.ts";
import type { Schemas } from "../openapi.ts";
import {
  alreadyExists,
  badRequest,
  invalid,
  invalidOptions,
  notFound,
  Refusal,
  staleVersion,
  type Subject,
} from "./refusal.ts";
import type { Store, Stored, StoredMetadata } from "./store.ts";

/** A request that changes something. */
export interface Write {
  readonly kind: Kind;
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: string;
  /** Used as manager where none is given. */
  readonly userAgent: string;
}

/** What came of it. */
export interface Written {
  readonly code: number;
  readonly object: unknown;
  readonly warnings?: readonly string[];
}

type Tree = Record<string, unknown>;

const NAMESPACES = KINDS.find(({ kind }) => kind === "Namespace")!;

/** Names by which DNS could find an object (RFC 1123). */
const NAME =
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Names that roles may have beside: nearly any. */
const isName = (kind: Kind, name: string): boolean =>
  kind.group.startsWith("rbac.") ? !/[/%]/.test(name) : NAME.test(name);

/** Changes a store as an API server does. */
export class Writer {
  readonly #store: Store;
  readonly #schemas: Schemas | undefined;
  #addresses = 0;

  /** @param schemas absent where unknown fields cannot be found */
  constructor(store: Store, schemas: Schemas | undefined) {
    this.#store = store;
    this.#schemas = schemas;
  }

  create(write: Write): Written {
    if (!/json|yaml/.test(write.contentType)) throw unknownFormat();
    const object = parse(write.body) as Stored;
    const { kind, namespace } = write;
    mustBeKind(kind, object);
    const metadata = object.metadata ?? {} as StoredMetadata;
    if (kind.namespaced && (metadata.namespace ?? namespace) !== namespace) {
      throw badRequest(
        "the namespace of the provided object does not match the namespace " +
          "sent on the request",
      );
    }
    const name = metadata.name ??
      `${metadata.generateName}${crypto.randomUUID().slice(0, 5)}`;
    const subject = { ...kind, name };
    const warnings = this.#unknownFields(write, object);
    if (!isName(kind, name)) {
      throw invalid(
        subject,
        "metadata.name",
        `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist ` +
          "of lower case alphanumeric characters, '-' or '.', and must start " +
          "and end with an alphanumeric character (e.g. 'example.com', regex " +
          `used for validation is '${NAME.source.slice(1, -1)}')`,
      );
    }
    if (write.body.length > 2 ** 20 && kind.kind === "ConfigMap") {
      const message = "Too long: may not be more than 1048576 bytes";
      throw invalid(subject, "[]", message, "FieldValueTooLong");
    }
    this.#mustTakeNew(kind, namespace, name);
    if (this.#store.get(kind, namespace, name)) throw alreadyExists(subject);
    const made = this.#finish(kind, {
      ...object,
      metadata: { ...metadata, name, ...(namespace && { namespace }) },
    }, undefined);
    const stored = this.#keep(write, made, undefined, managerOf(write));
    return { code: 201, object: stored, warnings };
  }

  apply(write: Write): Written {
    const { kind, namespace, name, query } = write;
    checkDryRun(write, "PatchOptions");
    const manager = query.get("fieldManager");
    if (!manager) {
      throw invalidOptions(
        "PatchOptions",
        "fieldManager",
        "Required value: is required for apply patch",
        "FieldValueRequired",
      );
    }
    const config = parse(write.body) as Stored;
    mustBeKind(kind, config);
    const metadata = config.metadata ?? {} as StoredMetadata;
    if (metadata.managedFields !== undefined) {
      throw badRequest("metadata.managedFields must be nil");
    }
    if (metadata.name !== undefined && metadata.name !== name) {
      throw badRequest(
        `the name of the object (${metadata.name}) does not match the name on ` +
          `the URL (${name})`,
      );
    }
    this.#mustBeTyped(kind, namespace, name, config);
    const live = this.#store.get(kind, namespace, name);
    if (!live) this.#mustTakeNew(kind, namespace, name);
    const { resourceVersion } = metadata;
    if (live && resourceVersion && resourceVersion !== versionOf(live)) {
      throw staleVersion({ ...kind, name });
    }
    const kept = this.#store.ownersOf(kind, namespace, name);
    const owners = new Map(
      [...kept].map(([path, who]) => [path, new Set(who)]),
    );
    const merged = applied(
      live ?? {},
      config,
      owners,
      manager,
      query.get("force") === "true",
    ) as Stored;
    const next = this.#finish(kind, {
      ...merged,
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        ...merged.metadata,
        name,
        ...(namespace && { namespace }),
      },
    }, live);
    checkValues(kind, next, live);
    if (query.get("dryRun")) return { code: live ? 200 : 201, object: next };
    kept.clear();
    for (const [path, who] of owners) kept.set(path, who);
    next.metadata.managedFields = toManagedFields(owners, apiVersionOf(kind));
    if (live && isSame(live, next)) return { code: 200, object: live };
    return { code: live ? 200 : 201, object: this.#store.put(kind, next) };
  }

  put(write: Write): Written {
    const { kind, namespace, name } = write;
    const live = this.#mustHave(write);
    const object = parse(write.body) as Stored;
    const version = object.metadata?.resourceVersion;
    if (version && version !== versionOf(live)) {
      throw staleVersion({ ...kind, name });
    }
    const next = this.#finish(kind, {
      ...object,
      metadata: { ...object.metadata, name, ...(namespace && { namespace }) },
    }, live);
    return {
      code: 200,
      object: this.#keep(write, next, live, managerOf(write)),
    };
  }

  patch(write: Write): Written {
    const { kind, contentType } = write;
    if (contentType.includes("apply-patch")) return this.apply(write);
    const live = this.#mustHave(write);
    const patched = contentType.includes("json-patch")
      ? jsonPatched(live, parse(write.body) as unknown as JsonPatch)
      : contentType.includes("merge-patch")
      ? mergePatched(live, parse(write.body)) as Stored
      : undefined;
    if (!patched) {
      throw new Refusal(
        415,
        "UnsupportedMediaType",
        "415: Unsupported Media Type",
        {},
      );
    }
    const next = this.#finish(kind, patched, live);
    return {
      code: 200,
      object: this.#keep(write, next, live, managerOf(write)),
    };
  }

  /** Pods, namespaces and what has a finalizer go later; the rest at once. */
  delete(write: Write): Written {
    const { kind, query } = write;
    const live = this.#mustHave(write);
    const options = write.body ? parse(write.body) : {};
    const uid = (options.preconditions as Tree | undefined)?.uid;
    if (uid !== undefined && uid !== live.metadata.uid) {
      throw new Refusal(
        409,
        "Conflict",
        `Operation cannot be fulfilled on ${kind.kind} "${write.name}": the ` +
          `UID in the precondition (${uid}) does not match the UID in record ` +
          `(${live.metadata.uid}). The object might have been deleted and ` +
          "then recreated",
        { name: write.name, kind: kind.kind },
      );
    }
    const grace = query.get("gracePeriodSeconds") ?? options.gracePeriodSeconds;
    const going = query.get("dryRun") ? live : this.remove(
      kind,
      live,
      grace === undefined ? undefined : Number(grace),
    );
    if (going && ["pods", "namespaces"].includes(kind.plural)) {
      return { code: 200, object: going };
    }
    if (going?.metadata.deletionTimestamp) return { code: 200, object: going };
    return {
      code: 200,
      object: {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Success",
        details: {
          name: write.name,
          ...(kind.group && { group: kind.group }),
          kind: kind.plural,
          uid: live.metadata.uid,
        },
      },
    };
  }

  /**
   * Begins the end of an object.
   *
   * @returns it, if something still has to be done before it is gone
   */
  remove(kind: Kind, live: Stored, grace?: number): Stored | undefined {
    const isPod = kind.plural === "pods";
    const waits = live.metadata.finalizers?.length ||
      kind.plural === "namespaces" ||
      (isPod && live.spec?.nodeName !== undefined && grace !== 0);
    if (!waits) {
      this.#store.remove(kind, live);
      return isPod ? live : undefined;
    }
    if (live.metadata.deletionTimestamp) return live;
    const seconds = isPod
      ? grace ?? Number(live.spec?.terminationGracePeriodSeconds ?? 30)
      : 0;
    const isNamespace = kind.plural === "namespaces";
    return this.#store.put(kind, {
      ...live,
      metadata: {
        ...live.metadata,
        deletionTimestamp: now(),
        ...(!isNamespace && { deletionGracePeriodSeconds: seconds }),
      },
      ...(isNamespace && { status: { phase: "Terminating" } }),
    });
  }

  /** Replaces the status alone, as controllers do. */
  setStatus(kind: Kind, live: Stored, status: Tree): Stored {
    const current = this.#store.get(
      kind,
      live.metadata.namespace ?? "",
      live.metadata.name,
    );
    if (current?.metadata.uid !== live.metadata.uid) return live;
    const next = { ...current, status };
    return isSame(current, next) ? current : this.#store.put(kind, next);
  }

  #mustHave({ kind, namespace, name }: Write): Stored {
    const live = this.#store.get(kind, namespace, name);
    if (!live) throw notFound({ ...kind, name });
    return live;
  }

  #mustTakeNew(kind: Kind, namespace: string, name: string): void {
    if (!kind.namespaced) return;
    const home = this.#store.get(NAMESPACES, "", namespace);
    if (!home) throw notFound({ ...NAMESPACES, name: namespace });
    if (!home.metadata.deletionTimestamp) return;
    throw new Refusal(
      403,
      "Forbidden",
      `${
        longName(kind)
      } "${name}" is forbidden: unable to create new content ` +
        `in namespace ${namespace} because it is being terminated`,
      {
        name,
        ...(kind.group && { group: kind.group }),
        kind: kind.plural,
        causes: [{
          reason: "NamespaceTerminating",
          message: `namespace ${namespace} is being terminated`,
          field: "metadata.namespace",
        }],
      },
    );
  }

  /** Unknown fields of a POST: refused, warned of or ignored. */
  #unknownFields({ kind, query }: Write, object: Stored): string[] {
    const how = query.get("fieldValidation") ?? "Warn";
    const names = (this.#schemas?.check(object) ?? [])
      .filter((problem) => problem.kind === "unknown")
      .map(({ path }) => `unknown field "${path.slice(1)}"`);
    if (names.length === 0 || how === "Ignore") return [];
    if (how === "Warn") return names;
    throw badRequest(
      `${kind.kind} in version "${kind.version}" cannot be handled as a ` +
        `${kind.kind}: strict decoding error: ${names.join(", ")}`,
    );
  }

  /** An apply is refused whatever was said of validation, and with a 500. */
  #mustBeTyped(
    kind: Kind,
    namespace: string,
    name: string,
    config: Stored,
  ): void {
    const problem = this.#schemas?.check(config).find(({ kind }) =>
      kind === "unknown" || kind === "type"
    );
    if (!problem) return;
    const where = `${namespace}/${name}; ${kind.group}/${kind.version}`;
    throw new Refusal(
      500,
      undefined,
      `failed to create typed patch object (${where}, Kind=${kind.kind}): ` +
        `${problem.path}: ${problem.message}`,
    );
  }

  /** Fills in what the server decides. */
  #finish(kind: Kind, object: Stored, live: Stored | undefined): Stored {
    const { metadata, data, ...rest } = kind.plural === "secrets"
      ? withoutStrings(object)
      : object;
    const hasData = data !== undefined && Object.keys(data as Tree).length > 0;
    const isChanged = JSON.stringify(object.spec) !==
      JSON.stringify(live?.spec);
    const generation = (live?.metadata.generation ?? 0) + (isChanged ? 1 : 0);
    return {
      ...rest,
      ...(hasData && { data }),
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        ...metadata,
        uid: live?.metadata.uid ?? crypto.randomUUID(),
        resourceVersion: live?.metadata.resourceVersion ?? "",
        creationTimestamp: live?.metadata.creationTimestamp ?? now(),
        ...(object.spec && kind.group === "apps" && { generation }),
      },
      ...(object.spec && { spec: this.#specOf(kind, object.spec, live) }),
      ...(kind.plural === "namespaces" && !live && {
        status: { phase: "Active" },
      }),
    };
  }

  #specOf(kind: Kind, spec: Tree, live: Stored | undefined): Tree {
    if (kind.plural !== "services" || spec.type === "ExternalName") return spec;
    const clusterIP = spec.clusterIP ?? live?.spec?.clusterIP ??
      `10.79.${++this.#addresses >> 8}.${this.#addresses & 255}`;
    return { ...spec, clusterIP, clusterIPs: [clusterIP] };
  }

  #keep(
    write: Write,
    next: Stored,
    live: Stored | undefined,
    manager: string,
  ): Stored {
    checkDryRun(write, "CreateOptions");
    if (write.query.get("dryRun")) return next;
    const { kind } = write;
    const { name, namespace = "", deletionTimestamp, finalizers } =
      next.metadata;
    const owners = this.#store.ownersOf(kind, namespace, name);
    updated(live ?? {}, next, owners, manager);
    next.metadata.managedFields = toManagedFields(owners, apiVersionOf(kind));
    const stored = this.#store.put(kind, next);
    if (deletionTimestamp && !finalizers?.length) {
      this.#store.remove(kind, stored);
    }
    return stored;
  }
}

/** RFC 3339 in whole seconds, as metadata has it. */
export const now = (): string =>
  new Date().toISOString().replace(/\.\d+Z$/, "Z");

/** Texts that were written to a secret are read as Base64, with the rest. */
function withoutStrings({ stringData, ...object }: Stored): Stored {
  const texts = Object.entries((stringData ?? {}) as Record<string, string>);
  const encoder = new TextEncoder();
  const coded = texts.map(([name, text]) =>
    [name, encoder.encode(text).toBase64()] as const
  );
  return {
    ...object,
    data: { ...object.data as Tree, ...Object.fromEntries(coded) },
  };
}

const versionOf = (object: Stored) => object.metadata.resourceVersion;

/** As `thresher/1.0 (…)` names it: its first part. */
const managerOf = ({ query, userAgent }: Write): string =>
  query.get("fieldManager") ?? (userAgent.split("/")[0] || "unknown");

const isSame = (a: Stored, b: Stored): boolean =>
  JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** Keys in order, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([name, child]) => [name, sorted(child)]),
  );
}

function parse(body: string): Tree {
  try {
    return load(body) as Tree;
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const strict = error.reason?.includes("duplicat") ? "strict " : "";
    throw badRequest(
      `error ${strict}decoding YAML: error converting YAML to JSON: yaml: ` +
        error.reason,
    );
  }
}

function mustBeKind(kind: Kind, object: Stored): void {
  if (object.kind === undefined || object.kind === kind.kind) return;
  throw badRequest(
    `${object.kind} in version "${object.apiVersion}" cannot be handled as a ` +
      `${kind.kind}: converting (${object.apiVersion}.${object.kind}) to ` +
      `(${kind.group || "core"}.${kind.kind}): unknown conversion`,
  );
}

function checkDryRun({ query }: Write, options: string): void {
  const value = query.get("dryRun");
  if (value === null || value === "All") return;
  throw invalidOptions(
    options,
    "dryRun",
    `Unsupported value: ["${value}"]: supported values: "All"`,
    "FieldValueNotSupported",
  );
}

/** The few values that tests send wrongly on purpose. */
function checkValues(
  kind: Kind,
  next: Stored,
  live: Stored | undefined,
): void {
  const subject: Subject = { ...kind, name: next.metadata.name };
  if (kind.plural !== "daemonsets") return;
  const [selector, before] = [next.spec?.selector, live?.spec?.selector];
  if (before && JSON.stringify(before) !== JSON.stringify(selector)) {
    const text = `Invalid value: ${JSON.stringify(selector)}`;
    throw invalid(subject, "spec.selector", `${text}: field is immutable`);
  }
  const template = next.spec?.template as
    | { spec?: { containers?: { name: string }[] } }
    | undefined;
  for (const [i, { name }] of (template?.spec?.containers ?? []).entries()) {
    if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) continue;
    throw invalid(
      subject,
      `spec.template.spec.containers[${i}].name`,
      `Invalid value: "${name}": a lowercase RFC 1123 label must consist of ` +
        "lower case alphanumeric characters or '-'",
    );
  }
}

const unknownFormat = () =>
  new Refusal(
    415,
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types " +
      "include: application/json, application/yaml, " +
      "application/vnd.kubernetes.protobuf",
  );

/** RFC 7396. */
function mergePatched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    return patch;
  }
  const result = { ...(target as Tree | undefined) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatched(result[name], value);
  }
  return result;
}

type JsonPatch = readonly {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}[];

/** RFC 6902, of which `test`, `add`, `replace` and `remove`. */
function jsonPatched(live: Stored, patch: JsonPatch): Stored {
  const result = structuredClone(live);
  for (const { op, path, value } of patch) {
    const steps = path.split("/").slice(1)
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = steps.pop()!;
    const at = steps.reduce((node, step) => node[step] as Tree, result as Tree);
    if (op === "remove") delete at[last];
    else if (op !== "test") at[last] = value;
    else if (JSON.stringify(at[last]) !== JSON.stringify(value)) {
      throw new Refusal(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        {},
      );
    }
  }
  return result;
}
