/**
 * Which pods are captured: a selection, with what it picks now. It is looked
 * at before it is applied, and followed while pods come and go.
 *
 * Fires `targets-set` once another selection is in force.
 */
import { html, LitElement, nothing } from "lit";
import type {
  TargetNode,
  TargetsPreview,
  TargetsStatus,
} from "../../api/hub.ts";
import {
  Denied,
  fetchTargets,
  previewTargets,
  Refused,
  setTargets,
  Unreachable,
} from "../hub.ts";
import { close } from "../icons.ts";
import { counted, formatCount } from "../model/format.ts";
import {
  isSameSelection,
  namesIn,
  type SelectionForm,
  toForm,
  toggleName,
  toSelection,
} from "../model/selection.ts";
import { meshNote } from "./mesh_note.ts";
import { podTable } from "./pod_table.ts";
import { targetsStyles } from "./targets_styles.ts";

/** After a letter, until the hub is asked what that picks, ms. */
const TYPING = 250;

/** Between two looks at what is picked, ms. */
const INTERVAL = 2000;

const EVERYTHING = toForm({});

export class TargetsDialog extends LitElement {
  static override styles = targetsStyles;
  static override properties = {
    status: { state: true },
    form: { state: true },
    preview: { state: true },
    mistake: { state: true },
    isSending: { state: true },
  };

