/** Runs `pcapdump`. */
import type { ExitCode } from "../exit.ts";
import { exportFromHub } from "../export_hub.ts";
import { toPlan } from "../filter.ts";
import { Interruption } from "../interruption.ts";
import { say } from "../output.ts";
import { type ExportCommandOptions, formatOf } from "../run_export.ts";
import { accessFor, connect, requireInstallation } from "./connect.ts";
import { HubLink, readToken } from "./hub_link.ts";
import type { ClusterOptions } from "./options.ts";

/** What `pcapdump` was told. */
export interface PcapdumpOptions
  extends
    ClusterOptions,
    Pick<ExportCommandOptions, "from" | "to" | "output" | "format"> {
  readonly filter: string;
}

/** Fetches the packets of all nodes as one file. */
export async function runPcapdump(options: PcapdumpOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const { signal } = interruption;
  const { from, to, output, filter: kfl } = options;
  // What is wrong with the filter is said before a cluster is asked.
  toPlan(kfl, { now: Date.now() * 1000, from, to, bodies: false });
  using client = connect(await accessFor(options));
  const { namespace } = await requireInstallation(client, options);
  await using link = await HubLink.open(client, {
    namespace,
    token: await readToken(client, namespace),
    port: { port: 0 },
    tell: (event) => {
      if (event.kind !== "lost") return;
      say(`thresher: the hub is lost: ${event.error.message}`);
    },
    signal,
  });
  const isStrict = options.format !== undefined;
  const format = formatOf(options);
  const wanted = { kfl, from, to, format, isStrict, output };
  return await exportFromHub(wanted, link.address, signal);
}
