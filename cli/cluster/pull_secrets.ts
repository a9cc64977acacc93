/** Secrets with which an image is pulled: they must be where its pods are. */
import { type Client } from "../../k8s/client.ts";
import { LABELS } from "../../k8s/identity.ts";
import { type Settings } from "../../k8s/installation.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { SECRETS } from "../../k8s/resource.ts";
import { CommandError, EXIT } from "../exit.ts";

interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Copies, as ours, of those that are in the context's namespace and not in the
 * one that is installed into.
 *
 * @throws CommandError for one that is in neither
 */
export async function pullSecrets(
  client: Client,
  names: readonly string[],
  { namespace, instance, version }: Settings,
): Promise<KubeObject[]> {
  const from = client.access.namespace;
  const copies: Secret[] = [];
  for (const name of names) {
    if (await client.get<Secret>(SECRETS, name, namespace)) continue;
    const given = await client.get<Secret>(SECRETS, name, from);
    if (!given) throw notThere(name, namespace, from);
    copies.push({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name,
        namespace,
        labels: {
          "app.kubernetes.io/name": "thresher",
          [LABELS.part]: "thresher",
          [LABELS.manager]: "thresher-cli",
          ...(instance && { [LABELS.instance]: instance }),
          ...(version && { [LABELS.version]: version }),
        },
      },
      ...(given.type && { type: given.type }),
      ...(given.data && { data: given.data }),
    });
  }
  return copies;
}

const notThere = (name: string, ...namespaces: string[]): CommandError =>
  new CommandError(
    EXIT.MISUSED,
    `There is no secret "${name}" to pull the image with in ` +
      `${[...new Set(namespaces)].join(" or ")}: make it with ` +
      "`kubectl create secret docker-registry`",
  );
