/** `worker`: captures packets and keeps them. */
import type { Command } from "commander";
import { addCapture } from "./capture_options.ts";
import { finish } from "./finish.ts";
import { toListening } from "./hub.ts";
import type { WorkerOptions } from "./run_worker.ts";

/** Adds the command to the program. */
export function describeWorker(program: Command): void {
  const command = program.command("worker")
    .summary("capture packets of this machine and keep them")
    .description(
      "Captures packets of this machine and keeps them in a data folder, as " +
        "PCAP files that any tool opens and that queries read. The oldest " +
        "packets go when the limit is reached. It needs the right to capture: " +
        "root, or the capability CAP_NET_RAW.",
    );
  addCapture(command)
    .option(
      "--network <path>",
      "capture in another network namespace, such as /run/netns/NAME or " +
        "/proc/PID/ns/net",
    )
    .option(
      "--listen <address>",
      "answer hubs at HOST:PORT, or :PORT for all addresses",
      toListening,
    )
    .option(
      "--await-targets",
      "capture nothing before a hub has said whose packets",
    )
    .option(
      "--mesh",
      "capture the loopback interface of pods, too, that a hub names: what a " +
        "service mesh's proxy and its application say to each other. It needs " +
        "CAP_SYS_ADMIN, CAP_SYS_PTRACE and the host's processes",
    )
    .option("--secret-file <file>", "the secret that hub and workers share")
    .option("--tls-cert <file>", "certificate (PEM) to prove who answers")
    .option("--tls-key <file>", "its private key (PEM)")
    .option(
      "--issuer-cert <file>",
      "authority (PEM) with which it makes such a certificate for itself",
    )
    .option("--issuer-key <file>", "the authority's private key (PEM)")
    .addHelpText(
      "after",
      `
Examples:
  thresher worker --data-dir ./packets --storage-limit 2GB
  thresher worker -i eth0 lo --bpf 'tcp port 80'
  thresher query 'http' --data-dir ./packets
  thresher worker --listen :7700 --secret-file secret --tls-cert cert.pem --tls-key key.pem
`,
    )
    .action(finish(async (options: WorkerOptions) => {
      const { runWorker } = await import("./run_worker.ts");
      return await runWorker(options);
    }));
}
