/** Runs `status`. */
import type { MeshStatus } from "../../api/hub.ts";
import { type Client, isFault } from "../../k8s/client.ts";
import { isComplete, readReadiness } from "../../k8s/readiness.ts";
import { CommandError, EXIT, type ExitCode } from "../exit.ts";
import { Interruption } from "../interruption.ts";
import { print, say } from "../output.ts";
import { becomeReady } from "./becoming_ready.ts";
import {
  accessFor,
  connect,
  describeInstalled,
  requireInstallation,
} from "./connect.ts";
import { HubLink } from "./hub_link.ts";
import { describeMesh } from "./mesh.ts";
import { describeProblem, describeReadiness, News } from "./news.ts";
import type { ClusterOptions } from "./options.ts";

/** What `status` was told. */
export interface StatusOptions extends ClusterOptions {
  readonly wait?: true;
  readonly json?: true;
  /** ms. */
  readonly timeout: number;
}

/** Says how an installation is. */
export async function runStatus(options: StatusOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  using client = connect(await accessFor(options));
  const installed = await requireInstallation(client, options);
  const { namespace, version, instance, since } = installed;
  if (options.wait) {
    const news = new News();
    const timing = { timeout: options.timeout, wants: isComplete };
    await becomeReady(client, namespace, timing, news, interruption);
  }
  const state = await readReadiness(client, namespace);
  const mesh = state.hub
    ? await askMesh(client, namespace, interruption.signal)
    : undefined;
  if (options.json) {
    const answer = { namespace, version, instance, since, ...state, mesh };
    print(JSON.stringify(answer) + "\n");
  } else {
    print(
      `${describeInstalled(installed)}, version ${version ?? "unknown"}\n` +
        `${describeReadiness(state)}\n`,
    );
    if (state.missing.length > 0) {
      print(`without a ready worker: ${state.missing.join(", ")}\n`);
    }
    for (const problem of state.problems) say(describeProblem(problem));
    for (const text of mesh ? describeMesh(mesh) : []) say(text);
  }
  return isComplete(state) ? EXIT.DONE : EXIT.NOT_READY;
}

/** What is heard of pods in a mesh; nothing where the hub cannot be asked. */
async function askMesh(
  client: Client,
  namespace: string,
  signal: AbortSignal,
): Promise<MeshStatus | undefined> {
  try {
    await using link = await HubLink.briefly(client, namespace, signal);
    return (await link.targets()).mesh;
  } catch (error) {
    // Whoever may only look at pods is told of those.
    if (isFault(error, "forbidden")) return undefined;
    if (!(error instanceof CommandError)) throw error;
    say(`the hub cannot be asked: ${error.message}`);
    return undefined;
  }
}
