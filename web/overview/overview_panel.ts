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
  MapEnd,
  StatsAnswer,
  Summary,
} from "../../api/hub.ts";
import { type Counted, fetchMap, fetchStats } from "../hub.ts";
import { inlineStyle } from "../inline_style.ts";
import {
  counted,
  formatCount,
  formatLatency,
  formatShare,
  formatSize,
  toShown,
} from "../model/format.ts";
import { hueOf } from "../model/protocol_colour.ts";
import { overviewStyles } from "./overview_styles.ts";
import { Recounting } from "./recounting.ts";
import "./time_histogram.ts";

/** Pairs that are listed. */
const MAX_LISTED = 100;

export class OverviewPanel extends LitElement {
  static override styles = overviewStyles;
  static override properties = {
    kfl: { attribute: false },
    from: { attribute: false },
    to: { attribute: false },
    utc: { type: Boolean },
  };

  declare kfl: string;
  /** Bounds of the time, µs since 1970, both included. */
  declare from: number | undefined;
  declare to: number | undefined;
  declare utc: boolean;
  readonly #counting = new Recounting(this, fetchAll);

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("kfl") || changed.has("from") || changed.has("to")) {
      const { kfl, from, to } = this;
      void this.#counting.ask({ kfl, from, to });
    }
  }

  protected override render(): unknown {
    const { answer, mistake } = this.#counting;
    if (mistake) return html`<p class="note" role="status">${mistake}</p>`;
    if (!answer) return html`<p class="note" role="status">Counting…</p>`;
    const { stats, map } = answer;
    if (stats.all.count === 0) {
      return html`<p class="note" role="status">Nothing to count.</p>`;
    }
    const ends = new Map(map.ends.map((each) => [each.end, each]));
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
          map.edges.slice(0, MAX_LISTED),
          (edge) => this.#pair(edge, ends),
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

  #pair(edge: MapEdge, ends: ReadonlyMap<string, MapEnd>): unknown {
    const [src, dst] = [edge.src, edge.dst].map((end) => ends.get(end ?? ""));
    if (!src || !dst) {
      return html`<td colspan="3" class="muted">all others</td>`;
    }
    return html`
      <td>${this.#end("src", src)}</td>
      <td>${this.#end("dst", dst)}</td>
      <td>${this.#protocol(edge.protocol ?? "")}</td>
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

  #end(side: "src" | "dst", { end, by, value }: MapEnd): unknown {
    return html`
      <button title="Only ${toShown(end)}"
        @click=${() => this.#pick(`${side}.${by}`, value)}>${toShown(
          end,
        )}</button>
    `;
  }

  #pick(path: string, value: string): void {
    this.#fire("filter-add", { path, value });
  }

  #fire(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
customElements.define("overview-panel", OverviewPanel);

async function fetchAll(
  counted: Counted,
  signal: AbortSignal,
): Promise<{ stats: StatsAnswer; map: MapAnswer }> {
  const stats = await fetchStats(counted, signal);
  return { stats, map: await fetchMap(counted, signal) };
}

function inWords(all: Summary): unknown {
  const { count, failed, requestBytes, responseBytes, elapsedTime } = all;
  return html`
    <b>${counted(count, "entry").replace(/ys$/, "ies")}</b>
    <span class=${failed > 0 ? "failed" : ""}>${formatShare(
      failed,
      count,
    )} failed
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
    <td class="number ${failed > 0 ? "failed" : "muted"}">${formatShare(
      failed,
      count,
    )}</td>
    <td class="number">${latency(elapsedTime?.p50)}</td>
    <td class="number">${latency(elapsedTime?.p95)}</td>
  `;
}
