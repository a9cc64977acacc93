/**
 * Law: what a search leaves out by ends, protocols and literals is nothing that
 * matches. For every fixture, filters made of its own entries' values give what
 * evaluating every entry gives.
 */
import { deepEqual, ok } from "node:assert/strict";
import { PROTOCOLS, SCHEMA } from "../../../dissectors/registry.ts";
import type { DissectedEntry } from "../../../dissectors/dissected.ts";
import { compileMessage } from "../../../kfl/evaluator.ts";
import { compileQuery } from "../../../kfl/query.ts";
import { openSavefile } from "../../../worker/capture/savefile.ts";
import { searchSavefile } from "../../../worker/scan/search_savefile.ts";
import { Random } from "../../fuzz/random.ts";
import { findFixtures } from "../../dissectors/fixtures.ts";

/** Filters tried on each fixture. */
const FILTERS = 12;

for (const { name, path } of findFixtures()) {
  Deno.test(`searching ${name} skips nothing that matches`, async () => {
    const random = new Random(name.length * 7919);
    const entries = await search(path, "");
    const values = entries.flatMap(textsOf);
    let matched = 0;
    for (let n = 0; n < FILTERS && values.length > 0; n++) {
      const kfl = randomFilter(random, values);
      const plan = compileQuery(kfl, SCHEMA, { now: 0 }).plan;
      if (!plan) continue; // such as a value that the field never has
      const matches = compileMessage(plan);
      const expected = entries.filter(matches).map(({ id }) => id);
      const found = (await search(path, kfl)).map(({ id }) => id);
      deepEqual(found.sort(), expected.sort(), kfl);
      matched += expected.length;
    }
    ok(values.length === 0 || matched > 0, "No filter matched anything");
  });
}

/** A text of an entry, and the path to it. */
interface Text {
  readonly path: string;
  readonly value: string;
}

function textsOf(entry: DissectedEntry): Text[] {
  return (["request", "response"] as const).flatMap((half) => {
    const fields = SCHEMA.fieldsOf(entry.protocol, half);
    const values = entry[half] as Record<string, unknown> | undefined;
    return Object.keys(fields).flatMap((name) => {
      const value = values?.[name];
      return typeof value === "string" && /^[ -~]{2,60}$/.test(value)
        ? [{ path: `${entry.protocol}.${half}.${name}`, value }]
        : [];
    });
  });
}

/** One or two tests of texts, which may be changed so that they miss. */
function randomFilter(random: Random, values: readonly Text[]): string {
  const test = () => {
    const { path, value } = random.pick(values);
    const from = random.int(0, value.length - 2);
    const part = value.slice(from, random.int(from + 2, value.length));
    const text = random.chance(0.3) ? part + "~" : part;
    const operator = random.pick(["contains", "contains", "==", "startsWith"]);
    const not = random.chance(0.2) ? "not " : "";
    return `${not}${path} ${operator} ${JSON.stringify(text)}`;
  };
  const first = test();
  if (random.chance(0.5)) return first;
  return `${first} ${random.pick(["and", "or"])} ${test()}`;
}

function toPlan(kfl: string) {
  const { plan, diagnostics } = compileQuery(kfl, SCHEMA, { now: 0 });
  ok(plan, `${kfl}: ${diagnostics?.[0]?.message}`);
  return plan;
}

async function search(path: string, kfl: string): Promise<DissectedEntry[]> {
  const found: DissectedEntry[] = [];
  using file = openSavefile(path);
  await searchSavefile(file, "test", {
    plan: toPlan(kfl),
    protocols: PROTOCOLS,
    onMatch: (entry) => found.push(settled(entry)),
  });
  return found;
}

/** The entry with what it would borrow read already. */
function settled(entry: DissectedEntry): DissectedEntry {
  const { protocol } = entry;
  const copy = (half: "request" | "response") => {
    const values = entry[half] as Record<string, unknown> | undefined;
    if (!values) return undefined;
    const names = Object.keys(SCHEMA.fieldsOf(protocol, half));
    return Object.fromEntries(names.map((name) => [name, values[name]]));
  };
  const { id, timestamp, src, dst, transport, version, status, failed } = entry;
  return {
    id,
    protocol,
    timestamp,
    src,
    dst,
    transport,
    version,
    status,
    failed,
    request: copy("request"),
    response: copy("response"),
  } as unknown as DissectedEntry;
}
