/**
 * What Thresher asks of an API server. Nothing else in the program talks to
 * one; `transport.ts` and `tunnel.ts` are its two ways to do so.
 *
 * The recordings of a real server show what to expect: lists and watches of
 * namespaces that do not exist are silent, error bodies need not be JSON, an
 * applied field outside the schema is a 500.
 */
import type { ClusterAccess } from "./access.ts";
import { ClusterError } from "./cluster_error.ts";
import type { KubeObject, Status } from "./objects.ts";
import { apiVersionOf, pathOf, type Resource, resourceOf } from "./resource.ts";
import { ANSWER_TIMEOUT_MS, type Ask, Transport } from "./transport.ts";
import { dial, type Tunnel } from "./tunnel.ts";

/** Objects in one page of a list. */
const PAGE_SIZE = 500;

/** Bytes of one watch event; etcd takes objects of 1.5 MB. */
export const MAX_EVENT = 8 * 2 ** 20;

/** How long an answer may take to its end, in ms; a page is a few MB. */
const WHOLE_TIMEOUT_MS = 60_000;

/** As whom fields are applied: server-side apply keeps owners by this name. */
export const FIELD_MANAGER = "thresher-cli";

/** What narrows a list, a watch or a mass deletion. */
export interface Selection {
  /** Absent for all. */
  readonly namespace?: string | undefined;
  /** As kubectl's `-l`. */
  readonly labels?: string | undefined;
  readonly fields?: string | undefined;
}

/** Some of a list. */
export interface Page<T> {
  /** Without `kind` and `apiVersion`, as the server gives them. */
  readonly items: readonly T[];
  /** The moment of the whole list, from which a watch goes on. */
  readonly resourceVersion: string;
}

/** One line of a watch. */
export type WatchLine<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly object: KubeObject }
  | { readonly type: "ERROR"; readonly object: Status };

/** Where a watch begins and ends. */
export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** When the server ends it in order. */
  readonly timeoutSeconds: number;
  /** Without a byte for this long the connection counts as dead. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/** What somebody may or may not do. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  /** Plural, with its part where it is one: `pods/portforward`. */
  readonly resource: string;
  readonly namespace?: string | undefined;
}

/** What of a container's output to give. */
export interface LogOptions {
  readonly container?: string | undefined;
  readonly follow?: boolean | undefined;
  /** Of the run before its last restart. */
  readonly previous?: boolean | undefined;
  readonly tailLines?: number | undefined;
  readonly timestamps?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A client of one API server. Close it. */
export class Client {
  readonly access: ClusterAccess;
  readonly #transport: Transport;

  /** @param warn takes what the server warns of, such as PodSecurity */
  constructor(
    access: ClusterAccess,
    warn: (warning: string) => void = () => {},
  ) {
    this.access = access;
    this.#transport = new Transport(access, warn);
  }

  close(): void {
    this.#transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The server's version, as in `v1.36.2`.
   *
   * @throws ClusterError as all others here
   */
  async version(options: { timeoutMs?: number } = {}): Promise<string> {
    const { gitVersion } = await this.#ask<{ gitVersion: string }>({
      task: "ask for the server's version",
      path: "/version",
      ...options,
    });
    return gitVersion;
  }

