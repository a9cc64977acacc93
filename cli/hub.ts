/** `hub`: asks workers, answers people and programs. */
import { networkInterfaces } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { TargetSelection } from "../api/hub.ts";
import { BadSelection, readSelection } from "../api/selection.ts";
import { finish } from "./finish.ts";
import type { HubCommandOptions } from "./run_hub.ts";
import type { Listening } from "./open_hub.ts";

/** Where a hub listens unless it is told otherwise. */
export const USUAL: Listening = { hostname: "127.0.0.1", port: 8899 };

/** Where workers of a cluster listen on their nodes. */
const WORKER_PORT = 48999;

/** Adds the command to the program. */
export function describeHub(program: Command): void {
  const command = program.command("hub")
    .summary("ask workers, and answer as one")
    .description(
      "Asks any number of workers and answers as one: the dashboard, the " +
        "API, and `thresher query` on this machine. Whoever asks needs the " +
        "token, which lies in a file that only you can read. In a cluster it " +
        "finds its workers, names the ends of what they captured, and says " +
        "whose pods they capture.",
    )
    .option("--worker <url...>", "workers, each as wss://HOST:PORT")
    .option(
      "--listen <address>",
      "HOST:PORT, or :PORT for all addresses of this machine",
      toListening,
      USUAL,
    )
    .option(
      "--host <name...>",
      "names by which the hub may be asked for, beside addresses and localhost",
    )
    .option("--secret-file <file>", "the secret that hub and workers share")
    .option(
      "--worker-ca <file>",
      "certificates (PEM) of those who vouch for workers",
    )
    .option("--token-file <file>", "the token; made if it is not there");
  addCluster(command).addHelpText(
    "after",
    `
Examples:
  thresher hub --worker wss://node-a:7700 wss://node-b:7700 --secret-file secret --worker-ca ca.pem
  thresher hub --worker ws://127.0.0.1:7700 --secret-file secret --listen 127.0.0.1:9000
  thresher hub --cluster --secret-file secret --worker-ca ca.crt --targets '{"namespaces":["shop"]}'
`,
  )
    .action(finish(async (options: HubCommandOptions) => {
      const { runHub } = await import("./run_hub.ts");
      return await runHub(options);
    }));
}

function addCluster(command: Command): Command {
  return command
    .option("--cluster", "find workers, names and targets in a cluster")
    .option("--kubeconfig <file>", "of --cluster outside of a pod: kubeconfig")
    .option("--context <name>", "its context; the current one")
    .option(
      "--install-namespace <name>",
      "where the workers' pods are; in a pod its own namespace",
    )
    .option(
      "--worker-port <port>",
      "where workers of a cluster listen",
      toPort,
      WORKER_PORT,
    )
    .addOption(
      new Option(
        "--targets <json>",
        "whose pods are captured at first, as PUT /api/v1/targets takes it",
      ).argParser(toSelection).default({}, "all"),
    )
    .option(
      "--mesh",
      "workers, which have to be started with --mesh as well, capture what a " +
        "service mesh's proxy and its application say inside of their pod",
    );
}

function toPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError("It must be a port.");
}

function toSelection(text: string): TargetSelection {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) throw new SyntaxError();
    return readSelection({ ...value });
  } catch (error) {
    if (error instanceof BadSelection) {
      throw new InvalidArgumentError(`${error.message}.`);
    }
    if (!(error instanceof SyntaxError)) throw error;
    throw new InvalidArgumentError(
      'It must be JSON, such as {"namespaces":["shop"]}.',
    );
  }
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT`. */
export function toListening(text: string): Listening {
  const [, ipv6, name, port] =
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError("It must be HOST:PORT, such as [::1]:8899.");
  }
  return { hostname: ipv6 ?? (name || everywhere()), port: Number(port) };
}

/** Every address of this machine, where it has IPv6 those of both families. */
function everywhere(): string {
  const all = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return all.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}
