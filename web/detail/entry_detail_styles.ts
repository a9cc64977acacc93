/** The look of the details of an entry. */
import { css } from "lit";
import { codeColours } from "../filter/code_colours.ts";
import { base, chips } from "../styles.ts";
import { sectionStyles } from "./section_styles.ts";
import { valueStyles } from "./value_view_styles.ts";

export const entryDetailStyles = [
  base,
  chips,
  codeColours,
  valueStyles,
  sectionStyles,
  css`
    :host {
      background: var(--surface);
      container-type: inline-size;
      display: flex;
      flex-direction: column;
      height: 100%;
      min-height: 0;
      min-width: 0;
    }

    .instead {
      color: var(--text-muted);
      margin: auto;
      max-width: 26rem;
      padding: 24px;
      text-align: center;
    }

    .instead h2 {
      color: var(--text);
      font: 600 var(--size-large) / 1.4 var(--font);
      margin: 0 0 4px;
    }

    .instead p {
      margin: 0 0 12px;
      overflow-wrap: anywhere;
    }

    .primary {
      background: var(--accent);
      border: 0;
      border-radius: var(--radius);
      color: var(--on-accent);
      cursor: pointer;
      font: 500 var(--size) / 1 var(--font);
      height: 30px;
      padding: 0 12px;
    }

    header {
      padding: 12px 16px 8px;
    }

    .title {
      align-items: flex-start;
      display: flex;
      gap: 8px;
    }

    h2 {
      -webkit-box-orient: vertical;
      -webkit-line-clamp: 3;
      display: -webkit-box;
      flex: 1;
      font: 600 var(--size) / 20px var(--font-data);
      margin: 0;
      min-width: 0;
      overflow: hidden;
      overflow-wrap: anywhere;
      unicode-bidi: isolate;
    }

    .outcome {
      border-radius: 4px;
      flex: none;
      font: 600 var(--size-small) / 20px var(--font);
      padding: 0 7px;
    }

    .chip {
      flex: none;
      line-height: 20px;
    }

    .outcome {
      background: var(--surface-sunken);
      display: inline-block;
    }

    .outcome.ok {
      color: var(--ok);
    }

    .outcome.refused {
      background: var(--refused-soft);
      color: var(--refused);
    }

    .outcome.failed {
      background: var(--failed-soft);
      color: var(--failed);
    }

    .outcome.unanswered {
      color: var(--unanswered);
    }

    .close {
      background: none;
      border: 0;
      border-radius: var(--radius);
      color: var(--text-muted);
      cursor: pointer;
      display: inline-flex;
      flex: none;
      margin: -4px -8px -4px 0;
      padding: 6px;
    }

    .close:hover {
      background: var(--surface-sunken);
      color: var(--text);
    }

    .facts {
      align-items: baseline;
      color: var(--text-muted);
      display: flex;
      flex-wrap: wrap;
      font: var(--size-data) / 20px var(--font-data);
      gap: 0 8px;
      margin: 4px 0 0;
    }

    .facts .end {
      color: var(--text);
    }

    .colon,
    .to,
    .none {
      color: var(--text-faint);
    }

    .fact::before {
      color: var(--line-strong);
      content: "·";
      margin-right: 8px;
    }

    /* Where facts take two lines, a dot may not begin one. */
    @container (max-width: 460px) {
      .fact::before {
        content: none;
      }
    }

    .note.warn {
      background: var(--refused-soft);
      border-color: transparent;
      color: var(--refused);
      margin: 8px 0 0;
    }

    .actions {
      align-items: center;
      display: flex;
      flex-wrap: wrap;
      gap: 4px;
      margin: 8px -8px 0;
    }

    .actions button {
      background: none;
      border: 0;
      border-radius: var(--radius);
      color: var(--accent);
      cursor: pointer;
      font: 500 var(--size-data) / 1 var(--font);
      height: 24px;
      padding: 0 8px;
    }

    .actions a.button {
      color: var(--accent);
    }

    .actions :is(button, a):hover {
      background: var(--accent-soft);
    }

    .told {
      color: var(--text-muted);
      font-size: var(--size-data);
    }

    .tabs {
      border-bottom: 1px solid var(--line);
      display: flex;
      flex: none;
      gap: 2px;
      padding: 0 8px;
    }

    .tabs button {
      background: none;
      border: 0;
      border-bottom: 2px solid transparent;
      color: var(--text-muted);
      cursor: pointer;
      font: 500 var(--size) / 1 var(--font);
      height: 32px;
      margin-bottom: -1px;
      padding: 0 8px;
    }

    .tabs button:hover {
      color: var(--text);
    }

    .tabs button[aria-selected="true"] {
      border-bottom-color: var(--accent);
      color: var(--text);
    }

    .tabs .absent {
      font-weight: 400;
    }

    .tabs .absent::after {
      content: " –";
    }

    .panel {
      flex: 1;
      min-height: 0;
      overflow: auto;
      padding: 12px 16px 24px;
      scrollbar-width: thin;
    }

    section + section,
    .encrypted + section {
      margin-top: 16px;
    }

    .empty {
      color: var(--text-muted);
      margin: 0;
    }

    table.records thead > tr > * {
      border-bottom: 1px solid var(--line-strong);
    }

    table.records th[scope="col"] {
      font: 500 var(--size-small) / 16px var(--font);
      white-space: nowrap;
      width: auto;
    }

    /* Room is left to what is long. */
    table.records td.short,
    td.short > .value {
      overflow-wrap: normal;
      white-space: nowrap;
    }

    table.records {
      table-layout: auto;
    }

    table.ends {
      table-layout: fixed;
    }

    table.records td {
      padding-right: 12px;
    }

    table.ends th[scope="row"],
    table.ends thead td {
      width: 6.5rem;
    }

    /* Values below each other are targets, which are to be 24 px apart. */
    td > div + div {
      margin-top: 6px;
    }

    .bytes {
      color: var(--code-number);
    }

    .encrypted {
      padding: 8px 12px;
    }

    .encrypted p {
      margin: 0;
    }

    .encrypted b {
      color: var(--text);
    }

    .encrypted svg {
      fill: none;
      height: 14px;
      margin-right: 2px;
      stroke: currentColor;
      stroke-linejoin: round;
      stroke-width: 1.5;
      vertical-align: -2px;
      width: 14px;
    }

    .encrypted dl {
      display: flex;
      flex-wrap: wrap;
      gap: 6px 24px;
      margin: 8px 0 0;
    }

    .encrypted dt {
      font-size: var(--size-small);
    }

    .encrypted dd {
      color: var(--text);
      font: var(--size-data) / 18px var(--font-data);
      margin: 0;
    }

    .encrypted .value {
      margin: 0;
      padding: 0;
    }

    .scale {
      background: linear-gradient(var(--line), var(--line)) 0 14px / 100% 1px
        no-repeat;
      height: 48px;
      margin: 4px 40px 0 0;
      position: relative;
    }

    .wait {
      background: var(--accent);
      border-radius: 3px;
      height: 12px;
      position: absolute;
      top: 2px;
    }

    .wait span {
      color: var(--text);
      font: 600 var(--size-small) / 12px var(--font);
      left: calc(100% + 6px);
      position: absolute;
      white-space: nowrap;
    }

    .scale i {
      background: var(--line-strong);
      font: var(--size-small) / 14px var(--font);
      height: 6px;
      position: absolute;
      top: 14px;
      width: 1px;
    }

    .scale i span {
      color: var(--text-muted);
      left: 0;
      position: absolute;
      top: 10px;
      transform: translateX(-50%);
      white-space: nowrap;
    }

    .scale i:first-of-type span {
      transform: none;
    }

    .raw {
      --view-height: 75vh;
    }
  `,
];
