/**
 * One line that says how far something is: drawn over itself on a terminal, a
 * line whenever it says something else anywhere else.
 */
import { say, withoutControls } from "../output.ts";
import { cutTo } from "../width.ts";

/** Columns where the terminal does not tell. */
const USUAL_WIDTH = 80;

export class LiveLine implements Disposable {
  readonly #isDrawn = Deno.stderr.isTerminal();
  #text = "";

  /** Shows how far it is now. */
  show(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    if (this.#isDrawn) this.#draw();
    else say(`thresher: ${text}`);
  }

  /** Says something that stays, above the line. */
  note(text: string): void {
    if (this.#isDrawn && this.#text) write("\r\x1b[K");
    say(`thresher: ${text}`);
    if (this.#isDrawn && this.#text) this.#draw();
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isDrawn && this.#text) write("\r\x1b[K");
    this.#text = "";
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #draw(): void {
    const width = Deno.consoleSize().columns || USUAL_WIDTH;
    const text = withoutControls(`thresher: ${this.#text}`);
    write(`\r\x1b[K${cutTo(width - 1, text)}`);
  }
}

const write = (text: string): void =>
  void Deno.stderr.writeSync(new TextEncoder().encode(text));
