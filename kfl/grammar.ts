/**
 * Grammar: the text of a filter -> AST, with every syntax error in it.
 *
 * Rules go from loosest to tightest binding, each under its EBNF line, and only
 * build nodes. A rule that cannot go on gives a `missing` node and the parser
 * looks for the next place where it can, so that several mistakes are reported
 * at once and the rest of the filter is still checked.
 */
import {
  EmbeddedActionsParser,
  EOF,
  type IRecognitionException,
  type IToken,
  Lexer,
} from "chevrotain";
import type {
  Arithmetic,
  Comparator,
  Construct,
  Expression,
  Literal,
} from "./ast.ts";
import {
  type Diagnostic,
  type DiagnosticCode,
  MAX_DIAGNOSTICS,
  type Span,
} from "./diagnostic.ts";
import { readLiteral } from "./literals.ts";
import {
  shortened,
  SyntaxMessages,
  TooManyMistakes,
} from "./syntax_messages.ts";
import * as T from "./tokens.ts";

/** Longest filter, in UTF-16 units. */
export const MAX_TEXT = 16_384;

/** Deepest nesting of parentheses, lists and signs before a value. */
export const MAX_DEPTH = 64;

/** Most operators of one arithmetic chain, or steps of one path. */
export const MAX_CHAIN = 64;

/** What a filter's text says. */
export interface Parsed {
  /** Absent where there is nothing but blanks: every entry matches. */
  readonly expression?: Expression | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a filter. Never throws; takes a few ms for the longest text. */
export function parse(text: string): Parsed {
  if (text.length > MAX_TEXT) {
    return refused(
      "limit",
      { from: MAX_TEXT, to: text.length },
      `The filter is longer than ${MAX_TEXT} characters`,
    );
  }
  // Common, and not worth the making of a parser.
  if (text.trim() === "") return { diagnostics: [] };
  const { lexer, parser } = machinery();
  const { tokens, groups } = lexer.tokenize(text);
  const nonsense = groups[T.Nonsense.name]!.slice(0, MAX_DIAGNOSTICS);
  const diagnostics = nonsense.map(({ startOffset, image }): Diagnostic => ({
    code: "syntax",
    span: { from: startOffset, to: startOffset + image.length },
    message: `\`${shortened(image)}\` means nothing here`,
  }));
  const deep = tooDeep(tokens);
  if (deep) {
    return refused("limit", deep, `Nested more than ${MAX_DEPTH} levels deep`);
  }
  if (tokens.length === 0) return { diagnostics };
  const parsed = parser.parse(tokens, text.length);
  diagnostics.push(...parsed.diagnostics);
  diagnostics.sort((a, b) => a.span.from - b.span.from);
  return {
    expression: parsed.expression,
    diagnostics: diagnostics.slice(0, MAX_DIAGNOSTICS),
  };
}

/** The tokens of a text that may be unfinished, for completion. */
export function tokenize(text: string): IToken[] {
  return machinery().lexer.tokenize(text.slice(0, MAX_TEXT)).tokens;
}

function refused(
  code: DiagnosticCode,
  span: Span,
  message: string,
): Parsed {
  return { diagnostics: [{ code, span, message }] };
}

/** Where the text nests too deep: the parser is recursive, so is what follows. */
function tooDeep(tokens: readonly IToken[]): Span | undefined {
  let open = 0;
  let signs = 0;
  for (const { tokenType, startOffset } of tokens) {
    if (PREFIXES.has(tokenType)) signs++;
    else signs = 0;
    if (OPENING.has(tokenType)) open++;
    else if (CLOSING.has(tokenType) && open > 0) open--;
    if (open + signs > MAX_DEPTH) {
      return { from: startOffset, to: startOffset + 1 };
    }
  }
  return undefined;
}

const PREFIXES = new Set([T.Bang, T.Minus, T.Not]);
const OPENING = new Set([T.Open, T.OpenSquare]);
const CLOSING = new Set([T.Close, T.CloseSquare]);

let made: { lexer: Lexer; parser: KflParser } | undefined;

/** Built when first needed, for it takes some ms, and then kept. */
function machinery(): { lexer: Lexer; parser: KflParser } {
  return made ??= {
    lexer: new Lexer(T.TOKENS, {
      positionTracking: "onlyOffset",
      skipValidations: true,
      // Without a table of what each token may begin with, which takes longer
      // to make than it would ever save.
      safeMode: true,
    }),
    parser: new KflParser(true),
  };
}

/** The parser, once with Chevrotain's own checks of the grammar, for tests. */
export function validateGrammar(): void {
  new Lexer(T.TOKENS, { positionTracking: "onlyOffset" });
  new KflParser(false);
}

const MISSING = "missing";

class KflParser extends EmbeddedActionsParser {
  readonly #messages: SyntaxMessages;
  #diagnostics: Diagnostic[] = [];
  #end = 0;

