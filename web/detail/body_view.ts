/**
 * A body: as a tree, a form, text or bytes. What is too long for the answer is
 * loaded when it is asked for, and what is too long for the page is downloaded.
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import type { Bytes } from "../../entry/field.ts";
import { REDACTED } from "../../kfl/redaction.ts";
import { ask } from "../hub.ts";
import { download } from "../icons.ts";
import {
  type BodyContent,
  bytesOf,
  contentOf,
  MAX_SHOWN_BODY,
  toBody,
} from "../model/body.ts";
import { formatSize } from "../model/format.ts";
import { bodyViewStyles } from "./body_view_styles.ts";
import { copyText } from "./clipboard.ts";
import "./hex_view.ts";
import "./json_view.ts";
import type { JsonView } from "./json_view.ts";
import "./text_view.ts";
import { listenToValues, valueButton } from "./value_button.ts";
import { pathTo } from "../model/kfl_text.ts";
import { wireText } from "./wire_text.ts";

type Mode = "tree" | "form" | "text" | "hex" | "none";

const MODE_TEXTS: Readonly<Record<Mode, string>> = {
  tree: "Tree",
  form: "Form",
  text: "Text",
  hex: "Hex",
  none: "",
};

/** One body, with what is known about it. */
export class BodyView extends LitElement {
  static override styles = bodyViewStyles;
  static override properties = {
    body: { attribute: false },
    contentType: {},
    size: { type: Number },
    isCut: { type: Boolean },
    coding: {},
    path: {},
    url: {},
    mode: { state: true },
    whole: { state: true },
    loading: { state: true },
    isOpen: { state: true },
  };

  /** As the entry has it. */
  declare body: Bytes;
  declare contentType: string | undefined;
  /** Bytes of all of it. */
  declare size: number | undefined;
  declare isCut: boolean;
  /** The coding that could not be undone. */
  declare coding: string | undefined;
  /** KFL path of the body. */
  declare path: string;
  /** Where all of it can be had. */
  declare url: string;
  declare private mode: Mode | undefined;
  /** All of a body that was cut: text, or bytes that are none. */
  declare private whole: string | Uint8Array | undefined;
  declare private loading: "no" | "yes" | { readonly problem: string };
  /** Whether all branches of the tree are open. */
  declare private isOpen: boolean;
  #content: BodyContent = { kind: "text" };

