/**
 * The details of one entry.
 *
 * It asks the hub for the entry with the query that runs, so that what the
 * query hides is hidden here. Fires `filter-add` with a `Pick` when a value is
 * picked, `connection-follow` with a query for the whole conversation, and
 * `close`.
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { HUB } from "../../api/paths.ts";
import { ask, Denied, Refused } from "../hub.ts";
import { close as closeIcon, download } from "../icons.ts";
import { type CurlCommand, toCurl } from "../model/curl.ts";
import type { EntryJson } from "../model/entry_json.ts";
import { copyText } from "./clipboard.ts";
import { connectionPanel } from "./connection_panel.ts";
import { encryptedNote } from "./encrypted_note.ts";
import { entryDetailStyles } from "./entry_detail_styles.ts";
import { entryHead } from "./entry_head.ts";
import { halfPanel } from "./half_panel.ts";
import "./json_view.ts";
import { timingPanel } from "./timing_panel.ts";
import { listenToValues, type MenuRequest } from "./value_button.ts";
import "./value_menu.ts";
import type { ValueMenu } from "./value_menu.ts";

/** Parts of the pane, in order. */
export const TABS = [
  "request",
  "response",
  "timing",
  "connection",
  "raw",
] as const;

export type Tab = typeof TABS[number];

const TAB_TEXTS: Readonly<Record<Tab, string>> = {
  request: "Request",
  response: "Response",
  timing: "Timing",
  connection: "Connection",
  raw: "Raw",
};

/** Time after which waiting is shown, ms; before, what is there may stay. */
const SHOW_WAITING_AFTER = 150;

/** How long what was done is told, ms. */
const TELL_FOR = 4000;

/** A query with which packets are refused: they hold what it hides. */
const HIDES = /\bredact\s*\(/;

/** What is shown in the place of an entry. */
type State =
  | { readonly kind: "none" }
  | { readonly kind: "waiting" }
  | { readonly kind: "shown"; readonly entry: EntryJson }
  /** Its packets were deleted. */
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly message: string };

export class EntryDetail extends LitElement {
  static override styles = entryDetailStyles;
  static override properties = {
    entryId: {},
    kfl: {},
    tab: {},
    state: { state: true },
    told: { state: true },
  };

