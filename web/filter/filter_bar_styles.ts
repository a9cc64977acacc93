/** The look of the line in which a query is written. */
import { css } from "lit";
import { base } from "../styles.ts";
import { codeColours } from "./code_colours.ts";

export const filterBarStyles = [
  base,
  codeColours,
  css`
    /* A long query is one line high until it is written in, and then lies over
      the page: what is below never moves. */
    :host {
      display: block;
      flex: 1;
      height: 34px;
      min-width: 0;
      position: relative;
    }

    .frame {
      inset: 0 0 auto;
      position: absolute;
    }

    :host(:focus-within) .frame {
      z-index: 20;
    }

    :host(:not(:focus-within)) .bar {
      height: 34px;
      overflow: hidden;
    }

    /* Further lines fade out, so that they are known of. */
    :host(:not(:focus-within)) .line {
      mask-image: linear-gradient(#000 23px, transparent 33px);
    }

    .bar {
      align-items: flex-start;
      background: var(--surface);
      border: 1px solid var(--line-strong);
      border-radius: var(--radius);
      display: flex;
      gap: 2px;
      min-height: 34px;
      padding: 3px 3px 3px 10px;
      transition: border-color var(--quick), box-shadow var(--quick);
    }

    .bar:focus-within {
      border-color: var(--focus);
      box-shadow: 0 0 0 3px color-mix(in srgb, var(--focus) 18%, transparent);
    }

    .bar.invalid:focus-within {
      border-color: var(--failed);
      box-shadow: 0 0 0 3px color-mix(in srgb, var(--failed) 16%, transparent);
    }

    svg {
      fill: none;
      height: 16px;
      stroke: currentColor;
      stroke-linecap: round;
      stroke-linejoin: round;
      stroke-width: 1.5;
      width: 16px;
    }

    .glyph {
      color: var(--text-faint);
      flex: none;
      margin: 5px 8px 0 0;
    }

    .line {
      color: var(--text);
      display: flex;
      flex: 1;
      font: var(--size) / 20px var(--font-data);
      min-width: 0;
      padding: 3px 0;
    }

    .editor {
      display: contents;
    }

    .cm-placeholder {
      max-width: 100%;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    textarea {
      background: none;
      border: 0;
      color: inherit;
      field-sizing: content;
      flex: 1;
      font: inherit;
      margin: 0;
      max-height: 9lh;
      min-width: 0;
      outline: none;
      padding: 0;
      resize: none;
    }

    textarea::placeholder {
      color: var(--text-faint);
      opacity: 1;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    .state {
      border-radius: 4px;
      color: var(--text-faint);
      flex: none;
      font: 500 var(--size-small) / 18px var(--font);
      margin: 4px 4px 0;
      padding: 0 6px;
    }

    .edited .state {
      background: var(--accent-soft);
      color: var(--accent);
    }

    .invalid .state {
      background: var(--failed-soft);
      color: var(--failed);
    }

    button {
      background: none;
      border: 0;
      border-radius: 4px;
      color: var(--text-muted);
      cursor: pointer;
      flex: none;
      font: 500 var(--size) / 1 var(--font);
      height: 26px;
      padding: 0 10px;
    }

    button:hover {
      background: var(--surface-sunken);
      color: var(--text);
    }

    .icon {
      align-items: center;
      display: inline-flex;
      justify-content: center;
      padding: 0;
      width: 26px;
    }

    .apply {
      background: var(--accent);
      color: var(--on-accent);
      transition: opacity var(--quick);
    }

    .apply:hover {
      background: var(--accent-strong);
      color: var(--on-accent);
    }

    .apply:disabled {
      background: var(--surface-sunken);
      color: var(--text-muted);
      cursor: default;
    }

    .problems {
      background: var(--surface-overlay);
      border: 1px solid var(--line-strong);
      border-left: 3px solid var(--refused);
      border-radius: var(--radius);
      box-shadow: var(--shadow-overlay);
      display: none;
      left: 0;
      max-width: min(100%, 60rem);
      padding: 6px;
      position: absolute;
      top: calc(100% + 4px);
      z-index: 20;
    }

    :host(:focus-within) .problems:not([hidden]),
    .problems.urgent:not([hidden]) {
      display: block;
    }

    .problems.urgent {
      border-left-color: var(--failed);
    }

    .problem {
      align-items: baseline;
      display: flex;
      flex-wrap: wrap;
      gap: 2px 10px;
      padding: 2px 6px;
    }

    .problem + .problem {
      border-top: 1px solid var(--line);
      margin-top: 4px;
      padding-top: 6px;
    }

    .message {
      color: var(--text);
      font-weight: 400;
      height: auto;
      line-height: 20px;
      margin: 0 -4px;
      padding: 0 4px;
      text-align: left;
    }

    .hint,
    .more {
      color: var(--text-muted);
      line-height: 20px;
      margin: 0;
    }

    .more {
      padding: 2px 6px;
    }

    code {
      font: var(--size-data) / 1 var(--font-data);
      overflow-wrap: anywhere;
    }

    .message code {
      color: var(--code-keyword);
    }

    .fix {
      background: var(--accent-soft);
      color: var(--accent);
      font: var(--size-data) / 20px var(--font-data);
      height: 22px;
      max-width: 32rem;
      overflow: hidden;
      padding: 0 8px;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    .fix:hover {
      background: var(--accent);
      color: var(--on-accent);
    }

    .fix del {
      opacity: 0.85;
      text-decoration-color: currentColor;
    }

    .fix ins {
      font-weight: 600;
      text-decoration: none;
    }

    @media (max-width: 640px) {
      .glyph,
      .bar .state {
        display: none;
      }
    }
  `,
];
