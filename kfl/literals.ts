/** Literals: the tokens that are values, as what they stand for. */
import type { IToken } from "chevrotain";
import { normalizeAddress, parseNetwork } from "./address.ts";
import type { Literal } from "./ast.ts";
import type { DiagnosticCode, Span } from "./diagnostic.ts";
import { parseDuration } from "./time.ts";
import * as T from "./tokens.ts";

/** Why a token stands for nothing. */
export interface BadLiteral {
  readonly code: DiagnosticCode;
  /** Absent: all of the token. */
  readonly at?: Span | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What a literal token stands for, or why it stands for nothing. */
export function readLiteral(token: IToken): Literal | BadLiteral {
  const { tokenType, image } = token;
  switch (tokenType) {
    case T.True:
    case T.False:
      return { kind: "bool", value: tokenType === T.True };
    case T.Nil:
      return { kind: "nil" };
    case T.Text:
      return readText(image);
    case T.Regex:
      return { kind: "regex", pattern: image.slice(2, -1) };
    case T.Duration: {
      const us = Math.round(parseDuration(image));
      return Number.isSafeInteger(us)
        ? { kind: "duration", us }
        : bad(`\`${image}\` is more than 285 years`);
    }
    case T.Size:
      return readNumber(image, parseSize(image));
    case T.Decimal:
      return readNumber(image, Number(image));
    case T.Integer:
      return { kind: "number", value: parseInteger(image) };
    case T.Address:
    case T.Address6:
      return readAddress(image);
    case T.Unclosed: {
      const { startOffset: from } = token;
      const message = "The closing quote is missing";
      return { code: "syntax", at: { from, to: from + 1 }, message };
    }
    default:
      return bad(
        `\`${image}\` is no number`,
        "units are us ms s m h d w, and B KB MB GB TB, KiB MiB GiB TiB",
      );
  }
}

function bad(message: string, hint?: string): BadLiteral {
  return { code: "literal", message, hint };
}

function readNumber(image: string, value: number): Literal | BadLiteral {
  return Number.isFinite(value)
    ? { kind: "number", value }
    : bad(`\`${image}\` is beyond all numbers`);
}

/** An integer; as decimal text where a `number` could not hold its digits. */
function parseInteger(image: string): number | string {
  const value = Number(image);
  return Number.isSafeInteger(value) ? value : String(BigInt(image));
}

const POWERS = "KMGT";

/** A size such as `4MiB`, in bytes. */
function parseSize(image: string): number {
  const count = parseFloat(image);
  const unit = image.toUpperCase().replace(/^[\d.]+/, "");
  const power = POWERS.indexOf(unit[0]!) + 1;
  return Math.round(count * (unit.includes("I") ? 1024 : 1000) ** power);
}

function readAddress(image: string): Literal | BadLiteral {
  if (image.includes("/")) {
    const network = parseNetwork(image);
    return network
      ? { kind: "network", ...network }
      : bad(`\`${image}\` is no network`);
  }
  const value = normalizeAddress(image);
  return value === undefined
    ? bad(`\`${image}\` is no IP address`)
    : { kind: "address", value };
}

const ESCAPE =
  /\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([^]))/g;

const ESCAPES: { readonly [letter: string]: string } = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  0: "\0",
  "\\": "\\",
  '"': '"',
  "'": "'",
  "/": "/",
};

/** What stands between the quotes, with its escapes undone. */
function readText(image: string): Literal | BadLiteral {
  let wrong: string | undefined;
  const value = image.slice(1, -1).replaceAll(ESCAPE, (whole, ...parts) => {
    const [code, short, byte, letter] = parts as (string | undefined)[];
    const hex = parseInt(code ?? short ?? byte ?? "", 16);
    if (hex <= 0x10ffff) return String.fromCodePoint(hex);
    const plain = ESCAPES[letter ?? ""];
    if (plain === undefined) wrong ??= whole;
    return plain ?? whole;
  });
  return wrong === undefined ? { kind: "text", value } : bad(
    `\`${wrong}\` is no escape`,
    'write `\\\\` for a backslash, or `r"…"` for a regular expression',
  );
}
