/**
 * The line in which a query is written.
 *
 * It is a plain text field from the first moment; the editor takes its place
 * when the page has nothing else to do, or when somebody begins to type.
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import type { Schema } from "../../entry/schema.ts";
import type { Diagnostic } from "../../kfl/diagnostic.ts";
import type { AskValues } from "../model/known_values.ts";
import type { Pick } from "../model/filter_edit.ts";
import { readRecent, remember } from "../model/recent_queries.ts";
import type { KflEditor } from "./editor.ts";
import { MAX_LISTED, type Problem, problemList } from "./problem_list.ts";
import { filterBarStyles } from "./filter_bar_styles.ts";
import "./query_menu.ts";
import type { QueryMenu } from "./query_menu.ts";

type Language = typeof import("./language.ts");

/** Of the list of queries that were asked lately, in `localStorage`. */
const STORED = "thresher.queries";

/** Time without a key after which the text is checked, ms. */
const CHECK_AFTER = 60;

/** Where the page goes on when it has nothing to do, ms at the latest. */
const LOAD_WITHIN = 2000;

const LABEL = "KFL query";
const HINT = "Filter, such as: http and response.status >= 500";

/**
 * Fires `filter-apply` with the text when it is to be asked; the text is right
 * by all that the schema knows.
 */
export class FilterBar extends LitElement {
  static override styles = filterBarStyles;
  static override properties = {
    value: {},
    schema: { attribute: false },
    askValues: { attribute: false },
    text: { state: true },
    problems: { state: true },
    isRefused: { state: true },
    isReady: { state: true },
    isListOpen: { state: true },
  };

