/** `hub`: asks workers, answers people and programs. */
import { type Command, InvalidArgumentError } from "commander";
import { finish } from "./finish.ts";
import type { HubCommandOptions } from "./run_hub.ts";
import type { Listening } from "./open_hub.ts";

/** Where a hub listens unless it is told otherwise. */
export const USUAL: Listening = { hostname: "127.0.0.1", port: 8899 };

/** Adds the command to the program. */
export function describeHub(program: Command): void {
  program.command("hub")
    .summary("ask workers, and answer as one")
    .description(
      "Asks any number of workers and answers as one: the dashboard, the " +
        "API, and `thresher query` on this machine. Whoever asks needs the " +
        "token, which lies in a file that only you can read.",
    )
    .requiredOption("--worker <url...>", "workers, each as wss://HOST:PORT")
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
    .option("--token-file <file>", "the token; made if it is not there")
    .addHelpText(
      "after",
      `
Examples:
  thresher hub --worker wss://node-a:7700 wss://node-b:7700 --secret-file secret --worker-ca ca.pem
  thresher hub --worker ws://127.0.0.1:7700 --secret-file secret --listen 127.0.0.1:9000
`,
    )
    .action(finish(async (options: HubCommandOptions) => {
      const { runHub } = await import("./run_hub.ts");
      return await runHub(options);
    }));
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT`. */
export function toListening(text: string): Listening {
  const [, ipv6, name, port] =
    /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError("It must be HOST:PORT, such as [::1]:8899.");
  }
  return { hostname: ipv6 ?? (name || "0.0.0.0"), port: Number(port) };
}
