/** Tables of plain text for people. */
import { padTo, widthOf } from "../width.ts";

/** Lines with columns as wide as they need, and two blanks between. */
export function toTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) =>
    Math.max(...all.map((row) => widthOf(row[column] ?? "")))
  );
  return all.map((row) =>
    row.map((cell, column) => padTo(widths[column]!, cell)).join("  ").trimEnd()
  ).join("\n");
}
