/** When an exchange happened, and how long its parts took. */
import { html, nothing } from "lit";
import { formatTime, parseTime } from "../../kfl/time.ts";
import { inlineStyle } from "../inline_style.ts";
import type { EntryJson } from "../model/entry_json.ts";
import {
  formatClock,
  formatDay,
  formatLatency,
  formatSize,
  latencyShare,
  zoneOffset,
} from "../model/format.ts";
import { valueButton } from "./value_button.ts";

/** Marks of the scale, ms. */
const MARKS = [0.1, 1, 10, 100, 1000, 10_000];

export function timingPanel(entry: EntryJson): unknown {
  const { elapsedTime } = entry;
  const begin = parseTime(entry.timestamp);
  const answered = begin === undefined || elapsedTime === undefined
    ? undefined
    : begin + Math.round(elapsedTime * 1000);
  return html`
    <section>
      <table>
        <tbody>
          ${moment("Request began", entry.timestamp, begin, "timestamp")}
          ${answered === undefined
            ? nothing
            : moment("Response began", formatTime(answered), answered)}
          ${elapsedTime === undefined ? nothing : html`
            <tr>
              <th scope="row">Time between</th>
              <td>${valueButton(
                { path: "elapsedTime", value: elapsedTime },
                formatLatency(elapsedTime),
              )}</td>
            </tr>
          `}
          ${size("Request", "requestSize", entry.requestSize)}
          ${size("Response", "responseSize", entry.responseSize)}
        </tbody>
      </table>
    </section>
    ${elapsedTime === undefined ? nothing : scale(elapsedTime)}
  `;
}

/** A time in the reader's zone, and as the wire's clock had it. */
function moment(
  name: string,
  text: string,
  us: number | undefined,
  path?: string,
): unknown {
  const local = us === undefined
    ? ""
    : `${formatDay(us, zoneOffset(us))} ${formatClock(us, zoneOffset(us))}`;
  return html`
    <tr>
      <th scope="row">${name}</th>
      <td>
        ${path ? valueButton({ path, value: text }) : text}
        <div class="none">${local} here</div>
      </td>
    </tr>
  `;
}

function size(name: string, path: string, bytes: number | undefined): unknown {
  if (bytes === undefined) return nothing;
  return html`
    <tr>
      <th scope="row">${name}, with framing</th>
      <td>${valueButton({ path, value: bytes }, formatSize(bytes))}</td>
    </tr>
  `;
}

/** The wait on a scale of powers of ten, on which all entries compare. */
function scale(ms: number): unknown {
  const share = `${100 * latencyShare(ms)}%`;
  return html`
    <section>
      <div class="head">
        <h3>Wait for the response</h3>
      </div>
      <div class="scale" aria-hidden="true">
        <div class="wait" ${inlineStyle({ width: share })}>
          <span>${formatLatency(ms)}</span>
        </div>
        ${MARKS.map((mark) =>
          html`<i ${
            inlineStyle({ left: `${100 * latencyShare(mark)}%` })
          }><span>${formatLatency(mark)}</span></i>`
        )}
      </div>
    </section>
  `;
}
