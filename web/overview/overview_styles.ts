/** The look of what an answer amounts to. */
import { css } from "lit";
import { base, chips } from "../styles.ts";
import { tableStyles } from "../table_styles.ts";

export const overviewStyles = [
  base,
  chips,
  tableStyles,
  css`
    :host {
      background: var(--surface-raised);
      border-bottom: 1px solid var(--line-strong);
      container-type: inline-size;
      display: grid;
      grid-template: auto auto minmax(0, 1fr) / minmax(0, 1fr);
      height: min(292px, 40dvh);
      min-height: 0;
      padding: 10px 12px 0;
    }

    .note {
      color: var(--text-muted);
      grid-row: 1 / -1;
      margin: 0;
      place-self: center;
    }

    .all {
      color: var(--text-muted);
      display: flex;
      flex-wrap: wrap;
      font-size: var(--size-data);
      font-variant-numeric: tabular-nums;
      gap: 2px 16px;
      margin: 0 0 8px;
    }

    b {
      color: var(--text);
      font-weight: 600;
    }

    .failed {
      color: var(--failed);
    }

    .tables {
      display: grid;
      gap: 0 24px;
      grid-template-columns: minmax(300px, 2fr) minmax(0, 5fr);
      margin-top: 6px;
      min-height: 0;
    }

    .scroller {
      min-height: 0;
      scrollbar-width: thin;
    }

    th {
      line-height: 22px;
      padding: 0 12px 0 0;
    }

    td {
      line-height: 24px;
      max-width: 220px;
      overflow: hidden;
      padding: 0 12px 0 0;
      text-overflow: ellipsis;
      white-space: nowrap;
    }

    .number {
      width: 1%;
    }

    .count {
      min-width: 120px;
    }

    .count i {
      background: color-mix(in srgb, var(--accent) 55%, var(--surface));
      border-radius: 2px;
      display: inline-block;
      forced-color-adjust: none;
      height: 5px;
      margin: 0 8px 2px 0;
      width: calc(56px * var(--share));
    }

    button {
      background: none;
      border: 0;
      color: inherit;
      cursor: pointer;
      font: inherit;
      max-width: 100%;
      min-width: 24px;
      overflow: hidden;
      padding: 0;
      text-align: left;
      text-overflow: ellipsis;
      vertical-align: top;
    }

    button:hover {
      text-decoration: underline;
      text-underline-offset: 3px;
    }

    @container (max-width: 860px) {
      .tables {
        grid-template-columns: minmax(0, 1fr);
      }

      .tables > :first-child {
        display: none;
      }
    }

    @container (max-width: 520px) {
      .count {
        min-width: 0;
      }

      .count i {
        display: none;
      }
    }
  `,
];
