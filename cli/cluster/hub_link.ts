/** The hub in the cluster, as this machine reaches it while a command runs. */
import type {
  CodeAnswer,
  TargetSelection,
  TargetsStatus,
  WorkerStatus,
} from "../../api/hub.ts";
import { HUB } from "../../api/paths.ts";
import type { Client } from "../../k8s/client.ts";
import type { ClusterError, ClusterFault } from "../../k8s/cluster_error.ts";
import { HubTunnel, type Tell, type WantedPort } from "../../k8s/hub_tunnel.ts";
import { NAMES } from "../../k8s/identity.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { SECRETS } from "../../k8s/resource.ts";
import { CommandError, EXIT } from "../exit.ts";
import type { HubAddress } from "../local_hub.ts";
import { USUAL } from "../hub.ts";
import { messageOf } from "../hub_message.ts";

/** How long one answer may take, ms. */
const PATIENCE_MS = 10_000;

/** How long the hub may take until it answers for the first time, ms. */
const FIRST_ANSWER_MS = 30_000;

/** What no waiting helps against. */
const REFUSALS: ReadonlySet<ClusterFault> = new Set([
  "forbidden",
  "unauthorized",
]);

/** How long workers may take to follow another selection, ms. */
const SETTLING_MS = 5000;

/** Between two attempts, ms. */
const PAUSE_MS = 300;

/** The hub refused, or did not answer. */
export class HubFailed extends CommandError {
  override name = "HubFailed";
  /** HTTP status; absent where there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, cause?: unknown) {
    super(EXIT.FAILED, message, cause);
    this.status = status;
  }
}

/**
 * The token of an installation's hub.
 *
 * @throws CommandError, ClusterError
 */
export async function readToken(
  client: Client,
  namespace: string,
): Promise<string> {
  const secret = await client.get<Secret>(
    SECRETS,
    NAMES.hubSecret,
    namespace,
  );
  const token = secret?.data?.token ?? "";
  if (token) return new TextDecoder().decode(Uint8Array.fromBase64(token));
  throw new CommandError(
    EXIT.FAILED,
    `The installation in namespace ${namespace} has no token: ` +
      "`thresher clean` removes it, and `thresher tap` makes a whole one",
  );
}

interface Secret extends KubeObject {
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** Where a tunnel begins, as `--port` says it. */
export const toWantedPort = (port: number | undefined): WantedPort =>
  port === undefined ? { port: USUAL.port } : { port, isExact: true };

/** A way to the hub, on a port of this machine. */
export class HubLink implements AsyncDisposable {
  readonly address: HubAddress;
  readonly #tunnel: HubTunnel;

  private constructor(tunnel: HubTunnel, token: string) {
    this.#tunnel = tunnel;
    this.address = { url: `http://127.0.0.1:${tunnel.port}`, token };
  }