  /** What is in force. */
  declare private status: TargetsStatus | undefined;
  declare private form: SelectionForm;
  /** What the form picks; it may be of an earlier form. */
  declare private preview: TargetsPreview | undefined;
  declare private mistake: string | undefined;
  declare private isSending: boolean;
  /** Counts what was asked, so that only the last answer is shown. */
  #asked = 0;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.form = EVERYTHING;
    this.isSending = false;
  }

  /** Shows it, with what is in force. */
  async show(): Promise<void> {
    this.status = this.preview = this.mistake = undefined;
    this.form = EVERYTHING;
    this.#asked++;
    await this.updateComplete;
    this.renderRoot.querySelector("dialog")!.showModal();
    this.#rest();
    this.#looking = setInterval(() => void this.#look(), INTERVAL);
    await this.#look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#rest();
  }

  protected override render(): unknown {
    return html`
      <dialog aria-labelledby="title" @close=${this.#rest}>
        <div class="top">
          <div>
            <h2 id="title">Captured pods</h2>
            <p>Packets are stored if one of their ends is one of these pods,
              also when they come and go. What is stored already stays.</p>
          </div>
          <form method="dialog">
            <button class="icon" aria-label="Close">${close}</button>
          </form>
        </div>
        <form id="selection" @submit=${this.#onSubmit}>
          ${this.#field("pod", "Name of the pod", "any; a regular expression")}
          ${this.#field("labels", "Labels", "any; app=web, tier in (a, b)")}
          ${this.#field("namespaces", "Namespaces", "all")}
          ${this.#field("excludeNamespaces", "But not", "none")}
          ${this.#namespaces()}
        </form>
        <div class="found">
          <p role="status" class=${this.mistake ? "error" : ""}>
            ${this.mistake ?? this.#found()}</p>
          ${meshNote(this.status?.mesh, this.preview)}
        </div>
        ${podTable(this.mistake ? undefined : this.preview, this.status?.mesh)}
        <div class="bottom">
          ${this.#nodes()}
          <div class="buttons">
            ${this.#isChanged && this.status
              ? html`
                <button type="button" @click=${this.#undo}>Undo</button>
              `
              : nothing}
            <button type="button" class="outlined" @click=${this.#clear}
              ?disabled=${isSameSelection(toSelection(this.form), {})}>
              All pods</button>
            <button form="selection" class="primary"
              ?disabled=${!this.#canApply}>Capture these</button>
          </div>
        </div>
      </dialog>
    `;
  }

  #field(name: keyof SelectionForm, text: string, hint: string): unknown {
    return html`
      <label>${text}
        <input name=${name} ?autofocus=${name === "pod"} .value=${this
          .form[name]} placeholder=${hint}
          autocomplete="off" autocapitalize="off" spellcheck="false"
          @input=${this.#onInput}>
      </label>
    `;
  }

  /** Namespaces as buttons: one press takes only it, the next all again. */
  #namespaces(): unknown {
    const known = this.status?.namespaces ?? [];
    if (known.length === 0) return nothing;
    const picked = new Map(
      this.preview?.namespaces.map((each) => [each.namespace, each.picked]),
    );
    const wanted = new Set(namesIn(this.form.namespaces));
    return html`
      <div class="namespaces" role="group" aria-label="Namespaces that have pods">
        ${known.map(({ namespace, pods }) =>
          html`
            <button type="button" aria-pressed=${wanted.has(namespace)}
              title="Pods that are picked, of those it has"
              @click=${() => this.#toggle(namespace)}>${namespace}
              <span>${formatCount(picked.get(namespace) ?? 0)}/${formatCount(
                pods,
              )}</span></button>
          `
        )}
      </div>
    `;
  }

  /** What the form picks, in a sentence. */
  #found(): unknown {
    const { preview, status } = this;
    if (!preview || !status) return "Asking the hub…";
    const verb = this.#isChanged ? "would be captured" : "are captured";
    if (preview.all) {
      return html`<b>Everything</b> ${
        this.#isChanged ? "would be" : "is"
      } captured: the nodes whole, ${counted(preview.picked, "pod")} among it`;
    }
    const all = preview.namespaces.reduce((sum, { pods }) => sum + pods, 0);
    const from = preview.namespaces.filter(({ picked }) => picked > 0).length;
    return html`<b>${formatCount(preview.picked)} of ${
      counted(all, "pod")
    }</b> in ${counted(from, "namespace")} ${verb}`;
  }

  /** Whether every node does what is in force. */
  #nodes(): unknown {
    const nodes = this.status?.nodes ?? [];
    const open = nodes.filter(({ state }) => state !== "set");
    const text = nodes.length === 0
      ? ""
      : open.length === 0
      ? `In force on ${counted(nodes.length, "node")}`
      : `In force on ${nodes.length - open.length} of ${
        counted(nodes.length, "node")
      }`;
    return html`
      <div class="nodes" role="status">${text}
        ${open.slice(0, 3).map((node) => html`<div>${lackOf(node)}</div>`)}
        ${open.length > 3 ? html`<div>and ${open.length - 3} more</div>` : ""}
      </div>
    `;
  }

  /** Before it is known what is in force, anything typed is a change. */
  get #isChanged(): boolean {
    const inForce = this.status?.selection ?? {};
    return !isSameSelection(toSelection(this.form), inForce);
  }

  get #canApply(): boolean {
    return this.status !== undefined && this.#isChanged && !this.isSending &&
      this.mistake === undefined;
  }

  /** Learns what is in force by now; what somebody has changed stays. */
  async #hear(status: TargetsStatus, isSettled = false): Promise<void> {
    const wasChanged = this.#isChanged && !isSettled;
    this.status = status;
    if (wasChanged) await this.#ask();
    else this.#take(status);
  }

  #take(status: TargetsStatus): void {
    this.#asked++;
    this.status = status;
    this.form = toForm(status.selection);
    this.preview = status;
    this.mistake = undefined;
  }

  #edit(form: SelectionForm): void {
    this.form = form;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => void this.#ask(), TYPING);
  }

  readonly #onInput = ({ target }: Event): void => {
    const { name, value } = target as HTMLInputElement;
    this.#edit({ ...this.form, [name]: value });
  };

  #toggle(namespace: string): void {
    const namespaces = toggleName(this.form.namespaces, namespace);
    this.#edit({ ...this.form, namespaces });
  }

  readonly #clear = (): void => this.#edit(EVERYTHING);

  readonly #undo = (): void => {
    if (this.status) this.#take(this.status);
  };

  /** Asks what the form picks. */
  async #ask(): Promise<void> {
    const asked = ++this.#asked;
    await this.#guard(asked, async () => {
      const preview = await previewTargets(toSelection(this.form));
      if (asked === this.#asked) this.preview = preview;
    });
  }

  /** Looks at what is in force, and at what the form picks by now. */
  async #look(): Promise<void> {
    if (this.isSending || document.hidden) return;
    const asked = this.#asked;
    await this.#guard(asked, async () => {
      const status = await fetchTargets();
      // What was asked meanwhile may have set another selection, unless
      // nothing can be set yet.
      if (asked !== this.#asked && this.status) return;
      await this.#hear(status);
    });
  }

  readonly #onSubmit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!this.#canApply) return;
    clearTimeout(this.#typing);
    this.isSending = true;
    const asked = ++this.#asked;
    const { form } = this;
    await this.#guard(asked, async () => {
      const status = await setTargets(toSelection(form));
      this.dispatchEvent(new CustomEvent("targets-set"));
      await this.#hear(status, this.form === form);
    });
    this.isSending = false;
  };

  /** Runs what asks the hub; what it refuses stands below the form. */
  async #guard(asked: number, task: () => Promise<void>): Promise<void> {
    try {
      await task();
      if (asked === this.#asked) this.mistake = undefined;
    } catch (error) {
      const isKnown = error instanceof Refused || error instanceof Denied ||
        error instanceof Unreachable;
      if (!isKnown) throw error;
      if (asked === this.#asked) this.mistake = `${error.message}.`;
    }
  }

  readonly #rest = (): void => {
    clearTimeout(this.#typing);
    clearInterval(this.#looking);
  };
}
customElements.define("targets-dialog", TargetsDialog);

function lackOf({ node, state, reason }: TargetNode): unknown {
  const what = state === "failed" ? "not set" : "not yet";
  return html`<span class=${state}>${node}: ${what}${
    reason ? `, ${reason}` : ""
  }</span>`;
}
