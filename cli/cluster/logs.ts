/** Runs `logs`: everything that explains an installation, as one ZIP. */
import { Zip, ZipDeflate } from "fflate";
import { HUB } from "../../api/paths.ts";
import { type Client, isFault } from "../../k8s/client.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";
import { leftovers } from "../../k8s/deploy.ts";
import { OURS } from "../../k8s/identity.ts";
import type { KubeObject, Pod } from "../../k8s/objects.ts";
import { readReadiness } from "../../k8s/readiness.ts";
import { EVENTS, NODES, PODS } from "../../k8s/resource.ts";
import { findInstalled } from "../../k8s/preflight.ts";
import { CommandError, EXIT, type ExitCode } from "../exit.ts";
import { openTarget, type Target } from "../export_target.ts";
import { Interruption } from "../interruption.ts";
import { say } from "../output.ts";
import { VERSION } from "../version.ts";
import { accessFor, connect, installationFor } from "./connect.ts";
import { HubFailed, HubLink } from "./hub_link.ts";
import { LiveLine } from "./live_line.ts";
import type { ClusterOptions } from "./options.ts";

/** What `logs` was told. */
export interface LogsOptions extends ClusterOptions {
  readonly output: string;
}

/** Newest lines of each container. */
const MAX_LINES = 100_000;

/** Writes the ZIP. What cannot be had is said in it, and is no failure. */
export async function runLogs(options: LogsOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const access = await accessFor(options);
  using client = connect(access);
  const installed = await installationFor(client, options);
  const namespace = installed?.namespace ?? options.installNamespace;
  if (namespace === undefined) throw nothingThere(access.context);
  using target = openTarget(options.output);
  const zip = new ZipFile(target);
  const gathering = new Gathering(client, namespace, zip, signal);
  await gathering.all();
  zip.end();
  target.keep();
  say(`thresher: ${zip.count} files written to ${options.output}`);
  return EXIT.DONE;
}

const nothingThere = (context: string | undefined): CommandError =>
  new CommandError(
    EXIT.FAILED,
    `Thresher is not installed in context "${context}"; what is left of it in ` +
      "a namespace is gathered with --install-namespace",
  );

/** A ZIP that is written as it grows. */
class ZipFile {
  count = 0;
  readonly #zip: Zip;
  #error: Error | undefined;

  constructor(target: Target) {
    this.#zip = new Zip((error, bytes) => {
      if (error) this.#error = error;
      else target.write(bytes);
    });
  }

  /** Adds a file, piece by piece. */
  async add(name: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const file = new ZipDeflate(name);
    file.mtime = new Date();
    this.#zip.add(file);
    // The last piece has to be known as such: an empty one is.
    for await (const piece of pieces) file.push(piece);
    file.push(new Uint8Array(), true);
    this.count++;
    if (this.#error) throw this.#error;
  }

  end(): void {
    this.#zip.end();
    if (this.#error) throw this.#error;
  }
}

/** Puts together what there is. */
class Gathering {
  readonly #client: Client;
  readonly #namespace: string;
  readonly #zip: ZipFile;
  readonly #signal: AbortSignal;
  /** What could not be had, and why. */
  readonly #missing: string[] = [];

  constructor(
    client: Client,
    namespace: string,
    zip: ZipFile,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#namespace = namespace;
    this.#zip = zip;
    this.#signal = signal;
  }

  async all(): Promise<void> {
    using line = new LiveLine();
    const client = this.#client;
    const namespace = this.#namespace;
    line.show("gathering objects and events");
    await this.#json("version.json", async () => ({
      thresher: VERSION,
      deno: Deno.version.deno,
      system: Deno.build.target,
      kubernetes: await client.version(),
      installed: await findInstalled(client, namespace),
    }));
    await this.#json(
      "readiness.json",
      () => readReadiness(client, namespace),
    );
    await this.#json(
      "events.json",
      () => client.listAll(EVENTS, { namespace }),
    );
    await this.#json(
      "objects.json",
      async () =>
        (await leftovers(client, { namespace }))
          // Tokens and keys are nobody's to read.
          .filter(({ kind }) => kind !== "Secret")
          .map(withoutManagers),
    );
    await this.#json(
      "nodes.json",
      async () => (await client.listAll(NODES)).map(withoutManagers),
    );
    const pods = await this.#pods();
    await this.#json("pods.json", () => pods.map(withoutManagers));
    for (const pod of pods) {
      line.show(`gathering the logs of ${pod.metadata?.name}`);
      await this.#logsOf(pod);
    }
    line.show("asking the hub");
    await this.#hub();
    if (this.#missing.length > 0) {
      await this.#text("missing.txt", this.#missing.join("\n") + "\n");
    }
  }

  async #pods(): Promise<Pod[]> {
    const selection = { namespace: this.#namespace, labels: OURS };
    return await this.#unlessMissing(
      "pods.json",
      () => this.#client.listAll<Pod>(PODS, selection),
    ) ?? [];
  }

  /** Of each container, and of the run before its last restart. */
  async #logsOf({ metadata = {}, spec, status }: Pod): Promise<void> {
    const { name: pod = "", namespace = "" } = metadata;
    const statuses = [
      ...status?.initContainerStatuses ?? [],
      ...status?.containerStatuses ?? [],
    ];
    for (const { name } of spec?.containers ?? []) {
      const restarts = statuses.find((one) => one.name === name)?.restartCount;
      const runs = restarts ? [false, true] : [false];
      for (const previous of runs) {
        const file = `logs/${pod}/${name}${previous ? ".previous" : ""}.log`;
        await this.#unlessMissing(file, async () => {
          const log = await this.#client.log(pod, namespace, {
            container: name,
            previous,
            tailLines: MAX_LINES,
            timestamps: true,
            signal: this.#signal,
          });
          await this.#zip.add(file, log);
        });
      }
    }
  }

  /** What the hub knows, if it can be reached. */
  async #hub(): Promise<void> {
    await this.#unlessMissing("hub/", async () => {
      await using link = await HubLink.briefly(
        this.#client,
        this.#namespace,
        this.#signal,
      );
      const files: readonly [file: string, path: string][] = [
        ["hub/metrics.txt", HUB.metrics],
        ["hub/workers.json", HUB.workers],
        ["hub/targets.json", HUB.targets],
        ["hub/cluster.json", HUB.cluster],
      ];
      for (const [file, path] of files) {
        await this.#unlessMissing(
          file,
          async () => await this.#text(file, await link.text(path)),
        );
      }
    });
  }

  async #json(file: string, read: () => unknown): Promise<void> {
    await this.#unlessMissing(file, async () => {
      const value = await read();
      await this.#text(file, JSON.stringify(value, null, 2) + "\n");
    });
  }

  #text(file: string, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    return this.#zip.add(file, ReadableStream.from([bytes]));
  }

  /** What is refused or away is noted, and the rest goes on. */
  async #unlessMissing<T>(
    file: string,
    read: () => Promise<T>,
  ): Promise<T | undefined> {
    this.#signal.throwIfAborted();
    try {
      return await read();
    } catch (error) {
      const isKnown = error instanceof ClusterError ||
        error instanceof HubFailed ||
        error instanceof CommandError && error.code !== EXIT.FAILED;
      if (!isKnown || isFault(error, "unauthorized")) throw error;
      this.#missing.push(`${file}: ${error.message}`);
      return undefined;
    }
  }
}

/** Who set which field fills pages, and explains nothing here. */
const withoutManagers = ({ metadata, ...rest }: KubeObject): unknown => {
  const { managedFields: _, ...kept } = { managedFields: [], ...metadata };
  return { ...rest, metadata: kept };
};
