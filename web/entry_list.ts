/**
 * The feed: a window on the rows of a store.
 *
 * As many row elements as fit are made once. A row of the store is shown by the
 * element whose place is its number modulo their count, so scrolling by two
 * rows rewrites two of them. The window sticks to the top of what scrolls and
 * is drawn within the scroll event: however fast somebody scrolls, there is
 * never a part without rows. What comes by itself is drawn ten times a second.
 *
 * Half a million rows of 24 px are 12 million px, which browsers still can do.
 *
 * Fires `feed-pause` and `feed-follow`, `feed-older` when what is older is
 * wanted, `feed-seen` with the time of the last row in view while it stands
 * still, `feed-before` with a time, and `entry-open` with an id.
 */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { COLUMNS, FeedRow, type RowStyle } from "./feed_row.ts";
import { toEnd } from "./icons.ts";
import type { Older } from "./live_query.ts";
import type { FeedStore } from "./model/feed_store.ts";
import { counted, formatCount, formatDay, zoneOffset } from "./model/format.ts";
import { describeEnd } from "./model/end_text.ts";
import { base, buttons, chips } from "./styles.ts";

/** Height of a row, px; also in `theme.css`. */
const ROW = 24;

/** Between two drawings of what comes by itself, ms. */
const DRAW_INTERVAL = 100;

/** Between two times that screen readers are told how many rows there are, ms. */
const TELL_INTERVAL = 5000;

/** After scrolling, until what is seen is told, ms. */
const SEEN_DELAY = 300;

/** Rows above the first one in view at which older ones are asked for. */
const OLDER_MARGIN = 100;

/** Rows by which the keyboard moves. */
export type Move =
  | "up"
  | "down"
  | "page-up"
  | "page-down"
  | "first"
  | "last";

/** The feed of one answer. */
export class EntryList extends LitElement {
  static override properties = {
    store: { attribute: false },
    older: { attribute: false },
    following: { type: Boolean },
    canFollow: { attribute: false },
    utc: { type: Boolean },
    open: { attribute: false },
  };

  declare store: FeedStore;
  declare older: Older;
  /** Whether the newest row is kept in view. */
  declare following: boolean;
  /** Whether following it is possible. */
  declare canFollow: boolean;
  declare utc: boolean;
  /** Id of the entry whose details are shown. */
  declare open: string | undefined;

  readonly #rows: FeedRow[] = [];
  #style: RowStyle = { utc: false, today: "" };
  #scroller!: HTMLElement;
  #body!: HTMLElement;
  #window!: HTMLElement;
  #unsubscribe: (() => void) | undefined;
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #telling: ReturnType<typeof setInterval> | undefined;
  #seeing: ReturnType<typeof setTimeout> | undefined;
  /** Height of the window, px. */
  #height = 0;
  /** Number of the oldest row when it was drawn last. */
  #first = 0;
  #count = 0;
  /** Where it was scrolled to last. */
  #top = 0;
  /** Whether somebody has chosen what is in view; the newest row is if not. */
  #isChosen = false;
  /** Number of the row the keyboard is on. */
  #current: number | undefined;
  /** Number of the row of `open`, once it was found. */
  #openNumber: number | undefined;
  /** Number after the newest row when it began to stand still. */
  #pausedAt = 0;
  readonly #resizing = new ResizeObserver(() => this.#resize());

