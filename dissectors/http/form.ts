/**
 * Forms as browsers send them: urlencoded, or in parts (RFC 7578).
 */
import { addTo, type Multimap } from "../../entry/field.ts";
import { FieldLines, trimBlanks } from "./field_lines.ts";
import { toLatin1, toText } from "./latin1.ts";
import { MAX_PARAMETERS, parseParameters } from "./url.ts";

/** Bytes of a boundary (RFC 2046 §5.1.1). */
const MAX_BOUNDARY = 70;

/**
 * The fields of a form; of a file the name it was sent with.
 *
 * @returns `undefined` if it is no form, or an empty one
 */
export function parseForm(
  contentType: string,
  body: Uint8Array,
): Multimap | undefined {
  if (body.length === 0) return undefined;
  const type = trimBlanks(contentType.split(";", 1)[0]!).toLowerCase();
  const raw = toLatin1(body, 0, body.length);
  if (type === "application/x-www-form-urlencoded") {
    return parseParameters(toText(raw));
  }
  const boundary = type === "multipart/form-data"
    ? parameterOf(contentType, BOUNDARY)
    : undefined;
  return boundary && boundary.length <= MAX_BOUNDARY
    ? parseParts(raw, `--${boundary}`)
    : undefined;
}

/** @param delimiter what begins the line between two parts */
function parseParts(raw: string, delimiter: string): Multimap | undefined {
  const fields: { [name: string]: string | string[] } = {};
  let count = 0;
  let at = startOfPart(raw, raw.indexOf(delimiter), delimiter);
  while (at > 0 && count < MAX_PARAMETERS) {
    const next = raw.indexOf(`\n${delimiter}`, at - 1);
    const end = next < 0 ? raw.length : next;
    const content = raw.slice(at, raw[end - 1] === "\r" ? end - 1 : end);
    count += addPart(fields, content);
    at = next < 0 ? 0 : startOfPart(raw, next + 1, delimiter);
  }
  return count > 0 ? fields : undefined;
}

/** Where the part begins whose delimiter stands at `at`; 0 if none does. */
function startOfPart(raw: string, at: number, delimiter: string): number {
  if (at < 0 || raw.startsWith("--", at + delimiter.length)) return 0;
  return raw.indexOf("\n", at + delimiter.length) + 1;
}

/** @returns how many fields it added */
function addPart(
  fields: { [name: string]: string | string[] },
  part: string,
): 0 | 1 {
  const empty = /^\r?\n|\n\r?\n/.exec(part);
  if (!empty) return 0;
  const lines = new FieldLines(part.slice(0, empty.index + 1));
  const disposition = lines.first("content-disposition");
  const name = disposition && parameterOf(disposition, NAME);
  if (name === undefined) return 0;
  const content = part.slice(empty.index + empty[0].length);
  const value = parameterOf(disposition!, FILE_NAME) ?? toText(content);
  addTo(fields, name, value);
  return 1;
}

/**
 * A parameter of a header's value, quoted or not. Browsers write a quote in a
 * quoted name as `%22` (HTML §4.10.21.8), others as `\"`; a backslash before
 * anything else is part of a Windows path.
 */
const PARAMETER = (name: string) =>
  new RegExp(String.raw`;[ \t]*${name}=(?:"((?:\\"|[^"])*)"|([^;]*))`, "i");

const BOUNDARY = PARAMETER("boundary");
const NAME = PARAMETER("name");
const FILE_NAME = PARAMETER("filename");

function parameterOf(value: string, parameter: RegExp): string | undefined {
  const found = parameter.exec(value);
  if (!found) return undefined;
  return found[1] !== undefined
    ? found[1].replaceAll(/\\"|%22/g, '"')
    : trimBlanks(found[2]!);
}
