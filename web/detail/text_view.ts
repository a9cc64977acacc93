/** A text of any length, in lines that fit the pane. */
import { html, type PropertyValues } from "lit";
import { TextLines } from "../model/text_lines.ts";
import { valueViewStyles } from "./value_view_styles.ts";
import { VirtualRows } from "./virtual_rows.ts";
import { wireText } from "./wire_text.ts";

/** Width of a character of the font for data at its size, CSS px. */
const CHARACTER = 7.25;

/** Width of what stands beside the text, CSS px. */
const MARGIN = 72;

/** Columns in the narrowest pane, and in the widest. */
const [FEWEST, MOST] = [40, 400];

export class TextView extends VirtualRows {
  static override styles = valueViewStyles;
  static override properties = {
    text: { attribute: false },
    label: {},
    columns: { state: true },
  };

  declare text: string;
  declare label: string;
  declare private columns: number;
  #lines: TextLines | undefined;

  constructor() {
    super();
    this.text = "";
    this.label = "Text";
    this.columns = 100;
  }

  protected override get rowCount(): number {
    return this.#lines?.count ?? 0;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const isNew = changed.has("text") || this.#lines === undefined;
    if (isNew || (changed as Map<string, unknown>).has("columns")) {
      this.#lines = new TextLines(this.text, this.columns);
    }
  }

  protected override onResize(width: number): void {
    const columns = Math.floor((width - MARGIN) / CHARACTER);
    // In steps, for each makes all lines anew.
    const step = Math.round(columns / 10) * 10;
    this.columns = Math.max(FEWEST, Math.min(MOST, step));
  }

  protected override render(): unknown {
    return html`
      <div
        class="scroller"
        role="region"
        tabindex="0"
        aria-label="${this.label}"
        @scroll="${this.onScroll}"
      >${this.renderRows()}</div>
    `;
  }

  protected override renderRow(at: number): unknown {
    const { text, goesOn } = this.#lines!.line(at);
    return html`<div class="row text">${wireText(text, "\t")}${
      goesOn ? html`<span class="wrap" aria-hidden="true">↩</span>` : ""
    }</div>`;
  }
}
customElements.define("text-view", TextView);
