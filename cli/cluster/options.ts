/** Options of the commands that are about a cluster. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { NAMES } from "../../k8s/identity.ts";

/** Which cluster, and where in it Thresher is installed. */
export interface ClusterOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
  /** Absent for `thresher`, or wherever the only installation is. */
  readonly installNamespace?: string;
}

/** Adds what names the cluster. */
export function addCluster(command: Command): Command {
  return command
    .option("--context <name>", "the kubeconfig's context; the current one")
    .option(
      "--kubeconfig <file>",
      "the kubeconfig; as kubectl, $KUBECONFIG or ~/.kube/config",
    )
    .addOption(
      new Option(
        "--install-namespace <name>",
        `where Thresher is installed; "${NAMES.namespace}"`,
      ).argParser(toNamespace),
    );
}

/** What `--mesh` does, where something is made. */
export const MESH =
  "also capture what a service mesh's proxy and its application say inside " +
  "of their pod; gives workers hostPID, SYS_ADMIN and SYS_PTRACE";

/** Adds how long to wait for hub and workers. */
export const addTimeout = (command: Command): Command =>
  command.addOption(
    new Option(
      "--timeout <time>",
      "how long hub and workers may take to be ready",
    )
      .argParser(toDuration).default(DEFAULT_TIMEOUT, "3m"),
  );

const DEFAULT_TIMEOUT = 180_000;

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A stretch of time such as `90s` or `2h`, in ms. */
export function toDuration(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const time = Number(count) * (UNITS[unit ?? ""] ?? NaN);
  // What timers of JavaScript can wait for: 24 days.
  if (time > 0 && time < 2 ** 31) return time;
  throw new InvalidArgumentError('It must be a time such as "90s" or "2h".');
}

/** The name of a namespace (RFC 1123 label). */
export function toNamespace(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError("That is no namespace's name.");
}

/** A port to listen on; 0 stands for any that is free. */
export function toPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port < 65536) return port;
  throw new InvalidArgumentError("It must be a port, from 0 to 65535.");
}
