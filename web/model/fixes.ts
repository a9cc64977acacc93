/**
 * Fixes: what a diagnostic's hint says to write, as changes of the text.
 *
 * A hint is written for people. Whatever it quotes is tried in each place that
 * the diagnostic may mean, and offered only if the mistake is gone then: so a
 * hint that merely explains leads to nothing.
 */
import type { Diagnostic, Span } from "../../kfl/diagnostic.ts";
import { tokenize } from "../../kfl/grammar.ts";
import * as T from "../../kfl/tokens.ts";

/** A change that takes a mistake away. */
export interface Fix {
  readonly span: Span;
  /** What stands there. */
  readonly before: string;
  /** What to put in its place. */
  readonly after: string;
}

/** Most that are offered for one mistake. */
const MAX_FIXES = 2;

/** Hints that tell what to write, and do not explain or give an example. */
const TELLS = /^(did you mean|write (?!it as)|put it in quotes)/;

/**
 * Ways to take a mistake away, the likeliest first.
 *
 * @param check gives all mistakes of a text
 */
export function fixesOf(
  text: string,
  diagnostic: Diagnostic,
  check: (text: string) => readonly Diagnostic[],
): Fix[] {
  const { hint } = diagnostic;
  if (!hint || !TELLS.test(hint)) return [];
  const now = check(text).length;
  const isBetter = (fix: Fix) => {
    const left = check(applyFix(text, fix));
    return left.length < now ||
      left.length === now && !left.some((each) => isSpelling(each, fix));
  };
  const fixes: Fix[] = [];
  for (const after of quotedIn(hint)) {
    const fix = placesOf(text, diagnostic)
      .map((span): Fix => ({
        span,
        before: text.slice(span.from, span.to),
        after: /^\w/.test(after) ? after : fitted(text, span, after),
      }))
      .find(isBetter);
    if (fix) fixes.push(fix);
    if (fixes.length === MAX_FIXES) break;
  }
  return fixes;
}

/** Whether what was put in is still misspelt; it may well not fit in there. */
function isSpelling(
  { code, span }: Diagnostic,
  { span: at, after }: Fix,
): boolean {
  return /^(syntax|unknown|literal)$/.test(code) &&
    span.from <= at.from + after.length && span.to >= at.from;
}

/** The text after the change. */
export function applyFix(text: string, { span, after }: Fix): string {
  return text.slice(0, span.from) + after + text.slice(span.to);
}

/** What a hint names in backticks or quotes, without examples about `x`. */
function quotedIn(hint: string): string[] {
  const named = hint.matchAll(/`([^`]+)`|"([^"]*)"/g);
  return Array.from(
    named,
    ([, code, value]) => code ?? JSON.stringify(value),
  ).filter((each) => !/…|^x\b/.test(each));
}

/** Where a replacement may have to go: all of it, its last name, a literal. */
function placesOf(text: string, { span, message, hint }: Diagnostic): Span[] {
  const places = /quotes/.test(hint ?? "") ? [] : [span];
  const missing = /no `(\w+)`( in it)?$/.exec(message)?.[1];
  const written = text.slice(span.from, span.to);
  if (missing && written.endsWith(missing)) {
    places.unshift({ from: span.to - missing.length, to: span.to });
  }
  for (const token of tokenize(text)) {
    const from = token.startOffset;
    const to = from + token.image.length;
    const isLiteral = token.tokenType.CATEGORIES?.includes(T.AnyLiteral);
    if (isLiteral && from >= span.from && to <= span.to) {
      places.push({ from, to });
    }
  }
  return places;
}

/** `.size()` in the place of `size` must not double the dot. */
function fitted(text: string, { from }: Span, after: string): string {
  return after.startsWith(".") && text[from - 1] === "."
    ? after.slice(1)
    : after;
}
