/** The look of the menu of a value. */
import { css } from "lit";
import { base, overlayPanel } from "../styles.ts";

export const valueMenuStyles = [
  base,
  overlayPanel,
  css`
    .panel {
      max-width: 24rem;
      min-width: 13rem;
      padding: 4px;
    }

    .subject {
      border-bottom: 1px solid var(--line);
      color: var(--text-muted);
      margin: 0 0 4px;
      overflow: hidden;
      padding: 3px 8px 6px;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    code {
      font: var(--size-small) / 16px var(--font-data);
    }

    .of {
      color: var(--text);
      unicode-bidi: isolate;
    }

    button {
      align-items: center;
      background: none;
      border: 0;
      border-radius: 4px;
      color: inherit;
      cursor: pointer;
      display: flex;
      font: inherit;
      height: 26px;
      justify-content: space-between;
      padding: 0 8px;
      text-align: left;
      width: 100%;
    }

    button:hover,
    button:focus-visible {
      background: var(--surface-selected);
      outline: none;
    }

    .key {
      color: var(--text-muted);
      font-size: var(--size-small);
    }

    hr {
      border: 0;
      border-top: 1px solid var(--line);
      margin: 4px 0;
    }
  `,
];
