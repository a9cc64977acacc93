/** `manifests`: what an installation consists of, for whoever applies it. */
import { type Command, Option } from "commander";
import { toNames, toSize } from "./arguments.ts";
import { MESH, toNamespace } from "./cluster/options.ts";
import { finish } from "./finish.ts";
import { FORMATS, type ManifestsOptions } from "./manifests_options.ts";

/** Adds the command to the program. */
export function describeManifests(program: Command): void {
  program.command("manifests")
    .summary("print what is installed in a cluster, as YAML, kustomize or Helm")
    .description(
      "Prints the objects of an installation, or writes them as a " +
        "kustomization or a Helm chart, to be kept in a repository and applied " +
        "by whatever applies yours. No cluster is asked.\n\n" +
        "Plain YAML has no secrets in it; --secrets makes them, new ones each " +
        "time. Those of a kustomization lie beside it, readable by you alone; " +
        "a chart makes its own when it is installed.",
    )
    .addOption(
      new Option("--format <format>", "of what is written")
        .choices(FORMATS).default("yaml"),
    )
    .option("-o, --output <folder>", "where kustomize and helm are written to")
    .addOption(
      new Option("--secrets", "print only the secrets, newly made")
        .conflicts(["output", "openshift"]),
    )
    .option("--openshift", "print only what OpenShift asks for besides")
    .addOption(
      new Option("--install-namespace <name>", "where Thresher is installed")
        .argParser(toNamespace),
    )
    .option("--registry <address>", "where nodes pull the image from")
    .option(
      "--image-pull-secret <names>",
      "secrets to pull it with, which must be there",
      toNames,
    )
    .option(
      "--storage-limit <size>",
      "bytes that each node may keep, such as 2GB",
      toSize,
    )
    .option("--mesh", MESH)
    .addHelpText(
      "after",
      `
Examples:
  thresher manifests --secrets | kubectl apply -f -
  thresher manifests --storage-limit 2GB > thresher.yaml
  thresher manifests --format kustomize -o ./thresher && kubectl apply -k ./thresher
  thresher manifests --format helm -o ./chart && helm install thresher ./chart -n thresher
`,
    )
    .action(finish(async (options: ManifestsOptions) => {
      const { runManifests } = await import("./run_manifests.ts");
      return await runManifests(options);
    }));
}
