/**
 * `deno task manifests [FOLDER]`: writes what `k8s/manifests/` says as a Helm
 * chart and as a kustomization, below `build/manifests` unless told otherwise.
 *
 * The kustomization's secrets are new each time, and readable by its owner
 * alone.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { makeAuthority } from "../k8s/certificates.ts";
import { makeSecrets } from "../k8s/installation.ts";
import { type Files, toChart, toKustomization } from "../k8s/packaging.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Writes both; what lies in the folder already is written over. */
export async function writeManifests(folder: string): Promise<void> {
  await write(join(folder, "chart"), toChart(config.version));
  const secrets = makeSecrets(makeAuthority("thresher", new Date()));
  await write(join(folder, "kustomize"), toKustomization(secrets));
}

async function write(folder: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    const isSecret = path.startsWith("secrets/");
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, text, { mode: isSecret ? 0o600 : 0o644 });
  }
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? join(root, "build", "manifests");
  await writeManifests(folder);
  console.log(
    `Wrote ${join(folder, "chart")} and ${join(folder, "kustomize")}`,
  );
}
