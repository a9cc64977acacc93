/** A request or a response, in sections. */
import { html, nothing } from "lit";
import type { Base64 } from "../../entry/field.ts";
import { formatCount, formatSize } from "../model/format.ts";
import type { HalfJson } from "../model/entry_json.ts";
import { isBase64 } from "../model/entry_json.ts";
import type { Scalar } from "../model/filter_edit.ts";
import {
  type NamedValues,
  type Section,
  sectionsOf,
} from "../model/half_sections.ts";
import { pathTo } from "../model/kfl_text.ts";
import "./body_view.ts";
import "./json_view.ts";
import "./long_text.ts";
import { valueButton } from "./value_button.ts";
import { wireText } from "./wire_text.ts";

/** Values and records that one table shows; the raw view has all. */
const MAX_SHOWN = 200;

/** Longest text that stands in a cell as it is. */
const MAX_CELL = 600;

/** Longest text of a record that is not broken into lines. */
const MAX_SHORT = 12;

/** Bytes of a value that a cell shows. */
const MAX_HEX = 32;

/**
 * @param base `request` or `response`
 * @param bodyUrl where all of its body can be had
 */
export function halfPanel(
  half: HalfJson,
  base: "request" | "response",
  bodyUrl: string,
): unknown {
  const sections = sectionsOf(half, base);
  if (sections.length === 0) {
    return html`<p class="empty">It was captured, and is empty.</p>`;
  }
  return sections.map((section) =>
    html`<section>${renderSection(section, bodyUrl)}</section>`
  );
}

function renderSection(section: Section, bodyUrl: string): unknown {
  switch (section.kind) {
    case "values":
      return valueTable(section.rows);
    case "map":
      return html`
        ${heading(section.name, section.rows.length)} ${valueTable(
          section.rows,
        )}
      `;
    case "records":
      return html`
        ${heading(section.name, section.rows.length)} ${recordTable(section)}
      `;
    case "tree":
      return html`
        ${heading(section.name)}
        <json-view
          label="${titleOf(section.name)}"
          .value="${section.value}"
          .path="${section.path}"
        ></json-view>
      `;
    case "body":
      return html`
        <body-view
          .body="${section.body}"
          .contentType="${section.contentType}"
          .size="${section.size}"
          .isCut="${section.isCut}"
          .coding="${section.coding}"
          .path="${section.path}"
          .url="${bodyUrl}"
        ></body-view>
      `;
  }
}

function heading(name: string, count?: number): unknown {
  return html`
    <div class="head">
      <h3>${titleOf(name)}</h3>
      ${count === undefined
        ? nothing
        : html`<span class="about">${
          count === 0 ? "none" : formatCount(count)
        }</span>`}
    </div>
  `;
}

/** `queryString` -> `Query string`. */
function titleOf(name: string): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Names and values, a row each. */
export function valueTable(rows: readonly NamedValues[]): unknown {
  return html`
    <table>
      <tbody>
        ${rows.slice(0, MAX_SHOWN).map(({ name, path, values }) =>
          html`
            <tr>
              <th scope="row">${wireText(name)}</th>
              <td>${valueList(path, values)}</td>
            </tr>
          `
        )}
      </tbody>
    </table>
    ${moreNote(rows.length)}
  `;
}

function recordTable(section: Section & { kind: "records" }): unknown {
  const { columns, rows, path } = section;
  return html`
    <table class="records">
      <thead>
        <tr>${columns.map((name) =>
          html`<th scope="col">${wireText(name)}</th>`
        )}</tr>
      </thead>
      <tbody>
        ${rows.slice(0, MAX_SHOWN).map((row) =>
          html`<tr>${
            columns.map((name) => cell(row[name], pathTo(path, name)))
          }</tr>`
        )}
      </tbody>
    </table>
    ${moreNote(rows.length)}
  `;
}

/** A cell; what is short stays in one line. */
function cell(value: unknown, path: string): unknown {
  if (value === undefined) return html`<td></td>`;
  const isShort = !isBase64(value) && String(value).length <= MAX_SHORT;
  return html`
    <td class="${isShort ? "short" : ""}">
      ${valueList(path, [value].flat() as (Scalar | Base64)[])}
    </td>
  `;
}

/** Values of one name; more than one stand in order, a line or a comma apart. */
function valueList(
  path: string,
  values: readonly (Scalar | Base64)[],
): unknown {
  if (values.length === 0) return html`<span class="none">none</span>`;
  const isShort = values.every((each) => String(each).length < 24);
  const shown = values.slice(0, MAX_SHOWN);
  const items = shown.map((value, i) =>
    isShort
      ? html`${i > 0 ? html`<span class="none">, </span>` : ""}${
        oneValue(path, value)
      }`
      : html`<div>${oneValue(path, value)}</div>`
  );
  return html`${items}${
    values.length > MAX_SHOWN
      ? html`<span class="none"> and ${
        formatCount(values.length - MAX_SHOWN)
      } more</span>`
      : nothing
  }`;
}

function oneValue(path: string, value: Scalar | Base64): unknown {
  if (isBase64(value)) return bytesOf(value);
  if (typeof value === "string" && value.length > MAX_CELL) {
    return html`<long-text .text="${value}" .path="${path}"></long-text>`;
  }
  if (value === "") {
    return valueButton({ path, value }, html`<span class="none">empty</span>`);
  }
  return valueButton({ path, value });
}

/** The beginning of bytes that are no text. */
function bytesOf({ base64 }: Base64): unknown {
  const size = base64.length * 3 / 4 - (/=*$/.exec(base64)![0].length);
  const start = Uint8Array.fromBase64(
    base64.slice(0, 4 * Math.ceil(MAX_HEX / 3)),
  );
  const hex = start.subarray(0, MAX_HEX).toHex().replaceAll(
    /(..)(?=.)/g,
    "$1 ",
  );
  return html`
    <span class="bytes">${hex}${size > MAX_HEX ? " …" : ""}</span> <span
      class="none">${formatSize(size)}</span>
  `;
}

function moreNote(count: number): unknown {
  return count > MAX_SHOWN
    ? html`<p class="note">${
      formatCount(count - MAX_SHOWN)
    } more are in the raw view.</p>`
    : nothing;
}
