/** What is wrong with a query, under its line, with what to write instead. */
import { html, nothing } from "lit";
import type { Diagnostic, Span } from "../../kfl/diagnostic.ts";
import type { Fix } from "../model/fixes.ts";

/** What is shown, and whom it tells. */
export interface ProblemListOptions {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Whether somebody tried to apply the query all the same. */
  readonly isUrgent: boolean;
  /** Whether something else is shown in its place. */
  readonly isCovered: boolean;
  readonly fixesOf: (
    diagnostic: Diagnostic,
  ) => readonly { readonly fix: Fix; readonly result: string }[];
  readonly onFix: (text: string) => void;
  readonly onShow: (span: Span) => void;
}

/** Most mistakes that are listed; the rest is counted. */
const MAX_LISTED = 3;

/** The list, which lies over the page and moves nothing. */
export function problemList(options: ProblemListOptions): unknown {
  const { diagnostics, isUrgent, isCovered } = options;
  const more = diagnostics.length - MAX_LISTED;
  return html`
    <div
      class="problems ${isUrgent ? "urgent" : ""}"
      id="problems"
      role="status"
      ?hidden="${diagnostics.length === 0 || isCovered}"
    >
      ${diagnostics.slice(0, MAX_LISTED).map((each) => problem(each, options))}
      ${more > 0 ? html`<p class="more">and ${more} more</p>` : nothing}
    </div>
  `;
}

function problem(diagnostic: Diagnostic, options: ProblemListOptions): unknown {
  const { message, hint, span } = diagnostic;
  const fixes = options.fixesOf(diagnostic);
  return html`
    <div class="problem">
      <button
        type="button"
        class="message"
        title="Show where"
        @click="${() => options.onShow(span)}"
      >${withCode(message)}</button>
      ${fixes.length > 0
        ? fixes.map(({ fix, result }) => fixButton(fix, result, options))
        : hint
        ? html`<span class="hint">${withCode(hint)}</span>`
        : nothing}
    </div>
  `;
}

function fixButton(
  { before, after }: Fix,
  result: string,
  { onFix }: ProblemListOptions,
): unknown {
  return html`
    <button
      type="button"
      class="fix"
      aria-label="Write ${after} instead of ${before}"
      @click="${() => onFix(result)}"
    ><del>${before}</del><span aria-hidden="true"> → </span><ins>${after}</ins>
    </button>
  `;
}

/** What stands between backticks, as code. */
function withCode(text: string): unknown {
  return text.split("`").map((part, i) =>
    i % 2 === 1 ? html`<code>${part}</code>` : part
  );
}
