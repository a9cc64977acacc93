/** A long text in a cell: its beginning, and all of it on demand. */
import { html, LitElement, type PropertyValues } from "lit";
import { formatCount } from "../model/format.ts";
import { sectionStyles } from "./section_styles.ts";
import "./text_view.ts";
import { listenToValues, valueButton } from "./value_button.ts";
import { valueStyles } from "./value_view_styles.ts";
import { wireText } from "./wire_text.ts";

/** Characters of its beginning. */
const START = 300;

export class LongText extends LitElement {
  static override styles = [valueStyles, sectionStyles];
  static override properties = {
    text: { attribute: false },
    path: {},
    isOpen: { state: true },
  };

  declare text: string;
  declare path: string;
  declare private isOpen: boolean;

  constructor() {
    super();
    this.text = "";
    this.path = "";
    this.isOpen = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("text")) this.isOpen = false;
  }

  protected override firstUpdated(): void {
    listenToValues(this.renderRoot);
  }

  protected override render(): unknown {
    const { text, path, isOpen } = this;
    const start = html`${wireText(text.slice(0, START))}…`;
    return html`
      ${isOpen
        ? html`<text-view label="${path}" .text="${text}"></text-view>`
        : valueButton({ path, value: text }, start)}
      <button
        type="button"
        class="link"
        aria-expanded="${isOpen}"
        @click="${() => this.isOpen = !isOpen}"
      >${isOpen
        ? "Less"
        : `All ${formatCount(text.length)} characters`}</button>
    `;
  }
}
customElements.define("long-text", LongText);