  /**
   * Opens it, and waits until the hub answers.
   *
   * @throws CommandError, ClusterError
   */
  static async open(
    client: Client,
    { namespace, token, port, tell, signal }: {
      readonly namespace: string;
      readonly token: string;
      readonly port: WantedPort;
      readonly tell: Tell;
      readonly signal: AbortSignal;
    },
  ): Promise<HubLink> {
    let hasAnswered = false;
    let refusal: ClusterError | undefined;
    const tunnel = openTunnel(client, namespace, port, (event) => {
      const isRefused = event.kind === "lost" &&
        REFUSALS.has(event.error.fault);
      if (isRefused && !hasAnswered) refusal = event.error;
      else tell(event);
    });
    const link = new HubLink(tunnel, token);
    try {
      await link.#answers(signal, () => refusal);
      hasAnswered = true;
      return link;
    } catch (error) {
      await link[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Opens one for a question or two, by the installation's own token: on any
   * port, and nothing is told of what happens to it.
   *
   * @throws CommandError, ClusterError
   */
  static async briefly(
    client: Client,
    namespace: string,
    signal: AbortSignal,
  ): Promise<HubLink> {
    return await HubLink.open(client, {
      namespace,
      token: await readToken(client, namespace),
      port: { port: 0 },
      tell: () => {},
      signal,
    });
  }

  get port(): number {
    return this.#tunnel.port;
  }

  /** An address that opens the page once; each time another. */
  async pageUrl(): Promise<string> {
    const { code } = await this.#json<CodeAnswer>(HUB.code, "POST", {});
    return `${this.address.url}/?code=${code}`;
  }

  workers(): Promise<WorkerStatus[]> {
    return this.#json(HUB.workers);
  }

  targets(): Promise<TargetsStatus> {
    return this.#json(HUB.targets);
  }

  /** The same once all nodes have taken it, or after a while. */
  async settledTargets(signal: AbortSignal): Promise<TargetsStatus> {
    const end = Date.now() + SETTLING_MS;
    for (;;) {
      const targets = await this.targets();
      const { nodes } = targets;
      const isSettled = nodes.length > 0 &&
        nodes.every(({ state }) => state !== "pending");
      if (isSettled || Date.now() > end || signal.aborted) return targets;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** Says which pods are captured from now on. */
  select(selection: TargetSelection): Promise<TargetsStatus> {
    return this.#json(HUB.targets, "PUT", selection);
  }

  setStorageLimit(limit: number): Promise<unknown> {
    return this.#json(HUB.storageLimit, "PUT", { limit });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tunnel.close();
  }

  /**
   * @param refusal what makes it useless to wait
   * @throws CommandError, ClusterError
   */
  async #answers(
    signal: AbortSignal,
    refusal: () => ClusterError | undefined,
  ): Promise<void> {
    const end = Date.now() + FIRST_ANSWER_MS;
    for (;;) {
      try {
        await this.workers();
        return;
      } catch (error) {
        if (!(error instanceof HubFailed)) throw error;
        signal.throwIfAborted();
        const refused = refusal();
        if (refused) throw refused;
        if (error.status === 401) throw wrongToken(error);
        if (Date.now() > end) throw toNotReady(error);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** @throws HubFailed */
  async #json<T>(path: string, method = "GET", body?: object): Promise<T> {
    return JSON.parse(await this.text(path, method, body));
  }

  /**
   * What one of its routes answers.
   *
   * @throws HubFailed
   */
  async text(path: string, method = "GET", body?: object): Promise<string> {
    const headers = {
      authorization: `Bearer ${this.address.token}`,
      ...(body && { "content-type": "application/json" }),
    };
    try {
      const response = await fetch(this.address.url + path, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const text = await response.text();
      if (response.ok) return text;
      throw new HubFailed(
        `The hub refuses: ${messageOf(text)}`,
        response.status,
      );
    } catch (error) {
      if (error instanceof HubFailed || !(error instanceof Error)) throw error;
      throw new HubFailed(
        `The hub does not answer: ${error.message}`,
        undefined,
        error,
      );
    }
  }
}

const wrongToken = (cause: HubFailed): CommandError =>
  new CommandError(
    EXIT.NO_RIGHT,
    "The hub does not take the token of its own installation, which was " +
      "changed while it ran: delete the hub's pod, and another one reads it",
    cause,
  );

const toNotReady = (cause: HubFailed): CommandError =>
  new CommandError(
    EXIT.NOT_READY,
    `Nothing comes through the tunnel. ${cause.message}`,
    cause,
  );

/** @throws CommandError */
function openTunnel(
  client: Client,
  namespace: string,
  port: WantedPort,
  tell: Tell,
): HubTunnel {
  try {
    return new HubTunnel(client, namespace, port, tell);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new CommandError(
      EXIT.FAILED,
      `Cannot listen on 127.0.0.1:${port.port}: another program does; name ` +
        "another --port, or 0 for any",
      error,
    );
  }
}
