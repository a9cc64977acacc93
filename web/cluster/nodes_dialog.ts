/**
 * The nodes: how each worker is, what it keeps and what it lost.
 *
 * Fires `workers-wanted` again and again while it is open.
 */
import { css, html, LitElement, nothing } from "lit";
import type { WorkerStatus } from "../../api/hub.ts";
import { dialogStyles } from "../dialog_styles.ts";
import { close } from "../icons.ts";
import { inlineStyle } from "../inline_style.ts";
import { counted, formatClock, toShown, zoneOffset } from "../model/format.ts";
import { toWorkerRows, type WorkerRow } from "../model/worker_row.ts";
import { base, buttons } from "../styles.ts";
import { sheetStyles } from "./sheet_styles.ts";
import "./storage_limit.ts";

/** Between two looks while it is open, ms. */
const INTERVAL = 1500;

export class NodesDialog extends LitElement {
  static override properties = {
    workers: { attribute: false },
    utc: { type: Boolean },
  };

  declare workers: readonly WorkerStatus[];
  declare utc: boolean;
  #looking: ReturnType<typeof setInterval> | undefined;

  /** Shows it. */
  async show(): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector("dialog")!.showModal();
    this.#look();
    clearInterval(this.#looking);
    this.#looking = setInterval(this.#look, INTERVAL);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#rest();
  }

  protected override render(): unknown {
    const clock = (time: number) =>
      formatClock(time, this.utc ? 0 : zoneOffset(time)).slice(0, 8);
    const rows = toWorkerRows(this.workers, clock);
    return html`
      <dialog aria-labelledby="title" closedby="any" @close=${this.#rest}>
        <div class="top">
          <div>
            <h2 id="title">Nodes</h2>
            <p role="status">${summaryOf(rows)}</p>
          </div>
          <form method="dialog">
            <button class="icon" aria-label="Close">${close}</button>
          </form>
        </div>
        <div class="scroller" tabindex="0" role="region" aria-labelledby="title">
          <table>
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">State</th>
                <th scope="col">Kept</th>
                <th scope="col" class="number">Packets</th>
                <th scope="col">Lost</th>
              </tr>
            </thead>
            <tbody>${rows.map(rowOf)}</tbody>
          </table>
        </div>
        <storage-limit .workers=${this.workers} @limit-set=${this.#look}
        ></storage-limit>
      </dialog>
    `;
  }

  readonly #look = (): void => {
    this.dispatchEvent(new CustomEvent("workers-wanted"));
  };

  readonly #rest = (): void => clearInterval(this.#looking);

  static override styles = [
    base,
    buttons,
    dialogStyles,
    sheetStyles,
    css`
      th:first-child {
        min-width: 120px;
      }

      td:first-child {
        overflow-wrap: anywhere;
      }

      .health {
        align-items: center;
        display: flex;
        gap: 8px;
        white-space: nowrap;
      }

      .about {
        color: var(--text-muted);
        display: block;
        font-family: var(--font);
        max-width: 340px;
        overflow-wrap: anywhere;
      }

      .health i {
        background: var(--ok);
        border-radius: 50%;
        flex: none;
        forced-color-adjust: none;
        height: 8px;
        width: 8px;
      }

      .troubled .health i {
        background: var(--refused);
        border-radius: 0;
        clip-path: polygon(50% 0, 100% 100%, 0 100%);
      }

      .missing .health {
        color: var(--failed);
        font-weight: 600;
      }

      .missing .health i {
        background: var(--failed);
        border-radius: 0;
      }

      .lost {
        color: var(--refused);
      }

      .kept {
        white-space: nowrap;
      }

      .reach {
        color: var(--text-muted);
      }

      .meter {
        background: var(--line);
        border-radius: 2px;
        display: block;
        height: 4px;
        margin: 5px 0 3px;
        overflow: hidden;
        width: 130px;
      }

      .meter::before {
        background: color-mix(in srgb, var(--accent) 55%, var(--surface));
        content: "";
        display: block;
        height: 100%;
        width: calc(100% * var(--share));
      }
    `,
  ];
}
customElements.define("nodes-dialog", NodesDialog);

function rowOf(row: WorkerRow): unknown {
  const { name, health, state, about, kept, share, reach } = row;
  const { packets, dropped } = row;
  return html`
    <tr class=${health}>
      <td>${toShown(name)}</td>
      <td><span class="health"><i></i>${state}</span>
        ${about && html`<span class="about">${toShown(about)}</span>`}</td>
      <td class="kept">${kept}
        ${share === undefined ? nothing : html`
          <i class="meter" ${inlineStyle({ "--share": String(share) })}
          ></i>
        `}
        ${reach && html`<span class="reach">${reach}</span>`}</td>
      <td class="number">${packets}</td>
      <td class=${dropped ? "lost" : "muted"}>${dropped ??
        (health === "missing" ? "" : "none")}</td>
    </tr>
  `;
}

/** All of them in one sentence. */
function summaryOf(rows: readonly WorkerRow[]): string {
  if (rows.length === 0) return "There are none yet.";
  const missing = rows.filter(({ health }) => health === "missing").length;
  if (missing === 0) {
    const all = rows.length === 1 ? "it answers" : "all answer";
    return `${counted(rows.length, "node")}, ${all}.`;
  }
  return `${rows.length - missing} of ${counted(rows.length, "node")} answer.`;
}
