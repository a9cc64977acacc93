/** Runs `proxy`. */
import { EXIT, type ExitCode } from "../exit.ts";
import { Interruption } from "../interruption.ts";
import { say } from "../output.ts";
import {
  accessFor,
  connect,
  describeAccess,
  requireInstallation,
} from "./connect.ts";
import { readToken } from "./hub_link.ts";
import type { ClusterOptions } from "./options.ts";
import { watchHub } from "./watching.ts";

/** What `proxy` was told. */
export interface ProxyOptions extends ClusterOptions {
  readonly port?: number;
  readonly browser: boolean;
}

/** Opens the way to an installation, until it is interrupted. */
export async function runProxy(options: ProxyOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const access = await accessFor(options);
  using client = connect(access);
  say(`thresher: ${describeAccess(access)}`);
  const { namespace } = await requireInstallation(client, options);
  const { port, browser } = options;
  const token = await readToken(client, namespace);
  const watched = { namespace, token, port, browser };
  await watchHub(client, watched, interruption.signal);
  return EXIT.INTERRUPTED;
}
