/** What dialogs share that hold a table. */
import { css } from "lit";
import { tableStyles } from "../table_styles.ts";

export const sheetStyles = [
  tableStyles,
  css`
    dialog {
      max-height: calc(100dvh - 48px);
      width: min(var(--sheet, 940px), calc(100vw - 32px));
    }

    /* Its parts: what is said, what scrolls, what can be done. */
    dialog[open] {
      display: flex;
      flex-direction: column;
    }

    .top {
      align-items: start;
      display: flex;
      gap: 16px;
      justify-content: space-between;
      padding: 18px 14px 14px 24px;
    }

    .top form {
      padding: 0;
    }

    .top p {
      margin-top: 3px;
    }

    .scroller {
      border-block: 1px solid var(--line);
      flex: 1;
      min-height: 96px;
    }

    th {
      height: 28px;
      letter-spacing: 0.02em;
      padding: 0 12px;
    }

    td {
      line-height: 18px;
      padding: 6px 12px;
      vertical-align: top;
    }

    tr:last-child td {
      border-bottom: 0;
    }

    :is(th, td):first-child {
      padding-left: 24px;
    }

    :is(th, td):last-child {
      padding-right: 24px;
    }

    .number {
      white-space: nowrap;
    }
  `,
];
