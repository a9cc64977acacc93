/** `images`: what nodes pull. */
import type { Command } from "commander";
import { finish } from "./finish.ts";
import type { ImagesOptions } from "./run_images.ts";
import { VERSION } from "./version.ts";

/** Adds the command to the program. */
export function describeImages(program: Command): void {
  program.command("images")
    .summary("print the images that an installation needs")
    .description(
      "Prints the images that the nodes of a cluster must have or pull, a " +
        "line each. Nothing else is ever pulled, so these are what a cluster " +
        "without internet needs. `deno task image`, in the source of " +
        "Thresher, writes them as archives for amd64 and arm64, without a " +
        "container engine.",
    )
    .option("--registry <address>", "as nodes pull them from there")
    .option("--push <file>", "write this archive to the registry, and then do")
    .addHelpText(
      "after",
      `
Examples:
  thresher images
  kind load image-archive build/image/thresher-${VERSION}.tar
  ctr --namespace k8s.io images import --all-platforms build/image/thresher-${VERSION}.tar
  thresher images --registry registry.example --push build/image/thresher-${VERSION}.tar
  thresher tap --registry registry.example
`,
    )
    .action(finish(async (options: ImagesOptions) => {
      const { runImages } = await import("./run_images.ts");
      return await runImages(options);
    }));
}
