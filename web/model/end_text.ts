/** One end of an entry in a few lines, for a tooltip. */
import type { End } from "../../entry/entry.ts";
import { toShown } from "./format.ts";

/** Names in the order in which they are told; the address stands last. */
const TOLD = ["pod", "service", "workload", "namespace", "node"] as const;

/** What is known of an end; `undefined` where that is its address alone. */
export function describeEnd(end: End): string | undefined {
  const { ip, port, name } = end;
  const names = TOLD.flatMap((field) =>
    end[field] === undefined ? [] : [`${field} ${end[field]}`]
  );
  if (name === undefined && names.length === 0) return undefined;
  const host = ip.includes(":") && port !== undefined ? `[${ip}]` : ip;
  const address = port === undefined ? host : `${host}:${port}`;
  return [...name === undefined ? [] : [name], ...names, address]
    .map(toShown).join("\n");
}
