/**
 * Takes savefiles that are dropped anywhere on the page. Fires
 * `savefile-added` with what the hub made of one, or `page-message`.
 */
import { css, html, LitElement, nothing } from "lit";
import { addSavefile, Denied, Refused, Unreachable } from "./hub.ts";
import { base } from "./styles.ts";

export class SavefileDrop extends LitElement {
  static override properties = {
    isOver: { state: true },
    sending: { state: true },
  };

  /** Whether a file is held over the page. */
  declare private isOver: boolean;
  /** What is on its way to the hub, and what share of it has gone. */
  declare private sending: { name: string; share: number } | undefined;
  readonly #listening = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = this.#listening;
    addEventListener("dragover", this.#onOver, { signal });
    addEventListener("dragleave", this.#onLeave, { signal });
    addEventListener("drop", this.#onDrop, { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#listening.abort();
  }

  protected override render(): unknown {
    if (this.sending) {
      const { name, share } = this.sending;
      return html`
        <div class="card" role="status">
          <span>${share < 1 ? "Sending" : "Reading"} ${name}</span>
          <progress max="1" .value=${share} aria-label="Sent"></progress>
        </div>
      `;
    }
    if (!this.isOver) return nothing;
    return html`
      <div class="over">
        <div>Drop a PCAP file to look into it</div>
      </div>
    `;
  }

  readonly #onOver = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.isOver = true;
  };

  readonly #onLeave = ({ relatedTarget }: DragEvent): void => {
    if (relatedTarget === null) this.isOver = false;
  };

  readonly #onDrop = async (event: DragEvent): Promise<void> => {
    this.isOver = false;
    const files = [...event.dataTransfer?.files ?? []];
    if (files.length === 0) return;
    event.preventDefault();
    for (const file of files) await this.#send(file);
    this.sending = undefined;
  };

  async #send(file: File): Promise<void> {
    const { name } = file;
    this.sending = { name, share: 0 };
    try {
      const added = await addSavefile(file, (share) => {
        this.sending = { name, share };
      });
      this.#fire("savefile-added", added);
    } catch (error) {
      const isKnown = error instanceof Denied || error instanceof Refused ||
        error instanceof Unreachable;
      if (!isKnown) throw error;
      this.#fire("page-message", `Cannot look into ${name}: ${error.message}`);
    }
  }

  #fire(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  static override styles = [
    base,
    css`
      .over {
        background: color-mix(in srgb, var(--surface) 80%, transparent);
        display: grid;
        inset: 0;
        padding: 24px;
        pointer-events: none;
        position: fixed;
        z-index: 10;
      }

      .over div {
        border: 2px dashed var(--accent);
        border-radius: var(--radius-large);
        color: var(--accent);
        display: grid;
        font: 600 var(--size-large) / 1.4 var(--font);
        place-items: center;
      }

      .card {
        background: var(--surface-overlay);
        border: 1px solid var(--line);
        border-radius: var(--radius-large);
        bottom: 44px;
        box-shadow: var(--shadow-overlay);
        display: grid;
        gap: 8px;
        padding: 12px 16px;
        position: fixed;
        right: 16px;
        width: 300px;
        z-index: 10;
      }

      .card span {
        overflow: hidden;
        text-overflow: ellipsis;
      }

      progress {
        accent-color: var(--accent);
        width: 100%;
      }
    `,
  ];
}
customElements.define("savefile-drop", SavefileDrop);
