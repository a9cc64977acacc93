/** What is said of a text that is no filter. */
import {
  EOF,
  type IParserErrorMessageProvider,
  type IToken,
  type TokenType,
} from "chevrotain";

/** A filter's words and signs, as a message names them. */
function found(token: IToken): string {
  if (token.tokenType === EOF) return "the filter ends";
  return `there is \`${shortened(token.image)}\``;
}

/** A piece of the filter, short enough for a message. */
export function shortened(image: string): string {
  return image.length > 40 ? `${image.slice(0, 40)}…` : image;
}

/** Most mistakes after which the parser looks for a place to go on. */
const MAX_RECOVERIES = 8;

/** Ends the parsing of a text with more mistakes than anybody reads. */
export class TooManyMistakes extends Error {}

/** Words what Chevrotain found wrong, and counts it. */
export class SyntaxMessages implements IParserErrorMessageProvider {
  count = 0;

  #message(expected: string, actual: IToken): string {
    // Going on after a mistake is slow, and a hostile text is all mistakes.
    if (++this.count > MAX_RECOVERIES) throw new TooManyMistakes();
    return `Expected ${expected}, but ${found(actual)}`;
  }

  buildMismatchTokenMessage(
    { expected, actual }: { expected: TokenType; actual: IToken },
  ): string {
    return expected === EOF
      ? this.#message("`and` or `or`", actual)
      : this.#message(`\`${expected.name}\``, actual);
  }

  buildNotAllInputParsedMessage(
    { firstRedundant }: { firstRedundant: IToken },
  ): string {
    return this.#message("`and` or `or`", firstRedundant);
  }

  buildNoViableAltMessage(
    { actual, customUserDescription }: {
      actual: IToken[];
      customUserDescription?: string;
    },
  ): string {
    return this.#message(customUserDescription ?? "a value", actual[0]!);
  }

  buildEarlyExitMessage({ actual }: { actual: IToken[] }): string {
    return this.#message("a value", actual[0]!);
  }
}
