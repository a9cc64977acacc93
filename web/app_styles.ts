/** How the shell is arranged. */
import { css } from "lit";
import { base, buttons } from "./styles.ts";

export const appStyles = [
  base,
  buttons,
  css`
    :host {
      background: var(--surface);
      display: grid;
      grid-template-rows: auto auto minmax(0, 1fr) auto;
      height: 100dvh;
    }

    header {
      align-items: center;
      background: var(--surface-raised);
      border-bottom: 1px solid var(--line);
      display: grid;
      gap: 14px;
      grid-row: 1;
      grid-template-columns: auto minmax(0, 1fr) auto;
      min-height: 52px;
      padding: 8px 10px 8px 14px;
      /* Completions lie above the feed. */
      position: relative;
      z-index: 3;
    }

    h1 {
      align-items: center;
      color: var(--text);
      display: flex;
      font: 650 var(--size-large) / 1 var(--font);
      gap: 9px;
      letter-spacing: -0.01em;
      margin: 0;
    }

    nav {
      align-items: center;
      display: flex;
      gap: 2px;
    }

    .rule {
      background: var(--line-strong);
      height: 18px;
      margin: 0 6px;
      width: 1px;
    }

    .time,
    .still {
      font-variant-numeric: tabular-nums;
    }

    .still span {
      min-width: 50px;
      text-align: left;
    }

    .banner {
      align-items: center;
      background: var(--refused-soft);
      border-bottom: 1px solid var(--line);
      color: var(--refused);
      display: flex;
      font-weight: 500;
      font-variant-numeric: tabular-nums;
      gap: 10px;
      grid-row: 2;
      padding: 4px 14px;
    }

    .banner button {
      color: inherit;
      height: 26px;
      text-decoration: underline;
      text-underline-offset: 3px;
    }

    main {
      display: flex;
      grid-row: 3;
      min-height: 0;
      position: relative;
    }

    section {
      display: grid;
      flex: 1;
      grid-template: auto minmax(0, 1fr) / minmax(0, 1fr);
      min-width: 0;
    }

    .feed {
      display: grid;
      grid-row: 2;
      min-height: 0;
      min-width: 0;
      position: relative;
    }

    overview-panel {
      min-width: 0;
    }

    aside {
      background: var(--surface);
      flex: 0 0 calc(100% * var(--share));
      min-width: 0;
      overflow: hidden;
    }

    entry-detail {
      height: 100%;
    }

    footer {
      grid-row: 4;
    }

    .login {
      background: var(--surface-sunken);
      display: grid;
      gap: 26px;
      grid-row: 1 / -1;
      place-content: center;
      place-items: center;
    }

    .login h1 {
      font-size: 20px;
    }

    .message {
      display: grid;
      inset: auto 0 48px;
      justify-items: center;
      pointer-events: none;
      position: fixed;
      z-index: 12;
    }

    .message div {
      align-items: center;
      background: var(--text);
      border-radius: var(--radius-large);
      box-shadow: var(--shadow-overlay);
      color: var(--surface);
      display: flex;
      gap: 10px;
      max-width: min(640px, calc(100vw - 32px));
      overflow-wrap: anywhere;
      padding: 6px 6px 6px 16px;
      pointer-events: auto;
    }

    .message button {
      color: inherit;
    }

    .message button:hover {
      background: color-mix(in srgb, var(--surface) 20%, transparent);
      color: inherit;
    }

    @media (max-width: 1100px) {
      h1 span,
      .word,
      .still span {
        display: none;
      }
    }

    /* Narrow: the details are a sheet over the feed. */
    @media (max-width: 900px) {
      header {
        gap: 8px;
        grid-template-columns: auto minmax(0, 1fr) auto;
        padding: 8px;
      }

      split-handle {
        display: none;
      }

      aside {
        animation: rise var(--quick) ease-out;
        border-top: 1px solid var(--line-strong);
        border-radius: 14px 14px 0 0;
        box-shadow: 0 -12px 40px rgb(0 0 0 / 25%);
        inset: 15% 0 0;
        position: absolute;
        z-index: 4;
      }

      @keyframes rise {
        from {
          transform: translateY(24px);
        }
      }
    }

    @media (max-width: 640px) {
      header {
        grid-template-columns: auto minmax(0, 1fr);
      }

      filter-bar {
        grid-column: 1 / -1;
        grid-row: 2;
      }

      nav {
        justify-content: end;
      }
    }
  `,
];
