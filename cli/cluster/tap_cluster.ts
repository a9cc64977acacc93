/**
 * `tap` on a cluster: looks, installs, waits, shows; and takes away what it
 * made when it ends, however it ends.
 */
import { randomInt } from "node:crypto";
import { dump } from "js-yaml";
import type { TargetSelection } from "../../api/hub.ts";
import type { ClusterAccess } from "../../k8s/access.ts";
import { makeAuthority } from "../../k8s/certificates.ts";
import type { Client } from "../../k8s/client.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";
import { install, type Ours } from "../../k8s/deploy.ts";
import { imageName } from "../../k8s/image_name.ts";
import { NAMES } from "../../k8s/identity.ts";
import {
  makeSecrets,
  objectsOf,
  secretObjects,
  type Settings,
  USUAL,
  volumeSizeFor,
} from "../../k8s/installation.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import {
  type Installed,
  openShiftObjects,
  type Preflight,
  preflight,
} from "../../k8s/preflight.ts";
import { CommandError, EXIT, type ExitCode } from "../exit.ts";
import type { Interruption } from "../interruption.ts";
import { print, say } from "../output.ts";
import { VERSION } from "../version.ts";
import { becomeReady } from "./becoming_ready.ts";
import { connect, describeInstalled, installationFor } from "./connect.ts";
import { type HubLink, readToken } from "./hub_link.ts";
import { describeLeftovers } from "./leftovers.ts";
import { LiveLine } from "./live_line.ts";
import { describeMesh } from "./mesh.ts";
import { News } from "./news.ts";
import type { ClusterOptions } from "./options.ts";
import { pullSecrets } from "./pull_secrets.ts";
import { removeAll } from "./removing.ts";
import { missingRights, rightsTable } from "./rights_table.ts";
import {
  compileOrRefuse,
  describeSelection,
  describeTargets,
  isPicky,
  previewSelection,
  type SelectionOptions,
  toSelection,
} from "./selection.ts";
import { watchHub } from "./watching.ts";

/** What `tap` was told of a cluster. */
export interface TapClusterOptions extends ClusterOptions, SelectionOptions {
  readonly dryRun?: true;
  readonly output?: "yaml" | "json";
  /** Bytes. */
  readonly storageLimit?: number;
  readonly registry?: string;
  readonly imagePullSecret?: readonly string[];
  readonly keep?: true;
  readonly mesh?: true;
  /** ms. */
  readonly duration?: number;
  /** ms. */
  readonly timeout: number;
  readonly port?: number;
  readonly browser: boolean;
}

/** @throws CommandError, ClusterError, Interrupted */
export async function tapCluster(
  access: ClusterAccess,
  regex: string | undefined,
  options: TapClusterOptions,
  interruption: Interruption,
): Promise<ExitCode> {
  using client = connect(access);
  const selection = toSelection(regex, options, access.namespace);
  compileOrRefuse(selection);
  const running = await installationFor(client, options);
  if (running) {
    const wanted = isPicky(regex, options) ? selection : undefined;
    return await join(client, running, wanted, options, interruption);
  }
  return await installAndShow(client, selection, options, interruption);
}

/** Uses an installation that is there, and leaves it there. */
async function join(
  client: Client,
  running: Installed,
  selection: TargetSelection | undefined,
  options: TapClusterOptions,
  interruption: Interruption,
): Promise<ExitCode> {
  const { namespace, version, mesh } = running;
  say(
    `thresher: uses the ${describeInstalled(running)}; it stays when this ` +
      "ends, and `thresher clean` removes it",
  );
  if (version !== undefined && version !== VERSION) {
    say(
      `thresher: it is of version ${version}, and this is ${VERSION}: ` +
        "`thresher clean` and `thresher tap` bring it up to date",
    );
  }
  if (options.mesh && !mesh) throw withoutMesh();
  if (mesh) {
    say("thresher: it captures inside of pods of a service mesh, too (--mesh)");
  }
  if (selection) await sayPreview(client, selection, mesh);
  if (options.dryRun) return EXIT.DONE;
  const news = new News();
  await becomeReady(client, namespace, options, news, interruption);
  return await show(
    client,
    { namespace, token: await readToken(client, namespace), news },
    selection,
    options,
    interruption,
  );
}

