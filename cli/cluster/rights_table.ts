/** Rights as one table: a kind of object each line, a verb each column. */
import type { Checked } from "../../k8s/preflight.ts";
import { toTable } from "./text_table.ts";

/** Those that are missing; none where all are there. */
export const missingRights = (rights: readonly Checked[]): Checked[] =>
  rights.filter(({ allowed }) => !allowed);

/** @param rights as `preflight` gives them */
export function rightsTable(rights: readonly Checked[]): string {
  const verbs = [...new Set(rights.map(({ verb }) => verb))];
  const rows = Map.groupBy(rights, nameOf);
  return toTable(
    ["RIGHT", ...verbs.map((verb) => verb.toUpperCase())],
    [...rows].map(([name, checked]) => [
      name,
      ...verbs.map((verb) => {
        const right = checked.find((one) => one.verb === verb);
        return right === undefined ? "-" : right.allowed ? "yes" : "NO";
      }),
    ]),
  );
}

/** As `kubectl auth can-i` names it, and where. */
function nameOf({ resource, group, namespace }: Checked): string {
  const name = group ? `${resource}.${group}` : resource;
  return namespace === undefined ? name : `${name} in ${namespace}`;
}
