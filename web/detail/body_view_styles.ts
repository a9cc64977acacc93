/** The look of a body. */
import { css } from "lit";
import { base } from "../styles.ts";
import { sectionStyles } from "./section_styles.ts";
import { valueStyles } from "./value_view_styles.ts";

export const bodyViewStyles = [
  base,
  valueStyles,
  sectionStyles,
  css`
    :host {
      display: block;
      min-width: 0;
    }

    .modes {
      border: 1px solid var(--line);
      border-radius: var(--radius);
      display: inline-flex;
      overflow: hidden;
    }

    .modes button {
      border-radius: 0;
    }

    .modes button + button {
      border-left: 1px solid var(--line);
    }

    .head .modes [aria-pressed="true"] {
      background: var(--accent-soft);
      color: var(--accent);
    }
  `,
];
