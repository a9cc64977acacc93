/** Text from the wire as templates: always text, and all of it to be seen. */
import { html } from "lit";
import { REDACTED } from "../../kfl/redaction.ts";
import { type Piece, visiblePieces } from "../model/visible_text.ts";

/**
 * A text with signs for what would not be seen, and bars for what a query
 * hides.
 *
 * @param keep characters that stay as they are, such as a tab
 */
export function wireText(text: string, keep: string = ""): unknown {
  const parts = text.split(REDACTED);
  const shown = visible(parts[0]!, keep);
  if (parts.length === 1) return shown;
  return parts.map((part, i) =>
    i === 0 ? shown : html`${REDACTED_MARK}${visible(part, keep)}`
  );
}

const WHY = "Hidden by redact(…) in the query";

const REDACTED_MARK =
  html`<span class="redacted" title="${WHY}">redacted</span>`;

function visible(text: string, keep: string): unknown {
  const pieces = visiblePieces(text, keep);
  const isPlain = pieces.length === 1 && !pieces[0]!.sign;
  return isPlain ? pieces[0]!.text : pieces.map(renderPiece);
}

function renderPiece({ text, sign }: Piece): unknown {
  return sign ? html`<span class="sign" title="${sign}">${text}</span>` : text;
}
