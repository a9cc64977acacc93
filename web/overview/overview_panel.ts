/**
 * What an answer amounts to: how many entries over time, how many failed, how
 * slow they were, by protocol and by who speaks with whom. Of all that is
 * stored and matches, and not only of the rows that are there.
 *
 * Fires `range-pick` with a `TimeRange`, and `filter-add` with a `Pick`.
 */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import type {
  MapAnswer,
  MapEdge,
  StatsAnswer,
  Summary,
} from "../../api/hub.ts";
import { Denied, fetchMap, fetchStats, Refused, Unreachable } from "../hub.ts";
import { inlineStyle } from "../inline_style.ts";
import {
  counted,
  formatCount,
  formatLatency,
  formatSize,
  toShown,
} from "../model/format.ts";
import { hueOf } from "../model/protocol_colour.ts";
import { overviewStyles } from "./overview_styles.ts";
import "./time_histogram.ts";

/** Until it is asked anew where entries go on coming, at least, ms. */
const INTERVAL = 5000;

/** The hub may be busy with it for one part in so many of the time. */
const SHARE = 10;

/** Pairs that are listed. */
const MAX_LISTED = 100;

export class OverviewPanel extends LitElement {
  static override styles = overviewStyles;
  static override properties = {
    kfl: { attribute: false },
    from: { attribute: false },
    to: { attribute: false },
    utc: { type: Boolean },
    stats: { state: true },
    map: { state: true },
    mistake: { state: true },
  };

