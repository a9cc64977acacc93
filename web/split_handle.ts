/** The line between feed and details, to be moved by mouse or arrow keys. */
import { css, html, LitElement } from "lit";
import { base } from "./styles.ts";

/** Share of the width that the right side may take. */
export const SHARE = { least: 0.25, most: 0.75, usual: 0.44 } as const;

const STEP = 0.02;

/** Fires `share-change` with the share of the width right of it. */
export class SplitHandle extends LitElement {
  static override properties = { share: { attribute: false } };

  declare share: number;

  override connectedCallback(): void {
    super.connectedCallback();
    this.tabIndex = 0;
    this.role = "separator";
    this.ariaLabel = "Width of the details";
    this.ariaOrientation = "vertical";
    this.addEventListener("pointerdown", this.#onDown);
    this.addEventListener("pointermove", this.#onMove);
    this.addEventListener("keydown", this.#onKey);
    this.addEventListener("dblclick", this.#onReset);
  }

  protected override updated(): void {
    this.ariaValueNow = String(Math.round(this.share * 100));
    this.ariaValueMin = String(SHARE.least * 100);
    this.ariaValueMax = String(SHARE.most * 100);
  }

  protected override render(): unknown {
    return html``;
  }

  readonly #onDown = (event: PointerEvent): void => {
    this.setPointerCapture(event.pointerId);
    event.preventDefault();
  };

  readonly #onMove = (event: PointerEvent): void => {
    if (!this.hasPointerCapture(event.pointerId)) return;
    const { left, width } = this.parentElement!.getBoundingClientRect();
    this.#change(1 - (event.clientX - left) / width);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#change(this.share + step);
  };

  readonly #onReset = (): void => this.#change(SHARE.usual);

  #change(share: number): void {
    const detail = Math.min(SHARE.most, Math.max(SHARE.least, share));
    this.dispatchEvent(new CustomEvent("share-change", { detail }));
  }

  static override styles = [
    base,
    css`
      :host {
        background: var(--line);
        cursor: col-resize;
        flex: none;
        position: relative;
        touch-action: none;
        width: 1px;
        z-index: 2;
      }

      :host::before {
        content: "";
        inset: 0 -4px;
        position: absolute;
      }

      :host(:is(:hover, :focus-visible)) {
        background: var(--accent);
        box-shadow: 0 0 0 1px var(--accent);
        outline: none;
      }
    `,
  ];
}
customElements.define("split-handle", SplitHandle);
