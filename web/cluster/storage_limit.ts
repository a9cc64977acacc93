/**
 * How much each node may keep: shown with how far back that reaches, and
 * changed. Fires `limit-set` once all nodes have taken another.
 */
import { css, html, LitElement, nothing } from "lit";
import type { WorkerStatus } from "../../api/hub.ts";
import { Denied, Refused, setStorageLimit, Unreachable } from "../hub.ts";
import { formatSize, readSize } from "../model/format.ts";
import {
  changeText,
  commonLimit,
  reachText,
  storesOf,
} from "../model/storage.ts";
import { base, buttons, inputs } from "../styles.ts";

export class StorageLimit extends LitElement {
  static override properties = {
    workers: { attribute: false },
    text: { state: true },
    mistake: { state: true },
    isSending: { state: true },
  };

  declare workers: readonly WorkerStatus[];
  /** What is written; `undefined` for what is so. */
  declare private text: string | undefined;
  declare private mistake: string | undefined;
  declare private isSending: boolean;

  constructor() {
    super();
    this.workers = [];
    this.isSending = false;
  }

  protected override render(): unknown {
    const stores = storesOf(this.workers);
    if (stores.length === 0) return nothing;
    const limit = commonLimit(stores);
    const shown = limit === undefined ? "" : formatSize(limit);
    const wanted = readSize(this.text ?? "");
    const isOther = this.text !== undefined && this.text.trim() !== shown;
    const about = !isOther
      ? reachText(stores)
      : wanted === undefined
      ? "Such as 500 MB or 2 GB."
      : changeText(stores, wanted);
    return html`
      <form @submit=${this.#onSubmit}>
        <label for="limit">Each node keeps</label>
        <input id="limit" .value=${this.text ?? shown} placeholder="differs"
          autocomplete="off" spellcheck="false" aria-describedby="about"
          aria-invalid=${this.mistake ? "true" : "false"} @input=${this
            .#onInput}>
        <button class="primary" ?disabled=${!isOther || wanted === undefined ||
          this.isSending}>Set</button>
        <p id="about" role="status" class=${this.mistake
          ? "error"
          : ""}>${this.mistake ?? about}</p>
      </form>
    `;
  }

  readonly #onInput = ({ target }: Event): void => {
    this.text = (target as HTMLInputElement).value;
    this.mistake = undefined;
  };

  readonly #onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const limit = readSize(this.text ?? "");
    if (limit !== undefined && !this.isSending) void this.#set(limit);
  };

  async #set(limit: number): Promise<void> {
    this.isSending = true;
    try {
      await setStorageLimit(limit);
      this.text = this.mistake = undefined;
      this.dispatchEvent(new CustomEvent("limit-set"));
    } catch (error) {
      const isKnown = error instanceof Refused || error instanceof Denied ||
        error instanceof Unreachable;
      if (!isKnown) throw error;
      this.mistake = `${error.message}.`;
    } finally {
      this.isSending = false;
    }
  }

  static override styles = [
    base,
    buttons,
    inputs,
    css`
      form {
        align-items: center;
        display: flex;
        flex-wrap: wrap;
        gap: 8px 10px;
        padding: 12px 24px 16px;
      }

      label {
        flex: none;
      }

      input {
        width: 104px;
      }

      p {
        color: var(--text-muted);
        flex: 1 1 220px;
        margin: 0 0 0 6px;
        overflow-wrap: anywhere;
      }

      .error {
        color: var(--failed);
      }
    `,
  ];
}
customElements.define("storage-limit", StorageLimit);