  constructor(skipValidations: boolean) {
    const messages = new SyntaxMessages();
    super(T.TOKENS, {
      recoveryEnabled: true,
      maxLookahead: 2,
      skipValidations,
      errorMessageProvider: messages,
    });
    this.#messages = messages;
    this.performSelfAnalysis();
  }

  parse(tokens: IToken[], end: number): Parsed {
    this.#diagnostics = [];
    this.#messages.count = 0;
    this.#end = end;
    this.input = tokens;
    const expression = this.#attempt();
    for (const error of this.errors) {
      this.#report("syntax", this.#spanOf(error.token), error.message);
    }
    return { expression, diagnostics: this.#diagnostics };
  }

  #attempt(): Expression | undefined {
    try {
      return this.query();
    } catch (error) {
      if (error instanceof TooManyMistakes) return undefined;
      throw error;
    }
  }

  /**
   * query = disjunction EOF ;
   *
   * The end is consumed so that recovery may stop there and keep what it read.
   */
  private query = this.RULE("query", (): Expression => {
    const expression = this.SUBRULE(this.disjunction);
    this.CONSUME(EOF);
    return expression;
  }, this.#recovery());

  /** disjunction = conjunction { ( "or" | "||" ) conjunction } ; */
  private disjunction = this.RULE("disjunction", (): Expression => {
    const of = [this.SUBRULE(this.conjunction)];
    this.MANY(() => {
      const sign = this.OR([
        { ALT: () => this.CONSUME(T.Or) },
        { ALT: () => this.CONSUME(T.OrSign) },
      ]);
      if (sign.image === "|") this.#misspelt(sign, "||` or `or");
      of.push(this.#operand(() => this.SUBRULE1(this.conjunction)));
    });
    return this.ACTION(() => joined("or", of));
  }, this.#recovery());

  /** conjunction = negation { ( "and" | "&&" ) negation } ; */
  private conjunction = this.RULE("conjunction", (): Expression => {
    const of = [this.SUBRULE(this.negation)];
    this.MANY(() => {
      const sign = this.OR([
        { ALT: () => this.CONSUME(T.And) },
        { ALT: () => this.CONSUME(T.AndSign) },
      ]);
      if (sign.image === "&") this.#misspelt(sign, "&&` or `and");
      of.push(this.#operand(() => this.SUBRULE1(this.negation)));
    });
    return this.ACTION(() => joined("and", of));
  }, this.#recovery());

  /** negation = "not" negation | comparison ; */
  private negation = this.RULE("negation", (): Expression =>
    this.OR([
      {
        ALT: () => {
          const sign = this.CONSUME(T.Not);
          const of = this.SUBRULE(this.negation);
          return this.ACTION(() => negated("not", sign.startOffset, of));
        },
      },
      { ALT: () => this.SUBRULE(this.comparison) },
    ]), this.#recovery());

  /**
   * comparison = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">="
   *                    | [ "not" ] "in" | name ) sum ] ;
   *
   * Read as a chain, to say that comparisons do not chain.
   */
  private comparison = this.RULE("comparison", (): Expression => {
    let left = this.SUBRULE(this.sum);
    let count = 0;
    this.MANY({
      GATE: () => this.#isOperator(),
      DEF: () => {
        const operator = this.OR([
          { ALT: () => this.CONSUME(T.Comparison) },
          { ALT: () => this.SUBRULE(this.membership) },
          { ALT: () => this.CONSUME(T.Word) },
        ]);
        const right = this.#operand(() => this.SUBRULE1(this.sum));
        this.ACTION(() => {
          if (++count === 2) {
            this.#report(
              "syntax",
              this.#spanOf(operator),
              "Comparisons do not chain",
              "join two with `and`",
            );
          }
          if (count === 1) left = this.#compared(left, operator, right);
        });
      },
    });
    return left;
  }, this.#recovery());

  /** [ "not" ] "in" */
  private membership = this.RULE("membership", (): IToken => {
    const not = this.OPTION(() => this.CONSUME(T.Not));
    const sign = this.CONSUME(T.In);
    return not ? { ...sign, image: "not in" } : sign;
  }, { resyncEnabled: false });

  /** sum = product { ( "+" | "-" ) product } ; */
  private sum = this.RULE("sum", (): Expression => {
    let left = this.SUBRULE(this.product);
    let count = 0;
    this.MANY(() => {
      const sign = this.OR([
        { ALT: () => this.CONSUME(T.Plus) },
        { ALT: () => this.CONSUME(T.Minus) },
      ]);
      const right = this.SUBRULE1(this.product);
      if (this.#inBounds(++count, sign)) {
        left = this.#calculated(left, sign.image === "-" ? "-" : "+", right);
      }
    });
    return left;
  }, this.#recovery());

  /** product = prefix { ( "*" | "/" ) prefix } ; */
  private product = this.RULE("product", (): Expression => {
    let left = this.SUBRULE(this.prefix);
    let count = 0;
    this.MANY(() => {
      const sign = this.OR([
        { ALT: () => this.CONSUME(T.Star) },
        { ALT: () => this.CONSUME(T.Slash) },
      ]);
      const right = this.SUBRULE1(this.prefix);
      if (this.#inBounds(++count, sign)) {
        left = this.#calculated(left, sign.image === "/" ? "/" : "*", right);
      }
    });
    return left;
  }, this.#recovery());

  /** prefix = ( "!" | "-" ) prefix | postfix ; */
  private prefix = this.RULE("prefix", (): Expression =>
    this.OR([
      {
        ALT: () => {
          const sign = this.CONSUME(T.Bang);
          const of = this.SUBRULE(this.prefix);
          return this.ACTION(() => negated("!", sign.startOffset, of));
        },
      },
      {
        ALT: () => {
          const sign = this.CONSUME(T.Minus);
          const of = this.SUBRULE1(this.prefix);
          return this.ACTION(() => negative(sign.startOffset, of));
        },
      },
      { ALT: () => this.SUBRULE(this.postfix) },
    ]), this.#recovery());

  /** postfix = primary { member | call | index | each | descend | range } ; */
  private postfix = this.RULE("postfix", (): Expression => {
    let of = this.SUBRULE(this.primary);
    let count = 0;
    this.MANY(() => {
      const next = this.OR([
        { ALT: () => this.SUBRULE(this.dotted, { ARGS: [of] }) },
        { ALT: () => this.SUBRULE(this.dots, { ARGS: [of] }) },
        { ALT: () => this.SUBRULE(this.subscript, { ARGS: [of] }) },
      ]);
      if (this.#inBounds(++count, this.LA(0))) of = next;
    });
    return of;
  }, this.#recovery());

  /** dotted = "." ( "*" | word [ arguments ] ) ; */
  private dotted = this.RULE("dotted", (of: Expression): Expression => {
    this.CONSUME(T.Dot);
    return this.OR({
      ERR_MSG: "a name after the dot",
      DEF: [
        {
          ALT: () => {
            this.CONSUME(T.Star);
            return this.#node(of, { kind: "each", of });
          },
        },
        {
          ALT: () => {
            const word = this.CONSUME(T.AnyWord);
            const name = word.image;
            const nameSpan = this.#spanOf(word);
            const args = this.OPTION(() => this.SUBRULE(this.args));
            return this.#node(
              of,
              args
                ? { kind: "call", name, nameSpan, on: of, args }
                : { kind: "member", of, name, nameSpan },
            );
          },
        },
      ],
    });
  }, this.#recovery());

  /** dots = ".." ( word | [ "-" ] literal ) ; */
  private dots = this.RULE("dots", (of: Expression): Expression => {
    this.CONSUME(T.Dots);
    return this.OR({
      ERR_MSG: "a name or the end of a range after `..`",
      DEF: [
        {
          ALT: () => {
            const word = this.CONSUME(T.AnyWord);
            const nameSpan = this.#spanOf(word);
            return this.#node(of, {
              kind: "descend",
              of,
              name: word.image,
              nameSpan,
            });
          },
        },
        {
          ALT: () => {
            const minus = this.OPTION(() => this.CONSUME(T.Minus));
            const high = this.SUBRULE(this.literal);
            return this.#node(of, {
              kind: "range",
              low: of,
              high: this.ACTION(() =>
                minus ? negative(minus.startOffset, high) : high
              ),
            });
          },
        },
      ],
    });
  }, this.#recovery());

  /** subscript = "[" ( "*" | integer | text ) "]" ; */
  private subscript = this.RULE("subscript", (of: Expression): Expression => {
    this.CONSUME(T.OpenSquare);
    const index = this.OR({
      ERR_MSG: '`*`, a number from 0 or a "name"',
      DEF: [
        { ALT: () => this.CONSUME(T.Star) },
        { ALT: () => this.CONSUME(T.Integer) },
        { ALT: () => this.CONSUME(T.Text) },
      ],
    });
    this.CONSUME(T.CloseSquare);
    return this.ACTION(() => {
      if (index.tokenType === T.Star) {
        return this.#node(of, { kind: "each", of });
      }
      const at = readLiteral(index);
      if ("kind" in at && at.kind === "number") {
        return this.#node(of, { kind: "index", of, index: Number(at.value) });
      }
      if ("kind" in at && at.kind === "text") {
        return this.#node(of, { kind: "index", of, index: at.value });
      }
      if ("message" in at) {
        this.#report(at.code, this.#spanOf(index), at.message, at.hint);
      }
      return this.#node(of, { kind: MISSING });
    });
  }, this.#recovery());

  /** primary = literal | "(" disjunction ")" | list | name [ arguments ] ; */
  private primary = this.RULE(
    "primary",
    (): Expression =>
      this.OR({
        ERR_MSG: "a value",
        DEF: [
          { ALT: () => this.SUBRULE(this.literal) },
          {
            ALT: () => {
              this.CONSUME(T.Open);
              const inner = this.SUBRULE(this.disjunction);
              this.CONSUME(T.Close);
              return inner;
            },
          },
          { ALT: () => this.SUBRULE(this.list) },
          {
            ALT: () => {
              const word = this.CONSUME(T.Word);
              const args = this.OPTION(() => this.SUBRULE(this.args));
              const name = word.image;
              const span = this.#spanOf(word);
              return this.#node(
                { span },
                args
                  ? { kind: "call", name, nameSpan: span, args }
                  : { kind: "name", name },
              );
            },
          },
        ],
      }),
    this.#recovery(),
  );

  /** list = "[" [ disjunction { "," disjunction } ] "]" ; */
  private list = this.RULE("list", (): Expression => {
    const open = this.CONSUME(T.OpenSquare);
    const items: Expression[] = [];
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => items.push(this.SUBRULE(this.disjunction)),
    });
    this.CONSUME(T.CloseSquare);
    return this.#node({ span: this.#spanOf(open) }, { kind: "list", items });
  }, this.#recovery());

  /** arguments = "(" [ disjunction { "," disjunction } ] ")" ; */
  private args = this.RULE("arguments", (): Expression[] => {
    const args: Expression[] = [];
    this.CONSUME(T.Open);
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => args.push(this.SUBRULE(this.disjunction)),
    });
    this.CONSUME(T.Close);
    return args;
  }, { recoveryValueFunc: () => [] });

  /** literal = text | regex | number | duration | address | … ; */
  private literal = this.RULE("literal", (): Expression => {
    const token = this.CONSUME(T.AnyLiteral);
    return this.ACTION(() => {
      const span = this.#spanOf(token);
      const read = readLiteral(token);
      if ("kind" in read) return { ...read, span };
      const { code, at, message, hint } = read;
      this.#report(code, at ?? span, message, hint);
      return { kind: MISSING, span };
    });
  }, this.#recovery());

  /**
   * What stands to the right of an operator. Where the filter ends there, what
   * is left of it stays good.
   */
  #operand(read: () => Expression): Expression {
    const next = this.LA(1);
    if (this.RECORDING_PHASE || next.tokenType !== EOF) return read();
    const span = this.#spanOf(next);
    this.#report("syntax", span, "Expected a value, but the filter ends");
    return { kind: MISSING, span };
  }

  /** Whether a word after a value is an operator, and no forgotten `and`. */
  #isOperator(): boolean {
    if (this.LA(1).tokenType !== T.Word) return true;
    const next = this.LA(2).tokenType;
    return next !== T.Dot && !next.CATEGORIES?.includes(T.Comparison);
  }

  /** The node for `left operator right`. */
  #compared(
    left: Expression,
    token: IToken,
    right: Expression,
  ): Expression {
    const { tokenType, image } = token;
    const span = { from: left.span.from, to: right.span.to };
    if (tokenType === T.Word) {
      const nameSpan = this.#spanOf(token);
      return {
        kind: "call",
        name: image,
        nameSpan,
        on: left,
        args: [right],
        span,
      };
    }
    if (image === "not in") {
      const of = {
        kind: "compare",
        operator: "in",
        left,
        right,
        span,
      } as const;
      return { kind: "not", sign: "not", of, span };
    }
    if (tokenType === T.In) {
      return { kind: "compare", operator: "in", left, right, span };
    }
    const operator = tokenType.name as Comparator;
    if (image !== operator) {
      this.#misspelt(token, SPELLED[image] ?? operator);
    }
    return { kind: "compare", operator, left, right, span };
  }

  #calculated(
    left: Expression,
    operator: Arithmetic,
    right: Expression,
  ): Expression {
    return this.ACTION(() => {
      const span = { from: left.span.from, to: right.span.to };
      return { kind: "arithmetic", operator, left, right, span };
    });
  }

  #misspelt(token: IToken, right: string): void {
    this.ACTION(() =>
      this.#report(
        "syntax",
        this.#spanOf(token),
        `\`${token.image}\` is no operator`,
        `write \`${right}\``,
      )
    );
  }

