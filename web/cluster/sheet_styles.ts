/** What dialogs share that hold a table. */
import { css } from "lit";

export const sheetStyles = css`
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
    overflow: auto;
    scrollbar-color: var(--line-strong) transparent;
  }

  table {
    border-collapse: separate;
    border-spacing: 0;
    font-variant-numeric: tabular-nums;
    width: 100%;
  }

  th {
    background: var(--surface-raised);
    border-bottom: 1px solid var(--line);
    color: var(--text-muted);
    font: 600 var(--size-small) / 1 var(--font);
    height: 28px;
    letter-spacing: 0.02em;
    padding: 0 12px;
    position: sticky;
    text-align: left;
    top: 0;
    white-space: nowrap;
    z-index: 1;
  }

  td {
    border-bottom: 1px solid color-mix(in srgb, var(--line) 55%, transparent);
    font: var(--size-data) / 18px var(--font-data);
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
    text-align: right;
    white-space: nowrap;
  }

  .muted {
    color: var(--text-muted);
  }
`;
