/**
 * Rows of one height, of which only those in view are in the page: bodies have
 * up to a million.
 */
import { html, LitElement } from "lit";
import { inlineStyle } from "../inline_style.ts";

/** Height of a row, CSS px. */
export const ROW_HEIGHT = 18;

/** Rows above and below those in view. */
const SPARE = 12;

/** An element that scrolls over its rows. */
export abstract class VirtualRows extends LitElement {
  #first = 0;
  #visible = 40;
  #observer: ResizeObserver | undefined;

  /** How many rows there are. */
  protected abstract get rowCount(): number;

  /** One row. */
  protected abstract renderRow(at: number): unknown;

  /** Told when the element got another size, CSS px. */
  protected onResize(_width: number): void {}

  override connectedCallback(): void {
    super.connectedCallback();
    this.#observer = new ResizeObserver(() => this.#measure());
    this.#observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer?.disconnect();
  }

  /** Scrolls so that a row can be seen. */
  protected scrollToRow(at: number): void {
    const scroller = this.scroller;
    if (!scroller) return;
    const top = at * ROW_HEIGHT;
    const bottom = top + ROW_HEIGHT;
    const { scrollTop, clientHeight } = scroller;
    if (top < scrollTop) scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) {
      scroller.scrollTop = bottom - clientHeight;
    }
  }

  protected get scroller(): HTMLElement | null {
    return this.renderRoot.querySelector(".scroller");
  }

  /** The rows in view, in a space as high as all of them. */
  protected renderRows(): unknown {
    const count = this.rowCount;
    const first = Math.max(0, Math.min(this.#first, count) - SPARE);
    const last = Math.min(count, first + this.#visible + 2 * SPARE);
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.renderRow(at));
    return html`
      <div
        class="space"
        role="presentation"
        ${inlineStyle({ height: `${count * ROW_HEIGHT}px` })}
      >
        <div
          class="rows"
          role="presentation"
          ${inlineStyle({ transform: `translateY(${first * ROW_HEIGHT}px)` })}
        >${rows}</div>
      </div>
    `;
  }

  /** To be called when the scroller moved. */
  protected readonly onScroll = (): void => {
    const scroller = this.scroller;
    if (!scroller) return;
    const first = Math.floor(scroller.scrollTop / ROW_HEIGHT);
    if (first === this.#first) return;
    this.#first = first;
    this.requestUpdate();
  };

  #measure(): void {
    const scroller = this.scroller;
    if (!scroller) return;
    this.#visible = Math.ceil(scroller.clientHeight / ROW_HEIGHT) + 1;
    this.onResize(scroller.clientWidth);
    this.requestUpdate();
  }
}
