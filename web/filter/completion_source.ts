/** What KFL suggests, as CodeMirror lists it. */
import {
  type Completion,
  CompletionContext,
  type CompletionResult,
  pickedCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import type { Schema } from "../../entry/schema.ts";
import { complete, type Suggestion } from "../../kfl/completion.ts";

/** Values that a path has had lately, the commonest first. */
export type ValuesOf = (path: string) => readonly string[];

/** Gives what fits at the cursor; at once, for nothing is asked anywhere. */
type Source = (context: CompletionContext) => CompletionResult | null;

/** Suggestions of KFL's own completion. */
export function completionSource(
  schema: () => Schema | undefined,
  valuesOf: ValuesOf,
): Source {
  return (context: CompletionContext): CompletionResult | null => {
    const known = schema();
    if (!known) return null;
    const { state, pos, explicit } = context;
    const text = state.doc.toString();
    const { from, suggestions } = complete(text, pos, known, { valuesOf });
    const isDue = explicit || from < pos ||
      isAwaited(text.slice(0, pos), suggestions);
    if (!isDue || suggestions.length === 0) return null;
    return { from, options: suggestions.map(toOption), filter: false };
  };
}

/** Whether something must follow, so that the list may open by itself. */
function isAwaited(before: string, [first]: readonly Suggestion[]): boolean {
  return /[.("'[]$/.test(before) || first?.kind === "value";
}

/** Takes the first suggestion; not if it stands there already. */
export function takeFirst(view: EditorView, source: Source): boolean {
  const { state } = view;
  const { head } = state.selection.main;
  const result = source(new CompletionContext(state, head, false));
  const [first] = result?.options ?? [];
  if (!result || !first || typeof first.apply !== "function") return false;
  if (state.sliceDoc(result.from, head) === first.label) return false;
  first.apply(view, first, result.from, head);
  return true;
}

function toOption({ text, kind, doc }: Suggestion): Completion {
  return {
    label: text,
    ...(doc ? { detail: doc.replaceAll("`", "") } : {}),
    type: kind,
    apply: (view, completion, from, to) => {
      const end = to + closingQuote(view, text, to);
      const insert = isFollowed(text, kind) ? `${text} ` : text;
      view.dispatch({
        changes: { from, to: end, insert },
        selection: { anchor: from + insert.length },
        annotations: pickedCompletion.of(completion),
        userEvent: "input.complete",
      });
      if (insert !== text) startCompletion(view);
    },
  };
}

/** An operator or `and` makes no sense without what follows. */
function isFollowed(text: string, kind: Suggestion["kind"]): boolean {
  return kind === "operator" ||
    kind === "keyword" && /^(and|or|not|in)$/.test(text);
}

/** 1 if the quote that the value ends with stands there already. */
function closingQuote(view: EditorView, text: string, to: number): number {
  const next = view.state.sliceDoc(to, to + 1);
  return text.endsWith('"') && (next === '"' || next === "'") ? 1 : 0;
}