  /** The query that runs. */
  declare value: string;
  declare schema: Schema | undefined;
  /** Asks for values that a path has had lately. */
  declare askValues: AskValues;
  /** What stands in the line. */
  declare private text: string;
  declare private problems: readonly Problem[];
  /** Whether somebody tried to apply what is wrong. */
  declare private isRefused: boolean;
  declare private isReady: boolean;
  /** Completions lie where mistakes are listed. */
  declare private isListOpen: boolean;
  #editor: KflEditor | undefined;
  #language: Language | undefined;
  #loading: Promise<Language> | undefined;
  #opening: Promise<void> | undefined;
  /** Kept once it is known which fields there are. */
  readonly #declared = Promise.withResolvers<void>();
  #checkTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.value = "";
    this.text = "";
    this.askValues = () => Promise.resolve([]);
    this.problems = [];
    this.isRefused = false;
    this.isReady = false;
    this.isListOpen = false;
  }

  /** Puts the cursor into the line, and selects what is in it. */
  override focus(): void {
    if (this.#editor) {
      this.#editor.focus();
      this.#editor.select(0, this.text.length);
    } else {
      this.#field?.focus();
      this.#field?.select();
    }
  }

  /**
   * Adds values that were picked elsewhere, or takes them away, and applies; as
   * soon as it is known which fields there are.
   *
   * @returns whether that can be asked
   */
  async add(picks: readonly Pick[]): Promise<boolean> {
    await Promise.all([this.#open(), this.#declared.promise]);
    const language = this.#language;
    if (!language || !this.schema) return false;
    const edited = language.toggleAll(this.value, picks, this.schema);
    if (edited === undefined) return false;
    this.#setText(edited);
    this.#apply();
    return true;
  }

  protected override firstUpdated(): void {
    const load = () => void this.#open();
    // Safari has no requestIdleCallback.
    if ("requestIdleCallback" in globalThis) {
      requestIdleCallback(load, { timeout: LOAD_WITHIN });
    } else setTimeout(load, LOAD_WITHIN / 10);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("value") && this.text !== this.value) {
      this.text = this.value;
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("value") && this.#editor?.text !== this.text) {
      this.#editor?.setText(this.text);
    }
    if (changed.has("value") || changed.has("schema")) {
      this.#editor?.refresh();
      this.#check();
    }
    if (changed.has("schema") && this.schema) {
      this.#declared.resolve();
      this.#offer();
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#checkTimer);
  }

  protected override render(): unknown {
    return html`
      <div class="frame">
        ${this.#renderLine()} ${problemList({
          problems: this.problems,
          isUrgent: this.isRefused,
          isCovered: this.isListOpen,
          onFix: (text) => this.#fix(text),
          onShow: ({ from, to }) => {
            this.#editor?.select(from, to);
            this.#editor?.focus();
          },
        })}
      </div>
      <query-menu
        .schema="${this.schema}"
        @query-pick="${({ detail }: CustomEvent<string>) => {
          this.#setText(detail);
          this.#apply();
          this.focus();
        }}"
        @menu-close="${() => this.focus()}"
      ></query-menu>
    `;
  }

  #renderLine(): unknown {
    const state = this.#state;
    return html`
      <form
        class="bar ${state}"
        role="search"
        @submit="${this.#onSubmit}"
        @focusin="${() => void this.#open()}"
      >
        <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">
          <path d="M2 3h12l-4.7 5.6V13l-2.6-1.4v-3z" />
        </svg>
        <div class="line">
          <div class="editor"></div>
          ${this.isReady ? nothing : this.#renderField()}
        </div>
        <span class="state" id="state">${state}</span>
        ${this.#renderButtons()}
        <button class="apply" ?disabled="${state === "applied"}">
          Apply
        </button>
      </form>
    `;
  }

  #renderButtons(): unknown {
    return html`
      ${this.text === "" ? nothing : html`
        <button
          type="button"
          class="icon"
          title="Clear the query"
          aria-label="Clear the query"
          @click="${this.#clear}"
        >×</button>
      `}
      <button
        type="button"
        class="icon"
        title="Recent and sample queries (Up, in an empty line)"
        aria-label="Recent and sample queries"
        aria-haspopup="dialog"
        @click="${this.#openMenu}"
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M4 6l4 4 4-4" />
        </svg>
      </button>
    `;
  }

  #renderField(): unknown {
    return html`
      <textarea
        rows="1"
        spellcheck="false"
        autocapitalize="off"
        autocomplete="off"
        enterkeyhint="go"
        aria-label="${LABEL}"
        aria-describedby="state problems"
        placeholder="${HINT}"
        .value="${this.text}"
        @input="${this.#onInput}"
        @keydown="${this.#onKey}"
      ></textarea>
    `;
  }

  get #field(): HTMLTextAreaElement | null {
    return this.renderRoot.querySelector("textarea");
  }

  get #state(): State {
    // What is not written to its end is not wrong yet.
    if (this.problems.length > 0 && !this.isListOpen) return "invalid";
    return this.text === this.value ? "applied" : "edited";
  }

  // Loading

  #load(): Promise<Language> {
    return this.#loading ??= import("./language.ts").then((loaded) => {
      this.#language = loaded;
      return loaded;
    });
  }

  /** Puts the editor in the place of the text field, once. */
  async #open(): Promise<void> {
    try {
      await (this.#opening ??= this.#makeEditor());
    } catch (error) {
      // A script that cannot be loaded, for the hub is away. The text field
      // does all the same; what is written next tries again.
      if (!(error instanceof TypeError)) throw error;
      this.#opening = undefined;
      this.#loading = undefined;
    }
  }

  async #makeEditor(): Promise<void> {
    const [{ KflEditor }] = await Promise.all([
      import("./editor.ts"),
      this.#load(),
    ]);
    const field = this.#field;
    const isFocused = field !== null &&
      field === this.shadowRoot?.activeElement;
    const { selectionStart = 0, selectionEnd = 0 } = field ?? {};
    this.#editor = new KflEditor({
      parent: this.renderRoot.querySelector(".editor")!,
      root: this.shadowRoot!,
      text: this.text,
      label: LABEL,
      placeholder: HINT,
      describedBy: "state problems",
      schema: () => this.schema,
      askValues: (wanted) => this.askValues(wanted),
      onChange: (text) => this.#onEdit(text),
      onApply: () => this.#apply(),
      onRevert: () => this.#revert(),
      onRecall: () => this.#openMenu(),
      onList: (isOpen) => this.#onList(isOpen),
    });
    this.isReady = true;
    if (isFocused) {
      this.#editor.focus();
      this.#editor.select(selectionStart, selectionEnd);
      this.#offer();
    }
    this.#check();
  }

  // Typing

  #onInput(event: Event): void {
    this.#onEdit((event.target as HTMLTextAreaElement).value);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#apply();
    } else if (event.key === "Escape") this.#revert();
    else if (event.key === "ArrowUp" && this.text === "") this.#openMenu();
  }

  #onEdit(text: string): void {
    this.text = text;
    this.isRefused = false;
    clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => this.#check(), CHECK_AFTER);
  }

  /** What was written before there was anything to offer may be completed. */
  #offer(): void {
    if (this.text !== this.value) this.#editor?.offer();
  }

  /** Looks for mistakes; without schema or editor there are none yet. */
  #check(): void {
    clearTimeout(this.#checkTimer);
    const diagnostics = this.#diagnose(this.text);
    this.problems = diagnostics.map((diagnostic, i) => ({
      diagnostic,
      fixes: i < MAX_LISTED ? this.#fixesOf(diagnostic) : [],
    }));
    this.#showMistakes();
  }

  /** What is being completed is not underlined. */
  #showMistakes(): void {
    this.#editor?.showMistakes(
      this.isListOpen ? [] : this.problems.map(({ diagnostic }) => diagnostic),
    );
  }

  #onList(isOpen: boolean): void {
    this.isListOpen = isOpen;
    // Within an update of the editor it takes no other one.
    queueMicrotask(() => this.#showMistakes());
  }

  #diagnose(text: string): readonly Diagnostic[] {
    if (!this.#language || !this.schema) return [];
    return this.#language.diagnose(text, this.schema, Date.now() * 1000);
  }

  #fixesOf(diagnostic: Diagnostic): Problem["fixes"] {
    const { text } = this;
    const language = this.#language!;
    return language.fixesOf(text, diagnostic, (each) => this.#diagnose(each))
      .map((fix) => ({ fix, result: language.applyFix(text, fix) }));
  }

  #fix(text: string): void {
    this.#setText(text);
    this.#check();
    this.#editor?.focus();
  }

  #setText(text: string): void {
    this.text = text;
    this.#editor?.setText(text);
  }

  // Applying

  #onSubmit(event: Event): void {
    event.preventDefault();
    this.#apply();
  }

  #apply(): void {
    this.#check();
    if (this.problems.length > 0) {
      this.isRefused = true;
      return;
    }
    this.#remember(this.text);
    // At once: what is added next is added to it.
    const detail = this.value = this.text;
    this.dispatchEvent(
      new CustomEvent("filter-apply", {
        detail,
        bubbles: true,
        composed: true,
      }),
    );
  }

  /** Back to the query that runs; if it is there already, out of the line. */
  #revert(): void {
    this.isRefused = false;
    if (this.text === this.value) {
      (this.shadowRoot?.activeElement as HTMLElement | null)?.blur();
      return;
    }
    this.#setText(this.value);
    this.#check();
  }

  #clear(): void {
    this.#setText("");
    this.#apply();
    this.focus();
  }

  // Recent queries

  #openMenu(): void {
    const menu = this.renderRoot.querySelector<QueryMenu>("query-menu");
    menu?.open(recentQueries());
  }

  #remember(query: string): void {
    try {
      localStorage.setItem(
        STORED,
        JSON.stringify(remember(recentQueries(), query)),
      );
    } catch (error) {
      // A full or forbidden store costs no more than the memory of queries.
      if (!(error instanceof DOMException)) throw error;
    }
  }
}

type State = "applied" | "edited" | "invalid";

function recentQueries(): readonly string[] {
  try {
    return readRecent(localStorage.getItem(STORED));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return [];
  }
}

customElements.define("filter-bar", FilterBar);
