/** The look of the dialog about captured pods. */
import { css } from "lit";
import { dialogStyles } from "../dialog_styles.ts";
import { base, buttons, inputs } from "../styles.ts";
import { sheetStyles } from "./sheet_styles.ts";

export const targetsStyles = [
  base,
  buttons,
  inputs,
  dialogStyles,
  sheetStyles,
  css`
    /* It must not jump while somebody types. */
    dialog[open] {
      height: min(760px, calc(100dvh - 48px));
    }

    #selection {
      gap: 12px 16px;
      grid-template-columns: 1fr 1fr;
      padding: 0 24px 12px;
    }

    .namespaces {
      display: flex;
      flex-wrap: wrap;
      gap: 6px;
      grid-column: 1 / -1;
      max-height: 88px;
      overflow: auto;
      padding: 2px;
    }

    .namespaces button {
      background: var(--surface-sunken);
      border-radius: 13px;
      font-size: var(--size-data);
      height: 26px;
    }

    .namespaces button:hover {
      background: var(--surface-hover);
    }

    .namespaces button[aria-pressed="true"] {
      background: var(--accent-soft);
      border-color: currentColor;
    }

    .namespaces span {
      font: var(--size-small) / 1 var(--font-data);
    }

    .found {
      padding: 0 24px 10px;
    }

    .found p {
      min-height: 19px;
      overflow-wrap: anywhere;
    }

    .found .error {
      color: var(--failed);
    }

    b {
      color: var(--text);
      font-weight: 600;
    }

    td {
      overflow-wrap: anywhere;
    }

    .warn {
      color: var(--refused);
    }

    .none {
      padding: 24px;
      text-align: center;
    }

    .bottom {
      align-items: center;
      display: flex;
      gap: 16px;
      justify-content: space-between;
      padding: 12px 24px 16px;
    }

    .bottom .buttons {
      flex: none;
    }

    .nodes {
      color: var(--text-muted);
      font-size: var(--size-data);
      min-width: 0;
      overflow-wrap: anywhere;
    }

    .nodes .pending {
      color: var(--refused);
    }

    .nodes .failed {
      color: var(--failed);
    }

    @media (max-width: 640px) {
      #selection {
        grid-template-columns: 1fr;
      }

      .bottom {
        align-items: stretch;
        flex-direction: column;
      }
    }
  `,
];
