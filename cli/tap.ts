/** `tap`: capture here, or open savefiles, and watch in the dashboard. */
import { type Command, InvalidArgumentError } from "commander";
import { addCapture } from "./capture_options.ts";
import { finish } from "./finish.ts";
import type { TapOptions } from "./run_tap.ts";

/** Adds the command to the program. */
export function describeTap(program: Command): void {
  const command = program.command("tap")
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
    .option("--port <port>", "of the dashboard; 8899, or the next free", toPort)
    .option("--no-browser", "print the address, and open nothing")
    .option("--local", "capture this machine, whatever cluster there is");
  addCapture(command, ["pcap"])
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