  /** Whether the server has this API group, such as OpenShift's. */
  async hasGroup(group: string): Promise<boolean> {
    const { groups } = await this.#ask<{ groups: { name: string }[] }>({
      task: "ask for the server's API groups",
      path: "/apis",
    });
    return groups.some(({ name }) => name === group);
  }

  /** One object, or `undefined` where there is none. */
  async get<T extends KubeObject>(
    resource: Resource,
    name: string,
    namespace?: string,
  ): Promise<T | undefined> {
    try {
      return await this.#ask<T>({
        task: `get ${resource.plural} "${name}"`,
        path: pathOf(resource, namespace, name),
      });
    } catch (error) {
      if (isFault(error, "missing")) return undefined;
      throw error;
    }
  }

  /**
   * The pages of a list, which together are that of one moment.
   *
   * @param options `whole` for a single page: it cannot expire between two
   */
  async *list<T extends KubeObject>(
    resource: Resource,
    { namespace, labels, fields }: Selection = {},
    { signal, whole = false }: { signal?: AbortSignal; whole?: boolean } = {},
  ): AsyncGenerator<Page<T>, void> {
    let next: string | undefined;
    do {
      const { items, metadata } = await this.#ask<{
        items: T[] | null;
        metadata: { resourceVersion: string; continue?: string };
      }>({
        task: `list ${resource.plural}`,
        path: pathOf(resource, namespace),
        query: {
          labelSelector: labels,
          fieldSelector: fields,
          limit: whole ? undefined : PAGE_SIZE,
          continue: next,
        },
      }, signal);
      yield { items: items ?? [], resourceVersion: metadata.resourceVersion };
      next = metadata.continue || undefined;
    } while (next !== undefined);
  }

  /** All pages at once, for lists that are known to be short. */
  async listAll<T extends KubeObject>(
    resource: Resource,
    selection: Selection = {},
  ): Promise<T[]> {
    const all: T[] = [];
    for await (const { items } of this.list<T>(resource, selection)) {
      all.push(...items);
    }
    return all;
  }

  /**
   * What happens to objects from a moment on: one connection, until either
   * side ends it. `watch.ts` makes a lasting watch of these.
   *
   * @returns when the server has taken it on; to be read at once, and to the
   *     end or the signal
   * @throws ClusterError also, while it is read, when the connection breaks or
   *     falls silent
   */
  async watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
  ): Promise<AsyncGenerator<WatchLine<T>, void>> {
    const task = `watch ${resource.plural}`;
    const { controller, release } = controllerFor(options.signal);
    try {
      const response = await this.#transport.ask({
        task,
        path: pathOf(resource, options.namespace),
        query: {
          watch: 1,
          allowWatchBookmarks: "true",
          resourceVersion: options.resourceVersion,
          timeoutSeconds: options.timeoutSeconds,
          labelSelector: options.labels,
          fieldSelector: options.fields,
        },
        // Not to be answered is to be silent, too.
        timeoutMs: Math.min(options.silenceMs, ANSWER_TIMEOUT_MS),
        controller,
      });
      const end = () => {
        release();
        controller.abort();
      };
      return readWatch(task, response.body!, options, controller, end);
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Makes an object as described, or changes what differs (server-side apply,
   * unknown fields refused).
   *
   * @returns the object as it is now
   */
  async apply<T extends KubeObject>(
    object: T,
    options: { dryRun?: boolean; force?: boolean; manager?: string } = {},
  ): Promise<T> {
    const resource = resourceOf(object);
    const { name = "", namespace } = object.metadata ?? {};
    return await this.#ask<T>({
      task: `apply ${resource.kind} "${name}"`,
      method: "PATCH",
      path: pathOf(resource, namespace, name),
      query: {
        fieldManager: options.manager ?? FIELD_MANAGER,
        fieldValidation: "Strict",
        force: options.force ? "true" : undefined,
        dryRun: options.dryRun ? "All" : undefined,
      },
      body: JSON.stringify(object),
      contentType: "application/apply-patch+yaml",
    });
  }

  /**
   * Begins to remove an object; what depends on it follows.
   *
   * @param uid only if it still is that one
   * @returns whether there was one
   */
  async delete(
    resource: Resource,
    name: string,
    namespace?: string,
    uid?: string,
  ): Promise<boolean> {
    try {
      const response = await this.#transport.ask({
        task: `delete ${resource.kind} "${name}"`,
        method: "DELETE",
        path: pathOf(resource, namespace, name),
        body: JSON.stringify({
          apiVersion: "v1",
          kind: "DeleteOptions",
          propagationPolicy: "Background",
          ...(uid !== undefined && { preconditions: { uid } }),
        }),
        contentType: "application/json",
      });
      await response.body?.cancel();
      return true;
    } catch (error) {
      if (isFault(error, "missing")) return false;
      throw error;
    }
  }

  /** Whether whoever we are may do this. */
  async may({ verb, group, resource, namespace }: Right): Promise<boolean> {
    const [plural, subresource] = resource.split("/");
    const { status } = await this.#ask<{ status?: { allowed?: boolean } }>({
      task: "ask for the rights of this account",
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: JSON.stringify({
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: {
          resourceAttributes: {
            verb,
            group,
            resource: plural,
            subresource,
            namespace,
          },
        },
      }),
      contentType: "application/json",
    });
    return status?.allowed === true;
  }

  /** What a container wrote. Empty for a pod that has no node yet. */
  async log(
    pod: string,
    namespace: string,
    options: LogOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#transport.ask({
      task: `read the log of pod "${pod}"`,
      path: `/api/v1/namespaces/${namespace}/pods/${pod}/log`,
      query: {
        container: options.container,
        follow: options.follow ? "true" : undefined,
        previous: options.previous ? "true" : undefined,
        tailLines: options.tailLines,
        timestamps: options.timestamps ? "true" : undefined,
      },
      controller: controllerFor(options.signal).controller,
    });
    return response.body ?? ReadableStream.from<Uint8Array>([]);
  }

  /**
   * A connection to a port of a pod.
   *
   * @throws ClusterError `missing` for the pod, `forbidden` without the rights
   */
  async dial(pod: string, namespace: string, port: number): Promise<Tunnel> {
    return await dial(this.access, { pod, namespace, port });
  }

  /** An answer as JSON; one that is cut off is a connection that broke. */
  async #ask<T>(ask: Ask, signal?: AbortSignal): Promise<T> {
    const { controller, release } = controllerFor(signal);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      controller.abort();
    }, WHOLE_TIMEOUT_MS);
    try {
      const response = await this.#transport.ask({ ...ask, controller });
      // As in readWatch: an aborted fetch may leave its reader waiting.
      return await Promise.race([
        response.json() as Promise<T>,
        abortOf(controller.signal),
      ]);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof ClusterError || !(cause instanceof Error)) {
        throw cause;
      }
      const reason = isLate
        ? `no whole answer for ${WHOLE_TIMEOUT_MS / 1000} s`
        : cause.message;
      const text = `Cannot ${ask.task}: ${reason}`;
      throw new ClusterError("unreachable", text, { cause });
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  /** An answer of a service, through the API server's own proxy. */
  async throughProxy(
    service: string,
    namespace: string,
    port: string | number,
    path: string,
  ): Promise<Response> {
    return await this.#transport.ask({
      task: `reach service "${service}"`,
      path: `/api/v1/namespaces/${namespace}/services/` +
        `${service}:${port}/proxy${path}`,
    });
  }
}

