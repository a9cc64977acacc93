/**
 * The cases in `cases/*.md`, which read as documentation: a heading, a filter,
 * and what it must give.
 *
 * - `plan`: what `explain` says;
 * - `error`: what a user is told;
 * - `matches`: the names in `entries.ts` of the entries for which it is true;
 * - `redacted`: one of them as JSON, with what `redact` leaves.
 *
 * `deno task update` rewrites all of them: read the diff.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { toPlain } from "../../entry/json.ts";
import { renderDiagnostics } from "../../kfl/diagnostic.ts";
import { compileMessage } from "../../kfl/evaluator.ts";
import { explain } from "../../kfl/explain.ts";
import { formatFilter } from "../../kfl/format.ts";
import { satisfies } from "../../kfl/interpreter.ts";
import { compileQuery } from "../../kfl/query.ts";
import { redact } from "../../kfl/redaction.ts";
import { ENTRIES, NOW } from "./entries.ts";
import { schema } from "./schema.ts";

const FENCE = /```(\w+)\n([^]*?)\n?```/g;

const FOLDER = new URL("./cases/", import.meta.url);

/** A fenced block: what it is, and what stands in it. */
interface Block {
  readonly kind: string;
  readonly text: string;
}

/** What a filter gives, as the blocks of that kind show it. */
function result(filter: string, kind: string): string {
  const { plan, diagnostics } = compileQuery(filter, schema, { now: NOW });
  if (kind === "error") {
    return diagnostics ? renderDiagnostics(filter, diagnostics) : "none";
  }
  if (!plan) return renderDiagnostics(filter, diagnostics);
  switch (kind) {
    case "plan":
      return explain(plan);
    case "matches": {
      const matches = compileMessage(plan);
      const names = Object.keys(ENTRIES).filter((name) => {
        const entry = ENTRIES[name]!;
        equal(matches(entry), satisfies(plan.filter, entry), name);
        return matches(entry);
      });
      return names.join(" ") || "nothing";
    }
    case "redacted": {
      const matches = compileMessage(plan);
      const entry = Object.values(ENTRIES).find(matches);
      ok(entry, "an entry that matches");
      const { summary, src, request, response } = redact(
        toPlain(entry, schema),
        plan.redact,
      );
      return JSON.stringify({ summary, src, request, response }, null, 1);
    }
    default:
      throw new Error(`Nobody knows what a block of ${kind} is`);
  }
}

for (const file of [...Deno.readDirSync(FOLDER)].map(({ name }) => name)) {
  if (!file.endsWith(".md")) continue;
  const url = new URL(file, FOLDER);
  let text = Deno.readTextFileSync(url);
  if (Deno.env.get("UPDATE")) {
    text = updated(text);
    Deno.writeTextFileSync(url, text);
  }
  for (const { title, filter, blocks } of casesIn(text)) {
    Deno.test(`${file}: ${title}`, () => {
      ok(blocks.length > 0, "a case says what it must give");
      for (const { kind, text } of blocks) equal(result(filter, kind), text);
      readsBack(filter);
    });
  }
}

/** What `explain` shows of a filter is the same filter. */
function readsBack(filter: string): void {
  const { plan } = compileQuery(filter, schema, { now: NOW });
  if (!plan) return;
  const text = formatFilter(plan.filter);
  const again = compileQuery(text, schema, { now: NOW });
  deepEqual(again.plan?.filter, plan.filter, text);
}

interface Case {
  readonly title: string;
  readonly filter: string;
  readonly blocks: readonly Block[];
}

function* casesIn(text: string): Generator<Case> {
  for (const part of text.split(/^## /m).slice(1)) {
    const title = part.slice(0, part.indexOf("\n"));
    const blocks: Block[] = [];
    let filter: string | undefined;
    for (const [, kind, text] of part.matchAll(FENCE)) {
      if (kind !== "kfl") {
        blocks.push({ kind: kind!, text: text! });
        continue;
      }
      if (filter !== undefined) {
        yield {
          title: `${title}: ${filter}`,
          filter,
          blocks: blocks.splice(0),
        };
      }
      filter = text!;
    }
    ok(filter !== undefined, `"${title}" has a filter`);
    yield { title: `${title}: ${filter}`, filter, blocks };
  }
}

/** The text with what each filter gives now. */
function updated(text: string): string {
  let filter = "";
  return text.replaceAll(FENCE, (_whole, kind: string, inner: string) => {
    if (kind === "kfl") filter = inner;
    const shown = kind === "kfl" ? inner : result(filter, kind);
    return "```" + `${kind}\n${shown}\n` + "```";
  });
}
