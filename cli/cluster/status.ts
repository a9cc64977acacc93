/** Runs `status`. */
import { isComplete, readReadiness } from "../../k8s/readiness.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { Interruption } from "../interruption.ts";
import { print, say } from "../output.ts";
import { becomeReady } from "./becoming_ready.ts";
import { accessFor, connect, requireInstallation } from "./connect.ts";
import { describeProblem, describeReadiness, News } from "./news.ts";
import type { ClusterOptions } from "./options.ts";

/** What `status` was told. */
export interface StatusOptions extends ClusterOptions {
  readonly wait?: true;
  readonly json?: true;
  /** ms. */
  readonly timeout: number;
}

/** Says how an installation is. */
export async function runStatus(options: StatusOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  using client = connect(await accessFor(options));
  const installed = await requireInstallation(client, options);
  const { namespace, version, instance } = installed;
  if (options.wait) {
    const news = new News();
    const timing = { timeout: options.timeout, wants: isComplete };
    await becomeReady(client, namespace, timing, news, interruption);
  }
  const state = await readReadiness(client, namespace);
  if (options.json) {
    print(JSON.stringify({ namespace, version, instance, ...state }) + "\n");
  } else {
    const run = instance === undefined ? "" : `, made by run ${instance}`;
    print(
      `namespace ${namespace}, version ${version ?? "unknown"}${run}\n` +
        `${describeReadiness(state)}\n`,
    );
    if (state.missing.length > 0) {
      print(`without a ready worker: ${state.missing.join(", ")}\n`);
    }
    for (const problem of state.problems) say(describeProblem(problem));
  }
  return isComplete(state) ? EXIT.DONE : EXIT.NOT_READY;
}
