/** The way from a filter's text to its plan. */
import { check } from "./checker.ts";
import { type Diagnostic, MAX_DIAGNOSTICS } from "./diagnostic.ts";
import { parse } from "./grammar.ts";
import { type Plan, plan, type QueryOptions } from "./plan.ts";
import type { Schema } from "../entry/schema.ts";

/** A plan, or all that is wrong with the text. */
export type Compiled =
  | { readonly plan: Plan; readonly diagnostics?: undefined }
  | { readonly plan?: undefined; readonly diagnostics: readonly Diagnostic[] };

/** Reads, checks and plans a filter. An empty one matches everything. */
export function compileQuery(
  text: string,
  schema: Schema,
  options: QueryOptions,
): Compiled {
  const parsed = parse(text);
  const checked = check(parsed.expression, schema, options.now);
  const diagnostics = [...parsed.diagnostics, ...checked.diagnostics];
  if (diagnostics.length === 0) return { plan: plan(checked, options) };
  diagnostics.sort((a, b) => a.span.from - b.span.from);
  return { diagnostics: diagnostics.slice(0, MAX_DIAGNOSTICS) };
}
