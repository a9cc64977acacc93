/** From options to a cluster that can be asked. */
import {
  type ClusterAccess,
  fromKubeconfig,
  kubeconfigFiles,
} from "../../k8s/access.ts";
import { Client } from "../../k8s/client.ts";
import { NAMES } from "../../k8s/identity.ts";
import { findInstalled, type Installed } from "../../k8s/preflight.ts";
import { CommandError, EXIT } from "../exit.ts";
import { say } from "../output.ts";
import { toAge } from "./age.ts";
import { describeLeftovers } from "./leftovers.ts";
import type { ClusterOptions } from "./options.ts";

/**
 * The cluster that options name, else the kubeconfig's current one.
 *
 * @throws ClusterError, or CommandError if there is none
 */
export async function accessFor(
  { kubeconfig, context }: ClusterOptions,
): Promise<ClusterAccess> {
  const access = await fromKubeconfig(kubeconfigFiles(kubeconfig), context);
  if (access) return access;
  throw new CommandError(
    EXIT.MISUSED,
    "There is no cluster to ask: name a kubeconfig with --kubeconfig, or " +
      "choose a context with `kubectl config use-context`",
  );
}

/** A client that says what the server warns of, each warning once. */
export function connect(access: ClusterAccess): Client {
  const told = new Set<string>();
  return new Client(access, (warning) => {
    if (told.has(warning)) return;
    told.add(warning);
    say(`thresher: the cluster warns: ${warning}`);
  });
}

/** For people: `context "prod" at https://…`. */
export const describeAccess = ({ context, server }: ClusterAccess): string =>
  `context "${context}" at ${server}`;

/** For people: `installation in namespace thresher, made by run k3x9 2 h ago`. */
export function describeInstalled(
  { namespace, instance, since }: Installed,
): string {
  const run = instance === undefined ? "" : ` by run ${instance}`;
  const age = since === undefined ? "" : ` ${toAge(since)}`;
  const made = run || age ? `, made${run}${age}` : "";
  return `installation in namespace ${namespace}${made}`;
}

/**
 * The installation that a command is about: in the namespace that was named,
 * in the usual one, or the only one there is.
 */
export async function installationFor(
  client: Client,
  { installNamespace }: ClusterOptions,
): Promise<Installed | undefined> {
  const wanted = installNamespace ?? NAMES.namespace;
  const all = await findInstalled(client, wanted);
  const found = all.find(({ namespace }) => namespace === wanted);
  if (found || installNamespace !== undefined || all.length === 0) return found;
  if (all.length === 1) return all[0];
  const names = all.map(({ namespace }) => namespace).join(", ");
  throw new CommandError(
    EXIT.MISUSED,
    `There are several installations: say which with --install-namespace, ` +
      `one of ${names}`,
  );
}

/** As {@link installationFor}. @throws CommandError where there is none */
export async function requireInstallation(
  client: Client,
  options: ClusterOptions,
): Promise<Installed> {
  const found = await installationFor(client, options);
  if (found) return found;
  const where = options.installNamespace === undefined
    ? ""
    : ` in namespace ${options.installNamespace}`;
  const left = await describeLeftovers(client, options.installNamespace);
  throw new CommandError(
    EXIT.FAILED,
    [
      `Thresher is not installed${where} on ${
        describeAccess(client.access)
      }: ` + "`thresher tap` installs it",
      ...left,
    ].join("\n"),
  );
}
