/** `worker`: captures packets and keeps them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { toSize } from "./arguments.ts";
import { finish } from "./finish.ts";
import type { WorkerOptions } from "./run_worker.ts";

/** Adds the command to the program. */
export function describeWorker(program: Command): void {
  program.command("worker")
    .summary("capture packets of this machine and keep them")
    .description(
      "Captures packets of this machine and keeps them in a data folder, as " +
        "PCAP files that any tool opens and that queries read. The oldest " +
        "packets go when the limit is reached. It needs the right to capture: " +
        "root, or the capability CAP_NET_RAW.",
    )
    .option(
      "-i, --interface <name...>",
      "capture on these interfaces, also when they come later again; " +
        "all by default",
    )
    .option(
      "--bpf <expression>",
      "capture only what this pcap-filter(7) expression accepts",
    )
    .option("--data-dir <folder>", "where packets are kept")
    .option(
      "--storage-limit <size>",
      "bytes that all files of the folder may have, such as 2GB",
      toSize,
    )
    .addOption(
      new Option(
        "--store <what>",
        "all: every packet, whole; dissectable: of what no protocol is known " +
          "for, headers alone",
      ).choices(["all", "dissectable"]).default("dissectable"),
    )
    .option(
      "--ring-size <size>",
      "memory for packets that are not stored yet",
      toRingSize,
    )
    .addHelpText(
      "after",
      `
Examples:
  thresher worker --data-dir ./packets --storage-limit 2GB
  thresher worker -i eth0 lo --bpf 'tcp port 80'
  thresher query 'http' --data-dir ./packets
`,
    )
    .action(finish(async (options: WorkerOptions) => {
      const { runWorker } = await import("./run_worker.ts");
      return await runWorker(options);
    }));
}

/** Sizes of rings that make sense: 2 MiB to 1 GiB, as `RING_SIZE` has them. */
function toRingSize(text: string): number {
  const size = toSize(text);
  if (size >= 2 * 2 ** 20 && size <= 2 ** 30) return size;
  throw new InvalidArgumentError("It must be from 2MiB to 1GiB.");
}
