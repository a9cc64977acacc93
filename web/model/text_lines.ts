/**
 * Lines of a text of any length, found once and cut out when they are shown. A
 * line that is too wide goes on in the next.
 */

/** The text and where its lines begin. */
export class TextLines {
  readonly text: string;
  /** Of each line, and the end of the text. */
  readonly #starts: Uint32Array;
  readonly count: number;

  /** @param columns widest line, in UTF-16 units; at least 2 */
  constructor(text: string, columns: number) {
    this.text = text;
    let starts = new Uint32Array(1024);
    let count = 0;
    const add = (start: number) => {
      if (count === starts.length) {
        const larger = new Uint32Array(2 * count);
        larger.set(starts);
        starts = larger;
      }
      starts[count++] = start;
    };
    let from = 0;
    while (from < text.length || from === 0) {
      const newline = text.indexOf("\n", from);
      const end = newline < 0 ? text.length : newline + 1;
      let shown = newline < 0 ? end : newline;
      if (text[shown - 1] === "\r") shown--;
      while (shown - from > columns) {
        add(from);
        from += columns;
        if (isLow(text.charCodeAt(from))) from--;
      }
      add(from);
      from = end;
      if (newline < 0) break;
    }
    add(text.length);
    this.#starts = starts.subarray(0, count);
    this.count = count - 1;
  }

  /** A line without its end, and whether it goes on in the next one. */
  line(at: number): { text: string; goesOn: boolean } {
    const whole = this.text.slice(this.#starts[at], this.#starts[at + 1]);
    const text = whole.replace(/\r?\n$/, "");
    const goesOn = at < this.count - 1 && text.length === whole.length;
    return { text, goesOn };
  }
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
