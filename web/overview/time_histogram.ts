/**
 * Entries over time: a bar for each step, what failed in it below.
 *
 * A stretch is picked by dragging, or a bar by a click; it fires `range-pick`
 * with a `TimeRange`. Whoever uses the keyboard has the dialog of times.
 */
import { css, html, LitElement, nothing, svg } from "lit";
import type { TimeSteps } from "../../api/hub.ts";
import { inlineStyle } from "../inline_style.ts";
import {
  counted,
  formatClock,
  formatCount,
  formatDay,
  zoneOffset,
} from "../model/format.ts";
import {
  type Bar,
  type Histogram,
  marksOf,
  shareOf,
  timeAt,
  toHistogram,
} from "../model/histogram.ts";
import { base } from "../styles.ts";

/** Height of the bars, px; also in the styles. */
const HEIGHT = 56;

/** Least width of a bar, px, and of a mark with its text. */
const BAR = 5;
const MARK = 96;

/** Room that the text of the last mark needs, px. */
const TEXT = 84;

/** Moving by less is a click, px. */
const CLICK = 4;

export class TimeHistogram extends LitElement {
  static override properties = {
    series: { attribute: false },
    utc: { type: Boolean },
    width: { state: true },
    drag: { state: true },
    over: { state: true },
  };

