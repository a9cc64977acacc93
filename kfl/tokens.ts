/**
 * Tokens: what a filter's text is made of.
 *
 * The order counts: the first pattern that fits wins. Some patterns also fit
 * what people bring from other languages (`=`, `&`, `<>`); the parser reads
 * those as what was meant and says how it is spelled here.
 */
import { createToken, Lexer, type TokenType } from "chevrotain";

/** Every word, so that a keyword may also be a field's name after a dot. */
export const AnyWord = createToken({ name: "word", pattern: Lexer.NA });
/** Every literal that is one token. */
export const AnyLiteral = createToken({ name: "value", pattern: Lexer.NA });
/** `==` and the like. */
export const Comparison = createToken({
  name: "comparator",
  pattern: Lexer.NA,
});

const literal = (name: string, pattern: RegExp): TokenType =>
  createToken({ name, pattern, categories: AnyLiteral, line_breaks: true });

const sign = (name: string, pattern: RegExp | string): TokenType =>
  createToken({ name, pattern });

/** A letter, a dot with a digit, or a colon would make it another thing. */
const END = "(?!\\w|\\.\\d)";
const UNIT = "(?:us|µs|μs|ms|s|m|h|d|w)";

export const Blank = createToken({
  name: "blank",
  pattern: /\s+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});

export const Text = literal("text", /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'/);
export const Regex = literal(
  "regex",
  /r"(?:[^"\\]|\\[^])*"|r'(?:[^'\\]|\\[^])*'/,
);
/** A text whose closing quote is missing: all that follows. */
export const Unclosed = literal("unclosed", /r?["'][^]*/);
export const Address = literal(
  "address",
  new RegExp(`\\d{1,3}(?:\\.\\d{1,3}){3}(?:/\\d{1,3})?${END}`),
);
export const Address6 = literal(
  "address6",
  /(?:[0-9A-Fa-f]{0,4}:){2,8}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})(?:\/\d{1,3})?(?![\w:])/,
);
export const Duration = literal(
  "duration",
  new RegExp(`(?:\\d+(?:\\.\\d+)?${UNIT})+${END}`),
);
export const Size = literal(
  "size",
  new RegExp(`\\d+(?:\\.\\d+)?(?:[KMGTkmgt]i?)?[Bb]${END}`),
);
export const Decimal = literal(
  "decimal",
  new RegExp(`\\d+(?:\\.\\d+(?:[eE][+-]?\\d+)?|[eE][+-]?\\d+)${END}`),
);
export const Integer = literal(
  "integer",
  new RegExp(`(?:0[xX][0-9A-Fa-f]+|\\d+)${END}`),
);
/** A number that runs into something else, such as `5x` or `1.2.3`. */
export const BadNumber = literal("number", /\d+(?:\.\d+|\w)*/);

const keyword = (word: string): TokenType =>
  createToken({
    name: word,
    pattern: word,
    longer_alt: Word,
    categories: AnyWord,
  });

/** A name of a field, a protocol, a function or a variable. */
export const Word = createToken({
  name: "name",
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  categories: AnyWord,
});
export const And = keyword("and");
export const Or = keyword("or");
export const Not = keyword("not");
export const In = keyword("in");
const constant = (word: string): TokenType =>
  createToken({
    name: word,
    pattern: word,
    longer_alt: Word,
    categories: [AnyWord, AnyLiteral],
  });
export const True = constant("true");
export const False = constant("false");
export const Nil = constant("nil");

const comparison = (name: string, pattern: RegExp): TokenType =>
  createToken({ name, pattern, categories: Comparison });

export const Equal = comparison("==", /===?|=~|=(?![<>])/);
export const Unequal = comparison("!=", /!==?|!~|<>/);
export const AtMost = comparison("<=", /<=|=</);
export const AtLeast = comparison(">=", />=|=>/);
export const Less = comparison("<", /</);
export const Greater = comparison(">", />/);
export const AndSign = sign("&&", /&&?/);
export const OrSign = sign("||", /\|\|?/);
export const Bang = sign("!", "!");
export const Plus = sign("+", "+");
export const Minus = sign("-", "-");
export const Star = sign("*", "*");
export const Slash = sign("/", "/");
export const Open = sign("(", "(");
export const Close = sign(")", ")");
export const OpenSquare = sign("[", "[");
export const CloseSquare = sign("]", "]");
export const Comma = sign(",", ",");
export const Dots = sign("..", "..");
export const Dot = sign(".", ".");

/** What no filter has. Beside the others, so that the parser goes on. */
export const Nonsense = createToken({
  name: "nonsense",
  pattern: /[^\s\w"'.,()[\]!=<>&|+*/-]+/,
  group: "nonsense",
  line_breaks: true,
});

/** All of them, in the order in which they are tried. */
export const TOKENS: TokenType[] = [
  Blank,
  Text,
  Regex,
  Unclosed,
  Address,
  Address6,
  Duration,
  Size,
  Decimal,
  Integer,
  BadNumber,
  And,
  Or,
  Not,
  In,
  True,
  False,
  Nil,
  Word,
  Equal,
  Unequal,
  AtMost,
  AtLeast,
  Less,
  Greater,
  AndSign,
  OrSign,
  Bang,
  Plus,
  Minus,
  Star,
  Slash,
  Open,
  Close,
  OpenSquare,
  CloseSquare,
  Comma,
  Dots,
  Dot,
  Nonsense,
  AnyWord,
  AnyLiteral,
  Comparison,
];
