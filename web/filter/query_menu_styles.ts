/** The look of the list of queries. */
import { css } from "lit";
import { base, overlayPanel } from "../styles.ts";
import { codeColours } from "./code_colours.ts";

export const queryMenuStyles = [
  base,
  overlayPanel,
  codeColours,
  css`
    .panel {
      max-height: min(28rem, 70vh);
      overflow: auto;
      padding: 6px;
      scrollbar-width: thin;
    }

    h3 {
      color: var(--text-muted);
      font: 600 var(--size-small) / 16px var(--font);
      margin: 0;
      padding: 6px 8px 4px;
    }

    ul {
      list-style: none;
      margin: 0;
      padding: 0;
    }

    ul + h3 {
      border-top: 1px solid var(--line);
      margin-top: 6px;
      padding-top: 10px;
    }

    button {
      align-items: baseline;
      background: none;
      border: 0;
      border-radius: 4px;
      color: inherit;
      cursor: pointer;
      display: grid;
      gap: 16px;
      grid-auto-flow: column;
      grid-template-columns: 1fr;
      justify-content: start;
      padding: 4px 8px;
      text-align: left;
      width: 100%;
    }

    button:has(.doc) {
      grid-template-columns: 17rem 1fr;
    }

    button:hover,
    button:focus-visible {
      background: var(--surface-selected);
    }

    code {
      font: var(--size-data) / 18px var(--font-data);
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    .doc + code {
      color: var(--text-muted);
    }

    @media (max-width: 640px) {
      button:has(.doc) {
        grid-template-columns: 1fr;
      }
    }
  `,
];
