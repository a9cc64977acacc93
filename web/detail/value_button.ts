/**
 * Values that can be picked: a click adds one to the filter, with Alt it is
 * excluded, and a menu has the rest.
 *
 * The buttons only carry what they stand for; whoever shows some listens once,
 * on what is around them.
 */
import { html, noChange, type TemplateResult } from "lit";
import { Directive, directive, type ElementPart } from "lit/directive.js";
import { REDACTED } from "../../kfl/redaction.ts";
import type { Pick, Scalar } from "../model/filter_edit.ts";
import { wireText } from "./wire_text.ts";

/** What a button stands for. */
export interface Pickable {
  /** As KFL writes it. */
  readonly path: string;
  readonly value: Scalar;
}

/** Where a menu for a value is to open, in the window. */
export interface MenuRequest extends Pickable {
  readonly x: number;
  readonly y: number;
}

/** Longest text that a condition can come from, in UTF-16 units. */
const MAX_PICKED = 8000;

/**
 * A value that can be picked; what was redacted cannot.
 *
 * @param tabindex -1 where something around it has the keyboard
 */
export function valueButton(
  pickable: Pickable,
  content: unknown = wireText(String(pickable.value)),
  tabindex: 0 | -1 = 0,
): TemplateResult {
  const { value } = pickable;
  const isText = typeof value === "string";
  if (isText && (value.includes(REDACTED) || value.length > MAX_PICKED)) {
    return html`<span class="value fixed">${content}</span>`;
  }
  return html`<button ${carrying(pickable, tabindex)}>${content}</button>`;
}

const USES = "Click: filter for it · Alt+click: filter it out · m: more";

/** Makes a button carry what it stands for; there are many, so it is one part. */
class Carrying extends Directive {
  override render(_pickable: Pickable, _tabindex: number): symbol {
    return noChange;
  }

  override update(
    { element }: ElementPart,
    [pickable, tabIndex]: [Pickable, number],
  ): symbol {
    const { path, value } = pickable;
    const className = `value ${typeof value}`;
    const title = `${path}\n${USES}`;
    Object.assign(element, { type: "button", className, title, tabIndex });
    Object.assign(element, { pickable });
    return noChange;
  }
}

const carrying = directive(Carrying);

/** Listens to the values in a tree of nodes. */
export function listenToValues(root: EventTarget): void {
  root.addEventListener("click", (event) => {
    const { altKey } = event as MouseEvent;
    const button = buttonOf(event);
    // Text that was marked is to be copied.
    if (button && !isMarking()) pick(button, altKey);
  });
  root.addEventListener("contextmenu", (event) => {
    const button = buttonOf(event);
    if (!button || isMarking()) return;
    event.preventDefault();
    openMenu(button, event as MouseEvent);
  });
  root.addEventListener("keydown", (event) => {
    const button = buttonOf(event);
    const { key, ctrlKey, metaKey, altKey } = event as KeyboardEvent;
    if (!button || ctrlKey || metaKey) return;
    if (key === "a" || key === "A") pick(button, key === "A");
    else if (key === "Enter" && altKey) pick(button, true);
    else if (key === "m") openMenu(button);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Adds a value to the filter, or takes it away. */
export function pickValue(from: EventTarget, detail: Pick): void {
  from.dispatchEvent(
    new CustomEvent("filter-add", { detail, bubbles: true, composed: true }),
  );
}

type ValueButton = HTMLElement & { readonly pickable: Pickable };

function buttonOf(event: Event): ValueButton | undefined {
  return event.composedPath().find((node): node is ValueButton =>
    node instanceof HTMLElement && "pickable" in node
  );
}

function pick(button: ValueButton, exclude: boolean): void {
  pickValue(button, { ...button.pickable, exclude });
}

function openMenu(button: ValueButton, mouse?: MouseEvent): void {
  const { left, bottom } = button.getBoundingClientRect();
  // The key that opens menus is told as a click without a place.
  const isAtMouse = mouse !== undefined && mouse.clientX + mouse.clientY > 0;
  const detail: MenuRequest = {
    ...button.pickable,
    x: isAtMouse ? mouse.clientX : left,
    y: isAtMouse ? mouse.clientY : bottom,
  };
  button.dispatchEvent(
    new CustomEvent("value-menu", { detail, bubbles: true, composed: true }),
  );
}

function isMarking(): boolean {
  return getSelection()?.type === "Range" &&
    getSelection()!.toString().length > 0;
}
