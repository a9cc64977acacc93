/** Entries as rows of a table for people. */
import type { End } from "../entry/entry.ts";
import type { Plain } from "../entry/json.ts";

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

/** One entry, as plain data, as a line. */
export function toRow(entry: Plain, style: TableStyle): string {
  const text = (value: unknown) => value === undefined ? "-" : String(value);
  const cells = [
    text(entry["timestamp"]).replace("T", " ").slice(0, -1),
    text(entry["protocol"]),
    toEndText(entry["src"]),
    toEndText(entry["dst"]),
    text(entry["status"]),
    toElapsedText(entry["elapsedTime"]),
  ];
  const padded = COLUMNS.map(([, width], i) => cells[i]!.padEnd(width));
  const reasons = entry["incomplete"];
  const incomplete = Array.isArray(reasons) ? ` [${reasons.join(", ")}]` : "";
  const line = cut(
    `${padded.join(" ")} ${text(entry["summary"])}${incomplete}`,
    style,
  );
  return style.color && entry["failed"] === true ? RED + line + PLAIN : line;
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

function cut(line: string, { width }: TableStyle): string {
  if (width === undefined || line.length <= width) return line.trimEnd();
  return line.slice(0, Math.max(0, width - 1)).toWellFormed() + "…";
}