  /** Nothing is shown without one. */
  declare entryId: string | undefined;
  /** The query that runs. */
  declare kfl: string;
  /** Kept when another entry is shown. */
  declare tab: Tab;
  declare private state: State;
  /** What was done last, for a moment. */
  declare private told: string;
  #asking: AbortController | undefined;
  /** What was scrolled to its beginning. */
  #shown = "";
  #telling: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.kfl = "";
    this.tab = "request";
    this.state = { kind: "none" };
    this.told = "";
  }

  /** Copies the request as a command; does nothing where there is none. */
  copyAsCurl(): void {
    const command = this.#entry && toCurl(this.#entry);
    if (command) void this.#copy(command);
  }

  /** Asks for everything between the two ends. */
  async followConnection(): Promise<void> {
    const entry = this.#entry;
    if (!entry) return;
    // The parser comes with the editor, and is not needed before.
    const { connectionQuery } = await import("../model/connection.ts");
    this.dispatchEvent(
      new CustomEvent("connection-follow", {
        detail: connectionQuery(entry, this.kfl),
        bubbles: true,
        composed: true,
      }),
    );
  }

  /** Goes to the tab beside this one. @param step 1 or -1 */
  turn(step: number): void {
    const at = TABS.indexOf(this.tab) + step;
    this.tab = TABS[(at + TABS.length) % TABS.length]!;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#asking?.abort();
    clearTimeout(this.#telling);
  }

  protected override firstUpdated(): void {
    listenToValues(this.renderRoot);
    this.renderRoot.addEventListener("value-menu", (event) => {
      const { detail } = event as CustomEvent<MenuRequest>;
      const from = event.composedPath()[0] as HTMLElement;
      void this.renderRoot.querySelector<ValueMenu>("value-menu")
        ?.open(detail, from);
    });
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("entryId") || changed.has("kfl") && this.entryId) {
      void this.#load();
    }
  }

  protected override updated(): void {
    const panel = this.renderRoot.querySelector(".panel");
    const shown = `${this.#entry?.id} ${this.tab}`;
    // The same entry may come again, for another query.
    if (panel && shown !== this.#shown) panel.scrollTop = 0;
    this.#shown = shown;
  }

  protected override render(): unknown {
    return html`
      ${this.#renderState()}
      <value-menu></value-menu>
    `;
  }

  #renderState(): unknown {
    const { state } = this;
    switch (state.kind) {
      case "none":
        return html`
          <div class="instead">
            <p>Pick a row to see what was said.</p>
          </div>
        `;
      case "waiting":
        return html`
          <div class="instead" role="status">
            <p>Reading the packets…</p>
          </div>
        `;
      case "gone":
        return html`
          <div class="instead" role="status">
            <h2>This entry is gone</h2>
            <p>Its packets left the ring: the oldest are deleted so that the
              rest stays below the storage limit.</p>
          </div>
        `;
      case "failed":
        return html`
          <div class="instead" role="alert">
            <h2>The entry could not be read</h2>
            <p>${state.message}</p>
            <button type="button" class="primary" @click="${this.#load}">
              Try again
            </button>
          </div>
        `;
      case "shown":
        return this.#renderEntry(state.entry);
    }
  }

  #renderEntry(entry: EntryJson): unknown {
    return html`
      <header>${entryHead(entry, this.#renderClose())} ${this.#renderActions(
        entry,
      )}</header>
      <div class="tabs" role="tablist" @keydown="${this.#onTabKey}">
        ${TABS.map((each) => this.#renderTab(each, entry))}
      </div>
      <div
        class="panel"
        id="panel"
        role="tabpanel"
        tabindex="0"
        aria-labelledby="tab-${this.tab}"
      >${this.#renderPanel(entry)}</div>
    `;
  }

  #renderClose(): unknown {
    const close = () => this.dispatchEvent(new CustomEvent("close"));
    return html`
      <button
        type="button"
        class="close"
        title="Close the details (Esc)"
        aria-label="Close the details"
        @click="${close}"
      >${closeIcon}</button>
    `;
  }

  #renderActions(entry: EntryJson): unknown {
    return html`
      <div class="actions">
        <button
          type="button"
          title="Everything between these two ends (f)"
          @click="${this.followConnection}"
        >Follow connection</button>
        ${toCurl(entry)
          ? html`
            <button
              type="button"
              title="The request as a command (c)"
              @click="${this.copyAsCurl}"
            >Copy as cURL</button>
          `
          : nothing}
        ${this.#renderPackets(entry)}
        <span class="told" role="status">${this.told}</span>
      </div>
    `;
  }

  #renderPackets({ id }: EntryJson): unknown {
    if (HIDES.test(this.kfl)) {
      return html`<span class="told">No PCAP: the query hides values</span>`;
    }
    const packets = `${this.#url(id)}/packets?${this.#asked}`;
    return html`
      <a
        class="button"
        href="${packets}"
        download
        title="The packets of this exchange, for Wireshark"
      >${download} PCAP</a>
      <a
        class="button"
        href="${packets}&conversation=true"
        download
        title="All packets between these two ends, for Wireshark"
      >${download} PCAP of the connection</a>
    `;
  }

  #renderTab(tab: Tab, entry: EntryJson): unknown {
    const isShown = tab === this.tab;
    const isAbsent = (tab === "request" || tab === "response") && !entry[tab];
    return html`
      <button
        type="button"
        role="tab"
        id="tab-${tab}"
        aria-selected="${isShown}"
        aria-controls="panel"
        tabindex="${isShown ? 0 : -1}"
        class="${isAbsent ? "absent" : ""}"
        @click="${() => this.tab = tab}"
      >${TAB_TEXTS[tab]}</button>
    `;
  }

  #renderPanel(entry: EntryJson): unknown {
    switch (this.tab) {
      case "request":
      case "response":
        return this.#renderHalf(entry, this.tab);
      case "timing":
        return timingPanel(entry);
      case "connection":
        return connectionPanel(entry);
      case "raw":
        return this.#renderRaw(entry);
    }
  }

  #renderHalf(entry: EntryJson, base: "request" | "response"): unknown {
    const half = entry[base];
    return html`
      ${encryptedNote(entry)} ${half
        ? halfPanel(half, base, this.#bodyUrl(entry.id, base))
        : html`<p class="empty">${absence(entry, base)}</p>`}
    `;
  }

  #renderRaw(entry: EntryJson): unknown {
    const copy = () => this.#copyAs(JSON.stringify(entry, null, 2), "Copied");
    return html`
      <section>
        <div class="head">
          <h3>JSON</h3>
          <span class="about">as <code>query --json</code> writes it</span>
          <button type="button" @click="${copy}">Copy</button>
        </div>
        <json-view
          class="raw"
          label="The entry as JSON"
          .value="${entry}"
          path=""
        ></json-view>
      </section>
    `;
  }

  // Asking

  get #entry(): EntryJson | undefined {
    return this.state.kind === "shown" ? this.state.entry : undefined;
  }

  #url(id: string): string {
    return `${HUB.entries}/${encodeURIComponent(id)}`;
  }

  #bodyUrl(id: string, half: string): string {
    return `${this.#url(id)}/body/${half}?${this.#asked}`;
  }

  /** The query, for what it hides. */
  get #asked(): string {
    return new URLSearchParams({ kfl: this.kfl }).toString();
  }

  async #load(): Promise<void> {
    this.#asking?.abort();
    const { entryId: id } = this;
    if (!id) {
      this.state = { kind: "none" };
      return;
    }
    const asking = this.#asking = new AbortController();
    const { signal } = asking;
    const wait = setTimeout(() => {
      const isAgain = this.#entry?.id === id;
      if (!signal.aborted && !isAgain) this.state = { kind: "waiting" };
    }, SHOW_WAITING_AFTER);
    try {
      const response = await ask(`${this.#url(id)}?${this.#asked}`, { signal });
      const entry: EntryJson = await response.json();
      if (!signal.aborted) this.state = { kind: "shown", entry };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (!signal.aborted) this.state = stateOf(error);
    } finally {
      clearTimeout(wait);
    }
  }

  // Doing

  async #copy({ text, notes }: CurlCommand): Promise<void> {
    await this.#copyAs(text, ["Copied", ...notes].join(". "));
  }

  async #copyAs(text: string, told: string): Promise<void> {
    await copyText(text);
    this.told = told;
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.told = "", TELL_FOR);
  }

  #onTabKey(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowLeft: -1,
    };
    if (event.key === "Home") this.tab = TABS[0];
    else if (event.key === "End") this.tab = TABS.at(-1)!;
    else if (Object.hasOwn(steps, event.key)) this.turn(steps[event.key]!);
    else return;
    event.preventDefault();
    event.stopPropagation();
    void this.updateComplete.then(() => {
      this.renderRoot.querySelector<HTMLElement>(`#tab-${this.tab}`)?.focus();
    });
  }
}

/** What to say of a half that is not there. */
function absence(entry: EntryJson, base: "request" | "response"): string {
  const why = entry.incomplete ?? [];
  if (base === "request") {
    return "The request was not captured: only what answers it.";
  }
  if (why.includes("no response")) return "No response came.";
  if (why.includes("reset")) {
    return "The connection was reset before a response.";
  }
  if (why.includes("cut")) return "The capture ended before a response.";
  return "Nothing answers a message of this kind.";
}

function stateOf(error: Error): State {
  if (
    error instanceof Refused && (error.status === 404 || error.status === 410)
  ) {
    return { kind: "gone" };
  }
  const message = error instanceof Denied
    ? "The session has ended: load the page again and give the token."
    : error.message;
  return { kind: "failed", message };
}

customElements.define("entry-detail", EntryDetail);
