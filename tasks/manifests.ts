/**
 * `deno task manifests [FOLDER]`: writes what `k8s/manifests/` says as a Helm
 * chart and as a kustomization, below `build/manifests` unless told otherwise.
 *
 * The kustomization's secrets are new each time, and readable by its owner
 * alone.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFiles } from "../cli/run_manifests.ts";
import config from "../deno.json" with { type: "json" };
import { makeAuthority } from "../k8s/certificates.ts";
import { makeSecrets } from "../k8s/installation.ts";
import { toChart, toKustomization } from "../k8s/packaging.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Writes both; what lies in the folder already is written over. */
export async function writeManifests(folder: string): Promise<void> {
  await writeFiles(join(folder, "chart"), toChart(config.version));
  const secrets = makeSecrets(makeAuthority("thresher", new Date()));
  await writeFiles(join(folder, "kustomize"), toKustomization(secrets));
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? join(root, "build", "manifests");
  await writeManifests(folder);
  console.log(
    `Wrote ${join(folder, "chart")} and ${join(folder, "kustomize")}`,
  );
}
