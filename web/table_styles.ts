/** What tables share, wherever they are: heads that stay while rows scroll. */
import { css } from "lit";

export const tableStyles = css`
  .scroller {
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
    position: sticky;
    text-align: left;
    top: 0;
    white-space: nowrap;
    z-index: 1;
  }

  td {
    border-bottom: 1px solid color-mix(in srgb, var(--line) 55%, transparent);
    font: var(--size-data) / 1 var(--font-data);
  }

  .number {
    text-align: right;
  }

  .muted {
    color: var(--text-muted);
  }
`;
