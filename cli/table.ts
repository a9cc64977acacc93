/** Entries as rows of a table for people. */
import type { End } from "../entry/entry.ts";
import type { Plain } from "../entry/json.ts";
import { withoutControls } from "./output.ts";
import { cutTo, padTo } from "./width.ts";

/** One column; wider values push the row. */
interface Column {
  readonly name: string;
  readonly width: number;
  /** Columns of the narrowest and the widest terminal that has room for it. */
  readonly from: number;
  readonly to: number;
  readonly text: (entry: Plain) => string;
}

/**
 * Columns before the summary, which takes the rest: a narrow terminal shows
 * fewer of them, so that at least 16 are left for what was said.
 */
const COLUMNS: readonly Column[] = [
  column("TIME", 12, 0, 139, (entry) => timeOf(entry).slice(11, 23)),
  column("TIME", 26, 140, Infinity, timeOf),
  column("PROTOCOL", 9, 0, Infinity, ({ protocol }) => toText(protocol)),
  column("SOURCE", 21, 100, Infinity, ({ src }) => toEndText(src)),
  column("DESTINATION", 21, 70, Infinity, ({ dst }) => toEndText(dst)),
  column("STATUS", 8, 60, Infinity, ({ status }) => toText(status)),
  column(
    "ELAPSED",
    10,
    120,
    Infinity,
    ({ elapsedTime }) => toElapsedText(elapsedTime),
  ),
];

const RED = "\x1b[31m";
const PLAIN = "\x1b[0m";

/** How a table is drawn. */
export interface TableStyle {
  /** Columns of a line; absent where lines may be of any length. */
  readonly width?: number | undefined;
  readonly color: boolean;
}

/** The style that suits standard output. */
export function styleOf(output: typeof Deno.stdout): TableStyle {
  if (!output.isTerminal()) return { color: false };
  const plain = Deno.env.get("NO_COLOR") || Deno.env.get("TERM") === "dumb";
  // Some terminals do not know how wide they are.
  return { width: Deno.consoleSize().columns || undefined, color: !plain };
}

/** A table, line by line. */
export class Table {
  /** The line above the rows. */
  readonly heading: string;
  readonly #style: TableStyle;
  readonly #columns: readonly Column[];

  constructor(style: TableStyle) {
    const { width = Infinity } = style;
    this.#style = style;
    this.#columns = COLUMNS.filter(({ from, to }) =>
      from <= width && width <= to
    );
    const names = this.#columns.map(({ name, width }) => padTo(width, name));
    this.heading = this.#cut([...names, "SUMMARY"].join(" "));
  }

  /** One entry, as plain data, as a line without control characters. */
  row(entry: Plain): string {
    const { summary, incomplete, failed } = entry;
    let text = "";
    for (const column of this.#columns) {
      text += padTo(column.width, column.text(entry)) + " ";
    }
    text += toText(summary);
    if (Array.isArray(incomplete)) text += ` [${incomplete.join(", ")}]`;
    const line = this.#cut(withoutControls(text));
    return this.#style.color && failed === true ? RED + line + PLAIN : line;
  }

  #cut(line: string): string {
    const { width } = this.#style;
    return (width === undefined ? line : cutTo(width, line)).trimEnd();
  }
}

function column(
  name: string,
  width: number,
  from: number,
  to: number,
  text: (entry: Plain) => string,
): Column {
  return { name, width, from, to, text };
}

function toText(value: unknown): string {
  return value === undefined ? "-" : String(value);
}

/** RFC 3339 as people write it: a blank for the `T`, and no `Z`. */
function timeOf({ timestamp }: Plain): string {
  return toText(timestamp).replace("T", " ").replace(/Z$/, "");
}

/** An end as `name`, `address` or `address:port`; a redacted one as it is. */
function toEndText(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const end = value as Partial<End>;
  if (end.name !== undefined) return end.name;
  const ip = String(end.ip);
  if (end.port === undefined) return ip;
  return ip.includes(":") ? `[${ip}]:${end.port}` : `${ip}:${end.port}`;
}

/** @param elapsed ms */
function toElapsedText(elapsed: unknown): string {
  if (typeof elapsed !== "number") return "-";
  if (elapsed < 1) return `${Math.round(elapsed * 1000)} µs`;
  if (elapsed < 1000) return `${elapsed.toFixed(1)} ms`;
  return `${(elapsed / 1000).toFixed(2)} s`;
}
