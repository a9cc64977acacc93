/** Styles that several elements share. */
import { css } from "lit";

/** Every element begins with these. */
export const base = css`
  :host {
    box-sizing: border-box;
    color: var(--text);
    font: var(--size) / 1.45 var(--font);
  }

  :host([hidden]) {
    display: none;
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: -2px;
  }

  .unseen {
    clip-path: inset(50%);
    height: 1px;
    overflow: hidden;
    position: absolute;
    white-space: nowrap;
    width: 1px;
  }

  kbd {
    background: var(--surface-sunken);
    border: 1px solid var(--line);
    border-bottom-color: var(--line-strong);
    border-radius: 4px;
    color: var(--text-muted);
    display: inline-block;
    font: 500 var(--size-small) / 16px var(--font);
    min-width: 20px;
    padding: 0 5px;
    text-align: center;
  }
`;

/** Buttons: quiet by default, `.primary` for the one thing to do. */
export const buttons = css`
  button,
  a.button {
    align-items: center;
    background: transparent;
    border: 1px solid transparent;
    border-radius: var(--radius);
    color: var(--text-muted);
    cursor: pointer;
    display: inline-flex;
    font: 500 var(--size) / 1 var(--font);
    gap: 6px;
    height: 30px;
    justify-content: center;
    padding: 0 10px;
    text-decoration: none;
    transition: background var(--quick), color var(--quick), border-color
      var(--quick);
    white-space: nowrap;
  }

  button:hover,
  a.button:hover {
    background: var(--surface-sunken);
    color: var(--text);
  }

  button.outlined {
    background: var(--surface);
    border-color: var(--line-strong);
    color: var(--text);
  }

  button.outlined:hover {
    background: var(--surface-hover);
    border-color: var(--text-faint);
  }

  button.primary {
    background: var(--accent);
    color: var(--on-accent);
  }

  button.primary:hover {
    background: var(--accent-strong);
    color: var(--on-accent);
  }

  button.icon {
    padding: 0;
    width: 30px;
  }

  button[aria-pressed="true"],
  button[aria-expanded="true"] {
    background: var(--accent-soft);
    color: var(--accent);
  }

  button:disabled {
    cursor: default;
    opacity: 0.5;
  }

  :is(button, a.button):focus-visible {
    outline-offset: 1px;
  }

  button svg,
  a.button svg {
    flex: none;
  }
`;

/** Fields to write in. */
export const inputs = css`
  input {
    background: var(--surface);
    border: 1px solid var(--line-strong);
    border-radius: var(--radius);
    color: var(--text);
    font: var(--size-data) / 1 var(--font-data);
    height: 34px;
    padding: 0 10px;
    width: 100%;
  }

  input::placeholder {
    color: var(--text-faint);
    opacity: 1;
  }

  input:focus-visible {
    border-color: var(--focus);
    outline: 1px solid var(--focus);
    outline-offset: 0;
  }

  label {
    color: var(--text-muted);
    display: grid;
    font-weight: 500;
    gap: 6px;
  }
`;

/** The name of a protocol; they differ in `--hue` alone, so all can be read. */
export const chips = css`
  .chip {
    background: light-dark(
      oklch(0.95 0.03 var(--hue)),
      oklch(0.27 0.045 var(--hue))
    );
    border-radius: 4px;
    color: light-dark(
      oklch(0.45 0.13 var(--hue)),
      oklch(0.82 0.11 var(--hue))
    );
    display: inline-block;
    font: 600 var(--size-small) / 16px var(--font-data);
    max-width: 100%;
    overflow: hidden;
    padding: 0 6px;
    text-overflow: ellipsis;
    vertical-align: middle;
  }

  .chip.plain {
    background: var(--surface-sunken);
    color: var(--text-muted);
  }
`;

/** A panel that lies over the page, where it is put; its host takes no room. */
export const overlayPanel = css`
  :host {
    display: contents;
  }

  .panel {
    background: var(--surface-overlay);
    border: 1px solid var(--line-strong);
    border-radius: var(--radius);
    box-shadow: var(--shadow-overlay);
    color: var(--text);
    inset: auto;
    margin: 0;
  }
`;
