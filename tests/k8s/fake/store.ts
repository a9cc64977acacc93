/**
 * What the fake API server keeps: every object, and what happened to each, in
 * one order. A list in pages and a watch from a moment on are read from that
 * history, so they see what they must: the state of one moment.
 */
import { type Kind, longName } from "./kinds.ts";
import type { Owners } from "./apply.ts";

/** An object as it is kept. */
export interface Stored {
  apiVersion: string;
  kind: string;
  metadata: StoredMetadata;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface StoredMetadata {
  name: string;
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: { kind: string; name: string; uid: string }[];
  managedFields?: unknown;
  [field: string]: unknown;
}

/** Something that happened. */
export interface Happening {
  readonly version: number;
  readonly kind: Kind;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** As it is afterwards; of a deletion, as it was, at this version. */
  readonly object: Stored;
  /** As it was before. */
  readonly before: Stored | undefined;
}

/** Objects with their history. What it gives must not be changed. */
export class Store {
  version = 5000;
  /** Nothing up to here is remembered. */
  forgotten = 0;
  readonly #objects = new Map<string, Map<string, Stored>>();
  readonly #owners = new Map<string, Owners>();
  readonly #history: Happening[] = [];
  readonly #listeners = new Set<(happening: Happening) => void>();

  get(kind: Kind, namespace: string, name: string): Stored | undefined {
    return this.#objects.get(longName(kind))?.get(`${namespace}/${name}`);
  }

  /** In order of namespace and name. */
  all(kind: Kind): Stored[] {
    const objects = this.#objects.get(longName(kind)) ?? new Map();
    return [...objects].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([, object]) => object as Stored);
  }

  /** As {@link all} was at that version, which must not be forgotten. */
  allAt(kind: Kind, version: number): Stored[] {
    const objects = new Map(
      this.all(kind).map((object) => [keyOf(object), object]),
    );
    for (const happening of this.#history.toReversed()) {
      if (happening.version <= version) break;
      if (happening.kind !== kind) continue;
      const key = keyOf(happening.object);
      if (happening.before) objects.set(key, happening.before);
      else objects.delete(key);
    }
    return [...objects].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([, object]) => object);
  }

  /** Puts an object in its place, with the next version. */
  put(kind: Kind, object: Stored): Stored {
    const before = this.get(
      kind,
      object.metadata.namespace ?? "",
      object.metadata.name,
    );
    const kept = this.#stamped(object);
    const objects = this.#objects.get(longName(kind)) ?? new Map();
    this.#objects.set(longName(kind), objects);
    objects.set(keyOf(kept), kept);
    this.#tell(kind, before ? "MODIFIED" : "ADDED", kept, before);
    return kept;
  }

  remove(kind: Kind, object: Stored): void {
    const key = keyOf(object);
    const before = this.#objects.get(longName(kind))?.get(key);
    if (!before) return;
    this.#objects.get(longName(kind))!.delete(key);
    this.#owners.delete(`${longName(kind)} ${key}`);
    this.#tell(kind, "DELETED", this.#stamped(object), before);
  }

  /** Who owns the fields of an object; to be changed. */
  ownersOf(kind: Kind, namespace: string, name: string): Owners {
    const key = `${longName(kind)} ${namespace}/${name}`;
    const owners = this.#owners.get(key) ?? new Map();
    this.#owners.set(key, owners);
    return owners;
  }

  /** What happened to a kind after a version. */
  since(kind: Kind, version: number): Happening[] {
    return this.#history.filter((one) =>
      one.version > version && one.kind === kind
    );
  }

  /** Forgets everything that happened so far. */
  compact(): void {
    this.forgotten = this.version;
    this.#history.length = 0;
  }

  /** @returns what ends it */
  listen(listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stamped(object: Stored): Stored {
    const resourceVersion = String(++this.version);
    return { ...object, metadata: { ...object.metadata, resourceVersion } };
  }

  #tell(
    kind: Kind,
    type: Happening["type"],
    object: Stored,
    before: Stored | undefined,
  ): void {
    const happening = { version: this.version, kind, type, object, before };
    this.#history.push(happening);
    for (const listener of [...this.#listeners]) listener(happening);
  }
}

const keyOf = ({ metadata }: Stored): string =>
  `${metadata.namespace ?? ""}/${metadata.name}`;