  override connectedCallback(): void {
    super.connectedCallback();
    this.#telling = setInterval(() => this.#tell(), TELL_INTERVAL);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#resizing.disconnect();
    clearTimeout(this.#drawing);
    clearTimeout(this.#seeing);
    clearInterval(this.#telling);
  }

  /** Moves the keyboard's row; the first time to the newest in view. */
  move(by: Move): void {
    const { first, end } = this.store;
    if (first === end) return;
    const page = Math.max(1, Math.floor(this.#height / ROW) - 1);
    const now = this.#current;
    const from = now ?? this.#lastInView() + (by === "down" ? 0 : 1);
    const target = {
      up: from - 1,
      down: now === undefined ? from : from + 1,
      "page-up": from - page,
      "page-down": from + page,
      first,
      last: end - 1,
    }[by];
    this.#pause();
    this.#goTo(Math.min(end - 1, Math.max(first, target)));
    if (this.open !== undefined) this.openCurrent();
  }

  /** Opens the row the keyboard is on. */
  openCurrent(): void {
    const id = this.currentId;
    if (id !== undefined) this.#fire("entry-open", id);
  }

  /** Id of the row the keyboard is on, else of the one that is open. */
  get currentId(): string | undefined {
    const place = this.#current === undefined
      ? undefined
      : this.store.locate(this.#current);
    return place ? place.batch.id(place.row) : this.open;
  }

  protected override firstUpdated(): void {
    const root = this.renderRoot;
    this.#scroller = root.querySelector<HTMLElement>("#scroller")!;
    this.#body = root.querySelector<HTMLElement>("#body")!;
    this.#window = root.querySelector<HTMLElement>("#window")!;
    this.#resizing.observe(this.#scroller);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("store")) this.#reset();
    if (changed.has("utc") || changed.has("store")) this.#restyle();
    if (changed.has("open")) this.#openNumber = undefined;
    if (changed.has("following")) {
      this.#pausedAt = this.store.end;
      if (this.following) this.#current = undefined;
      else this.#isChosen ||= changed.get("following") === true;
    }
    this.#draw();
  }

  override render(): unknown {
    return html`
      <div
        id="scroller"
        role="grid"
        tabindex="0"
        aria-label="Entries"
        aria-colcount=${COLUMNS.length}
        aria-readonly="true"
        @scroll=${this.#onScroll}
        @wheel=${{ handleEvent: this.#onWheel, passive: true }}
        @click=${this.#onClick}
        @mouseover=${this.#onOver}
      >
        <div class="head row" role="row" aria-rowindex="1">
          ${COLUMNS.map(([name, text], i) =>
            html`
              <div class="cell ${name}" role="columnheader"
                aria-colindex=${i + 1}>${text}</div>
            `
          )}
        </div>
        <div id="body" role="rowgroup">
          <div id="window" role="none"></div>
        </div>
      </div>
      ${this.#marker()}
      ${this.following || !this.canFollow ? nothing : html`
        <div class="follow">
          <button class="primary" @click=${() => this.#fire("feed-follow")}>
            ${toEnd}<span id="behind"></span><kbd>End</kbd>
          </button>
        </div>
      `}
      <div id="told" class="unseen" role="status"></div>
    `;
  }

  /** What stands above the oldest row. */
  #marker(): unknown {
    switch (this.older) {
      case "loading":
        return html`<div class="marker"><span>Looking for older entries…</span>
          </div>`;
      case "failed":
        return html`<div class="marker"><span>
          Older entries could not be loaded
          <button @click=${() => this.#fire("feed-older")}>Try again</button>
        </span></div>`;
      case "full":
        return html`<div class="marker"><span>
          Older entries are not kept in this view
          <button @click=${this.#onBefore}>Show what came before</button>
        </span></div>`;
      default:
        return nothing;
    }
  }

  /** Another store: nothing of the old one holds. */
  #reset(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = this.store.subscribe(() => this.#schedule());
    this.#first = this.store.first;
    this.#current = this.#openNumber = undefined;
    this.#pausedAt = this.store.end;
    this.#isChosen = false;
    clearTimeout(this.#seeing);
    for (const row of this.#rows) row.clear();
    this.#count = -1;
  }

  #restyle(): void {
    // The page has a clock; that of the rows is what they bring.
    const now = Date.now() * 1000;
    this.#style = { utc: this.utc, today: this.#dayOf(now) };
    for (const row of this.#rows) row.clear();
  }

  #resize(): void {
    const head = ROW + 4;
    this.#height = Math.max(0, this.#scroller.clientHeight - head);
    const fitting = Math.ceil(this.#height / ROW) + 1;
    if (this.#rows.length < fitting) {
      for (const row of this.#rows) row.clear();
      while (this.#rows.length < fitting) {
        const row = new FeedRow(this.#rows.length);
        this.#rows.push(row);
        this.#window.append(row.element);
      }
    }
    this.#count = -1;
    this.#draw();
  }

  #schedule(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#draw();
    }, DRAW_INTERVAL);
  }

  /** Shows what is to be seen now. */
  #draw(): void {
    if (this.#rows.length === 0) return;
    this.#measure();
    const { store } = this;
    if (this.open !== undefined) this.#openNumber ??= store.find(this.open);
    const top = Math.floor(this.#top / ROW);
    for (let i = 0; i < this.#rows.length; i++) {
      const index = top + i;
      const number = store.first + index;
      const row = this.#rows[modulo(number, this.#rows.length)]!;
      const place = store.locate(number);
      if (!place) {
        row.clear();
        continue;
      }
      if (row.number !== number) row.show(number, place, this.#style);
      row.mark(number === this.#current, number === this.#openNumber);
      row.place(index, index * ROW - this.#top);
    }
    this.#nameCurrent();
    this.#showBehind();
    const isNearTop = top < OLDER_MARGIN;
    this.toggleAttribute("near-top", isNearTop);
    const mayBeOlder = this.older === "more" ||
      this.older === "none" && this.store.evicted > 0;
    const wantsOlder = isNearTop && !this.following && mayBeOlder;
    if (wantsOlder) this.#fire("feed-older");
  }

  /**
   * Makes the height what the rows need. What is in view stays where it is,
   * also if rows came before it or left.
   */
  #measure(): void {
    const { first, count } = this.store;
    if (count !== this.#count) {
      this.#count = count;
      this.#body.style.height = `${count * ROW}px`;
      this.#window.style.height = `${Math.min(this.#height, count * ROW)}px`;
      this.#scroller.setAttribute("aria-rowcount", String(count + 1));
      const oldest = this.store.oldestTime;
      const isOtherDay = oldest !== undefined &&
        this.#dayOf(oldest) !== this.#style.today;
      this.toggleAttribute("with-days", isOtherDay);
      this.toggleAttribute("with-nodes", this.store.nodes.size > 1);
    }
    const moved = this.#first - first;
    this.#first = first;
    if (this.following || !this.#isChosen) {
      this.#scrollTo(count * ROW - this.#height);
    } else if (moved !== 0) this.#scrollTo(this.#top + moved * ROW);
  }

  #scrollTo(top: number): void {
    const wanted = Math.max(0, Math.round(top));
    if (wanted === this.#top) return;
    this.#scroller.scrollTop = wanted;
    this.#top = this.#scroller.scrollTop;
  }

  /** Puts the keyboard on a row, and the row into view. */
  #goTo(number: number): void {
    this.#current = number;
    const y = (number - this.store.first) * ROW;
    if (y < this.#top) this.#scrollTo(y);
    else if (y + ROW > this.#top + this.#height) {
      this.#scrollTo(y + ROW - this.#height);
    }
    this.#draw();
    this.#saySeen();
  }

  #lastInView(): number {
    const index = Math.ceil((this.#top + this.#height) / ROW) - 1;
    return this.store.first + Math.min(index, this.store.count - 1);
  }

  /** Tells assistive technology which row the keyboard is on. */
  #nameCurrent(): void {
    const row = this.#rows.find(({ number }) =>
      number !== undefined && number === this.#current
    );
    const name = row?.element.id ?? "";
    if (this.#scroller.getAttribute("aria-activedescendant") === name) return;
    if (row) this.#scroller.setAttribute("aria-activedescendant", name);
    else this.#scroller.removeAttribute("aria-activedescendant");
  }

  #showBehind(): void {
    const behind = this.renderRoot.querySelector("#behind");
    if (!behind) return;
    const count = this.store.end - this.#pausedAt;
    const text = count > 0 ? `${formatCount(count)} new` : "Follow";
    if (behind.textContent !== text) behind.textContent = text;
  }

  #tell(): void {
    const told = this.renderRoot.querySelector("#told");
    const text = counted(this.store.count, "entry").replace(/ys$/, "ies");
    if (told && told.textContent !== text) told.textContent = text;
  }

  #dayOf(time: number): string {
    return formatDay(time, this.utc ? 0 : zoneOffset(time));
  }

  readonly #onScroll = (): void => {
    const top = this.#scroller.scrollTop;
    if (top === this.#top) return; // scrolled by #scrollTo
    if (top < this.#top) this.#pause();
    this.#top = top;
    this.#isChosen = true;
    this.#draw();
    this.#saySeen();
  };

  readonly #onWheel = ({ deltaY }: WheelEvent): void => {
    if (deltaY < 0) this.#pause();
  };

  readonly #onClick = ({ target }: Event): void => {
    if (getSelection()?.type === "Range") return; // a text was picked
    const element = (target as Element).closest(".row");
    const row = this.#rows.find((each) => each.element === element);
    if (row?.number === undefined) return;
    this.#pause();
    this.#goTo(row.number);
    this.openCurrent();
  };

  /** What does not fit is told by a tooltip, and who an end with a name is. */
  readonly #onOver = ({ target }: Event): void => {
    const cell = (target as Element).closest<HTMLElement>(".cell");
    if (!cell) return;
    const isCut = cell.scrollWidth > cell.clientWidth;
    cell.title = this.#aboutEnd(cell) ?? (isCut ? cell.textContent! : "");
  };

  /** What is known of the end that a cell names; `undefined` of other cells. */
  #aboutEnd({ classList, parentElement }: Element): string | undefined {
    const end = (["src", "dst"] as const).find((each) =>
      classList.contains(each)
    );
    const row = this.#rows.find(({ element }) => element === parentElement);
    if (!end || row?.number === undefined) return undefined;
    const place = this.store.locate(row.number);
    return place && describeEnd(place.batch.endOf(place.row, end));
  }

  readonly #onBefore = (): void =>
    this.#fire("feed-before", this.store.oldestTime);

  #pause(): void {
    this.#isChosen = true;
    if (!this.following) return;
    // At once: nothing may move under the hand of who reads.
    this.following = false;
    this.#fire("feed-pause");
  }

  /** Says what was scrolled to, when scrolling has ended. */
  #saySeen(): void {
    clearTimeout(this.#seeing);
    this.#seeing = setTimeout(() => {
      if (this.following || this.store.count === 0) return;
      this.#fire("feed-seen", this.store.timeOf(this.#lastInView()));
    }, SEEN_DELAY);
  }

