/** `hub --cluster`: the cluster that a hub watches, and where it keeps what it learnt. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { TargetSelection } from "../api/hub.ts";
import { BadSelection, isEverything, readSelection } from "../api/selection.ts";
import { FoundWorkers } from "../hub/found_workers.ts";
import { type Dialling, RemoteWorker } from "../hub/remote_worker.ts";
import type { Workers } from "../hub/workers.ts";
import {
  type ClusterAccess,
  fromKubeconfig,
  inCluster,
  kubeconfigFiles,
} from "../k8s/access.ts";
import { Client } from "../k8s/client.ts";
import { ClusterError } from "../k8s/cluster_error.ts";
import { ClusterView } from "../k8s/cluster_view.ts";
import { NAMES } from "../k8s/identity.ts";
import { CommandError, EXIT } from "./exit.ts";
import { hubFolder, readOwn, writeOwn } from "./local_hub.ts";
import { say } from "./output.ts";

/** What options say of the cluster. */
export interface ClusterHubOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly installNamespace?: string;
  readonly workerPort: number;
  /** Which pods are captured, until somebody says otherwise. */
  readonly targets: TargetSelection;
}

/** A cluster that a hub watches. Dispose of it behind the hub. */
export class ClusterHub implements AsyncDisposable {
  readonly view: ClusterView;
  readonly #client: Client;
  readonly #workerPort: number;

  /** @throws CommandError where there is no cluster */
  static async open(options: ClusterHubOptions): Promise<ClusterHub> {
    return new ClusterHub(await accessTo(options), options);
  }

  private constructor(access: ClusterAccess, options: ClusterHubOptions) {
    const { installNamespace, targets, workerPort } = options;
    const isPod = access.context === undefined;
    const usual = isPod ? access.namespace : NAMES.namespace;
    const fileOf = (what: "names" | "targets") =>
      join(hubFolder(), clusterFile(what, access.server));
    const choice = new Choice(fileOf("targets"), targets);
    this.#client = new Client(
      access,
      (warning) => say(`thresher: the cluster warns: ${warning}`),
    );
    this.#workerPort = workerPort;
    this.view = new ClusterView({
      client: this.#client,
      namespace: installNamespace ?? usual,
      selection: choice.read(),
      namesFile: fileOf("names"),
      say: (text) => say(`thresher: ${text}`),
    });
    this.view.targets.listen(() => choice.write(this.view.targets.selection));
  }

  /** Keeps the hub's workers to those of the cluster. */
  find(workers: Workers, dialling: Dialling): void {
    const port = this.#workerPort;
    const found = new FoundWorkers(workers, (address, node) => {
      const host = address.includes(":") ? `[${address}]` : address;
      return new RemoteWorker(`wss://${host}:${port}`, dialling, node);
    });
    this.view.onWorkers((pods) => found.take(pods));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.view[Symbol.asyncDispose]();
    this.#client.close();
  }
}

/** @throws CommandError */
async function accessTo(
  { kubeconfig, context }: ClusterHubOptions,
): Promise<ClusterAccess> {
  try {
    if (kubeconfig === undefined && context === undefined) {
      return await inCluster();
    }
    const access = await fromKubeconfig(kubeconfigFiles(kubeconfig), context);
    if (access) return access;
    throw new CommandError(EXIT.MISUSED, "The kubeconfig has no cluster");
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const hint = kubeconfig === undefined && context === undefined
      ? ". Outside of a cluster, name it with --kubeconfig or --context"
      : "";
    throw new CommandError(EXIT.MISUSED, `${error.message}${hint}`, error);
  }
}

/**
 * The selection that somebody chose, for a hub that is started anew in its
 * place; as long as it is started with the same one.
 */
class Choice {
  readonly #path: string;
  readonly #given: string;
  #written: string | undefined;

  constructor(path: string, given: TargetSelection) {
    this.#path = path;
    this.#given = JSON.stringify(given);
  }

  read(): TargetSelection {
    const text = readOwn(this.#path);
    const chosen = text === undefined ? undefined : this.#chosenIn(text);
    if (chosen) {
      const what = isEverything(chosen) ? "everything" : JSON.stringify(chosen);
      say(`thresher: captures what was chosen before: ${what}`);
    }
    return chosen ?? readSelection(JSON.parse(this.#given));
  }

  write(selection: TargetSelection): void {
    const text = `[${this.#given},${JSON.stringify(selection)}]\n`;
    if (text === this.#written) return;
    try {
      writeOwn(this.#path, text);
      this.#written = text;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      say(`thresher: what is chosen is not kept: ${error.message}`);
    }
  }

  /** What was chosen by whoever was started with the same. */
  #chosenIn(text: string): TargetSelection | undefined {
    try {
      const [given, chosen] = JSON.parse(text);
      const isSame = JSON.stringify(given) === this.#given;
      return isSame ? readSelection(chosen) : undefined;
    } catch (error) {
      const isOurs = error instanceof SyntaxError ||
        error instanceof TypeError || error instanceof BadSelection;
      if (!isOurs) throw error;
      return undefined; // another version's, or damaged
    }
  }
}

/** What a hub keeps of a cluster, and of no other, is in files so called. */
export function clusterFile(what: "names" | "targets", server: string): string {
  const digest = createHash("sha256").update(server).digest("hex");
  return `${what}-${digest.slice(0, 12)}`;
}
