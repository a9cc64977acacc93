/**
 * Editor: CodeMirror with KFL in it. The bar loads it when the page is idle,
 * for it is larger than all the rest.
 *
 * Text is coloured, completed and checked by the very functions that the hub
 * uses; only values that entries have had are asked of the hub.
 */
import {
  acceptCompletion,
  autocompletion,
  type Completion,
  completionKeymap,
  completionStatus,
  selectedCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
import { history, historyKeymap, standardKeymap } from "@codemirror/commands";
import {
  Compartment,
  EditorState,
  Prec,
  StateEffect,
  StateField,
} from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  keymap,
  placeholder,
} from "@codemirror/view";
import type { Schema } from "../../entry/schema.ts";
import type { Diagnostic } from "../../kfl/diagnostic.ts";
import { highlights } from "../model/highlight.ts";
import { type AskValues, KnownValues } from "../model/known_values.ts";
import {
  contextOf,
  type Suggestions,
  suggestionsOf,
  takeFirst,
} from "./completion_source.ts";
import { editorTheme } from "./editor_theme.ts";

/** What an editor begins with, and whom it tells. */
export interface EditorOptions {
  /** Where it is put; within {@link root}. */
  readonly parent: Element;
  readonly root: ShadowRoot;
  readonly text: string;
  readonly label: string;
  readonly placeholder: string;
  /** Id, within the root, of what describes it. */
  readonly describedBy: string;
  readonly schema: () => Schema | undefined;
  readonly askValues: AskValues;
  readonly onChange: (text: string) => void;
  readonly onApply: () => void;
  readonly onRevert: () => void;
  /** Up was pressed in an empty editor. */
  readonly onRecall: () => void;
  /** The list of completions opened, or closed. */
  readonly onList: (isOpen: boolean) => void;
}

/** Mistakes as they are underlined. */
const setMistakes = StateEffect.define<readonly Diagnostic[]>();

/** One line that grows, with KFL in it. */
export class KflEditor {
  readonly #view: EditorView;
  readonly #attributes = new Compartment();
  readonly #options: EditorOptions;
  readonly #suggestions: Suggestions;
  #isListOpen = false;

  constructor(options: EditorOptions) {
    this.#options = options;
    const { parent, root, text, schema, askValues } = options;
    this.#suggestions = suggestionsOf(schema, new KnownValues(askValues));
    this.#view = new EditorView({
      parent,
      root,
      state: EditorState.create({
        doc: text,
        selection: { anchor: text.length },
        extensions: this.#extensions(),
      }),
    });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  /** Replaces the text; the cursor goes to its end unless it is said. */
  setText(text: string, cursor: number = text.length): void {
    this.#view.dispatch({
      changes: { from: 0, to: this.#view.state.doc.length, insert: text },
      selection: { anchor: cursor },
    });
  }

  /** Selects a stretch of the text. */
  select(from: number, to: number): void {
    const { length } = this.#view.state.doc;
    this.#view.dispatch({
      selection: { anchor: Math.min(from, length), head: Math.min(to, length) },
      scrollIntoView: true,
    });
  }

  focus(): void {
    this.#view.focus();
  }

  /** Underlines what is wrong. */
  showMistakes(diagnostics: readonly Diagnostic[]): void {
    this.#view.dispatch({
      effects: [
        setMistakes.of(diagnostics),
        this.#attributes.reconfigure(this.#describe(diagnostics.length > 0)),
      ],
    });
  }

  /** What depends on the schema is worked out anew. */
  refresh(): void {
    this.#view.dispatch({ effects: setMistakes.of([]) });
  }

  /** Lists what fits what was written before that could be known. */
  offer(): void {
    const { state, hasFocus } = this.#view;
    if (!hasFocus || completionStatus(state) !== null) return;
    if (this.#suggestions.source(contextOf(this.#view))) {
      startCompletion(this.#view);
    }
  }

  destroy(): void {
    this.#view.destroy();
  }

  #extensions() {
    const { schema, onApply, onRevert, onRecall } = this.#options;
    const { source } = this.#suggestions;
    // Whoever types fast is ahead of the list.
    const take = (view: EditorView): boolean =>
      completionStatus(view.state) === "pending"
        ? takeFirst(view, source)
        : acceptCompletion(view);
    const apply = (view: EditorView): boolean => {
      if (isExact(view.state) || !take(view)) onApply();
      return true;
    };
    const recall = (view: EditorView): boolean => {
      if (view.state.doc.length > 0) return false;
      onRecall();
      return true;
    };
    return [
      // Before the list's own keys: a word that is whole is not completed.
      Prec.highest(keymap.of([
        { key: "Enter", run: apply },
        { key: "Tab", run: take },
      ])),
      Prec.high(keymap.of(completionKeymap)),
      keymap.of([
        { key: "ArrowUp", run: recall },
        { key: "Escape", run: () => (onRevert(), true) },
        ...historyKeymap,
        // Shift-Enter makes a new line there.
        ...standardKeymap,
      ]),
      history(),
      autocompletion({
        override: [source],
        activateOnTypingDelay: 0,
        interactionDelay: 0,
        icons: false,
        maxRenderedOptions: 60,
        addToOptions: [{ render: kindOf, position: 90 }],
      }),
      EditorView.lineWrapping,
      typingOver,
      placeholder(this.#options.placeholder),
      colours(schema),
      mistakes,
      editorTheme,
      this.#attributes.of(this.#describe(false)),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.#options.onChange(this.text);
        const status = completionStatus(update.state);
        if (status === null) this.#suggestions.onClosed();
        // For the moment in which it is made anew it is there.
        const isOpen = status === "active" ||
          status === "pending" && this.#isListOpen;
        if (isOpen !== this.#isListOpen) {
          this.#isListOpen = isOpen;
          this.#options.onList(isOpen);
        }
        if (status === "active") makeReachable(update.view);
      }),
    ];
  }

  #describe(isInvalid: boolean) {
    const { label, describedBy } = this.#options;
    return EditorView.contentAttributes.of({
      "aria-label": label,
      "aria-describedby": describedBy,
      "aria-invalid": String(isInvalid),
      spellcheck: "false",
      autocapitalize: "off",
      autocorrect: "off",
      enterkeyhint: "go",
    });
  }
}

