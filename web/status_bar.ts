/**
 * What the rows rest on: where the query stands, which nodes answered, what
 * was lost. Fires `zone-toggle`, `nodes-open`, and `query-retry` where an answer
 * is partial.
 */
import { css, html, LitElement, nothing } from "lit";
import type { WorkerStatus } from "../api/hub.ts";
import type { NodeCoverage, Progress, Warnings } from "../api/messages.ts";
import { warning } from "./icons.ts";
import type { Phase } from "./live_query.ts";
import { nodesText, summarizeCoverage } from "./model/coverage.ts";
import {
  counted,
  formatClock,
  formatCount,
  zoneOffset,
} from "./model/format.ts";
import { base, buttons } from "./styles.ts";

/** A query that is behind for less is taken for live, µs. */
const MAX_BEHIND = 2_000_000;

export class StatusBar extends LitElement {
  static override properties = {
    phase: { attribute: false },
    paused: { type: Boolean },
    count: { attribute: false },
    rate: { attribute: false },
    late: { attribute: false },
    progress: { attribute: false },
    coverage: { attribute: false },
    warnings: { attribute: false },
    workers: { attribute: false },
    from: { attribute: false },
    hasHole: { attribute: false },
    utc: { type: Boolean },
  };

  declare phase: Phase;
  /** Whether somebody has it stand still. */
  declare paused: boolean;
  /** Rows that are there. */
  declare count: number;
  /** Entries per second. */
  declare rate: number;
  /** Entries that came out of their order. */
  declare late: number;
  declare progress: Progress | undefined;
  declare coverage: readonly NodeCoverage[];
  /** What else is to be known of the answer, a sentence each. */
  declare warnings: Warnings | undefined;
  declare workers: readonly WorkerStatus[];
  /** The least time that was asked for, µs. */
  declare from: number | undefined;
  /** Whether entries are missing since the hub was lost for a while. */
  declare hasHole: boolean;
  declare utc: boolean;

  protected override render(): unknown {
    return html`
      <div class="phase ${this.phase.kind} ${this.paused ? "still" : ""}">
        <i></i>${this.#phaseText()}
      </div>
      ${this.#searching()}
      <div>${counted(this.count, "entry").replace(/ys$/, "ies")}</div>
      ${this.rate > 0
        ? html`<div>${formatCount(Math.round(this.rate))}/s</div>`
        : nothing}
      ${this.#behind()}
      ${this.#late()}
      <div class="gap"></div>
      ${this.#drops()}
      ${this.#nodes()}
      <button @click=${() => this.#fire("zone-toggle")}
        title="Show times in ${this.utc ? "local time" : "UTC"} (u)">
        ${this.utc ? "UTC" : zoneName()}
      </button>
    `;
  }

