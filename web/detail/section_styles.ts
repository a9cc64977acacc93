/** The look of sections, their tables and their small buttons. */
import { css } from "lit";

export const sectionStyles = css`
  .head {
    align-items: center;
    display: flex;
    flex-wrap: wrap;
    gap: 4px 6px;
    margin: 0 0 4px;
    min-height: 26px;
  }

  h3 {
    color: var(--text);
    font: 600 var(--size) / 20px var(--font);
    margin: 0;
  }

  .about {
    color: var(--text-muted);
    flex: 1;
    font-size: var(--size-data);
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .head button,
  a.button {
    align-items: center;
    background: none;
    border: 0;
    border-radius: var(--radius);
    color: var(--text-muted);
    cursor: pointer;
    display: inline-flex;
    font: 500 var(--size-data) / 1 var(--font);
    gap: 4px;
    height: 24px;
    padding: 0 8px;
    text-decoration: none;
    white-space: nowrap;
  }

  .head button:hover,
  a.button:hover {
    background: var(--surface-sunken);
    color: var(--text);
  }

  a.button svg {
    height: 14px;
    width: 14px;
  }

  button.link {
    background: none;
    border: 0;
    color: var(--accent);
    cursor: pointer;
    font: inherit;
    padding: 0;
    text-decoration: underline;
    text-underline-offset: 2px;
  }

  /* Borders that are not shared make all rows equally high. */
  table {
    border-collapse: separate;
    border-spacing: 0;
    font: var(--size-data) / 18px var(--font-data);
    table-layout: fixed;
    width: 100%;
  }

  tr:not(:last-child) > * {
    border-bottom: 1px solid var(--line);
  }

  tr:hover {
    background: var(--surface-hover);
  }

  th {
    color: var(--text-muted);
    font-weight: 400;
    overflow-wrap: anywhere;
    padding: 3px 12px 3px 0;
    text-align: left;
    unicode-bidi: isolate;
    vertical-align: top;
    width: 11.5rem;
  }

  @container (max-width: 460px) {
    th {
      width: 8.5rem;
    }
  }

  td {
    overflow-wrap: anywhere;
    padding: 3px 0;
    vertical-align: top;
  }

  .note {
    background: var(--surface-raised);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    color: var(--text-muted);
    margin: 0 0 6px;
    padding: 5px 10px;
  }

  .note.bad {
    background: var(--failed-soft);
    color: var(--failed);
  }
`;
