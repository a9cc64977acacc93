/** How many columns of a terminal a text takes. */

/**
 * Characters of two columns: wide and fullwidth ones (UAX #11), and emoji that
 * are shown as pictures (UTS #51). What is not in here and does not combine
 * takes one.
 */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** Characters that add nothing to the width of the text before them. */
const COMBINING = /^[\p{Mn}\p{Me}\p{Cf}]/u;

const ASCII = /^[\x20-\x7e]*$/;

/** Columns of a text without control characters. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** The text with blanks behind it, up to a width. */
export function padTo(width: number, text: string): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** The text, or as much of its beginning as fits with `…` behind it. */
export function cutTo(width: number, text: string): string {
  if (widthOf(text) <= width) return text;
  let room = width - 1;
  let end = 0;
  for (const character of text) {
    room -= widthOfCharacter(character);
    if (room < 0) break;
    end += character.length;
  }
  return text.slice(0, end) + "…";
}

function widthOfCharacter(character: string): number {
  if (character <= "\x7e") return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
