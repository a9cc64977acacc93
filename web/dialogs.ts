/** The dialogs of the shell: keys, times, the token. Loaded when wanted. */
import { css, html, LitElement, nothing } from "lit";
import { dialogStyles } from "./dialog_styles.ts";
import { Denied, openSession, Refused, Unreachable } from "./hub.ts";
import { zoneOffset } from "./model/format.ts";
import { BINDINGS, keyName } from "./model/keys.ts";
import { readTime, writeTime } from "./model/time_text.ts";
import { base, buttons, inputs } from "./styles.ts";

/** Lists the keys. Fires `letters-change` with whether single letters act. */
export class HelpDialog extends LitElement {
  static override properties = { lettersAct: { attribute: false } };

  /** Whether keys that write something do anything here. */
  declare lettersAct: boolean;

  /** Shows it. */
  async show(): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector("dialog")!.showModal();
  }

  protected override render(): unknown {
    return html`
      <dialog aria-labelledby="title" closedby="any">
        <div class="content">
          <h2 id="title">Keys</h2>
          <dl>
            ${BINDINGS.map(({ keys, text }) =>
              html`
                <div>
                  <dt>${keys.map((key) =>
                    html`
                      <kbd>${keyName(key)}</kbd>
                    `
                  )}</dt>
                  <dd>${text}</dd>
                </div>
              `
            )}
          </dl>
          <form method="dialog" class="buttons">
            <label class="letters">
              <input type="checkbox" .checked=${this.lettersAct}
                @change=${this.#onLetters}> Single letters act
            </label>
            <button class="outlined" autofocus>Close</button>
          </form>
        </div>
      </dialog>
    `;
  }

  readonly #onLetters = ({ target }: Event): void => {
    const detail = (target as HTMLInputElement).checked;
    this.dispatchEvent(new CustomEvent("letters-change", { detail }));
  };

  static override styles = [
    base,
    buttons,
    dialogStyles,
    css`
      dl {
        display: grid;
        gap: 7px;
        margin: 0;
      }

      dl div {
        display: grid;
        gap: 16px;
        grid-template-columns: 96px 1fr;
      }

      dt {
        text-align: right;
      }

      dd {
        color: var(--text-muted);
        margin: 0;
      }

      form.buttons {
        align-items: center;
        display: flex;
        padding: 0;
      }

      .letters {
        align-items: center;
        accent-color: var(--accent);
        color: var(--text-muted);
        display: flex;
        flex: 1;
        gap: 8px;
      }
    `,
  ];
}
customElements.define("help-dialog", HelpDialog);

/** A stretch of time, µs since 1970; open where an end is absent. */
export interface TimeRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** Asks for a stretch of time. Fires `time-apply` with a {@link TimeRange}. */
export class TimeDialog extends LitElement {
  static override properties = {
    range: { attribute: false },
    utc: { type: Boolean },
    mistake: { state: true },
  };

  declare range: TimeRange;
  declare utc: boolean;
  declare private mistake: string | undefined;

  /** Shows it. */
  async show(): Promise<void> {
    await this.updateComplete;
    this.mistake = undefined;
    for (const end of ["from", "to"] as const) {
      this.#field(end).value = writeTime(this.range[end], this.#offset);
    }
    this.renderRoot.querySelector("dialog")!.showModal();
  }

  protected override render(): unknown {
    const zone = this.utc ? "UTC" : "local time";
    return html`
      <dialog aria-labelledby="title" closedby="any">
        <form @submit=${this.#onSubmit}>
          <h2 id="title">Go to a time</h2>
          <label>From
            <input id="from" autocomplete="off" spellcheck="false"
              placeholder="the oldest packet that is kept">
          </label>
          <label>To
            <input id="to" autocomplete="off" spellcheck="false"
              placeholder="now, and go on" aria-describedby="how">
          </label>
          <p id="how">In ${zone}, as <kbd>10:13</kbd>, <kbd>10:13:05.250</kbd>,
            <kbd>2026-11-23 10:13</kbd>, or back from now: <kbd>-15m</kbd>,
            <kbd>-2h</kbd>.</p>
          <div class="error" role="alert">${this.mistake ?? nothing}</div>
          <div class="buttons">
            <button type="button" class="outlined" @click=${this.#clear}>
              All, live
            </button>
            <button class="primary">Show</button>
          </div>
        </form>
      </dialog>
    `;
  }

