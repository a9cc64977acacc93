/**
 * Diagnostic: what is wrong with a filter, where, and what to write instead.
 */

/** A stretch of the filter's text, in UTF-16 units; `to` is not in it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What kind of mistake it is. Stable, for programs; people read the message. */
export type DiagnosticCode =
  /** The text is no filter. */
  | "syntax"
  /** A literal that stands for nothing: a bad escape, address, time, regex. */
  | "literal"
  /** No field, protocol or function has that name. */
  | "unknown"
  /** An operator was given what it does not take. */
  | "type"
  /** No entry could ever satisfy it. */
  | "impossible"
  /** A function with the wrong number or form of arguments. */
  | "arguments"
  /** `limit` or `redact` where it cannot stand. */
  | "place"
  /** Longer or deeper than a filter may be. */
  | "limit";

/** One mistake. A value, never thrown (STYLE §7). */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly span: Span;
  /** What is wrong, as one sentence without its full stop. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** Most that are reported for one filter. */
export const MAX_DIAGNOSTICS = 20;

/** Widest line of the filter that is shown around a mistake. */
const MAX_SHOWN = 100;

/**
 * Shows a diagnostic under the line it is about, as on a terminal:
 *
 * ```text
 * error: No field `request.pth` in http
 *   http and request.pth == "/"
 *            ^^^^^^^^^^^ did you mean `request.path`?
 * ```
 */
export function renderDiagnostic(text: string, diagnostic: Diagnostic): string {
  const { span, message, hint } = diagnostic;
  const start = text.lastIndexOf("\n", span.from - 1) + 1;
  const newline = text.indexOf("\n", start);
  const end = newline < 0 ? text.length : newline;
  // A long line is cut on both sides, so that the mistake stays visible.
  const left = end - start <= MAX_SHOWN
    ? start
    : Math.max(start, Math.min(span.from - 30, end - MAX_SHOWN));
  const right = Math.min(end, left + MAX_SHOWN);
  const line = (left > start ? "…" : "") + text.slice(left, right) +
    (right < end ? "…" : "");
  const column = span.from - left + (left > start ? 1 : 0);
  const blank = line.slice(0, column).replaceAll(/[^\t]/g, " ");
  const width = Math.max(1, Math.min(span.to, right) - span.from);
  const caret = blank.padEnd(column) + "^".repeat(width);
  return `error: ${message}\n  ${line}\n  ${caret}${hint ? ` ${hint}` : ""}`;
}

/** Shows several diagnostics, one after the other. */
export function renderDiagnostics(
  text: string,
  diagnostics: readonly Diagnostic[],
): string {
  return diagnostics.map((d) => renderDiagnostic(text, d)).join("\n");
}

/**
 * Of `candidates` the one that `typed` was probably meant to be: equal but for
 * letter case, or at most a third of its letters away, or the one that goes on
 * from it.
 */
export function closest(
  typed: string,
  candidates: Iterable<string>,
): string | undefined {
  const wanted = typed.toLowerCase();
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const far = unlikeness(wanted, candidate.toLowerCase());
    if (far < least) [best, least] = [candidate, far];
  }
  return best;
}

/** 0 for the same text, `Infinity` for what nobody would mix up. */
function unlikeness(typed: string, candidate: string): number {
  const most = Math.max(1, Math.floor(typed.length / 3));
  const edits = Math.abs(typed.length - candidate.length) > most
    ? Infinity
    : distance(typed, candidate);
  if (edits <= most) return edits;
  // `request.query` for `request.queryString`: begun right, not finished.
  return typed.length >= 4 && candidate.startsWith(typed)
    ? most + candidate.length - typed.length
    : Infinity;
}

/** Longest text whose letters are compared one by one. */
const MAX_COMPARED = 64;

/** Letters to insert, delete, replace or swap (Damerau–Levenshtein, OSA). */
function distance(a: string, b: string): number {
  if (a.length > MAX_COMPARED || b.length > MAX_COMPARED) {
    return a === b ? 0 : Infinity;
  }
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        above[j]! + 1,
        row[j - 1]! + 1,
        above[j - 1]! + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
