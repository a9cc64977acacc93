/**
 * What stands in the place of the rows while there are none: why, and the one
 * thing to do. Fires `notice-action` with the action's name.
 */
import { css, html, LitElement, nothing } from "lit";
import type { WorkerStatus } from "../api/hub.ts";
import type { Failure } from "../api/messages.ts";
import { withCode } from "./code_text.ts";
import type { Phase } from "./live_query.ts";
import { counted, formatClock, formatDay, zoneOffset } from "./model/format.ts";
import type { View } from "./model/view.ts";
import { base, buttons } from "./styles.ts";

/** What can be done about it. */
export type NoticeAction =
  | "clear-filter"
  | "show-all"
  | "retry"
  | "reload"
  | "copy-sample";

/** Makes traffic that is captured on any machine. */
export const SAMPLE_COMMAND = "ping -c 3 127.0.0.1";

interface Notice {
  readonly title: string;
  readonly text: unknown;
  readonly action?: readonly [NoticeAction, string];
}

export class FeedNotice extends LitElement {
  static override properties = {
    phase: { attribute: false },
    view: { attribute: false },
    workers: { attribute: false },
  };

  declare phase: Phase;
  declare view: View;
  declare workers: readonly WorkerStatus[];

  protected override render(): unknown {
    const notice = this.#notice();
    if (!notice) return nothing;
    const { title, text, action } = notice;
    return html`
      <div role="status">
        <h2>${title}</h2>
        <div class="text">${text}</div>
        ${action && html`
          <button class="outlined"
            @click=${() => this.#fire(action[0])}>${action[1]}</button>
        `}
      </div>
    `;
  }

  #notice(): Notice | undefined {
    switch (this.phase.kind) {
      case "failed":
        return this.#failed(this.phase.failure);
      case "outdated":
        return {
          title: "Thresher was updated",
          text: "This page is of another version than the hub.",
          action: ["reload", "Reload the page"],
        };
      case "searching":
        return {
          title: "Searching",
          text: "Entries appear as they are found in the stored packets.",
        };
      case "live":
        return this.view.kfl === "" ? this.#noTraffic() : {
          title: "Nothing matches so far",
          text:
            html`No stored entry matches the filter. What matches from now on
            appears here by itself.`,
          action: ["clear-filter", "Show everything"],
        };
      case "done":
        return this.#nothingThen();
      case "lost":
        return {
          title: "The hub cannot be reached",
          text: "Is Thresher still running? The page tries again by itself.",
          action: ["retry", "Try now"],
        };
      default:
        return undefined;
    }
  }

  #failed({ code, message, diagnostics = [] }: Failure): Notice {
    const [first] = diagnostics;
    switch (code) {
      case "kfl":
        return {
          title: "The filter is wrong",
          text: html`${withCode(message)}${
            first?.hint ? html`<p>${withCode(first.hint)}</p>` : nothing
          }`,
          action: ["clear-filter", "Show everything"],
        };
      case "busy":
        return {
          title: "The hub is busy",
          text: message,
          action: ["retry", "Try again"],
        };
      default:
        return {
          title: "The query failed",
          text: message,
          action: ["retry", "Try again"],
        };
    }
  }

  /** Nothing was captured: on what, and how to have something. */
  #noTraffic(): Notice {
    const stopped = this.workers.find(({ state }) => state?.capture?.stopped);
    if (stopped) {
      return {
        title: "Nothing is stored at the moment",
        text: `${stopped.state!.node}: ${stopped.state!.capture!.stopped}`,
        action: ["retry", "Try again"],
      };
    }
    const capturing = this.workers.flatMap(({ state }) =>
      state?.capture ? [{ node: state.node, ...state.capture }] : []
    );
    if (this.workers.length > 0 && capturing.length === 0) {
      return {
        title: "There is nothing in it",
        text: "Nothing is captured here, and what is shown holds no entries. " +
          "Drop a savefile on the page to look into it.",
      };
    }
    const where = capturing.map(({ node, interfaces, packets }) =>
      html`<li><b>${node}</b> listens on ${interfaces.join(", ") || "nothing"}:
        ${counted(packets, "packet")} so far</li>`
    );
    return {
      title: "No traffic yet",
      text: html`
        ${where.length > 0 ? html`<ul>${where}</ul>` : nothing}
        <p>Entries appear as soon as something is said. To see one, run this
          where Thresher captures:</p>
        <pre>${SAMPLE_COMMAND}</pre>
      `,
      action: ["copy-sample", "Copy the command"],
    };
  }

  /** A time without entries; perhaps it is no longer kept. */
  #nothingThen(): Notice {
    const end = this.view.to ?? this.view.at;
    const oldest = Math.min(
      ...this.workers.map(({ state }) => state?.storage.first ?? Infinity),
    );
    const isGone = end !== undefined && end < oldest && oldest < Infinity;
    const action: Notice["action"] = ["show-all", "Show all that is kept"];
    if (!isGone) {
      return {
        title: "Nothing matches",
        text: "No entry of that time matches the filter.",
        action,
      };
    }
    const offset = this.view.utc ? 0 : zoneOffset(oldest);
    return {
      title: "That time is not kept",
      text: `The oldest packet is of ${formatDay(oldest, offset)}, ${
        formatClock(oldest, offset)
      }.`,
      action,
    };
  }

  #fire(detail: NoticeAction): void {
    this.dispatchEvent(new CustomEvent("notice-action", { detail }));
  }

  static override styles = [
    base,
    buttons,
    css`
      :host {
        display: grid;
        inset: 28px 0 0;
        place-items: center;
        pointer-events: none;
        position: absolute;
      }

      :host > div {
        display: grid;
        gap: 12px;
        justify-items: center;
        max-width: 480px;
        padding: 24px;
        pointer-events: auto;
        text-align: center;
      }

      h2 {
        font: 600 var(--size-large) / 1.3 var(--font);
        margin: 0;
      }

      .text {
        color: var(--text-muted);
        overflow-wrap: anywhere;
      }

      p {
        margin: 0 0 10px;
      }

      p:only-of-type {
        margin: 0;
      }

      code {
        color: var(--text);
        font: var(--size-data) / 1 var(--font-data);
      }

      ul {
        list-style: none;
        margin: 0 0 14px;
        padding: 0;
      }

      b {
        color: var(--text);
        font-weight: 600;
      }

      pre {
        background: var(--surface-sunken);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        color: var(--text);
        display: inline-block;
        font: var(--size-data) / 1.5 var(--font-data);
        margin: 0;
        padding: 6px 14px;
      }
    `,
  ];
}
customElements.define("feed-notice", FeedNotice);