  get #offset(): number {
    return this.utc ? 0 : zoneOffset(Date.now() * 1000);
  }

  #field(end: "from" | "to"): HTMLInputElement {
    return this.renderRoot.querySelector<HTMLInputElement>(`#${end}`)!;
  }

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    const now = Date.now() * 1000;
    const read = (end: "from" | "to") => {
      const text = this.#field(end).value.trim();
      return text === "" ? undefined : readTime(text, now, this.#offset) ?? NaN;
    };
    const [from, to] = [read("from"), read("to")];
    if (Number.isNaN(from) || Number.isNaN(to)) {
      this.mistake = "That is not a time. Write it as in the examples.";
      this.#field(Number.isNaN(from) ? "from" : "to").focus();
    } else if (from !== undefined && to !== undefined && from > to) {
      this.mistake = "The end is before the beginning.";
    } else this.#apply({ from, to });
  };

  readonly #clear = (): void => this.#apply({});

  #apply(detail: TimeRange): void {
    this.renderRoot.querySelector("dialog")!.close();
    this.dispatchEvent(new CustomEvent("time-apply", { detail }));
  }

  static override styles = [base, buttons, inputs, dialogStyles];
}
customElements.define("time-dialog", TimeDialog);

/** Asks for the token. Fires `session-open` when it was the right one. */
export class LoginForm extends LitElement {
  static override properties = {
    mistake: { state: true },
    isSending: { state: true },
  };

  declare private mistake: string | undefined;
  declare private isSending: boolean;

  protected override firstUpdated(): void {
    this.renderRoot.querySelector("input")!.focus();
  }

  protected override render(): unknown {
    return html`
      <form @submit=${this.#onSubmit}>
        <h2>This hub is protected</h2>
        <p>Open the address that Thresher printed when it started: it lets you
          in once. Or paste the token: it is in <kbd>THRESHER_TOKEN</kbd>, or
          in the file <kbd>token</kbd> of the hub's state folder.</p>
        <label>Token
          <input type="password" autocomplete="current-password" required
            spellcheck="false">
        </label>
        <div class="error" role="alert">${this.mistake ?? nothing}</div>
        <div class="buttons">
          <button class="primary" ?disabled=${this.isSending}>Sign in</button>
        </div>
      </form>
    `;
  }

  readonly #onSubmit = async (event: Event): Promise<void> => {
    event.preventDefault();
    this.isSending = true;
    const token = this.renderRoot.querySelector("input")!.value.trim();
    this.mistake = await mistakeOf(token);
    this.isSending = false;
    if (this.mistake === undefined) {
      this.dispatchEvent(new CustomEvent("session-open"));
    }
  };

  static override styles = [
    base,
    buttons,
    inputs,
    dialogStyles,
    css`
      form {
        background: var(--surface-overlay);
        border: 1px solid var(--line);
        border-radius: var(--radius-large);
        box-shadow: var(--shadow-overlay);
        width: min(420px, calc(100vw - 32px));
      }
    `,
  ];
}
customElements.define("login-form", LoginForm);

/** @returns why the token opens nothing; `undefined` if it did */
async function mistakeOf(token: string): Promise<string | undefined> {
  try {
    await openSession(token);
    return undefined;
  } catch (error) {
    if (error instanceof Denied) return "That is not the token of this hub.";
    if (error instanceof Refused || error instanceof Unreachable) {
      return `${error.message}.`;
    }
    throw error;
  }
}
