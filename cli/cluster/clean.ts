/** Runs `clean`. */
import { nameOf } from "../../k8s/client.ts";
import { leftovers } from "../../k8s/deploy.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { say } from "../output.ts";
import { accessFor, connect, describeAccess } from "./connect.ts";
import type { ClusterOptions } from "./options.ts";
import { removeAll } from "./removing.ts";

/** What `clean` was told. */
export interface CleanOptions extends ClusterOptions {
  readonly dryRun?: true;
}

/** Removes all that any run has made. */
export async function runClean(options: CleanOptions): Promise<ExitCode> {
  const access = await accessFor(options);
  using client = connect(access);
  say(`thresher: ${describeAccess(access)}`);
  const ours = { namespace: options.installNamespace };
  if (!options.dryRun) return await removeAll(client, ours);
  const all = await leftovers(client, ours);
  for (const object of all) say(`thresher: would remove ${nameOf(object)}`);
  if (all.length === 0) say("thresher: there is nothing to remove");
  return EXIT.DONE;
}
