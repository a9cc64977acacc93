/**
 * What names cost a query: a table of 200,000 claims on its way from the hub
 * to a worker, and flows that are judged by it.
 */
import { toParts } from "../../api/names.ts";
import { NamesTable } from "../../api/names_table.ts";
import type { Claim } from "../../entry/names.ts";
import { compileFlow } from "../../kfl/evaluator.ts";
import { planOf } from "../worker/serve/asker.ts";

const CLAIMS = 200_000;
const NOW = 1_800_000_000_000_000;

/** Of 20,000 addresses, each of which has been ten pods' in turn. */
const claims = Array.from({ length: CLAIMS }, (_, i): Claim => {
  const place = Math.floor(i / 10);
  const age = 9 - i % 10;
  const service = `service-${place % 500}`;
  return {
    address: `10.${place >> 16}.${place >> 8 & 255}.${place & 255}`,
    from: NOW - (age + 1) * 60e6,
    to: age === 0 ? Infinity : NOW - age * 60e6,
    names: {
      pod: `${service}-7d9f8b6c5d-${i.toString(36).padStart(5, "x")}`,
      namespace: `namespace-${place % 50}`,
      service,
      workload: service,
      node: `node-${place % 100}`,
      name: `${service}.namespace-${place % 50}`,
    },
  };
});

const rows = planOf("", { names: ["name", "pod", "namespace", "service"] });
const count = planOf('dst.service == "service-7"', { names: [] });

function partsOf(names: readonly (typeof rows.names)[number][]): Uint8Array[] {
  return [...toParts(claims, names)];
}

const bytesOf = (parts: readonly Uint8Array[]): string =>
  `${(parts.reduce((sum, { length }) => sum + length, 0) / 1e6).toFixed(1)} MB`;

const rowParts = partsOf(rows.names);
const countParts = partsOf(count.names);

for (
  const [what, { names }, parts] of [
    ["rows", rows, rowParts],
    ["a count by service", count, countParts],
  ] as const
) {
  Deno.bench(
    `names table: ${CLAIMS} claims for ${what} to parts, ${bytesOf(parts)}`,
    () => {
      if (partsOf(names).length !== parts.length) {
        throw new Error("Not the same");
      }
    },
  );

  Deno.bench(`names table: those parts taken in`, () => {
    const table = new NamesTable(parts);
    if (!table.at({ ip: "10.0.0.7", port: 80 }, NOW)) {
      throw new Error("No name");
    }
  });
}

const flows = Array.from({ length: 10_000 }, (_, i) => ({
  transport: "tcp",
  ends: [
    { ip: `10.0.${i % 7}.${i & 255}`, port: 40_000 + i },
    { ip: `10.0.0.${i % 200}`, port: 80 },
  ],
  first: NOW,
  last: Infinity,
  protocols: undefined,
} as const));

const table = new NamesTable(countParts);
const byService = compileFlow(count, table);
const byAddress = compileFlow(planOf("dst.ip == 10.0.0.7"), table);

Deno.bench("names table: 10,000 flows judged by service", () => {
  for (const flow of flows) byService(flow);
});

Deno.bench("names table: 10,000 flows judged by address", () => {
  for (const flow of flows) byAddress(flow);
});