  #fire(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  static override styles = [
    base,
    buttons,
    chips,
    css`
      :host {
        --time: 104px;
        background: var(--surface);
        container-type: inline-size;
        display: block;
        min-height: 0;
        position: relative;
      }

      :host([with-days]) {
        --time: 178px;
      }

      #scroller {
        contain: strict;
        height: 100%;
        overflow: auto;
        overflow-anchor: none;
        overscroll-behavior: contain;
        scrollbar-color: var(--line-strong) transparent;
      }

      #body {
        min-width: 100%;
        position: relative;
      }

      #window {
        contain: strict;
        overflow: hidden;
        position: sticky;
        top: 28px;
      }

      .row {
        --columns: var(--time) 92px 96px minmax(110px, 1.2fr)
          minmax(110px, 1.2fr) minmax(160px, 3fr) 108px 76px;
        align-items: center;
        display: grid;
        grid-template-columns: var(--columns);
        height: var(--row);
        padding: 0 12px;
      }

      :host([with-nodes]) .row {
        grid-template-columns: var(--columns) minmax(80px, 0.8fr);
      }

      :host(:not([with-nodes])) .node {
        display: none;
      }

      .row:not(.head) {
        border-bottom: 1px solid
          color-mix(in srgb, var(--line) 55%, transparent);
        contain: strict;
        cursor: default;
        font: var(--size-data) / calc(var(--row) - 1px) var(--font-data);
        font-variant-numeric: tabular-nums;
        left: 0;
        position: absolute;
        top: 0;
        width: 100%;
        will-change: transform;
      }

      .row[hidden] {
        display: none;
      }

      .head {
        background: var(--surface-raised);
        border-bottom: 1px solid var(--line);
        color: var(--text-muted);
        font: 600 var(--size-small) / 27px var(--font);
        height: 28px;
        letter-spacing: 0.02em;
        position: sticky;
        top: 0;
        z-index: 1;
      }

      .cell {
        overflow: hidden;
        padding-right: 12px;
        text-overflow: ellipsis;
        white-space: pre;
      }

      .row:not(.head):hover {
        background: var(--surface-hover);
      }

      .row[data-outcome="failed"] {
        background: var(--failed-soft);
      }

      .row:is(.open, .current):not(.head) {
        background: var(--surface-selected);
      }

      .row.current {
        box-shadow: inset 2px 0 var(--accent);
      }

      /* The current row shows where the keyboard is; without one the header. */
      #scroller:focus-visible {
        outline: none;
      }

      #scroller:focus-visible:not([aria-activedescendant]) .head {
        box-shadow: inset 0 -2px var(--focus);
      }

      .row:not(.head) :is(.time, .size, .node) {
        color: var(--text-muted);
      }

      .day,
      .port {
        color: var(--text-faint);
      }

      .row:is(.open, .current) :is(.port, .day) {
        color: var(--text-muted);
      }

      /* Colour and shape: a disc, a triangle, a square, a ring. */
      .status i {
        background: currentColor;
        display: inline-block;
        height: 8px;
        margin-right: 7px;
        width: 8px;
      }

      .status i,
      .bar {
        forced-color-adjust: none;
      }

      .status[data-outcome="ok"] i {
        background: var(--ok);
        border-radius: 50%;
      }

      .status[data-outcome="refused"] {
        color: var(--refused);
      }

      .status[data-outcome="refused"] i {
        clip-path: polygon(50% 0, 100% 100%, 0 100%);
      }

      .status[data-outcome="failed"] {
        color: var(--failed);
        font-weight: 600;
      }

      .status[data-outcome="unanswered"] {
        color: var(--unanswered);
      }

      .status[data-outcome="unanswered"] i {
        background: none;
        border: 1.5px solid;
        border-radius: 50%;
      }

      .status[data-outcome="unknown"] i {
        visibility: hidden;
      }

      .latency {
        align-items: center;
        display: grid;
        gap: 8px;
        grid-template-columns: 32px 1fr;
        text-align: right;
      }

      .head .latency {
        grid-template-columns: 1fr;
      }

      .bar {
        background: color-mix(in srgb, var(--accent) 55%, var(--surface));
        border-radius: 2px;
        height: 5px;
        transform-origin: left;
      }

      .size {
        text-align: right;
      }

      .marker,
      .follow {
        display: flex;
        justify-content: center;
        left: 0;
        pointer-events: none;
        position: absolute;
        right: 0;
      }

      .marker {
        display: none;
        top: 38px;
      }

      :host([near-top]) .marker {
        display: flex;
      }

      .marker > span {
        align-items: center;
        background: var(--surface-overlay);
        border: 1px solid var(--line);
        border-radius: 99px;
        box-shadow: var(--shadow-overlay);
        color: var(--text-muted);
        display: flex;
        gap: 10px;
        padding: 3px 14px;
        pointer-events: auto;
      }

      .follow {
        bottom: 18px;
      }

      .follow button {
        border-radius: 99px;
        box-shadow: var(--shadow-overlay);
        font-variant-numeric: tabular-nums;
        height: 34px;
        padding: 0 14px;
        pointer-events: auto;
      }

      .follow kbd {
        background: transparent;
        border-color: currentColor;
        color: inherit;
        margin-left: 2px;
      }

      /* What a narrow feed leaves out, the details have. */
      @container (max-width: 960px) {
        .row,
        :host([with-nodes]) .row {
          grid-template-columns: var(--time) 84px 92px minmax(90px, 1fr)
            minmax(110px, 1.5fr) minmax(130px, 2fr) 72px;
        }

        .node,
        :host([with-nodes]) .node,
        .size,
        .bar,
        .src .port {
          display: none;
        }

        .latency {
          grid-template-columns: 1fr;
        }
      }

      @container (max-width: 740px) {
        .row,
        :host([with-nodes]) .row {
          grid-template-columns: var(--time) 84px 84px minmax(90px, 1fr)
            minmax(130px, 2fr) 72px;
        }

        .src {
          display: none;
        }
      }

      @container (max-width: 560px) {
        .row,
        :host([with-nodes]) .row {
          grid-template-columns: 104px 72px 70px minmax(100px, 1fr);
        }

        .day,
        .dst,
        .latency {
          display: none;
        }
      }
    `,
  ];
}
customElements.define("entry-list", EntryList);

/** The remainder that is never negative. */
const modulo = (number: number, by: number): number =>
  ((number % by) + by) % by;
