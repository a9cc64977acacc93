/**
 * The service map: who speaks with whom, drawn. Of all that is stored and
 * matches, and brought up to date while entries come; what is drawn then stays
 * where it is.
 *
 * Fires `filter-add` with a list of `Pick`, `level-change` with a `MapLevel`,
 * and `table-wanted`.
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { MAP_LEVELS, type MapAnswer, type MapLevel } from "../../api/hub.ts";
import { type Counted, fetchMap } from "../hub.ts";
import { inlineStyle } from "../inline_style.ts";
import { hasPick, type Pick } from "../model/filter_edit.ts";
import {
  counted,
  formatClock,
  formatCount,
  formatDay,
  toShown,
  zoneOffset,
} from "../model/format.ts";
import { labelOf, nameOf, picksOf } from "../model/map_figures.ts";
import {
  EMPTY_GRAPH,
  type MapGraph,
  type MapLink,
  type MapNode,
  toGraph,
} from "../model/map_graph.ts";
import {
  arranged,
  EMPTY_LAYOUT,
  extended,
  type Layout,
} from "../model/map_layout.ts";
import {
  type Box,
  MARGIN,
  type Measures,
  type Picture,
  pictured,
  readingOrder,
} from "../model/map_picture.ts";
import { STEPS, type Stop, walk } from "../model/map_walk.ts";
import { hueOf } from "../model/protocol_colour.ts";
import { Recounting } from "../overview/recounting.ts";
import {
  drawLabel,
  drawLink,
  type DrawnLink,
  drawNode,
  labelWidth,
} from "./map_drawing.ts";
import { linkTip, nodeTip } from "./map_tip.ts";
import { mapStyles } from "./map_styles.ts";

/** Nodes that are drawn large, with a line of figures in each. */
const ROOMY = 24;

/** Sizes of large and of small nodes, px. */
const ROOMY_MEASURES = { width: 172, height: 46, rowGap: 24 } as const;
const DENSE_MEASURES = { width: 148, height: 26, rowGap: 12 } as const;

/** Least and greatest gap between columns: the page's width is made use of. */
const COLUMN_GAP = { roomy: [132, 240], dense: [88, 200] } as const;

/** Rows of a column that are drawn at least, whatever the height. */
const LEAST_ROWS = 5;

/** What a level is called. */
const LEVEL_TEXTS: Readonly<Record<MapLevel, string>> = {
  name: "Services",
  workload: "Workloads",
  namespace: "Namespaces",
};

type Question = Counted & { readonly by: MapLevel };

export class ServiceMap extends LitElement {
  static override styles = mapStyles;
  static override properties = {
    kfl: { attribute: false },
    from: { attribute: false },
    to: { attribute: false },
    utc: { type: Boolean },
    level: { attribute: false },
    layout: { state: true },
    size: { state: true },
    over: { state: true },
    stop: { state: true },
    isFocused: { state: true },
  };

