/**
 * KFL as the page uses it: what is wrong with a query, what to write instead,
 * and a query with conditions more. Loaded with the editor.
 */
import type { Schema } from "../../entry/schema.ts";
import type { Diagnostic } from "../../kfl/diagnostic.ts";
import { compileQuery } from "../../kfl/query.ts";

export { toggleAll } from "../model/filter_edit.ts";
export { applyFix, fixesOf } from "../model/fixes.ts";

/** All that is wrong with a query. @param now µs since 1970 */
export function diagnose(
  text: string,
  schema: Schema,
  now: number,
): readonly Diagnostic[] {
  return compileQuery(text, schema, { now }).diagnostics ?? [];
}
