/** Downloads the packets of a query as PCAP, and says how much has come. */
import { css, html, LitElement } from "lit";
import { Denied, exportTraffic, Refused, Unreachable } from "./hub.ts";
import { download } from "./icons.ts";
import { formatSize } from "./model/format.ts";
import { base, buttons } from "./styles.ts";

/** Fires `page-message` with a text when it could not be done. */
export class ExportButton extends LitElement {
  static override properties = {
    kfl: { attribute: false },
    from: { attribute: false },
    to: { attribute: false },
    received: { state: true },
  };

  declare kfl: string;
  /** Bounds of the time, µs since 1970, both included. */
  declare from: number | undefined;
  declare to: number | undefined;
  /** Bytes that have come; `undefined` while nothing is downloaded. */
  declare private received: number | undefined;
  #running: AbortController | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#running?.abort();
  }

  protected override render(): unknown {
    if (this.received !== undefined) {
      return html`
        <button aria-pressed="true" title="Stop the download"
          @click=${() => this.#running?.abort()}>
                ${download}<span>${formatSize(
                  this.received,
                )} · stop</span></button>
      `;
    }
    return html`
      <button @click=${this.#start}
        title="Download the packets of all that match, as PCAP">
            ${download}<span class="word">PCAP</span></button>
    `;
  }

  readonly #start = async (): Promise<void> => {
    const running = this.#running = new AbortController();
    const { kfl, from, to } = this;
    this.received = 0;
    try {
      const packets = await exportTraffic(
        { kfl, from, to, format: "pcap" },
        (bytes) => this.received = bytes,
        running.signal,
      );
      save(packets, "thresher.pcap");
    } catch (error) {
      const isKnown = error instanceof Denied || error instanceof Refused ||
        error instanceof Unreachable;
      if (!running.signal.aborted && !isKnown) throw error;
      if (isKnown && !running.signal.aborted) this.#say(error.message);
    } finally {
      this.received = undefined;
    }
  };

  #say(message: string): void {
    const detail = `The packets could not be downloaded: ${message}`;
    this.dispatchEvent(new CustomEvent("page-message", { detail }));
  }

  static override styles = [
    base,
    buttons,
    css`
      button {
        font-variant-numeric: tabular-nums;
      }

      @media (max-width: 900px) {
        .word {
          display: none;
        }
      }
    `,
  ];
}
customElements.define("export-button", ExportButton);

/** Hands a file to the reader. */
function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
