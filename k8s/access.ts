/**
 * Which API server to talk to, and as whom: from a kubeconfig, or from what a
 * pod finds mounted.
 *
 * Credentials are asked for anew at every connection. A plugin's token lives
 * for minutes, a service account's is replaced on disk before it expires, and
 * both are forgotten by whoever copies them into a header once.
 */
import type { RequestOptions } from "node:https";
import type { Cluster, KubeConfig } from "@kubernetes/client-node";
import { ClusterError } from "./cluster_error.ts";

/** The way to one cluster. */
export interface ClusterAccess {
  /** The kubeconfig's name for it; absent inside of a pod. */
  readonly context: string | undefined;
  /** URL without a slash at its end. */
  readonly server: string;
  /** What commands without `-n` are about. */
  readonly namespace: string;
  /**
   * @param rejected those that the server did not take: others are looked for,
   *     and the same are given if there are none
   * @throws ClusterError if a plugin or a file does not give them
   */
  credentials(rejected?: Credentials): Promise<Credentials>;
}

/** What a connection needs. Certificates and keys are PEM. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the server's certificate has, if not its host's. */
  readonly serverName?: string | undefined;
  /** Whether the kubeconfig says not to look at that certificate. */
  readonly insecure?: boolean | undefined;
  /** URL of a proxy on the way. */
  readonly proxy?: string | undefined;
}

/**
 * The kubeconfig files in force: the given one, else those of `KUBECONFIG`,
 * else the one in the home folder, as kubectl has it. Only those that exist;
 * the given one always, so that its absence is an error.
 */
export function kubeconfigFiles(given?: string): string[] {
  if (given !== undefined) return [given];
  const separator = Deno.build.os === "windows" ? ";" : ":";
  const listed = Deno.env.get("KUBECONFIG")?.split(separator).filter(Boolean);
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
  const files = listed?.length ? listed : home ? [`${home}/.kube/config`] : [];
  return files.filter(exists);
}

/**
 * The cluster of a kubeconfig.
 *
 * @param files as {@link kubeconfigFiles} gives them; the first to name
 *     something wins
 * @param context absent for the current one
 * @returns `undefined` where there is no file or no current context
 * @throws ClusterError if a file cannot be read, or has no such context
 */
export async function fromKubeconfig(
  files: readonly string[],
  context?: string,
): Promise<ClusterAccess | undefined> {
  if (files.length === 0 && context === undefined) return undefined;
  const first = await load(files, context);
  if (!first) return undefined;
  const { name, cluster, namespace } = first;
  let loaded = first;
  return {
    context: name,
    server: cluster.server.replace(/\/+$/, ""),
    namespace,
    async credentials(rejected) {
      loaded = await reload(files, loaded);
      const known = await credentialsOf(loaded);
      if (!rejected || !isSame(known, rejected)) return known;
      // A plugin's are remembered with what was loaded, until they expire; so
      // are those that do not say when that is.
      loaded = await loadAgain(files, loaded);
      return await credentialsOf(loaded);
    },
  };
}

/** @throws ClusterError */
async function credentialsOf(
  { config, name, cluster }: Loaded,
): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClusterError(
      "unauthorized",
      `Cannot get credentials for context "${name}": ${reason.trim()}. ` +
        "Log in to the cluster again",
      { cause },
    );
  }
  return {
    headers: toHeaders(options.headers, options.auth),
    ca: toPem(options.ca),
    cert: toPem(options.cert),
    key: toPem(options.key),
    serverName: cluster.tlsServerName,
    insecure: cluster.skipTLSVerify,
    proxy: cluster.proxyUrl,
  };
}

/** Whether two prove the same. */
export const isSame = (a: Credentials, b: Credentials): boolean =>
  a.headers.authorization === b.headers.authorization && a.cert === b.cert;

/** What files say of one context. */
interface Loaded {
  readonly config: KubeConfig;
  readonly name: string;
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Of the files when they were read. */
  readonly stamp: string;
}

/** @throws ClusterError */
async function load(
  files: readonly string[],
  context: string | undefined,
): Promise<Loaded | undefined> {
  // Loaded here and not above: it costs 0.7 s and 85 MB.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const stamp = stampOf(files);
  const config = new KubeConfig();
  for (const [i, file] of files.entries()) {
    try {
      const next = new KubeConfig();
      next.loadFromFile(file);
      if (i === 0) config.loadFromFile(file);
      else config.mergeConfig(next, true);
    } catch (cause) {
      throw unusable(`Cannot read the kubeconfig ${file}`, cause);
    }
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context)) {
      const known = names.length ? names.join(", ") : "none at all";
      throw unusable(`No context "${context}" in the kubeconfig, but ${known}`);
    }
    config.setCurrentContext(context);
  }
  const name = config.getCurrentContext();
  const cluster = config.getCurrentCluster();
  if (!name) return undefined;
  if (!cluster) throw unusable(`Context "${name}" names no known cluster`);
  const namespace = config.getContextObject(name)?.namespace ?? "default";
  return { config, name, cluster, namespace, stamp };
}

/**
 * The same as it is now: whoever logs in again writes a file anew, and need
 * not start anew what runs. While it is half-written it is as before.
 */
async function reload(
  files: readonly string[],
  before: Loaded,
): Promise<Loaded> {
  const isOld = stampOf(files) !== before.stamp;
  return isOld ? await loadAgain(files, before) : before;
}

/** Everything anew, or as it was where that cannot be read. */
async function loadAgain(
  files: readonly string[],
  before: Loaded,
): Promise<Loaded> {
  try {
    return await load(files, before.name) ?? before;
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return before;
  }
}

/** Changes when any of the files does. */
const stampOf = (files: readonly string[]): string =>
  files.map((file) => {
    try {
      const { mtime, size } = Deno.statSync(file);
      return `${mtime?.getTime()} ${size}`;
    } catch (error) {
      // Its absence is an error when it is read.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return "";
    }
  }).join();

/** Where a pod finds its service account. */
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The cluster in which this pod runs.
 *
 * @param folder with `token`, `ca.crt` and `namespace`
 * @throws ClusterError outside of a pod, or where no account is mounted
 */
export async function inCluster(folder = ACCOUNT): Promise<ClusterAccess> {
  const host = Deno.env.get("KUBERNETES_SERVICE_HOST");
  const port = Deno.env.get("KUBERNETES_SERVICE_PORT");
  if (!host || !port) {
    throw unusable("This is no pod: KUBERNETES_SERVICE_HOST is not set");
  }
  const read = async (name: string): Promise<string> => {
    try {
      return (await Deno.readTextFile(`${folder}/${name}`)).trim();
    } catch (cause) {
      throw unusable(`Cannot read the service account's ${name}`, cause);
    }
  };
  return {
    context: undefined,
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: await read("namespace"),
    // The kubelet replaces both files while the pod runs.
    async credentials() {
      const [token, ca] = await Promise.all([read("token"), read("ca.crt")]);
      return { headers: { authorization: `Bearer ${token}` }, ca };
    },
  };
}

function toHeaders(
  headers: unknown,
  auth: string | null | undefined,
): Record<string, string> {
  const given = Object.entries(headers ?? {})
    .map(([name, value]) => [name.toLowerCase(), String(value)]);
  if (auth) {
    const bytes = new TextEncoder().encode(auth);
    given.push(["authorization", `Basic ${bytes.toBase64()}`]);
  }
  return Object.fromEntries(given);
}

/** Texts and buffers, as Node's TLS options have them. */
function toPem(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return undefined;
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function unusable(message: string, cause?: unknown): ClusterError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new ClusterError("config", `${message}${reason}`, { cause });
}
