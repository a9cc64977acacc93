/** What KFL suggests, as CodeMirror lists it. */
import {
  type Completion,
  CompletionContext,
  type CompletionResult,
  completionStatus,
  pickedCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
import type { EditorView } from "@codemirror/view";
import type { Schema } from "../../entry/schema.ts";
import { complete, type Suggestion } from "../../kfl/completion.ts";
import type { KnownValues } from "../model/known_values.ts";

/**
 * Gives what fits at the cursor, at once. Values that only the hub knows come
 * into the list when they are there.
 */
export type Source = (context: CompletionContext) => CompletionResult | null;

/** Suggestions of KFL's own completion. */
export interface Suggestions {
  readonly source: Source;
  /** The list was closed: the next one is asked for anew. */
  readonly onClosed: () => void;
}

/** Suggests by what the schema declares, and values that are known. */
export function suggestionsOf(
  schema: () => Schema | undefined,
  known: KnownValues,
): Suggestions {
  const toOptions = keepingOptions();
  // Where the list was asked for. CodeMirror keeps it open from there on, also
  // behind what was completed meanwhile: Enter would then never apply.
  let askedAt: number | undefined;
  const source: Source = (context) => {
    const declared = schema();
    if (!declared) return null;
    const { state, pos, explicit, view } = context;
    const text = state.doc.toString();
    const { from, suggestions: first, wants } = complete(text, pos, declared);
    let isListed = false;
    const values = wants && known.of(wants, () => {
      if (view) showNews(view, isListed);
    });
    const suggestions = values?.length
      ? complete(text, pos, declared, { values }).suggestions
      : first;
    askedAt = explicit ? askedAt ?? pos : undefined;
    const isDue = askedAt === pos || from < pos ||
      isAwaited(text.slice(0, pos), suggestions);
    isListed = isDue && suggestions.length > 0;
    if (!isListed) {
      askedAt = undefined;
      return null;
    }
    return { from, options: toOptions(suggestions), filter: false };
  };
  return { source, onClosed: () => askedAt = undefined };
}

/** Whether something must follow, so that the list may open by itself. */
function isAwaited(before: string, [first]: readonly Suggestion[]): boolean {
  return /[.("'[]$/.test(before) || first?.kind === "value";
}

/** Fills the list; one that was there and is not any more was put away. */
function showNews(view: EditorView, wasOpen: boolean): void {
  const isOpen = completionStatus(view.state) !== null;
  if (view.hasFocus && isOpen === wasOpen) startCompletion(view);
}

/** The place of the cursor, as if somebody had just typed there. */
export function contextOf(view: EditorView): CompletionContext {
  const { state } = view;
  return new CompletionContext(state, state.selection.main.head, false, view);
}

/** Takes the first suggestion; not if it stands there already. */
export function takeFirst(view: EditorView, source: Source): boolean {
  const { state } = view;
  const { head } = state.selection.main;
  const result = source(contextOf(view));
  const [first] = result?.options ?? [];
  if (!result || !first || typeof first.apply !== "function") return false;
  if (state.sliceDoc(result.from, head) === first.label) return false;
  first.apply(view, first, result.from, head);
  return true;
}

/**
 * Makes options of suggestions. The same suggestion twice in a row is the same
 * option: so the one that is picked stays picked when others come.
 */
function keepingOptions(): (
  suggestions: readonly Suggestion[],
) => Completion[] {
  let kept = new Map<string, Completion>();
  return (suggestions) => {
    const entries = suggestions.map((each) => {
      const key = `${each.kind} ${each.text}`;
      return [key, kept.get(key) ?? toOption(each)] as const;
    });
    kept = new Map(entries);
    return [...kept.values()];
  };
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
