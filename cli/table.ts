/** Entries as rows of a table for people. */
import type { End, Entry } from "../entry/entry.ts";
import { toRfc3339 } from "../entry/json.ts";

/** Column widths; the summary takes the rest. Wider values push the row. */
const COLUMNS = [
  ["TIME", 26],
  ["PROTOCOL", 9],
  ["SOURCE", 21],
  ["DESTINATION", 21],
  ["STATUS", 8],
  ["ELAPSED", 10],
] as const;

const RED = "\x1b[31m";
const PLAIN = "\x1b[0m";

/** How a table is drawn. */
export interface TableStyle {
  /** Characters of a line; absent where lines may be of any length. */
  readonly width?: number | undefined;
  readonly color: boolean;
}

/** The style that suits standard output. */
export function styleOf(output: typeof Deno.stdout): TableStyle {
  if (!output.isTerminal()) return { color: false };
  return {
    width: Deno.consoleSize().columns,
    color: Deno.env.get("NO_COLOR") === undefined,
  };
}

/** The line above the rows. */
export function toHeading(style: TableStyle): string {
  return cut(
    COLUMNS.map(([name, width]) => name.padEnd(width)).join(" ") + " SUMMARY",
    style,
  );
}

/** One entry as a line. */
export function toRow(entry: Entry, style: TableStyle): string {
  const cells = [
    toRfc3339(entry.timestamp).replace("T", " ").slice(0, -1),
    entry.protocol,
    toEndText(entry.src),
    toEndText(entry.dst),
    String(entry.status ?? "-"),
    toElapsedText(entry.elapsed),
  ];
  const padded = COLUMNS.map(([, width], i) => cells[i]!.padEnd(width));
  const incomplete = entry.incomplete
    ? ` [${entry.incomplete.join(", ")}]`
    : "";
  const line = cut(`${padded.join(" ")} ${entry.summary}${incomplete}`, style);
  return style.color && entry.failed ? RED + line + PLAIN : line;
}

function toEndText(end: End): string {
  if (end.name !== undefined) return end.name;
  if (end.port === undefined) return end.ip;
  return end.ip.includes(":")
    ? `[${end.ip}]:${end.port}`
    : `${end.ip}:${end.port}`;
}

function toElapsedText(elapsed: number | undefined): string {
  if (elapsed === undefined) return "-";
  if (elapsed < 1000) return `${elapsed} µs`;
  if (elapsed < 1e6) return `${(elapsed / 1e3).toFixed(1)} ms`;
  return `${(elapsed / 1e6).toFixed(2)} s`;
}

function cut(line: string, { width }: TableStyle): string {
  if (width === undefined || line.length <= width) return line.trimEnd();
  return line.slice(0, Math.max(0, width - 1)).toWellFormed() + "…";
}
