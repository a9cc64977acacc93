/**
 * `tap`: capture a cluster or this machine, or open savefiles, and watch in the
 * dashboard.
 */
import { type Command, Option } from "commander";
import { toNames } from "./arguments.ts";
import { addCapture } from "./capture_options.ts";
import {
  addCluster,
  addTimeout,
  MESH,
  toDuration,
  toPort,
} from "./cluster/options.ts";
import { finish } from "./finish.ts";
import type { TapOptions } from "./run_tap.ts";

/** Options that mean this machine, by the names that commander gives them. */
const HERE = ["local", "interface", "bpf", "dataDir", "store", "ringSize"];

/** Adds the command to the program. */
export function describeTap(program: Command): void {
  const command = program.command("tap")
    .summary("capture a cluster, or this machine, and open the dashboard")
    .description(
      "Captures packets, keeps them where they are captured, and opens the " +
        "dashboard in which they are watched and asked about.\n\n" +
        "With a current kubectl context that is the cluster: Thresher is " +
        "installed, shown, and removed again with Ctrl-C. Without one, or " +
        "with --local, -i or --bpf, it is this machine, which needs the right " +
        "to capture: root, or the capability CAP_NET_RAW. With --pcap it is " +
        "savefiles, and nothing is captured.",
    )
    .argument(
      "[POD-REGEX]",
      "in a cluster: capture pods whose name has this (RE2)",
    )
    .option(
      "--port <port>",
      "of the dashboard; 0: any. 8899, or the next free",
      toPort,
    )
    .option("--no-browser", "print the address, and open nothing");
  addPods(command.optionsGroup("In a cluster:"));
  addInstalling(addCluster(command));
  command.optionsGroup("On this machine:")
    .option("--local", "capture this machine, whatever cluster there is");
  addCapture(command, ["pcap"])
    .addOption(
      new Option(
        "--pcap <path...>",
        "show these savefiles, or all in these folders, and capture nothing",
      ).conflicts(HERE.filter((name) => name !== "store")),
    )
    .addHelpText(
      "after",
      `
Examples:
  thresher tap
  thresher tap '^carts-' -n shop
  thresher tap -A -l app=web --storage-limit 2GB --duration 1h
  thresher tap --dry-run -o yaml
  thresher tap -i eth0 --bpf 'tcp port 80'
  thresher tap --pcap trouble.pcap
`,
    )
    .action(finish(async (regex: string | undefined, options: TapOptions) => {
      const { runTap } = await import("./run_tap.ts");
      return await runTap(regex, options);
    }));
}

/** Adds what picks pods. */
function addPods(command: Command): Command {
  return command
    .option(
      "-n, --namespaces <names>",
      "only pods in these, such as shop,web; the context's own",
      toNames,
    )
    .addOption(
      new Option("-A, --all-namespaces", "pods in all namespaces")
        .conflicts("namespaces"),
    )
    .addOption(
      new Option(
        "--exclude-namespaces <names>",
        "pods in all namespaces but these",
      ).argParser(toNames).conflicts("namespaces"),
    )
    .option("-l, --selector <labels>", "only pods with these, as kubectl's -l");
}

/** Adds what is installed, and for how long. */
function addInstalling(command: Command): Command {
  return addTimeout(command)
    .option("--registry <address>", "where nodes pull the image from")
    .option(
      "--image-pull-secret <names>",
      "secrets to pull it with; copied from the context's namespace",
      toNames,
    )
    .addOption(
      new Option("--duration <time>", "end after that long, such as 1h")
        .argParser(toDuration),
    )
    .option("--keep", "leave the installation when this ends")
    .option("--mesh", MESH)
    .option("--dry-run", "have the cluster check everything, change nothing")
    .addOption(
      new Option(
        "-o, --output <format>",
        "with --dry-run: print what would be made",
      )
        .choices(["yaml", "json"]),
    );
}