  declare series: TimeSteps;
  declare utc: boolean;
  /** px. */
  declare private width: number;
  /** Where dragging began and where it is, px from the left. */
  declare private drag: readonly [number, number] | undefined;
  /** Where the pointer is. */
  declare private over: number | undefined;
  readonly #resizing = new ResizeObserver(([entry]) => {
    this.width = Math.round(entry!.contentRect.width);
  });

  constructor() {
    super();
    this.series = { step: 1, steps: [] };
    this.width = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resizing.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resizing.disconnect();
  }

  protected override render(): unknown {
    const { width } = this;
    if (width === 0) return nothing;
    const histogram = toHistogram(this.series, Math.floor(width / BAR));
    const pixel = width / Math.max(1, histogram.bars.length);
    return html`
      <svg width=${width} height=${HEIGHT} role="img"
        aria-label="Entries over time; choose a time with the key t"
        @pointerdown=${this.#onDown} @pointermove=${this.#onMove}
        @pointerup=${this.#onUp} @pointercancel=${this.#onLeave}
        @pointerleave=${this.#onLeave}>
        ${histogram.bars.map((bar, i) => drawn(bar, i, pixel, histogram.most))}
        ${this.#selection()}
      </svg>
      <div class="axis" aria-hidden="true">${this.#marks(histogram)}</div>
      ${this.#tip(histogram)}
    `;
  }

  #selection(): unknown {
    if (!this.drag) return nothing;
    const [a, b] = this.drag;
    return svg`
      <rect class="picked" x=${Math.min(a, b)} y="0"
        width=${Math.abs(a - b)} height=${HEIGHT}></rect>
    `;
  }

  #marks(histogram: Histogram): unknown {
    const offset = this.#offset(histogram.bars[0]?.from ?? 0);
    const limit = Math.max(1, Math.floor(this.width / MARK));
    const marks = marksOf(histogram, offset, limit);
    const isShort = marks.every((mark) => mark % 1e6 === 0);
    return marks.map((mark) => {
      const at = shareOf(histogram, mark) * this.width;
      if (at > this.width - TEXT) return nothing;
      const clock = formatClock(mark, offset);
      const text = isShort ? clock.slice(0, 8) : clock;
      return html`<span ${inlineStyle({ left: `${at}px` })}>${
        clock.startsWith("00:00:00.000") ? formatDay(mark, offset) : text
      }</span>`;
    });
  }

  /** What the pointer is over, or what is picked. */
  #tip(histogram: Histogram): unknown {
    const { over, drag, width } = this;
    if (over === undefined || histogram.bars.length === 0) return nothing;
    const { from, to } = this.#rangeOf(histogram, drag ?? [over, over]);
    const inside = histogram.bars.filter((bar) =>
      bar.from < to && bar.to > from
    );
    const count = inside.reduce((sum, bar) => sum + bar.count, 0);
    const failed = inside.reduce((sum, bar) => sum + bar.failed, 0);
    const offset = this.#offset(from);
    const place = Math.min(Math.max(over, 120), width - 120);
    return html`
      <div class="tip" ${inlineStyle({ left: `${place}px` })}>
        ${formatClock(from, offset)} – ${formatClock(to, offset)}
        <b>${counted(count, "entry").replace(/ys$/, "ies")}</b>${failed > 0
          ? html`, <b class="failed">${formatCount(failed)} failed</b>`
          : ""}</div>
    `;
  }

  #offset(time: number): number {
    return this.utc ? 0 : zoneOffset(time);
  }

  /** What lies between two places; around one, the bar that is there. */
  #rangeOf(histogram: Histogram, [a, b]: readonly [number, number]): Range {
    const { width } = this;
    if (Math.abs(a - b) < CLICK) {
      const { bars } = histogram;
      const at = Math.floor(a / width * bars.length);
      const bar = bars[Math.min(bars.length - 1, Math.max(0, at))]!;
      return { from: bar.from, to: bar.to };
    }
    const time = (x: number) => timeAt(histogram, x / width);
    return { from: time(Math.min(a, b)), to: time(Math.max(a, b)) };
  }

  readonly #onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.drag = [event.offsetX, event.offsetX];
  };

  readonly #onMove = ({ offsetX }: PointerEvent): void => {
    this.over = Math.min(this.width, Math.max(0, offsetX));
    if (this.drag) this.drag = [this.drag[0], this.over];
  };

  readonly #onUp = (): void => {
    const { drag } = this;
    this.drag = undefined;
    const histogram = toHistogram(this.series, Math.floor(this.width / BAR));
    if (!drag || histogram.bars.length === 0) return;
    const { from, to } = this.#rangeOf(histogram, drag);
    // Both ends of a range are in it.
    const detail = { from, to: to - 1 };
    this.dispatchEvent(new CustomEvent("range-pick", { detail }));
  };

  readonly #onLeave = (): void => {
    this.over = this.drag = undefined;
  };

  static override styles = [
    base,
    css`
      /* What is in it may not keep it from becoming narrower. */
      :host {
        contain: inline-size;
        display: block;
        position: relative;
      }

      svg {
        cursor: crosshair;
        display: block;
        touch-action: none;
      }

      .bar {
        fill: color-mix(in srgb, var(--accent) 55%, var(--surface));
      }

      .bar.failed {
        fill: var(--failed);
      }

      .picked {
        fill: color-mix(in srgb, var(--accent) 22%, transparent);
        pointer-events: none;
        stroke: var(--accent);
      }

      .axis {
        border-top: 1px solid var(--line-strong);
        color: var(--text-faint);
        font: var(--size-small) / 18px var(--font-data);
        height: 18px;
        overflow: hidden;
        position: relative;
      }

      .axis span {
        border-left: 1px solid var(--line-strong);
        padding-left: 4px;
        position: absolute;
        white-space: nowrap;
      }

      .tip {
        background: var(--surface-overlay);
        border: 1px solid var(--line-strong);
        border-radius: var(--radius);
        box-shadow: var(--shadow-overlay);
        color: var(--text-muted);
        font: var(--size-small) / 1 var(--font-data);
        padding: 5px 8px;
        pointer-events: none;
        position: absolute;
        top: -14px;
        transform: translateX(-50%);
        white-space: nowrap;
        z-index: 2;
      }

      b {
        color: var(--text);
        font-weight: 600;
      }

      b.failed {
        color: var(--failed);
      }
    `,
  ];
}
customElements.define("time-histogram", TimeHistogram);

interface Range {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** A bar: what failed at its foot. What there is at all is to be seen. */
function drawn(bar: Bar, i: number, pixel: number, most: number): unknown {
  if (bar.count === 0) return nothing;
  const height = (count: number) =>
    count === 0 ? 0 : Math.max(2, Math.round(count / most * HEIGHT));
  const [all, failed] = [height(bar.count), height(bar.failed)];
  const [x, width] = [i * pixel, Math.max(1, pixel - 1)];
  return svg`
    <rect class="bar" x=${x} width=${width} y=${HEIGHT - all}
      height=${all}></rect>
    ${failed === 0 ? nothing : svg`
      <rect class="bar failed" x=${x} width=${width}
        y=${HEIGHT - failed} height=${failed}></rect>
    `}
  `;
}
