/**
 * Patterns: regular expressions and globs, matched in time linear in the text.
 *
 * A filter comes from anybody and runs over bytes from anybody, so a pattern
 * must never stall a worker: RE2's syntax and its guarantee, not JavaScript's
 * backtracking.
 */
import { RE2JS, RE2JSException } from "re2js";

/** Longest pattern, in UTF-16 units. */
export const MAX_PATTERN = 1000;

/** Says whether a text matches. */
export type Test = (text: string) => boolean;

/** A pattern that cannot be used, and why. */
export interface BadPattern {
  readonly problem: string;
}

const tests = new Map<string, Test | BadPattern>();

/** Patterns that are kept compiled; a worker sees few different ones. */
const MAX_KEPT = 200;

function kept(
  key: string,
  make: () => Test | BadPattern,
): Test | BadPattern {
  let test = tests.get(key);
  if (!test) {
    test = make();
    if (tests.size >= MAX_KEPT) tests.clear();
    tests.set(key, test);
  }
  return test;
}

/** A regular expression in RE2's syntax, searched for anywhere in the text. */
export function compileRegex(pattern: string): Test | BadPattern {
  return kept(`r${pattern}`, () => {
    if (pattern.length > MAX_PATTERN) {
      return { problem: `longer than ${MAX_PATTERN} characters` };
    }
    try {
      const regex = RE2JS.compile(pattern);
      return (text) => regex.test(text);
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error;
      return { problem: error.message.replace(/^error parsing regexp: /, "") };
    }
  });
}

/**
 * A glob that the whole text must match: `*` is any run of characters, `?` any
 * one of them, `\` makes the next one plain.
 */
export function compileGlob(glob: string): Test | BadPattern {
  return kept(`g${glob}`, () => {
    const parts = globParts(glob);
    const pattern = parts.map((part) =>
      part === ANY_RUN ? ".*" : part === ANY_ONE ? "." : quote(part)
    ).join("");
    const test = compileRegex(`(?s)^${pattern}$`);
    return test;
  });
}

const ANY_RUN = 0;
const ANY_ONE = 1;

/** Runs of plain characters and the wildcards between them. */
function globParts(glob: string): (string | typeof ANY_RUN | typeof ANY_ONE)[] {
  const parts: (string | typeof ANY_RUN | typeof ANY_ONE)[] = [];
  let plain = "";
  for (let i = 0; i < glob.length; i++) {
    const letter = glob[i]!;
    if (letter === "*" || letter === "?") {
      if (plain) parts.push(plain);
      plain = "";
      parts.push(letter === "*" ? ANY_RUN : ANY_ONE);
    } else {
      plain += letter === "\\" && i + 1 < glob.length ? glob[++i]! : letter;
    }
  }
  if (plain) parts.push(plain);
  return parts;
}

function quote(text: string): string {
  return RE2JS.quote(text);
}

/** The texts that stand in whatever matches the glob. */
export function globLiterals(glob: string): string[] {
  return globParts(glob).filter((part) => typeof part === "string");
}

/** Characters that mean something in a regular expression. */
const META = /[\\^$.|?*+()[\]{}]/;

/**
 * Texts that stand in whatever matches the regular expression: the runs of
 * plain characters outside of all groups, of which none may be left out.
 * Nothing where that is not plain to see (alternatives, flags).
 */
export function regexLiterals(pattern: string): string[] {
  if (/\||\(\?/.test(pattern)) return [];
  const runs: string[] = [];
  let run = "";
  const end = () => {
    if (run) runs.push(run);
    run = "";
  };
  for (let i = 0; i < pattern.length;) {
    const letter = pattern[i]!;
    const escaped = letter === "\\" ? pattern[i + 1] : undefined;
    if (letter === "[" || letter === "(") {
      end();
      i = letter === "[" ? classEnd(pattern, i) : groupEnd(pattern, i);
      i = quantifierEnd(pattern, i);
    } else if (escaped !== undefined && !/\W/.test(escaped)) {
      // \d, \b, \x41, \Q…: a class, an anchor or a code.
      return runs;
    } else if (escaped === undefined && META.test(letter)) {
      end();
      i = quantifierEnd(pattern, i + 1);
    } else {
      const plain = escaped ?? letter;
      i += escaped === undefined ? 1 : 2;
      const next = pattern[i];
      if (next === "+") {
        run += plain;
        end();
        i = quantifierEnd(pattern, i);
      } else if (next === "*" || next === "?" || next === "{") {
        end();
        i = quantifierEnd(pattern, i);
      } else {
        run += plain;
      }
    }
  }
  end();
  return runs;
}

/** Where the class that begins at `i` ends. */
function classEnd(pattern: string, i: number): number {
  i += pattern[i + 1] === "^" ? 2 : 1;
  // A bracket that comes first is one of the class.
  if (pattern[i] === "]") i++;
  while (i < pattern.length && pattern[i] !== "]") {
    if (pattern.startsWith("[:", i)) {
      const close = pattern.indexOf(":]", i);
      i = close < 0 ? i + 1 : close + 2;
    } else {
      i += pattern[i] === "\\" ? 2 : 1;
    }
  }
  return i + 1;
}

/** Where the group that begins at `i` ends. */
function groupEnd(pattern: string, i: number): number {
  let depth = 0;
  while (i < pattern.length) {
    const letter = pattern[i];
    if (letter === "[") {
      i = classEnd(pattern, i);
      continue;
    }
    if (letter === "(") depth++;
    if (letter === ")" && --depth === 0) return i + 1;
    i += letter === "\\" ? 2 : 1;
  }
  return i;
}

/** Where the quantifiers at `i` end. */
function quantifierEnd(pattern: string, i: number): number {
  while (/^[*+?]/.test(pattern[i] ?? "")) i++;
  if (pattern[i] === "{") {
    const close = pattern.indexOf("}", i);
    return close < 0 ? i + 1 : quantifierEnd(pattern, close + 1);
  }
  return i;
}
