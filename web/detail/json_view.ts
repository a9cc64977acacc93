/** A JSON value as a tree; each value can be picked for the filter. */
import { html, nothing, type PropertyValues } from "lit";
import { inlineStyle } from "../inline_style.ts";
import type { Scalar } from "../model/filter_edit.ts";
import { ExactNumber, type JsonRow, JsonTree } from "../model/json_tree.ts";
import { valueViewStyles } from "./value_view_styles.ts";
import { listenToValues, pickValue, valueButton } from "./value_button.ts";
import { VirtualRows } from "./virtual_rows.ts";
import { wireText } from "./wire_text.ts";

/** Deepest level that is indented further. */
const MAX_INDENT = 24;

/** Characters of a text that a row shows. */
const MAX_SHOWN = 300;

/** Names that the outline of a closed branch shows. */
const OUTLINED = 6;

/** Fires `filter-add` and `value-menu` as `value_button.ts` says. */
export class JsonView extends VirtualRows {
  static override styles = valueViewStyles;
  static override properties = {
    value: { attribute: false },
    path: {},
    label: {},
    current: { state: true },
  };

  declare value: unknown;
  /** KFL path of the value. */
  declare path: string;
  declare label: string;
  /** The row that the keyboard is at. */
  declare private current: number;
  #tree: JsonTree | undefined;

  constructor() {
    super();
    this.path = "";
    this.label = "JSON";
    this.current = 0;
  }

  /** Opens all that is closed, within bounds; or closes all. */
  toggleAll(open: boolean): void {
    if (open) this.#tree?.openAll();
    else this.#tree?.closeAll();
    this.current = 0;
    this.requestUpdate();
  }

  protected override get rowCount(): number {
    return this.#tree?.rows.length ?? 0;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("value") || changed.has("path")) {
      this.#tree = new JsonTree(this.value, this.path);
      this.current = 0;
    }
  }

  protected override firstUpdated(): void {
    listenToValues(this.renderRoot);
  }

  protected override render(): unknown {
    return html`
      <div
        class="scroller"
        role="tree"
        tabindex="0"
        aria-label="${this.label}"
        aria-activedescendant="row-${this.current}"
        @scroll="${this.onScroll}"
        @keydown="${this.#onKey}"
      >${this.renderRows()}</div>
    `;
  }

  protected override renderRow(at: number): unknown {
    const row = this.#tree!.rows[at]!;
    const isBranch = row.kind === "branch" && row.count > 0;
    const indent = Math.min(row.depth, MAX_INDENT) * 14;
    return html`
      <div
        class="row ${at === this.current ? "current" : ""}"
        id="row-${at}"
        role="treeitem"
        aria-level="${row.depth + 1}"
        aria-expanded="${isBranch ? String(row.isOpen) : nothing}"
        aria-selected="${at === this.current}"
        ${inlineStyle({ "padding-left": `${indent}px` })}
        @mousedown="${() => this.current = at}"
        @click="${(event: Event) => this.#onClick(event, at)}"
      >
        <span class="arrow" aria-hidden="true">${isBranch
          ? (row.isOpen ? "▾" : "▸")
          : ""}</span>${this.#renderName(row)}${this.#renderValue(row)}
      </div>
    `;
  }

  #renderName({ name }: JsonRow): unknown {
    if (name === undefined) return nothing;
    return typeof name === "number"
      ? html`<span class="index">${name}</span><span class="colon"> </span>`
      : html`<span class="key">${
        wireText(cut(name))
      }</span><span class="colon">: </span>`;
  }

  #renderValue(row: JsonRow): unknown {
    const { value, kind, count } = row;
    if (kind === "more") {
      return html`<span class="outline">${
        new Intl.NumberFormat("en").format(count)
      } more</span>`;
    }
    if (kind === "branch") {
      return html`<span class="outline">${outlineOf(row)}</span>`;
    }
    const scalar = scalarOf(value);
    const content = typeof value === "string"
      ? html`<span class="quote">"</span>${
        wireText(cut(value))
      }<span class="quote">"</span>`
      : String(scalar);
    return valueButton(
      { path: this.#tree!.pathOf(row), value: scalar },
      content,
      -1,
    );
  }

  #onClick(event: Event, at: number): void {
    const isValue = event.composedPath().some((node) =>
      node instanceof HTMLElement && node.classList.contains("value")
    );
    if (!isValue) this.#toggle(at);
  }

  #toggle(at: number): void {
    this.#tree!.toggle(at);
    this.requestUpdate();
  }

  #onKey(event: KeyboardEvent): void {
    const row = this.#tree!.rows[this.current];
    if (!row || event.ctrlKey || event.metaKey) return;
    const page = 20;
    switch (event.key) {
      case "ArrowDown":
        this.#go(this.current + 1);
        break;
      case "ArrowUp":
        this.#go(this.current - 1);
        break;
      case "PageDown":
        this.#go(this.current + page);
        break;
      case "PageUp":
        this.#go(this.current - page);
        break;
      case "Home":
        this.#go(0);
        break;
      case "End":
        this.#go(this.rowCount - 1);
        break;
      case "ArrowRight":
        if (row.kind === "branch" && !row.isOpen) this.#toggle(this.current);
        else this.#go(this.current + 1);
        break;
      case "ArrowLeft":
        if (row.kind === "branch" && row.isOpen) this.#toggle(this.current);
        else this.#go(this.#tree!.rows.indexOf(row.parent ?? row));
        break;
      case "Enter":
      case "a":
      case "A":
        if (row.kind !== "leaf") this.#toggle(this.current);
        else this.#pick(row, event.altKey || event.key === "A");
        break;
      case "m":
        this.renderRoot.querySelector(`#row-${this.current} .value`)
          ?.dispatchEvent(
            new MouseEvent("contextmenu", { bubbles: true, cancelable: true }),
          );
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #go(to: number): void {
    this.current = Math.max(0, Math.min(this.rowCount - 1, to));
    this.scrollToRow(this.current);
  }

  #pick(row: JsonRow, exclude: boolean): void {
    const path = this.#tree!.pathOf(row);
    pickValue(this, { path, value: scalarOf(row.value), exclude });
  }
}

function scalarOf(value: unknown): Scalar {
  return value instanceof ExactNumber ? value.digits : value as Scalar;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** What a branch holds, so that it need not be opened to be known. */
function outlineOf({ value, count, isOpen }: JsonRow): string {
  if (Array.isArray(value)) {
    return count === 0 ? "[ ]" : isOpen ? `[${count}]` : `[… ${count}]`;
  }
  if (count === 0) return "{ }";
  if (isOpen) return `{${count}}`;
  const names = Object.keys(value as object).slice(0, OUTLINED);
  const more = count > OUTLINED ? ", …" : "";
  return `{ ${names.map((name) => cut(name).slice(0, 40)).join(", ")}${more} }`;
}

customElements.define("json-view", JsonView);
