/** The figures of a node or link of the service map, beside it. */
import { html, nothing } from "lit";
import {
  formatCount,
  formatLatency,
  formatShare,
  formatSize,
  toShown,
} from "../model/format.ts";
import { nameOf, rateText } from "../model/map_figures.ts";
import type { LinkPart, MapLink, MapNode, Tally } from "../model/map_graph.ts";

/** What an end is told apart by, in words. */
const KINDS = {
  name: "by its name",
  workload: "a workload",
  namespace: "a namespace",
  ip: "an address without a name",
} as const;

/** @param span of time that was counted, µs */
export function nodeTip(
  { end, sent, served }: MapNode,
  gathered: number,
  span: number,
): unknown {
  const where = end?.namespace === undefined
    ? ""
    : ` in ${toShown(end.namespace)}`;
  const rows = [["Asks", sent], ["Answers", served]] as const;
  return html`
    <h3>${nameOf(end, gathered)}</h3>
    <p>${end
      ? `${end.by === "name" ? "a service or pod" : KINDS[end.by]}${where}`
      : "the rarest, drawn as one"}</p>
    <table>
      <tbody>${rows.filter(([, { count }]) => count > 0).map(
        ([name, tally]) =>
          html`<tr><th scope="row">${name}</th>${figures(tally, span)}
            <td class="muted">${formatSize(tally.bytes)}</td></tr>`,
      )}</tbody>
    </table>
  `;
}

/** @param span of time that was counted, µs */
export function linkTip(
  { parts }: MapLink,
  [src, dst]: readonly [string, string],
  span: number,
): unknown {
  return html`
    <h3>${src} <span class="muted">→</span> ${dst}</h3>
    <table>
      <thead>
        <tr>
          <th></th>
          <th scope="col" colspan="2" class="number">Entries</th>
          <th scope="col" class="number">Failed</th>
          <th scope="col" class="number">p50</th>
          <th scope="col" class="number">p95</th>
        </tr>
      </thead>
      <tbody>${parts.map((part) => rowOf(part, span))}</tbody>
    </table>
  `;
}

function rowOf(part: LinkPart, span: number): unknown {
  const { protocol, elapsedTime } = part;
  const latency = (ms: number | undefined) =>
    ms === undefined ? "" : formatLatency(ms);
  return html`
    <tr>
      <th scope="row">${toShown(protocol || "others")}</th>
      ${figures(part, span)}
      <td class="number">${latency(elapsedTime?.p50)}</td>
      <td class="number">${latency(elapsedTime?.p95)}</td>
    </tr>
  `;
}

function figures(tally: Tally, span: number): unknown {
  const { count, failed } = tally;
  const rate = rateText(count, span);
  return html`
    <td class="number">${formatCount(count)}</td>
    <td class="number muted">${rate === `${count}×` ? nothing : rate}</td>
    <td class="number ${failed > 0 ? "failed" : "muted"}">${formatShare(
      failed,
      count,
    )}</td>
  `;
}
