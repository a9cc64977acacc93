/** Parts of the generated references, as Markdown. */
import type { Field, FieldMap } from "../entry/field.ts";

/** A table. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  // A bar within a cell would end it.
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join(
    "\n",
  );
}

/** A table of fields. */
export function fieldTable(rows: readonly (readonly string[])[]): string {
  return table(["Field", "Type", "Meaning"], rows);
}

/**
 * A row for each field, and for those within it.
 *
 * @param path what stands before their names, such as `request`; or nothing
 */
export function rowsOf(path: string, fields: FieldMap): string[][] {
  return Object.entries(fields).flatMap(([name, field]) =>
    rowsOfField(path ? `${path}.${name}` : name, field)
  );
}

function rowsOfField(path: string, field: Field): string[][] {
  const { values } = field.item ?? field;
  const listed = values.map(code).join(" ");
  return [
    [
      `\`${path}\``,
      typeOf(field),
      listed ? `${field.doc}: ${listed}` : field.doc,
    ],
    ...rowsOf(path, field.fields ?? {}),
    ...rowsOf(`${path}[*]`, field.item?.fields ?? {}),
  ];
}

function typeOf({ kind, item }: Field): string {
  return item ? `${kind} of ${item.kind}` : kind;
}

/** Text as code, also when there are backticks in it. */
export function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}