/**
 * Typing over marked text. Left to itself the browser would keep the look of
 * what was there in a `style` attribute, which the page's policy refuses.
 */
const typingOver = EditorView.domEventHandlers({
  beforeinput({ inputType, data, isComposing }, view) {
    const { state } = view;
    const isMarked = !state.selection.main.empty;
    if (inputType !== "insertText" || !data || isComposing || !isMarked) {
      return false;
    }
    view.dispatch(state.replaceSelection(data), { userEvent: "input.type" });
    return true;
  },
});

/**
 * What scrolls must be reachable. The list is only ever gone through from the
 * line, where Tab takes what is picked in it.
 */
function makeReachable(view: EditorView): void {
  view.requestMeasure({
    read: () => view.dom.querySelector(".cm-tooltip-autocomplete > ul"),
    write: (list) => list?.setAttribute("tabindex", "0"),
  });
}

/** Whether no list is open, or what is picked in it stands there already. */
function isExact(state: EditorState): boolean {
  const status = completionStatus(state);
  if (status !== "active") return status === null;
  const picked = selectedCompletion(state);
  const { head } = state.selection.main;
  return picked !== null &&
    state.sliceDoc(head - picked.label.length, head) === picked.label;
}

function kindOf(completion: Completion): Node | null {
  const kind = document.createElement("span");
  kind.className = "cm-completionKind";
  kind.textContent = completion.type ?? "";
  return kind;
}

/** Colours for the words, worked out anew with the text. */
function colours(schema: () => Schema | undefined) {
  const paint = (state: EditorState): DecorationSet => {
    const known = schema();
    const isProtocol = (word: string) =>
      known !== undefined && isKeyword(known, word);
    return Decoration.set(
      highlights(state.doc.toString(), isProtocol).map(({ from, to, kind }) =>
        Decoration.mark({ class: `kfl-${kind}` }).range(from, to)
      ),
    );
  };
  return StateField.define<DecorationSet>({
    create: paint,
    update: (marks, { docChanged, effects, state }) =>
      docChanged || effects.length > 0 ? paint(state) : marks,
    provide: (field) => EditorView.decorations.from(field),
  });
}

/** Whether the bare word is true for entries of some protocol. */
function isKeyword(schema: Schema, word: string): boolean {
  return schema.protocol(word) !== undefined ||
    schema.protocols.some(({ versions }) =>
      versions !== undefined && Object.hasOwn(versions, word)
    );
}

const mistakes = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, { changes, effects, state }) {
    let next = marks.map(changes);
    for (const effect of effects) {
      if (effect.is(setMistakes)) next = underlined(effect.value, state);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function underlined(
  diagnostics: readonly Diagnostic[],
  { doc: { length } }: EditorState,
): DecorationSet {
  const mark = Decoration.mark({ class: "kfl-mistake" });
  const ranges = diagnostics.flatMap(({ span }) => {
    // What is missing at the end is shown at the last character.
    const from = Math.max(0, Math.min(span.from, length - 1));
    const to = Math.min(span.to, length);
    return to > from ? [mark.range(from, to)] : [];
  });
  return Decoration.set(ranges, true);
}
