/** What can be done with a value, beside adding it to the filter. */
import { html, LitElement } from "lit";
import { moveFocus } from "../menu_keys.ts";
import type { Pick } from "../model/filter_edit.ts";
import { toVisibleText } from "../model/visible_text.ts";
import { copyText } from "./clipboard.ts";
import { type MenuRequest, pickValue } from "./value_button.ts";
import { valueMenuStyles } from "./value_menu_styles.ts";

/** Characters of the value that the menu repeats. */
const MAX_SHOWN = 60;

/** Fires `filter-add`. */
export class ValueMenu extends LitElement {
  static override styles = valueMenuStyles;
  static override properties = { request: { state: true } };

  declare private request: MenuRequest | undefined;
  #before: HTMLElement | undefined;

  /** Shows it at the value; what had the focus gets it back. */
  async open(request: MenuRequest, from: HTMLElement): Promise<void> {
    this.request = request;
    this.#before = from;
    await this.updateComplete;
    const panel = this.#panel;
    panel.showPopover();
    const { width, height } = panel.getBoundingClientRect();
    panel.style.left = `${
      Math.max(4, Math.min(request.x, innerWidth - width - 8))
    }px`;
    panel.style.top = `${
      Math.max(4, Math.min(request.y, innerHeight - height - 8))
    }px`;
    this.#items[0]?.focus();
  }

  protected override render(): unknown {
    const { path = "", value = null } = this.request ?? {};
    const shown = toVisibleText(String(value).slice(0, MAX_SHOWN));
    return html`
      <div
        class="panel"
        popover
        role="menu"
        aria-label="What to do with ${path}"
        @keydown="${this.#onKey}"
      >
        <p class="subject" role="presentation">
          <code>${path}</code> <code class="of">${shown}</code>
        </p>
        ${this.#item("Filter for this", "click", { exclude: false })}
        ${this.#item("Filter out", "Alt click", { exclude: true })}
        ${this.#item("Or this", "", { join: "or" })}
        ${this.#item("Only this", "", { join: "only" })}
        <hr role="presentation">
        ${this.#copyItem("Copy value", String(value))}
        ${this.#copyItem("Copy path", path)}
      </div>
    `;
  }

  #item(text: string, key: string, how: Partial<Pick>): unknown {
    const pick = () => {
      const { path, value } = this.request!;
      this.#close();
      pickValue(this, { path, value, ...how });
    };
    return html`
      <button type="button" role="menuitem" tabindex="-1" @click="${pick}">
        ${text}<span class="key">${key}</span>
      </button>
    `;
  }

  #copyItem(text: string, copied: string): unknown {
    const copy = () => {
      this.#close();
      void copyText(copied);
    };
    return html`
      <button type="button" role="menuitem" tabindex="-1" @click="${copy}">
        ${text}
      </button>
    `;
  }

  get #panel(): HTMLElement {
    return this.renderRoot.querySelector<HTMLElement>(".panel")!;
  }

  get #items(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll("button")];
  }

  #close(): void {
    this.#panel.hidePopover();
    this.#before?.focus();
  }

  #onKey(event: KeyboardEvent): void {
    const { key } = event;
    const active = this.shadowRoot?.activeElement;
    if (key === "Escape" || key === "Tab") this.#close();
    else if (!moveFocus(key, this.#items, active)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}
customElements.define("value-menu", ValueMenu);
