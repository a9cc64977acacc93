/** What an entry is in short, above its details. */
import { html, nothing } from "lit";
import { FLAG } from "../../api/batch.ts";
import { inlineStyle } from "../inline_style.ts";
import type { EndJson, EntryJson } from "../model/entry_json.ts";
import { formatLatency, formatSize } from "../model/format.ts";
import { OUTCOME_TEXTS, outcomeOf } from "../model/outcome.ts";
import { hueOf } from "../model/protocol_colour.ts";
import { valueButton } from "./value_button.ts";
import { wireText } from "./wire_text.ts";

/** What `incomplete` means, for people. */
const MISSING: Readonly<Record<string, string>> = {
  gap: "Bytes of it were lost",
  cut: "The capture ends inside it",
  "mid-stream": "It began before the capture did",
  reset: "The connection was reset before it ended",
  "no response": "No response came",
};

/** @param close what takes it away */
export function entryHead(entry: EntryJson, close: unknown): unknown {
  return html`
    <div class="title">
      ${protocolChip(entry)}
      <h2>${wireText(entry.summary)}</h2>
      ${statusChip(entry)} ${close}
    </div>
    <p class="facts">${facts(entry)}</p>
    ${(entry.incomplete ?? []).map((why) =>
      html`
        <p class="note warn">${MISSING[why] ?? why}.</p>
      `
    )}
  `;
}

function protocolChip({ protocol, version, decrypted }: EntryJson): unknown {
  const hue = hueOf(protocol);
  const name = version && /^\d/.test(version)
    ? `${protocol} ${version}`
    : protocol;
  return html`
    <span
      class="chip ${hue === undefined ? "plain" : ""}"
      ${inlineStyle({ "--hue": String(hue ?? 0) })}
    >${wireText(name)}</span>
    ${decrypted
      ? html`
        <span class="chip plain" title="It went over the wire encrypted"
        >decrypted</span>
      `
      : nothing}
  `;
}

function statusChip(entry: EntryJson): unknown {
  const { status, failed, incomplete = [] } = entry;
  const flags = (failed ? FLAG.FAILED : 0) |
    (incomplete.includes("no response") ? FLAG.NO_RESPONSE : 0) |
    (incomplete.includes("reset") ? FLAG.RESET : 0);
  const outcome = outcomeOf(flags, String(status ?? ""));
  const text = status === undefined ? OUTCOME_TEXTS[outcome] : String(status);
  if (text === "") return nothing;
  const chip = html`<span class="outcome ${outcome}">${wireText(text)}</span>`;
  return status === undefined
    ? chip
    : valueButton({ path: "status", value: status }, chip);
}

function facts(entry: EntryJson): unknown {
  const { src, dst, elapsedTime, requestSize, responseSize } = entry;
  return html`
    ${end("src", src)}<span class="to" aria-label="to">→</span>${end(
      "dst",
      dst,
    )}
    ${elapsedTime === undefined
      ? nothing
      : html`<span class="fact">${formatLatency(elapsedTime)}</span>`}
    ${requestSize === undefined ? nothing : html`
      <span class="fact" title="Size of the request">↑ ${formatSize(
        requestSize,
      )}</span>
    `}
    ${responseSize === undefined ? nothing : html`
      <span class="fact" title="Size of the response">↓ ${formatSize(
        responseSize,
      )}</span>
    `}
  `;
}

function end(side: "src" | "dst", { ip, port, name }: EndJson): unknown {
  const who = name === undefined
    ? valueButton({ path: `${side}.ip`, value: ip })
    : valueButton({ path: `${side}.name`, value: name });
  return html`<span class="end">${who}${
    port === undefined
      ? nothing
      : html`<span class="colon">:</span>${
        valueButton({ path: `${side}.port`, value: port })
      }`
  }</span>`;
}
