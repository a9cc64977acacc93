/** Runs `check`. */
import type { Client } from "../../k8s/client.ts";
import { NAMES } from "../../k8s/identity.ts";
import { objectsOf, USUAL } from "../../k8s/installation.ts";
import { SECRETS } from "../../k8s/resource.ts";
import {
  type Installed,
  openShiftObjects,
  type Preflight,
  preflight,
} from "../../k8s/preflight.ts";
import { isComplete, readReadiness } from "../../k8s/readiness.ts";
import { CommandError, EXIT, type ExitCode } from "../exit.ts";
import { Interruption } from "../interruption.ts";
import { print } from "../output.ts";
import {
  accessFor,
  connect,
  describeAccess,
  describeInstalled,
} from "./connect.ts";
import { HubLink } from "./hub_link.ts";
import { describeLeftovers } from "./leftovers.ts";
import { describeMesh } from "./mesh.ts";
import { describeProblem, describeReadiness } from "./news.ts";
import type { ClusterOptions } from "./options.ts";
import { missingRights, rightsTable } from "./rights_table.ts";

/** What `check` was told. */
export type CheckOptions = ClusterOptions;

/** Looks at everything, and changes nothing. */
export async function runCheck(options: CheckOptions): Promise<ExitCode> {
  using interruption = new Interruption();
  const access = await accessFor(options);
  using client = connect(access);
  const { installNamespace: namespace = NAMES.namespace } = options;
  const secret = {
    apiVersion: "v1",
    kind: SECRETS.kind,
    metadata: { name: NAMES.hubSecret, namespace },
  };
  const settings = { ...USUAL, namespace };
  const openShift = await openShiftObjects(client, settings);
  const objects = [...objectsOf(settings), ...openShift, secret];
  const found = await preflight(client, objects, namespace);
  const report = new Report();
  report.line(true, `${describeAccess(access)} answers`);
  if (openShift.length > 0) {
    report.line(true, "this is OpenShift: its own constraints are made, too");
  }
  sayFound(report, found);
  for (const installed of found.installed) {
    await checkInstalled(report, client, installed, interruption);
  }
  if (found.installed.length === 0) {
    const left = await describeLeftovers(client, options.installNamespace);
    for (const text of left) report.warning(text);
    if (left.length === 0) report.line(true, "nothing is installed yet");
  }
  if (missingRights(found.rights).length > 0) return EXIT.NO_RIGHT;
  return report.isGood ? EXIT.DONE : EXIT.FAILED;
}

/** A line each, with whether it is well. */
class Report {
  isGood = true;

  line(isGood: boolean, text: string): void {
    this.isGood &&= isGood;
    print(
      `${isGood ? "ok  " : "FAIL"}  ${text.replaceAll("\n", "\n      ")}\n`,
    );
  }

  warning(text: string): void {
    print(`warn  ${text}\n`);
  }
}

function sayFound(
  report: Report,
  { version, nodes, rights, warnings }: Preflight,
): void {
  report.line(true, `Kubernetes ${version}`);
  if (nodes === undefined) report.warning("this account may not list nodes");
  else report.line(nodes > 0, `${nodes} Linux nodes to capture on`);
  const missing = missingRights(rights);
  report.line(
    missing.length === 0,
    (missing.length === 0
      ? "this account may install, use and remove Thresher"
      : `this account lacks ${missing.length} rights`) +
      `\n${rightsTable(rights)}`,
  );
  for (const warning of warnings) report.warning(warning);
}

async function checkInstalled(
  report: Report,
  client: Client,
  installed: Installed,
  { signal }: Interruption,
): Promise<void> {
  const { namespace } = installed;
  const where = `the ${describeInstalled(installed)}`;
  const state = await readReadiness(client, namespace);
  report.line(isComplete(state), `${where}: ${describeReadiness(state)}`);
  for (const problem of state.problems) {
    report.line(false, describeProblem(problem));
  }
  if (!state.hub) return;
  try {
    await using link = await HubLink.briefly(client, namespace, signal);
    const workers = await link.workers();
    const missing = workers.filter(({ missing }) => missing);
    report.line(
      missing.length === 0,
      `its hub answers, and reaches ${workers.length - missing.length} of ` +
        `${workers.length} workers` +
        missing.map(({ name, missing }) => `\n${name}: ${missing!.reason}`)
          .join(""),
    );
    const { mesh } = await link.targets();
    for (const text of describeMesh(mesh)) {
      if (mesh.unheard > 0) report.warning(text);
      else report.line(true, text);
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    report.line(false, error.message);
  }
}