  declare kfl: string;
  /** Bounds of the time, µs since 1970, both included. */
  declare from: number | undefined;
  declare to: number | undefined;
  declare utc: boolean;
  /** What ends are told apart by. */
  declare level: MapLevel;
  declare private layout: Layout;
  /** Of what can be seen at once, px. */
  declare private size: { readonly width: number; readonly height: number };
  /** What the pointer is over. */
  declare private over: Stop | undefined;
  /** Where the keyboard is, or would begin. */
  declare private stop: Stop | undefined;
  declare private isFocused: boolean;
  readonly #counting = new Recounting<Question, MapAnswer>(this, fetchMap);
  /** The answer that is drawn, and what it answered. */
  #drawn: { answer: MapAnswer; question: Question } | undefined;
  #graph: MapGraph = EMPTY_GRAPH;
  #picture: Picture | undefined;
  #isDense = false;
  #isAsIs = true;
  readonly #resizing = new ResizeObserver(([entry]) => {
    const { width, height } = entry!.contentRect;
    this.size = { width: Math.floor(width), height: Math.floor(height) };
  });

  constructor() {
    super();
    this.level = "name";
    this.layout = EMPTY_LAYOUT;
    this.size = { width: 0, height: 0 };
    this.isFocused = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resizing.disconnect();
  }

  protected override firstUpdated(): void {
    this.#resizing.observe(this.#scroller);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const isOther = ["kfl", "from", "to", "level"].some((name) =>
      changed.has(name as keyof ServiceMap)
    );
    if (isOther) {
      const { kfl, from, to, level } = this;
      void this.#counting.ask({ kfl, from, to, by: level });
    }
    this.#takeAnswer();
    this.#picture = this.#draw();
  }

  protected override updated(): void {
    // A node that was moved within the page has lost the focus.
    if (this.isFocused && !this.shadowRoot!.activeElement) this.#focusStop();
  }

  protected override render(): unknown {
    return html`
      <div class="head">
        <p role="status">${this.#summary()}</p>
        ${this.#levels()}
        ${this.#isAsIs ? nothing : html`
          <button @click=${this.#arrange}
            title="Place all anew, with what came since">Arrange</button>
        `}
        <button @click=${() => this.#fire("table-wanted")}
          title="The same as a table, with the statistics">Table</button>
      </div>
      <div class="scroller" tabindex="-1" @scroll=${this.#onScroll}>
        ${this.#canvas()}</div>
      ${this.#legend()} ${this.#tip()}
    `;
  }

  /** Makes a graph of a new answer, and places for what is new in it. */
  #takeAnswer(): void {
    const { answer, question } = this.#counting;
    if (!answer || !question || this.size.height === 0) return;
    if (this.#drawn?.answer === answer) return;
    const isSame = this.#drawn !== undefined &&
      isSameQuestion(this.#drawn.question, question);
    this.#drawn = { answer, question };
    const shown = isSame ? this.layout.places.keys() : [];
    this.#graph = toGraph(answer, new Set(shown));
    if (isSame && this.layout.places.size > 0) {
      const before = this.layout.places;
      this.layout = extended(this.layout, this.#graph);
      this.#isAsIs &&= this.layout.places.size === before.size &&
        this.layout.places.keys().every((id) => before.has(id));
    } else this.#arrange();
    this.over = undefined;
    if (!this.stop || !this.#has(this.stop)) this.stop = undefined;
  }

  readonly #arrange = (): void => {
    const { nodes } = this.#graph;
    this.#isDense = nodes.length > ROOMY;
    const { height, rowGap } = this.#isDense ? DENSE_MEASURES : ROOMY_MEASURES;
    const rows = Math.floor(this.size.height / (height + rowGap));
    this.layout = arranged(this.#graph, Math.max(LEAST_ROWS, rows));
    this.#isAsIs = true;
  };

  #draw(): Picture | undefined {
    const { links, nodes } = this.#graph;
    if (nodes.length === 0) return undefined;
    const wanted = links.map((link) => ({
      ...link,
      labelWidth: labelWidth(this.#label(link)),
    }));
    const picture = pictured(this.layout, wanted, this.#measures);
    this.stop ??= { node: readingOrder(picture)[0]! };
    return picture;
  }

  get #measures(): Measures {
    const measures = this.#isDense ? DENSE_MEASURES : ROOMY_MEASURES;
    const [least, most] = COLUMN_GAP[this.#isDense ? "dense" : "roomy"];
    const { columns } = this.layout;
    const room = this.size.width - 3 * MARGIN - columns * measures.width;
    const gap = Math.floor(room / Math.max(1, columns - 1));
    return {
      ...measures,
      columnGap: Math.min(most, Math.max(least, gap)),
    };
  }

  #label(link: MapLink) {
    return labelOf(link, this.#span, !this.#isDense);
  }

  /** Time from the first to the last entry, µs. */
  get #span(): number {
    const { first = 0, last = 0 } = this.#drawn?.answer ?? {};
    return last - first;
  }

  /** What is drawn, of when, and what is not. */
  #summary(): unknown {
    const { mistake } = this.#counting;
    if (mistake) return mistake;
    if (!this.#drawn) return "Counting…";
    const { answer: { first, last, isCut } } = this.#drawn;
    const { nodes, links, gathered, undrawn } = this.#graph;
    if (first === undefined || last === undefined) return "Nothing to draw.";
    const ends = gathered > 0
      ? html`<b>${nodes.length - 1} busiest of ${
        formatCount(nodes.length - 1 + gathered)
      } ends</b>`
      : html`<b>${counted(nodes.length, "end")}</b>`;
    return html`
      <span>${ends}</span>
      <span>${undrawn > 0
        ? `${links.length} busiest of ${
          formatCount(links.length + undrawn)
        } links`
        : counted(links.length, "link")}</span>
      <span>${this.#clock(first)} – ${this.#clock(last)}</span>
      ${isCut ? html`<span>not all pairs could be told apart</span>` : nothing}
    `;
  }

  #clock(time: number): string {
    const offset = this.utc ? 0 : zoneOffset(time);
    const now = Date.now() * 1000;
    const day = formatDay(time, offset);
    const clock = formatClock(time, offset).slice(0, 8);
    return day === formatDay(now, offset) ? clock : `${day} ${clock}`;
  }

  /** Without names there is one way alone to tell ends apart. */
  #levels(): unknown {
    const ends = this.#drawn?.answer.ends ?? [];
    const isNamed = ends.some(({ by, namespace }) =>
      by === "namespace" || namespace !== undefined
    );
    if (!isNamed && this.level === "name") return nothing;
    return html`
      <div class="levels" role="group" aria-label="Ends are">
        ${MAP_LEVELS.map((level) =>
          html`
            <button aria-pressed=${level === this.level}
              @click=${() => this.#fire("level-change", level)}
            >${LEVEL_TEXTS[level]}</button>
          `
        )}
      </div>
    `;
  }

  #canvas(): unknown {
    const picture = this.#picture;
    if (!picture) return nothing;
    const { links, nodes, gathered } = this.#graph;
    const order = readingOrder(picture);
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const near = this.#near();
    const most = links[0]?.count ?? 1;
    const drawn = links.map((link): DrawnLink => ({
      link,
      curve: picture.curves.get(link.id)!,
      label: this.#label(link),
      share: link.count / most,
      names: this.#namesOf(link),
      isFaint: near !== undefined && !near.has(link.id),
      isNear: near?.has(link.id) ?? false,
      isPicked: this.#isPicked(this.#picksOfLink(link)),
      ...this.#handlers({ link: link.id, from: "src" }),
    }));
    return html`
      <div class="canvas" role="group" aria-label="Service map"
        ${inlineStyle({
          width: `${picture.width}px`,
          height: `${picture.height}px`,
        })}
        @keydown=${this.#onKey} @focusout=${() => this.isFocused = false}>
        <svg width=${picture.width} height=${picture.height}>
          ${repeat(drawn, ({ link }) => link.id, drawLink)}
          ${repeat(drawn, ({ link }) => link.id, drawLabel)}
        </svg>
        ${repeat(order, (id) => id, (id) =>
          drawNode({
            node: byId.get(id)!,
            box: picture.boxes.get(id)!,
            gathered,
            span: this.#span,
            isDense: this.#isDense,
            isFaint: near !== undefined && !near.has(id),
            isPicked: this.#isPicked(picksOf(byId.get(id)!.end)),
            ...this.#handlers({ node: id }),
          }))}
      </div>
    `;
  }

  /** What pointer and keyboard do with a node or link. */
  #handlers(stop: Stop) {
    return {
      isStop: this.stop !== undefined && idOf(this.stop) === idOf(stop),
      onClick: () => this.#pick(stop),
      onEnter: () => this.over = stop,
      onLeave: () => this.over = undefined,
      onFocus: (event: FocusEvent) => {
        const isKeyboard = (event.target as Element).matches(":focus-visible");
        // One that was come to along a link stays what it is.
        if (!this.stop || idOf(this.stop) !== idOf(stop)) this.stop = stop;
        this.isFocused = isKeyboard;
      },
    };
  }

  /** What is looked at with all that it touches; `undefined` if nothing is. */
  #near(): ReadonlySet<string> | undefined {
    const stop = this.#lookedAt;
    if (!stop) return undefined;
    const id = idOf(stop);
    const touched = this.#graph.links.filter((link) =>
      "node" in stop ? link.src === id || link.dst === id : link.id === id
    );
    return new Set([
      id,
      ...touched.flatMap((link) => [link.id, link.src, link.dst]),
    ]);
  }

  get #lookedAt(): Stop | undefined {
    return this.over ?? (this.isFocused ? this.stop : undefined);
  }

  /** The figures of what is looked at. */
  #tip(): unknown {
    const [stop, picture] = [this.#lookedAt, this.#picture];
    if (!stop || !picture || !this.#has(stop)) return nothing;
    const { gathered } = this.#graph;
    if ("node" in stop) {
      const content = nodeTip(this.#node(stop.node)!, gathered, this.#span);
      return this.#placed(content, picture.boxes.get(stop.node)!);
    }
    const link = this.#link(stop.link)!;
    const { label, middle } = picture.curves.get(link.id)!;
    return this.#placed(
      linkTip(link, this.#namesOf(link), this.#span),
      label ?? { ...middle, width: 0, height: 0 },
    );
  }

  #placed(content: unknown, box: Box): unknown {
    return html`
      <div class="tip" aria-hidden="true" ${inlineStyle(
        this.#tipPlace(box),
      )}>${content}</div>
    `;
  }

  /** Beside a box, on the side where there is more room. */
  #tipPlace(box: Box): Record<string, string> {
    const canvas = this.renderRoot.querySelector<HTMLElement>(".canvas");
    const host = this.getBoundingClientRect();
    const at = canvas?.getBoundingClientRect() ?? host;
    const left = at.left - host.left + box.x;
    const top = at.top - host.top + box.y;
    const isRight = left + box.width / 2 > host.width / 2;
    const isLow = top > host.height / 2;
    const px = (value: number) => `${Math.round(value)}px`;
    return {
      left: isRight ? "auto" : px(Math.max(8, left)),
      right: isRight ? px(Math.max(8, host.width - left - box.width)) : "auto",
      top: isLow ? "auto" : px(top + box.height + 8),
      bottom: isLow ? px(host.height - top + 8) : "auto",
    };
  }

  #legend(): unknown {
    const { links } = this.#graph;
    if (links.length === 0) return nothing;
    const protocols = new Set(
      links.flatMap(({ parts }) => parts.map(({ protocol }) => protocol)),
    );
    return html`
      <div class="legend">
        <div class="protocols">${[...protocols].filter(Boolean).map((each) =>
          this.#protocol(each)
        )}</div>
        <span class="sample"><svg width="34" height="10" aria-hidden="true">
          <path class="thin" d="M0 5H15" /><path class="thick" d="M19 5H34" />
        </svg>wider: more entries</span>
        <span class="sample failing"><svg width="30" height="10"
          aria-hidden="true"><path d="M0 5H30" /></svg><i></i>5 % failed or
          more</span>
      </div>
    `;
  }

  #protocol(protocol: string): unknown {
    const hue = hueOf(protocol);
    const pick = { path: "protocol", value: protocol };
    return html`
      <button class="chip ${hue === undefined ? "plain" : ""}"
        aria-pressed=${this.#isPicked([pick])}
        title="Only ${toShown(protocol)}"
        ${inlineStyle({ "--hue": String(hue ?? 0) })}
        @click=${() => this.#fire("filter-add", [pick])}
      >${toShown(protocol)}</button>
    `;
  }

  /** Whether the filter asks for it already. */
  #isPicked(picks: readonly Pick[]): boolean {
    // Most are not in the text at all: to parse it for each takes too long.
    return picks.length > 0 &&
      picks.every(({ value }) => this.kfl.includes(String(value))) &&
      picks.every((pick) => hasPick(this.kfl, pick));
  }

  #pick(stop: Stop): void {
    const picks = "node" in stop
      ? picksOf(this.#node(stop.node)?.end)
      : this.#picksOfLink(this.#link(stop.link)!);
    if (picks.length > 0) this.#fire("filter-add", picks);
  }

  #picksOfLink({ src, dst }: MapLink): Pick[] {
    return [
      ...picksOf(this.#node(src)?.end, "src"),
      ...picksOf(this.#node(dst)?.end, "dst"),
    ];
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const { key } = event;
    const step = STEPS[key];
    if (!this.stop || !this.#picture) return;
    // Buttons do so by themselves; links are none to the browser.
    if (!("node" in this.stop) && (key === "Enter" || key === " ")) {
      this.#pick(this.stop);
    } else if (step) {
      const order = readingOrder(this.#picture);
      this.stop = walk(this.stop, step, this.#graph, order);
      this.isFocused = true;
      void this.updateComplete.then(() => this.#focusStop());
    } else return;
    event.preventDefault();
  };

  #focusStop(): void {
    if (!this.stop) return;
    const id = CSS.escape(idOf(this.stop));
    const item = this.renderRoot.querySelector<HTMLElement | SVGElement>(
      `[data-id="${id}"]`,
    );
    item?.focus();
    item?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  readonly #onScroll = (): void => {
    if (this.#lookedAt) this.requestUpdate();
  };

  #namesOf({ src, dst }: MapLink): [src: string, dst: string] {
    const name = (id: string) =>
      nameOf(this.#node(id)?.end, this.#graph.gathered);
    return [name(src), name(dst)];
  }

  #node(id: string): MapNode | undefined {
    return this.#graph.nodes.find((node) => node.id === id);
  }

  #link(id: string): MapLink | undefined {
    return this.#graph.links.find((link) => link.id === id);
  }

  #has(stop: Stop): boolean {
    return "node" in stop
      ? this.#node(stop.node) !== undefined
      : this.#link(stop.link) !== undefined;
  }

  get #scroller(): HTMLElement {
    return this.renderRoot.querySelector(".scroller")!;
  }

  #fire(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
customElements.define("service-map", ServiceMap);

const idOf = (stop: Stop): string => "node" in stop ? stop.node : stop.link;

const isSameQuestion = (a: Question, b: Question): boolean =>
  a.kfl === b.kfl && a.from === b.from && a.to === b.to && a.by === b.by;