/** Whether it is that error. */
export const isFault = (
  error: unknown,
  fault: ClusterError["fault"],
): error is ClusterError =>
  error instanceof ClusterError && error.fault === fault;

/** For people: `apps/v1 DaemonSet thresher/worker`. */
export function nameOf(object: KubeObject): string {
  const { name = "?", namespace } = object.metadata ?? {};
  return `${object.kind} ${namespace ? `${namespace}/` : ""}${name}`;
}

/** As a right names it. */
export const groupAndPlural = (
  resource: Resource,
): Pick<Right, "group" | "resource"> => ({
  group: resource.group,
  resource: resource.plural,
});

/** An object of a list, made whole: lists leave out what all have in common. */
export const withKind = <T extends KubeObject>(
  object: T,
  resource: Resource,
): T => ({
  ...object,
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
});

/** @param end ends the connection, if the caller left early */
async function* readWatch<T extends KubeObject>(
  task: string,
  body: ReadableStream<Uint8Array>,
  { signal, silenceMs }: WatchOptions,
  controller: AbortController,
  end: () => void,
): AsyncGenerator<WatchLine<T>, void> {
  const broken = (reason: string, cause?: unknown) =>
    new ClusterError("unreachable", `Cannot ${task}: ${reason}`, { cause });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isSilent = false;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isSilent = true;
      controller.abort();
    }, silenceMs);
  };
  const reader = body.getReader();
  // An aborted fetch does not always wake who waits for its body (Deno 2.9).
  const wake = () => void reader.cancel().catch(() => {});
  controller.signal.addEventListener("abort", wake, { once: true });
  if (controller.signal.aborted) wake();
  try {
    heard();
    for await (const line of linesOf(reader, heard)) {
      yield JSON.parse(line) as WatchLine<T>;
    }
    if (controller.signal.aborted) throw new Error("ended");
  } catch (cause) {
    signal.throwIfAborted();
    if (isSilent) throw broken(`silence for ${silenceMs / 1000} s`);
    if (cause instanceof ClusterError || !(cause instanceof Error)) throw cause;
    // Whatever the connection says of it; JSON cut in the middle is one, too.
    throw broken(cause.message, cause);
  } finally {
    clearTimeout(timer);
    end();
  }
}

/** Rejects when a signal says so; nobody has to wait for it. */
function abortOf(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    const end = () => reject(new Error("ended"));
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
  aborted.catch(() => {});
  return aborted;
}

/** A controller that a signal aborts too, until it is released. */
function controllerFor(
  signal: AbortSignal | undefined,
): { controller: AbortController; release: () => void } {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return {
    controller,
    release: () => signal?.removeEventListener("abort", abort),
  };
}

/**
 * Lines of a stream.
 *
 * @param heard called for each run of bytes
 * @throws ClusterError for a line of more than {@link MAX_EVENT} bytes
 */
async function* linesOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  heard: () => void,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let parts: string[] = []; // of a line that has not ended
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const lines = decoder.decode(value, { stream: true }).split("\n");
    const rest = lines.pop()!;
    for (const line of lines) {
      parts.push(line);
      const whole = parts.join("");
      parts = [];
      size = 0;
      if (whole) yield whole;
    }
    parts.push(rest);
    size += rest.length;
    if (size > MAX_EVENT) {
      throw new ClusterError(
        "server",
        `The API server sent an event of more than ${MAX_EVENT} bytes`,
      );
    }
  }
}