  declare kfl: string;
  /** Bounds of the time, µs since 1970, both included. */
  declare from: number | undefined;
  declare to: number | undefined;
  declare utc: boolean;
  declare private stats: StatsAnswer | undefined;
  declare private map: MapAnswer | undefined;
  declare private mistake: string | undefined;
  #asking: AbortController | undefined;
  #next: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("kfl") || changed.has("from") || changed.has("to")) {
      void this.#ask();
    }
  }

  protected override render(): unknown {
    const { stats, map, mistake } = this;
    if (mistake) return html`<p class="note" role="status">${mistake}</p>`;
    if (!stats) return html`<p class="note" role="status">Counting…</p>`;
    if (stats.all.count === 0) {
      return html`<p class="note" role="status">Nothing to count.</p>`;
    }
    return html`
      <p class="all">${inWords(stats.all)}</p>
      <time-histogram .series=${stats.series} .utc=${this.utc}
        @range-pick=${({ detail }: CustomEvent) =>
          this.#fire("range-pick", detail)}></time-histogram>
      <div class="tables">
        ${this.#table(
          "Protocols",
          ["Protocol"],
          stats.protocols,
          (each) => html`<td>${this.#protocol(each.protocol)}</td>`,
        )}
        ${this.#table(
          "Who speaks with whom",
          ["Source", "Destination", "Protocol"],
          map?.edges.slice(0, MAX_LISTED) ?? [],
          (edge) => this.#pair(edge),
        )}
      </div>
    `;
  }

  #table<S extends Summary>(
    title: string,
    columns: readonly string[],
    rows: readonly S[],
    cells: (row: S) => unknown,
  ): unknown {
    const most = Math.max(1, ...rows.map(({ count }) => count));
    return html`
      <div class="scroller" tabindex="0" role="region" aria-label=${title}>
        <table>
          <thead>
            <tr>
            ${columns.map((each) => html`<th scope="col">${each}</th>`)}
            <th scope="col" class="number">Entries</th>
            <th scope="col" class="number">Failed</th>
            <th scope="col" class="number">p50</th>
            <th scope="col" class="number">p95</th>
          </tr>
          </thead>
          <tbody>${rows.map((row) =>
            html`<tr>${cells(row)}${numbers(row, most)}</tr>`
          )}</tbody>
        </table>
      </div>
    `;
  }

  #pair({ src, dst, protocol }: MapEdge): unknown {
    if (src === undefined || dst === undefined) {
      return html`<td colspan="3" class="muted">all others</td>`;
    }
    return html`
      <td>${this.#end("src", src)}</td>
      <td>${this.#end("dst", dst)}</td>
      <td>${this.#protocol(protocol ?? "")}</td>
    `;
  }

  #protocol(protocol: string): unknown {
    if (protocol === "") return html`<span class="muted">others</span>`;
    const hue = hueOf(protocol);
    return html`
      <button title="Only ${protocol}"
        @click=${() => this.#pick("protocol", protocol)}
      ><span class="chip ${hue === undefined ? "plain" : ""}"
        ${inlineStyle({
          "--hue": String(hue ?? 0),
        })}>${protocol}</span></button>
    `;
  }

  #end(side: "src" | "dst", end: string): unknown {
    const path = `${side}.${isAddress(end) ? "ip" : "name"}`;
    return html`
      <button title="Only ${toShown(end)}"
        @click=${() => this.#pick(path, end)}>${toShown(end)}</button>
    `;
  }

  #pick(path: string, value: string): void {
    this.#fire("filter-add", { path, value });
  }

  /** Asks for all of it, and again after a while if it goes on. */
  async #ask(): Promise<void> {
    this.#stop();
    const asking = this.#asking = new AbortController();
    const { kfl, from, to } = this;
    const begun = performance.now();
    try {
      const stats = await fetchStats({ kfl, from, to }, asking.signal);
      const map = await fetchMap({ kfl, from, to }, asking.signal);
      if (asking.signal.aborted) return;
      Object.assign(this, { stats, map, mistake: undefined });
    } catch (error) {
      if (asking.signal.aborted) return;
      const isKnown = error instanceof Refused || error instanceof Denied ||
        error instanceof Unreachable;
      if (!isKnown) throw error;
      this.mistake = `${error.message}.`;
    }
    if (to !== undefined) return;
    const took = performance.now() - begun;
    const delay = Math.max(INTERVAL, (SHARE - 1) * took);
    this.#next = setTimeout(() => void this.#again(), delay);
  }

  /** Nobody looks at a hidden page. */
  async #again(): Promise<void> {
    if (!document.hidden) return await this.#ask();
    this.#next = setTimeout(() => void this.#again(), INTERVAL);
  }

  #stop(): void {
    this.#asking?.abort();
    clearTimeout(this.#next);
  }

  #fire(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
customElements.define("overview-panel", OverviewPanel);

/** Whether an end is told by its address, for want of a name. */
const isAddress = (end: string): boolean =>
  /^[\d.]+$/.test(end) || end.includes(":");

function inWords(all: Summary): unknown {
  const { count, failed, requestBytes, responseBytes, elapsedTime } = all;
  return html`
    <b>${counted(count, "entry").replace(/ys$/, "ies")}</b>
    <span class=${failed > 0 ? "failed" : ""}>${percent(failed, count)} failed
    </span>
    ${elapsedTime
      ? html`
        <span>half within ${formatLatency(elapsedTime.p50)}</span>
        <span>95 % within ${formatLatency(elapsedTime.p95)}</span>
        <span>99 % within ${formatLatency(elapsedTime.p99)}</span>
      `
      : nothing}
    <span>${formatSize(requestBytes + responseBytes)}</span>
  `;
}

function numbers(row: Summary, most: number): unknown {
  const { count, failed, elapsedTime } = row;
  const latency = (ms: number | undefined) =>
    ms === undefined ? "" : formatLatency(ms);
  return html`
    <td class="number count"><i ${inlineStyle({
      "--share": String(count / most),
    })}></i>${formatCount(count)}</td>
    <td class="number ${failed > 0 ? "failed" : "muted"}">${percent(
      failed,
      count,
    )}</td>
    <td class="number">${latency(elapsedTime?.p50)}</td>
    <td class="number">${latency(elapsedTime?.p95)}</td>
  `;
}

/** A share; what is not nothing does not look like it. */
function percent(part: number, all: number): string {
  const share = 100 * part / Math.max(1, all);
  if (part === 0) return "0 %";
  return share < 0.1 ? "< 0.1 %" : `${share.toFixed(share < 9.95 ? 1 : 0)} %`;
}
