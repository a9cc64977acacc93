/** Bytes, in hexadecimal and as letters. */
import { html } from "lit";
import { hexLine, hexLineCount } from "../model/hex_lines.ts";
import { valueViewStyles } from "./value_view_styles.ts";
import { VirtualRows } from "./virtual_rows.ts";

export class HexView extends VirtualRows {
  static override styles = valueViewStyles;
  static override properties = { bytes: { attribute: false }, label: {} };

  declare bytes: Uint8Array;
  declare label: string;

  constructor() {
    super();
    this.bytes = new Uint8Array();
    this.label = "Bytes";
  }

  protected override get rowCount(): number {
    return hexLineCount(this.bytes);
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
    const { offset, groups: [left, right], letters } = hexLine(this.bytes, at);
    return html`
      <div
        class="row hex"><span class="offset">${offset}</span><span>${left}</span><span>${right}</span><span class="letters">${letters}</span></div>
    `;
  }
}
customElements.define("hex-view", HexView);