/** Its workers would be replaced, and with them what they keep. */
const withoutMesh = (): CommandError =>
  new CommandError(
    EXIT.FAILED,
    "that installation was made without --mesh, and to change it would remove " +
      "the packets that its nodes keep: `thresher clean` removes it, and " +
      "`thresher tap --mesh` makes another",
  );

async function sayPreview(
  client: Client,
  selection: TargetSelection,
  isEntered: boolean,
): Promise<void> {
  for (const text of await previewSelection(client, selection, isEntered)) {
    say(`thresher: ${text}`);
  }
}

async function installAndShow(
  client: Client,
  selection: TargetSelection,
  options: TapClusterOptions,
  interruption: Interruption,
): Promise<ExitCode> {
  const namespace = options.installNamespace ?? NAMES.namespace;
  const instance = newInstance();
  const { objects, token } = await toInstall(
    client,
    { namespace, instance, targets: selection },
    options,
  );
  const found = await preflight(client, objects, namespace);
  sayPreflight(found, namespace);
  for (const text of await describeLeftovers(client, namespace)) {
    say(`thresher: warning: ${text}`);
  }
  if (options.mesh) {
    say(
      "thresher: --mesh gives the workers hostPID, SYS_ADMIN and SYS_PTRACE",
    );
  }
  await sayPreview(client, selection, options.mesh ?? false);
  if (options.dryRun) return await dryRun(client, objects, options);
  interruption.signal.throwIfAborted();
  let code: ExitCode;
  let cleaned: ExitCode = EXIT.DONE;
  try {
    await apply(client, objects, interruption.signal);
    const news = new News();
    await becomeReady(client, namespace, options, news, interruption);
    code = await show(
      client,
      { namespace, token, news },
      selection,
      options,
      interruption,
    );
  } finally {
    if (options.keep) sayKept(namespace);
    else cleaned = await clean(client, { instance, namespace }, interruption);
  }
  return cleaned === EXIT.DONE ? code : cleaned;
}

/** What a run will make, in the order in which it is applied. */
async function toInstall(
  client: Client,
  own: Pick<Settings, "namespace" | "instance" | "targets">,
  options: TapClusterOptions,
): Promise<{ readonly objects: KubeObject[]; readonly token: string }> {
  const { storageLimit, registry, imagePullSecret = [], mesh } = options;
  const settings: Settings = {
    ...USUAL,
    ...own,
    version: VERSION,
    imagePullSecrets: imagePullSecret,
    image: imageName(VERSION, registry),
    ...(storageLimit && {
      storageLimit: String(storageLimit),
      volumeSize: volumeSizeFor(storageLimit),
    }),
    ...(mesh && { mesh }),
  };
  const secrets = makeSecrets(makeAuthority("thresher", new Date()));
  const all = objectsOf(settings);
  const isHome = ({ kind }: KubeObject) => kind === "Namespace";
  return {
    token: secrets.token,
    objects: [
      ...all.filter(isHome),
      // Pods that find no secret wait longer than it takes to make one.
      ...secretObjects(secrets, settings),
      ...await pullSecrets(client, imagePullSecret, settings),
      ...await openShiftObjects(client, settings),
      ...all.filter((object) => !isHome(object)),
    ],
  };
}

/** Characters that nobody mistakes for others. */
const LETTERS = "bcdfghjkmnpqrstvwxz2456789";

/** The name of a run. */
const newInstance = (): string =>
  Array.from({ length: 5 }, () => LETTERS[randomInt(LETTERS.length)]).join("");