  #phaseText(): string {
    switch (this.phase.kind) {
      case "idle":
        return "Starting";
      case "searching":
        return "Searching";
      case "live":
        return this.paused ? "Paused" : "Live";
      case "done":
        return this.paused ? "Paused" : "Complete";
      case "lost":
        return "Hub lost";
      case "failed":
        return "Failed";
      case "denied":
        return "Not signed in";
      case "outdated":
        return "Outdated";
    }
  }

  /** How much of what is stored has been searched. */
  #searching(): unknown {
    if (this.phase.kind !== "searching" || !this.progress) return nothing;
    const { done, total } = this.progress;
    if (total === 0) return nothing;
    return html`
      <progress max="1" value=${done / total}
        aria-label="Searching what is stored"></progress>
    `;
  }

  #behind(): unknown {
    const behind = this.progress?.behind ?? 0;
    if (behind < MAX_BEHIND) return nothing;
    return html`<div class="notable">${
      formatCount(Math.round(behind / 1e6))
    } s behind</div>`;
  }

  #late(): unknown {
    if (this.late === 0) return nothing;
    return html`<div title="They came after what is ordered behind them">
      ${formatCount(this.late)} late</div>`;
  }

  /** What capture lost, on all nodes. */
  #drops(): unknown {
    const lost = this.workers.reduce(
      (sum, { state }) =>
        sum + (state?.capture?.droppedByKernel ?? 0) +
        (state?.capture?.notStored ?? 0),
      0,
    );
    if (lost === 0) return nothing;
    return html`<div class="notable" title="Since capture began, on all nodes">
      ${counted(lost, "packet")} dropped</div>`;
  }

  #nodes(): unknown {
    const clock = (time: number) =>
      formatClock(time, this.utc ? 0 : zoneOffset(time)).slice(0, 8);
    const summary = summarizeCoverage(this.coverage, this.from, clock);
    const hole = "Entries that came while the hub was lost are missing";
    const reasons = [
      ...summary.reasons,
      ...this.hasHole ? [hole] : [],
      ...this.warnings ?? [],
    ];
    if (this.coverage.length === 0 && reasons.length === 0) return nothing;
    const cells = html`<span class="cells" aria-hidden="true">${
      this.coverage.slice(0, 24).map(({ missing, lost }) =>
        html`<i class=${missing ? "missing" : lost > 0 ? "lossy" : ""}></i>`
      )
    }</span>`;
    if (reasons.length === 0) {
      return html`
        <button class="nodes" @click=${this.#openNodes}
          title="What the nodes keep and lose (n)"
        >${cells}${nodesText(summary)}</button>
      `;
    }
    return html`
      <button class="partial" popovertarget="reasons">
        ${warning}${nodesText(summary)}, partial
      </button>
      <div id="reasons" popover aria-label="What may be missing">
        <h2>This answer may be incomplete</h2>
        <ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
        <button class="outlined" @click=${() => this.#fire("query-retry")}>
          Ask again
        </button>
        <button @click=${this.#openNodes}>All nodes</button>
      </div>
    `;
  }

  readonly #openNodes = (): void => {
    this.renderRoot.querySelector<HTMLElement>("#reasons")?.hidePopover();
    this.#fire("nodes-open");
  };

  #fire(name: string): void {
    this.dispatchEvent(new CustomEvent(name));
  }

  static override styles = [
    base,
    buttons,
    css`
      :host {
        align-items: center;
        background: var(--surface-raised);
        border-top: 1px solid var(--line);
        color: var(--text-muted);
        display: flex;
        font: var(--size-small) / 1 var(--font);
        font-variant-numeric: tabular-nums;
        gap: 16px;
        height: 28px;
        overflow: hidden;
        padding: 0 4px 0 12px;
        white-space: nowrap;
      }

      .gap {
        flex: 1;
      }

      .phase {
        align-items: center;
        color: var(--text);
        display: flex;
        font-weight: 600;
        gap: 7px;
      }

      .phase i {
        background: var(--text-faint);
        border-radius: 50%;
        height: 7px;
        width: 7px;
      }

      .phase.live:not(.still) i {
        animation: pulse 2s infinite;
        background: var(--ok);
      }

      .phase.still:is(.live, .done) i {
        background: var(--refused);
        border-radius: 1px;
      }

      .phase.searching i {
        background: var(--accent);
      }

      .phase:is(.lost, .failed, .denied, .outdated) {
        color: var(--failed);
      }

      .phase:is(.lost, .failed, .denied, .outdated) i {
        background: var(--failed);
      }

      @keyframes pulse {
        50% {
          opacity: 0.35;
        }
      }

      @media (prefers-reduced-motion: reduce) {
        .phase i {
          animation: none !important;
        }
      }

      progress {
        appearance: none;
        background: var(--line);
        border: 0;
        border-radius: 2px;
        height: 4px;
        overflow: hidden;
        width: 120px;
      }

      progress::-webkit-progress-bar {
        background: var(--line);
      }

      progress::-webkit-progress-value {
        background: var(--accent);
      }

      progress::-moz-progress-bar {
        background: var(--accent);
      }

      .notable {
        color: var(--refused);
        font-weight: 600;
      }

      .nodes {
        align-items: center;
        display: flex;
        gap: 7px;
      }

      .cells {
        display: flex;
        gap: 2px;
      }

      .cells i {
        background: var(--ok);
        border-radius: 1px;
        height: 10px;
        width: 5px;
      }

      .cells .lossy {
        background: var(--refused);
      }

      .cells .missing {
        background: var(--failed);
      }

      button {
        font-size: var(--size-small);
        height: 22px;
        padding: 0 8px;
      }

      .partial {
        color: var(--refused);
        font-weight: 600;
      }

      #reasons {
        background: var(--surface-overlay);
        border: 1px solid var(--line);
        border-radius: var(--radius-large);
        bottom: 36px;
        box-shadow: var(--shadow-overlay);
        color: var(--text);
        font-size: var(--size);
        inset-inline: auto 12px;
        line-height: 1.5;
        margin: 0;
        max-width: min(560px, calc(100vw - 24px));
        padding: 16px 18px;
        top: auto;
        white-space: normal;
      }

      #reasons h2 {
        font: 600 var(--size) / 1.4 var(--font);
        margin: 0 0 8px;
      }

      #reasons ul {
        color: var(--text-muted);
        margin: 0 0 12px;
        max-height: 40vh;
        overflow: auto;
        overflow-wrap: anywhere;
        padding-left: 18px;
      }

      #reasons button {
        font-size: var(--size);
        height: 30px;
      }

      @media (max-width: 640px) {
        :host > :is(.nodes, .notable) {
          display: none;
        }
      }
    `,
  ];
}
customElements.define("status-bar", StatusBar);

/** The reader's zone in short, such as `GMT+2`. */
function zoneName(): string {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" })
    .formatToParts();
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "Local";
}
