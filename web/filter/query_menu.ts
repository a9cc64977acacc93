/** Queries to begin with: those asked lately, and samples. */
import { html, LitElement, nothing } from "lit";
import type { Schema } from "../../entry/schema.ts";
import { moveFocus } from "../menu_keys.ts";
import { SAMPLE_QUERIES, type SampleQuery } from "../model/sample_queries.ts";
import { queryMenuStyles } from "./query_menu_styles.ts";

/** Most recent queries that are listed before samples. */
const MAX_SHOWN = 50;

/**
 * Fires `query-pick` with the query that was chosen, and `menu-close` when it
 * was closed by its key.
 */
export class QueryMenu extends LitElement {
  static override styles = queryMenuStyles;
  static override properties = {
    schema: { attribute: false },
    recent: { state: true },
  };

  /** Samples that ask for other protocols are left out. */
  declare schema: Schema | undefined;
  declare private recent: readonly string[];

  constructor() {
    super();
    this.recent = [];
  }

  /** Shows it, with the first query focused. */
  async open(recent: readonly string[]): Promise<void> {
    this.recent = recent.slice(0, MAX_SHOWN);
    await this.updateComplete;
    this.#panel.showPopover();
    this.#place();
    this.#items[0]?.focus();
  }

  protected override render(): unknown {
    return html`
      <div
        class="panel"
        popover
        role="dialog"
        aria-label="Recent and sample queries"
        @keydown="${this.#onKey}"
      >
        ${this.recent.length === 0 ? nothing : html`
          <h3>Recent</h3>
          <ul>
            ${this.recent.map((kfl) => html`<li>${this.#item(kfl)}</li>`)}
          </ul>
        `}
        <h3>Samples</h3>
        <ul>
          ${SAMPLE_QUERIES.filter((each) => this.#isKnown(each)).map((
            { doc, kfl },
          ) => html`<li>${this.#item(kfl, doc)}</li>`)}
        </ul>
      </div>
    `;
  }

  #item(kfl: string, doc?: string): unknown {
    return html`
      <button type="button" @click="${() => this.#pick(kfl)}">
        ${doc ? html`<span class="doc">${doc}</span>` : nothing}
        <code>${kfl}</code>
      </button>
    `;
  }

  /** Whether all the protocols that it begins with are known here. */
  #isKnown({ kfl }: SampleQuery): boolean {
    const first = /^([a-z]\w*) and /.exec(kfl)?.[1];
    return first === undefined || this.schema?.protocol(first) !== undefined;
  }

  /** Under the line that it belongs to: a popover knows no parent. */
  #place(): void {
    const host = (this.getRootNode() as ShadowRoot).host;
    const { left, bottom, width } = host.getBoundingClientRect();
    const { style } = this.#panel;
    style.left = `${left}px`;
    style.top = `${bottom + 4}px`;
    style.width = `${width}px`;
  }

  get #panel(): HTMLElement {
    return this.renderRoot.querySelector<HTMLElement>(".panel")!;
  }

  get #items(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll("button")];
  }

  #pick(detail: string): void {
    this.#panel.hidePopover();
    this.dispatchEvent(new CustomEvent("query-pick", { detail }));
  }

  #onKey(event: KeyboardEvent): void {
    const { key } = event;
    const active = this.shadowRoot?.activeElement;
    if (key === "Escape") {
      this.#panel.hidePopover();
      this.dispatchEvent(new CustomEvent("menu-close"));
    } else if (!moveFocus(key, this.#items, active)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
customElements.define("query-menu", QueryMenu);