/** @throws CommandError if a right is missing */
function sayPreflight(
  { version, nodes, warnings, rights, isForeignNamespace }: Preflight,
  namespace: string,
): void {
  say(
    `thresher: Kubernetes ${version}, ${
      nodes ?? "unknown"
    } nodes to capture on`,
  );
  for (const warning of warnings) say(`thresher: warning: ${warning}`);
  if (isForeignNamespace) {
    say(`thresher: namespace ${namespace} is there already, and will stay`);
  }
  const missing = missingRights(rights);
  if (missing.length === 0) return;
  const names = new Set(missing.map(({ resource }) => resource));
  const table = rightsTable(
    rights.filter(({ resource }) => names.has(resource)),
  );
  throw new CommandError(
    EXIT.NO_RIGHT,
    `this account lacks ${missing.length} of the rights that it takes; ask ` +
      `whoever runs the cluster, or tap what is installed already\n${table}`,
  );
}

/** Has the server check everything, and changes nothing. */
async function dryRun(
  client: Client,
  objects: readonly KubeObject[],
  { output }: TapClusterOptions,
): Promise<ExitCode> {
  for await (const { name } of install(client, objects, { dryRun: true })) {
    say(`thresher: would make ${name}`);
  }
  if (output === "yaml") {
    print(
      objects.map((object) => dump(object, { noRefs: true })).join("---\n"),
    );
  } else if (output === "json") {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    print(JSON.stringify(list, null, 2) + "\n");
  }
  say("thresher: nothing was changed");
  return EXIT.DONE;
}

async function apply(
  client: Client,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<void> {
  using line = new LiveLine();
  let count = 0;
  line.show(`making ${objects.length} objects`);
  const waiting = (error: ClusterError) =>
    line.show(`waiting to go on: ${error.message}`);
  for await (const { name } of install(client, objects, { waiting })) {
    line.show(`made ${name} (${++count} of ${objects.length})`);
    signal.throwIfAborted();
  }
}

/** Opens the hub, says what is captured, and stays until it is to end. */
async function show(
  client: Client,
  hub: {
    readonly namespace: string;
    readonly token: string;
    readonly news: News;
  },
  selection: TargetSelection | undefined,
  options: TapClusterOptions,
  { signal }: Interruption,
): Promise<ExitCode> {
  const { port, browser, duration } = options;
  const controller = new AbortController();
  const end = () => controller.abort(signal.reason);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begun = async (link: HubLink) => {
    await select(link, selection, hub.news, controller.signal);
    if (duration !== undefined) timer = setTimeout(end, duration);
  };
  try {
    const watched = { ...hub, port, browser };
    await watchHub(client, watched, controller.signal, begun);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
  return signal.aborted ? EXIT.INTERRUPTED : EXIT.DONE;
}

/** Tells the hub what to capture, and says what it does. */
async function select(
  link: HubLink,
  selection: TargetSelection | undefined,
  news: News,
  signal: AbortSignal,
): Promise<void> {
  if (selection) await link.select(selection);
  const targets = await link.settledTargets(signal);
  if (!selection) {
    say(
      `thresher: captures ${describeSelection(targets.selection)}, as before`,
    );
  }
  say(`thresher: ${describeTargets(targets)}`);
  // Whoever selects was told of pods that are not heard inside before.
  if (selection && !targets.mesh.isEntered) return;
  const [summary] = describeMesh(targets.mesh);
  const lines = summary ? [summary, ...news.ofMesh(targets.mesh)] : [];
  for (const line of lines) say(`thresher: ${line}`);
}

/** Takes away what a run made; what goes wrong with that is said. */
async function clean(
  client: Client,
  ours: Ours,
  { again }: Interruption,
): Promise<ExitCode> {
  say(
    "thresher: removing what this run made; Ctrl-C once more leaves it to " +
      "`thresher clean`",
  );
  const leaving = again.then((): ExitCode => {
    say("thresher: not all was removed: `thresher clean` does it");
    return EXIT.INTERRUPTED;
  });
  try {
    return await Promise.race([removeAll(client, ours), leaving]);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    say(
      `thresher: not all was removed: ${error.message}. \`thresher clean\` ` +
        "does it once the cluster is back",
    );
    return EXIT.FAILED;
  }
}

const sayKept = (namespace: string): void =>
  say(
    `thresher: the installation in namespace ${namespace} is kept: ` +
      "`thresher proxy` opens it again, `thresher clean` removes it",
  );