  /** Whether a chain may go on; says once where it became too long. */
  #inBounds(count: number, token: IToken): boolean {
    if (count === MAX_CHAIN + 1) {
      this.ACTION(() =>
        this.#report(
          "limit",
          this.#spanOf(token),
          `More than ${MAX_CHAIN} steps in one value`,
        )
      );
    }
    return count <= MAX_CHAIN;
  }

  /** A node from the beginning of `first` to the last token read. */
  #node(first: { readonly span: Span }, node: Literal | Construct): Expression {
    if (this.RECORDING_PHASE) return { ...node, span: { from: 0, to: 0 } };
    const last = this.#spanOf(this.LA(0));
    const from = first.span.from;
    return { ...node, span: { from, to: Math.max(from, last.to) } };
  }

  /** Tokens that recovery inserted, and the end, stand at the end. */
  #spanOf(token: IToken): Span {
    const from = token.startOffset;
    if (!(from >= 0)) return { from: this.#end, to: this.#end };
    return { from, to: from + Math.max(1, token.image.length) };
  }

  /** What a rule gives that could not be read to its end. */
  #recovery(): {
    recoveryValueFunc: (error: IRecognitionException) => Expression;
  } {
    return {
      recoveryValueFunc: (error) => ({
        kind: MISSING,
        span: this.#spanOf(error?.token ?? this.LA(0)),
      }),
    };
  }

  #report(
    code: DiagnosticCode,
    span: Span,
    message: string,
    hint?: string,
  ): void {
    // One mistake per place: what follows from it says nothing new.
    if (this.#diagnostics.length > MAX_DIAGNOSTICS) return;
    if (this.#diagnostics.some((d) => d.span.from === span.from)) return;
    this.#diagnostics.push({ code, span, message, hint });
  }
}

/** Signs of other languages -> ours. */
const SPELLED: { readonly [sign: string]: string } = {
  "=~": "matches",
  "!~": "not … matches …",
};

function joined(kind: "and" | "or", of: Expression[]): Expression {
  if (of.length === 1) return of[0]!;
  const from = of[0]!.span.from;
  return { kind, of, span: { from, to: of.at(-1)!.span.to } };
}

function negated(
  sign: "!" | "not",
  from: number,
  of: Expression,
): Expression {
  return { kind: "not", sign, of, span: { from, to: of.span.to } };
}

/** `-of`; of a range it is the lower end alone that the sign belongs to. */
function negative(from: number, of: Expression): Expression {
  const span = { from, to: of.span.to };
  if (of.kind === "range") return { ...of, low: negative(from, of.low), span };
  if (of.kind === "number") {
    const value = typeof of.value === "number"
      ? 0 - of.value
      : of.value.startsWith("-")
      ? of.value.slice(1)
      : `-${of.value}`;
    return { kind: "number", value, span };
  }
  if (of.kind === "duration") return { kind: "duration", us: 0 - of.us, span };
  return { kind: "negative", of, span };
}
