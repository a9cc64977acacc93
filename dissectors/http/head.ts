/** Heads of HTTP/1 messages, taken apart when asked. */
import { FieldLines, trimBlanks } from "./field_lines.ts";
import { toText } from "./latin1.ts";
import type { RequestHead, ResponseHead } from "./message.ts";

/** Where the field lines begin. */
function endOfLine(raw: string): number {
  const lf = raw.indexOf("\n");
  return lf < 0 ? raw.length : lf + 1;
}

/** The first line from `start`, without its end and blank edges. */
function restOfLine(raw: string, start: number, size: number): string {
  let end = size;
  while (end > start && "\r\n\t ".includes(raw[end - 1]!)) end--;
  return trimBlanks(raw.slice(start, end));
}

/** A request's head: `GET /path HTTP/1.1` and field lines. */
export class Http1RequestHead extends FieldLines implements RequestHead {
  readonly lineSize: number;

  /** @param raw the head, a character for each byte */
  constructor(raw: string, lineSize: number = endOfLine(raw)) {
    super(raw, lineSize);
    this.lineSize = lineSize;
  }

  get method(): string {
    return this.raw.slice(0, this.raw.indexOf(" "));
  }

  /** What is between method and version; it may have blanks in it. */
  get target(): string {
    const { raw } = this;
    const line = restOfLine(raw, raw.indexOf(" "), this.lineSize);
    return toText(trimBlanks(line.replace(/ HTTP\/1\.\d$/i, "")));
  }
}

/** A response's head: `HTTP/1.1 200 OK` and field lines. */
export class Http1ResponseHead extends FieldLines implements ResponseHead {
  readonly #lineSize: number;

  /** @param raw the head, a character for each byte; empty in HTTP/0.9 */
  constructor(raw: string, lineSize: number = endOfLine(raw)) {
    super(raw, lineSize);
    this.#lineSize = lineSize;
  }

  get statusText(): string {
    return toText(restOfLine(this.raw, 12, this.#lineSize));
  }
}