  constructor() {
    super();
    this.body = "";
    this.isCut = false;
    this.path = "";
    this.url = "";
    this.loading = "no";
    this.isOpen = false;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("body")) this.mode = undefined;
    // Two bodies that begin alike are alike as far as they came.
    if (changed.has("body") || changed.has("url")) {
      this.whole = undefined;
      this.loading = "no";
    }
    if (changed.has("body") || changed.has("whole")) {
      this.#content = typeof this.whole === "object"
        ? { kind: "binary" }
        : contentOf(this.whole ?? this.body, this.contentType);
      this.isOpen = false;
    }
  }

  protected override firstUpdated(): void {
    listenToValues(this.renderRoot);
  }

  protected override render(): unknown {
    const mode = this.mode ?? this.#modes[0]!;
    return html`
      <div class="head">
        <h3>Body</h3>
        <span class="about">${this.#about}</span>
        ${mode === "tree" ? this.#renderOpener() : nothing}
        ${this.#modes.length > 1 ? this.#renderModes(mode) : nothing}
        ${typeof this.#text === "string"
          ? html`
            <button
              type="button"
              @click="${() => void copyText(this.#text ?? "")}"
            >Copy</button>
          `
          : nothing}
        <a class="button" href="${this.url}" download>${download} Download</a>
      </div>
      ${this.#renderNotes()} ${this.#renderContent(mode)}
    `;
  }

  #renderOpener(): unknown {
    const toggle = () => {
      this.isOpen = !this.isOpen;
      this.renderRoot.querySelector<JsonView>("json-view")
        ?.toggleAll(this.isOpen);
    };
    return html`
      <button type="button" @click="${toggle}">
        ${this.isOpen ? "Close all" : "Open all"}
      </button>
    `;
  }

  #renderModes(mode: Mode): unknown {
    return html`
      <div class="modes" role="group" aria-label="Show the body as">
        ${this.#modes.map((each) =>
          html`
            <button
              type="button"
              aria-pressed="${each === mode}"
              @click="${() => this.mode = each}"
            >${MODE_TEXTS[each]}</button>
          `
        )}
      </div>
    `;
  }

  #renderNotes(): unknown {
    const { coding, loading } = this;
    return html`
      ${coding
        ? html`<p class="note">Its coding <code>${wireText(coding)}</code>
          could not be undone: this is as it was sent.</p>`
        : nothing}
      ${this.isCut && this.whole === undefined ? this.#renderCut() : nothing}
      ${typeof loading === "object"
        ? html`<p class="note bad" role="alert">${loading.problem}</p>`
        : nothing}
    `;
  }

  #renderCut(): unknown {
    const shown = formatSize(bytesOf(this.body).length);
    const all = this.size === undefined ? "it" : formatSize(this.size);
    const fits = (this.size ?? Infinity) <= MAX_SHOWN_BODY;
    return html`
      <p class="note">
        The first ${shown} of ${all}.
        ${fits
          ? html`
            <button
              type="button"
              class="link"
              ?disabled="${this.loading === "yes"}"
              @click="${this.#loadWhole}"
            >${this.loading === "yes" ? "Loading…" : "Load all of it"}</button>
          `
          : "All of it is too long for this page: download it."}
      </p>
    `;
  }

  #renderContent(mode: Mode): unknown {
    const content = this.#content;
    switch (mode) {
      case "tree":
        return html`
          <json-view
            label="Body as a tree"
            .value="${content.kind === "json" ? content.value : undefined}"
            .path="${`${this.path}.json()`}"
          ></json-view>
        `;
      case "form":
        return html`
          <table>
            <tbody>${content.kind === "form"
              ? content.fields.map(([name, value]) =>
                this.#formRow(name, value)
              )
              : nothing}</tbody>
          </table>
        `;
      case "text":
        return html`
          <text-view label="Body as text" .text="${this.#text ??
            ""}"></text-view>
        `;
      case "hex":
        return html`
          <hex-view label="Body as bytes" .bytes="${this.#bytes}"></hex-view>
        `;
      default:
        return html`<p class="note">${wireText(String(this.body))}</p>`;
    }
  }

  #formRow(name: string, value: string): unknown {
    const path = pathTo(this.path.replace(/\.body$/, ".form"), name);
    return html`
      <tr>
        <th scope="row">${wireText(name)}</th>
        <td>${valueButton({ path, value })}</td>
      </tr>
    `;
  }

  /** Views that fit, the best first. */
  get #modes(): readonly Mode[] {
    if (this.body === REDACTED) return ["none"];
    switch (this.#content.kind) {
      case "json":
        return ["tree", "text", "hex"];
      case "form":
        return ["form", "text", "hex"];
      case "text":
        return ["text", "hex"];
      default:
        return ["hex"];
    }
  }

  get #text(): string | undefined {
    const body = this.whole ?? this.body;
    return typeof body === "string" ? body : undefined;
  }

  get #bytes(): Uint8Array {
    return this.whole instanceof Uint8Array
      ? this.whole
      : bytesOf(this.whole ?? this.body);
  }

  get #about(): string {
    const content = this.#content;
    const parts = [
      this.size === undefined ? undefined : formatSize(this.size),
      content.kind === "image"
        ? `${content.type}, a picture: only to be downloaded`
        : this.contentType,
    ];
    return parts.filter(Boolean).join(" · ");
  }

  async #loadWhole(): Promise<void> {
    this.loading = "yes";
    const { url } = this;
    try {
      const response = await ask(url);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (this.url !== url) return;
      this.whole = toBody(bytes);
      this.loading = "no";
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (this.url === url) this.loading = { problem: error.message };
    }
  }
}
customElements.define("body-view", BodyView);
