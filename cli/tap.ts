/** `tap`: capture here, or open savefiles, and watch in the dashboard. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { toSize } from "./arguments.ts";
import { finish } from "./finish.ts";
import type { TapOptions } from "./run_tap.ts";

/** Adds the command to the program. */
export function describeTap(program: Command): void {
  program.command("tap")
    .summary("capture here and open the dashboard")
    .description(
      "Captures the packets of this machine, keeps them, and opens the " +
        "dashboard in which they are watched and asked about. With --pcap the " +
        "dashboard shows savefiles, and nothing is captured. Capturing needs " +
        "the right to do so: root, or the capability CAP_NET_RAW.",
    )
    .option(
      "--pcap <path...>",
      "show these savefiles, or all in these folders, and capture nothing",
    )
    .addOption(
      new Option(
        "-i, --interface <name...>",
        "capture on these interfaces, also when they come later again; " +
          "all by default",
      ).conflicts("pcap"),
    )
    .addOption(
      new Option(
        "--bpf <expression>",
        "capture only what this pcap-filter(7) expression accepts",
      ).conflicts("pcap"),
    )
    .option("--port <port>", "of the dashboard; 8899, or the next free", toPort)
    .addOption(
      new Option("--data-dir <folder>", "where packets are kept")
        .conflicts("pcap"),
    )
    .addOption(
      new Option(
        "--storage-limit <size>",
        "bytes that all files of the folder may have, such as 2GB",
      ).argParser(toSize).conflicts("pcap"),
    )
    .option("--no-browser", "print the address, and open nothing")
    .option("--local", "capture this machine, and ask about nothing else")
    .addHelpText(
      "after",
      `
Examples:
  thresher tap
  thresher tap -i eth0 --bpf 'tcp port 80' --storage-limit 2GB
  thresher tap --pcap trouble.pcap
`,
    )
    .action(finish(async (options: TapOptions) => {
      const { runTap } = await import("./run_tap.ts");
      return await runTap(options);
    }));
}

function toPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65536) return port;
  throw new InvalidArgumentError("It must be a port, from 1 to 65535.");
}
