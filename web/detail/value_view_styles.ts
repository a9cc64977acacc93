/** The look of trees, texts and bytes. */
import { css } from "lit";
import { codeColours } from "../filter/code_colours.ts";
import { base } from "../styles.ts";

/** Of values that can be picked, and of what the wire hides. */
export const valueStyles = css`
  .value {
    background: none;
    border: 0;
    border-radius: 3px;
    color: inherit;
    display: inline;
    font: inherit;
    margin: 0 -3px;
    max-width: calc(100% + 6px);
    overflow-wrap: anywhere;
    padding: 0 3px;
    text-align: left;
    unicode-bidi: isolate;
    user-select: text;
    vertical-align: top;
    white-space: pre-wrap;
  }

  button.value {
    cursor: pointer;
  }

  button.value:hover {
    background: var(--accent-soft);
    box-shadow: inset 0 0 0 1px
      color-mix(in srgb, var(--accent) 35%, transparent);
  }

  .sign {
    background: var(--refused-soft);
    border-radius: 3px;
    color: var(--refused);
    font-size: 0.92em;
    padding: 0 1px;
  }

  .redacted {
    background: repeating-linear-gradient(
      -45deg,
      var(--surface-sunken) 0 4px,
      var(--line) 4px 8px
    );
    border: 1px solid var(--line-strong);
    border-radius: 3px;
    color: var(--text-muted);
    cursor: help;
    font: 500 var(--size-small) / 14px var(--font);
    padding: 0 6px;
    user-select: none;
  }
`;

export const valueViewStyles = [
  base,
  codeColours,
  valueStyles,
  css`
    :host {
      display: block;
      min-height: 0;
    }

    .scroller {
      background: var(--surface);
      border: 1px solid var(--line);
      border-radius: var(--radius);
      font: var(--size-data) / 18px var(--font-data);
      max-height: var(--view-height, min(60vh, 40rem));
      overflow: auto;
      overflow-anchor: none;
      padding: 6px 0;
      scrollbar-width: thin;
    }

    .space {
      contain: layout;
      position: relative;
    }

    .rows {
      left: 0;
      min-width: 100%;
      position: absolute;
      top: 0;
      width: max-content;
    }

    .row {
      height: 18px;
      padding: 0 10px;
      white-space: nowrap;
    }

    .text,
    .key,
    .hex span {
      white-space: pre;
    }

    .row .value {
      white-space: pre;
    }

    [role="treeitem"] {
      cursor: default;
    }

    [role="treeitem"]:hover {
      background: var(--surface-hover);
    }

    .scroller:focus-visible .current {
      background: var(--surface-selected);
    }

    .arrow {
      color: var(--text-faint);
      display: inline-block;
      text-align: center;
      width: 18px;
    }

    .key {
      color: var(--code-key);
      unicode-bidi: isolate;
    }

    .index,
    .colon,
    .quote,
    .outline {
      color: var(--text-faint);
    }

    .outline {
      unicode-bidi: isolate;
    }

    .value.string {
      color: var(--code-text);
    }

    .value.number,
    .value.boolean,
    .value.object {
      color: var(--code-number);
    }

    .text {
      tab-size: 4;
    }

    .wrap {
      color: var(--text-faint);
      padding-left: 4px;
      user-select: none;
    }

    .hex {
      color: var(--text);
      display: flex;
      gap: 2ch;
    }

    .offset {
      color: var(--text-faint);
      user-select: none;
    }

    .hex span:nth-child(2),
    .hex span:nth-child(3) {
      min-width: 23ch;
    }

    .letters {
      color: var(--code-text);
    }
  `,
];
