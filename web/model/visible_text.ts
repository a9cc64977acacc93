/**
 * Visible text: what came from the wire, with a sign in the place of each
 * character that would not be seen or would turn others around.
 */

/** A stretch of text; or one character, as a sign and by its name. */
export interface Piece {
  readonly text: string;
  /** Such as `U+202E`; absent for what is plain. */
  readonly sign?: string;
}

/** Controls, direction marks, odd blanks, line separators, half characters. */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\ufe00-\ufe0f\p{Cs}\p{Co}]/gu;

/** Most signs in one value; what comes behind them is one piece. */
const MAX_SIGNS = 2000;

/**
 * The pieces of a text, in order.
 *
 * @param keep characters that stay as they are, such as a tab
 */
export function visiblePieces(text: string, keep: string = ""): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  let signs = 0;
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    // Emoji are joined by U+200D and U+FE0F, and seen as one.
    if (keep.includes(character) || joinsEmoji(text, index)) continue;
    if (++signs > MAX_SIGNS) {
      pieces.push({ text: text.slice(from).replace(UNSEEN, "\ufffd") });
      return pieces;
    }
    if (index > from) pieces.push({ text: text.slice(from, index) });
    pieces.push({ text: signOf(character), sign: nameOf(character) });
    from = index + character.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** The same as one text. */
export function toVisibleText(text: string): string {
  return visiblePieces(text).map((piece) => piece.text).join("");
}

function joinsEmoji(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code !== 0x200d && code !== 0xfe0f) return false;
  const before = text.slice(Math.max(0, at - 3), at);
  return /\p{Extended_Pictographic}[\u{1f3fb}-\u{1f3ff}\ufe0f]?$/u.test(before);
}

function signOf(character: string): string {
  const code = character.codePointAt(0)!;
  return `‹${CONTROLS[code] ?? hex(code)}›`;
}

/** Of the C0 controls, by their codes. */
const CONTROLS =
  ("NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 " +
    "DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US").split(" ");

function nameOf(character: string): string {
  return `U+${hex(character.codePointAt(0)!)}`;
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, "0");
}
