/** What is wrong with a query, under its line, with what to write instead. */
import { html, nothing } from "lit";
import { withCode } from "../code_text.ts";
import type { Diagnostic, Span } from "../../kfl/diagnostic.ts";
import type { Fix } from "../model/fixes.ts";

/** A mistake, and the query after each way to mend it. */
export interface Problem {
  readonly diagnostic: Diagnostic;
  readonly fixes: readonly { readonly fix: Fix; readonly result: string }[];
}

/** What is shown, and whom it tells. */
export interface ProblemListOptions {
  readonly problems: readonly Problem[];
  /** Whether somebody tried to apply the query all the same. */
  readonly isUrgent: boolean;
  /** Whether something else is shown in its place. */
  readonly isCovered: boolean;
  readonly onFix: (text: string) => void;
  readonly onShow: (span: Span) => void;
}

/** Most mistakes that are listed; the rest is counted. */
export const MAX_LISTED = 3;

/** The list, which lies over the page and moves nothing. */
export function problemList(options: ProblemListOptions): unknown {
  const { problems, isUrgent, isCovered } = options;
  const more = problems.length - MAX_LISTED;
  return html`
    <div
      class="problems ${isUrgent ? "urgent" : ""}"
      id="problems"
      role="status"
      ?hidden="${problems.length === 0 || isCovered}"
    >
      ${problems.slice(0, MAX_LISTED).map((each) => problem(each, options))}
      ${more > 0 ? html`<p class="more">and ${more} more</p>` : nothing}
    </div>
  `;
}

function problem(
  { diagnostic, fixes }: Problem,
  options: ProblemListOptions,
): unknown {
  const { message, hint, span } = diagnostic;
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
