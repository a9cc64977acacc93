/** Highlighting: what kind of word each piece of a filter is, for its colour. */
import type { IToken } from "chevrotain";
import type { Span } from "../../kfl/diagnostic.ts";
import { tokenize } from "../../kfl/grammar.ts";
import { operatorOf } from "../../kfl/operators/registry.ts";
import * as T from "../../kfl/tokens.ts";

/** Kinds of words; each has a colour in the editor. */
export type WordKind =
  | "text"
  | "number"
  | "constant"
  | "keyword"
  | "operator"
  | "call"
  | "protocol"
  | "name";

/** A word and its kind. */
export interface Highlight extends Span {
  readonly kind: WordKind;
}

/**
 * The words of a filter, in order; signs have no kind.
 *
 * @param isProtocol whether a bare word tests a protocol
 */
export function highlights(
  text: string,
  isProtocol: (word: string) => boolean,
): Highlight[] {
  const tokens = tokenize(text);
  return tokens.flatMap((token, i) => {
    const kind = kindOf(token, tokens[i - 1], tokens[i + 1], isProtocol);
    if (!kind) return [];
    const { startOffset: from, image } = token;
    return [{ from, to: from + image.length, kind }];
  });
}

const TEXTS = new Set([T.Text, T.Regex, T.Unclosed]);
const KEYWORDS = new Set([T.And, T.Or, T.Not, T.In]);
const JOINS = new Set([T.AndSign, T.OrSign, T.Bang]);
const CONSTANTS = new Set([T.True, T.False, T.Nil]);

function kindOf(
  { tokenType, image }: IToken,
  before: IToken | undefined,
  after: IToken | undefined,
  isProtocol: (word: string) => boolean,
): WordKind | undefined {
  const isPart = before?.tokenType === T.Dot || before?.tokenType === T.Dots;
  const isWord = tokenType === T.Word ||
    tokenType.CATEGORIES?.includes(T.AnyWord) === true;
  if (isWord && after?.tokenType === T.Open && !KEYWORDS.has(tokenType)) {
    return "call";
  }
  if (isWord && isPart) return "name";
  if (KEYWORDS.has(tokenType) || JOINS.has(tokenType)) return "keyword";
  if (CONSTANTS.has(tokenType)) return "constant";
  if (TEXTS.has(tokenType)) return "text";
  if (tokenType.CATEGORIES?.includes(T.AnyLiteral)) return "number";
  if (tokenType.CATEGORIES?.includes(T.Comparison)) return "operator";
  if (!isWord) return undefined;
  if (isInfix(image, before)) return "operator";
  return after?.tokenType !== T.Dot && isProtocol(image) ? "protocol" : "name";
}

/** `startsWith` between two values. */
function isInfix(word: string, before: IToken | undefined): boolean {
  if (operatorOf(word)?.takes.length !== 2 || !before) return false;
  const { tokenType } = before;
  return tokenType === T.Word || tokenType === T.Close ||
    tokenType === T.CloseSquare || tokenType === T.Star ||
    tokenType.CATEGORIES?.includes(T.AnyWord) === true;
}
