/** Free text: a bare text, looked for in all that an entry says. */
import type { Entry } from "../entry/entry.ts";
import type { Outline, Searched } from "./typed.ts";
import { Binary, MAX_VALUE_DEPTH, toValue } from "./value.ts";

/**
 * Whether the text stands in the summary, in a field's text or in a body, in
 * any letter case. Names in maps count, names of fields do not.
 */
export function isFound(text: string, where: Searched, entry: Entry): boolean {
  const wanted = text.toLowerCase();
  if (entry.summary.toLowerCase().includes(wanted)) return true;
  const fields = where[entry.protocol];
  if (!fields) return false;
  return holds(entry.request, wanted, fields.request, 0) ||
    holds(entry.response, wanted, fields.response, 0);
}

function holds(
  value: unknown,
  wanted: string,
  outline: Outline | null,
  depth: number,
): boolean {
  if (typeof value === "string") return value.toLowerCase().includes(wanted);
  if (typeof value === "number") return String(value).includes(wanted);
  if (typeof value !== "object" || value === null) return false;
  if (depth > MAX_VALUE_DEPTH) return false;
  if (Array.isArray(value)) {
    return value.some((each) => holds(each, wanted, outline, depth + 1));
  }
  if (outline) {
    const object = value as { readonly [name: string]: unknown };
    return Object.entries(outline).some(([name, below]) =>
      holds(object[name], wanted, below, depth + 1)
    );
  }
  const { base64 } = value as { readonly base64?: unknown };
  if (typeof base64 === "string" && Object.keys(value).length === 1) {
    const bytes = toValue(value, "bytes");
    return bytes instanceof Binary &&
      bytes.text.toLowerCase().includes(wanted);
  }
  return Object.entries(value).some(([name, each]) =>
    name.toLowerCase().includes(wanted) ||
    holds(each, wanted, null, depth + 1)
  );
}
