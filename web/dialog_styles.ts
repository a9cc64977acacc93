/** The look of dialogs. */
import { css } from "lit";

export const dialogStyles = css`
  dialog {
    background: var(--surface-overlay);
    border: 1px solid var(--line);
    border-radius: var(--radius-large);
    box-shadow: var(--shadow-overlay);
    color: var(--text);
    max-width: calc(100vw - 32px);
    padding: 0;
    width: 440px;
  }

  dialog::backdrop {
    background: rgb(8 16 24 / 45%);
  }

  form,
  .content {
    display: grid;
    gap: 16px;
    padding: 22px 24px 24px;
  }

  h2 {
    font: 600 var(--size-large) / 1.3 var(--font);
    margin: 0;
  }

  p {
    color: var(--text-muted);
    margin: 0;
  }

  .buttons {
    display: flex;
    gap: 8px;
    justify-content: flex-end;
  }

  .error {
    color: var(--failed);
  }
`;
