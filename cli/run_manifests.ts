/** Runs `manifests`. */
import { dirname, join } from "node:path";
import { makeAuthority } from "../k8s/certificates.ts";
import { imageName } from "../k8s/image_name.ts";
import {
  makeSecrets,
  objectsOf,
  OPENSHIFT,
  secretObjects,
  type Secrets,
  type Settings,
  tailored,
  USUAL,
  volumeSizeFor,
} from "../k8s/installation.ts";
import {
  type Files,
  toChart,
  toKustomization,
  toYaml,
} from "../k8s/packaging.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import type { ManifestsOptions } from "./manifests_options.ts";
import { print, say } from "./output.ts";
import { VERSION } from "./version.ts";

/** Prints plain YAML, or writes a folder. */
export async function runManifests(
  options: ManifestsOptions,
): Promise<ExitCode> {
  const { format, output, secrets, openshift } = options;
  const settings = toSettings(options);
  if (format === "yaml") {
    if (output !== undefined) {
      throw new CommandError(
        EXIT.MISUSED,
        "--output belongs to --format kustomize or helm: YAML is printed",
      );
    }
    if (secrets) print(toYaml(secretObjects(newSecrets(), settings)));
    else if (openshift) print(toYaml(tailored(OPENSHIFT, settings)));
    else {
      print(toYaml(objectsOf(settings)));
      say(
        "thresher: without secrets: `thresher manifests --secrets` makes them",
      );
    }
    return EXIT.DONE;
  }
  if (secrets || openshift) {
    throw new CommandError(
      EXIT.MISUSED,
      `--${secrets ? "secrets" : "openshift"} belongs to --format yaml: ` +
        `${format} brings its own`,
    );
  }
  if (output === undefined) {
    throw new CommandError(
      EXIT.MISUSED,
      `--format ${format} makes several files: name a folder with --output`,
    );
  }
  await writeFiles(
    output,
    format === "helm"
      ? toChart(VERSION, settings)
      : toKustomization(newSecrets(), settings),
  );
  say(`thresher: wrote ${output}`);
  return EXIT.DONE;
}

function toSettings(
  { installNamespace, registry, imagePullSecret, storageLimit, mesh }:
    ManifestsOptions,
): Settings {
  const chosen = {
    ...(installNamespace && { namespace: installNamespace }),
    ...(registry && { image: imageName(VERSION, registry) }),
    ...(imagePullSecret && { imagePullSecrets: imagePullSecret }),
    ...(storageLimit && {
      storageLimit: String(storageLimit),
      volumeSize: volumeSizeFor(storageLimit),
    }),
    ...(mesh && { mesh }),
  };
  return Object.keys(chosen).length === 0 ? USUAL : { ...USUAL, ...chosen };
}

const newSecrets = (): Secrets =>
  makeSecrets(makeAuthority("thresher", new Date()));

/** Writes files below a folder, secrets for their owner's eyes alone. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    const isSecret = path.startsWith("secrets/");
    await Deno.mkdir(dirname(file), {
      recursive: true,
      ...(isSecret && { mode: 0o700 }),
    });
    await Deno.writeTextFile(file, text, { mode: isSecret ? 0o600 : 0o644 });
  }
}
