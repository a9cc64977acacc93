/**
 * How the fields of a request or response are laid out: single values in one
 * table, names with values in one each, records as a table with columns. It
 * goes by what the values are, so a protocol needs nothing of its own here.
 */
import type { Base64, Bytes } from "../../entry/field.ts";
import { type HalfJson, isBase64, isRecord } from "./entry_json.ts";
import type { Scalar } from "./filter_edit.ts";
import { pathTo, pathToEach } from "./kfl_text.ts";

/** One or more values under a name. */
export interface NamedValues {
  readonly name: string;
  readonly path: string;
  readonly values: readonly (Scalar | Base64)[];
}

/** A part of the pane. */
export type Section =
  | { readonly kind: "values"; readonly rows: readonly NamedValues[] }
  | {
    readonly kind: "map";
    readonly name: string;
    readonly rows: readonly NamedValues[];
  }
  | {
    readonly kind: "records";
    readonly name: string;
    /** KFL path of any of them. */
    readonly path: string;
    readonly columns: readonly string[];
    readonly rows: readonly { readonly [column: string]: unknown }[];
  }
  | {
    readonly kind: "tree";
    readonly name: string;
    readonly path: string;
    readonly value: unknown;
  }
  | {
    readonly kind: "body";
    readonly path: string;
    readonly body: Bytes;
    readonly size: number | undefined;
    readonly isCut: boolean;
    readonly coding: string | undefined;
    readonly contentType: string | undefined;
  };

/** Names that come first, for they say most; the others follow as they are. */
const FIRST = ["method", "command", "status", "statusText", "path", "url"];

/** Shown with the body. */
const IN_BODY = new Set(["body", "bodyCut", "bodyCoding", "bodySize"]);

/** Said by a header, the path or the URL as well; the raw view has them. */
const IN_HEADERS = new Set(["contentType", "host", "target", "pathSegments"]);

/** Records with more columns are shown as a tree. */
const MAX_COLUMNS = 7;

/** @param base `request` or `response` */
export function sectionsOf(half: HalfJson, base: string): Section[] {
  const single: NamedValues[] = [];
  const groups: Section[] = [];
  for (const name of namesOf(half)) {
    const path = pathTo(base, name);
    const values = scalarsOf(half[name]);
    if (values) single.push({ name, path, values });
    else groups.push(group(name, path, half[name]));
  }
  return [
    ...(single.length > 0 ? [{ kind: "values", rows: single } as const] : []),
    ...groups,
    ...bodyOf(half, base),
  ];
}

function namesOf(half: HalfJson): string[] {
  const isElsewhere = (name: string) =>
    half["body"] !== undefined && IN_BODY.has(name) ||
    half["headers"] !== undefined && IN_HEADERS.has(name);
  const names = Object.keys(half).filter((name) => !isElsewhere(name));
  const rank = (name: string) => {
    const at = FIRST.indexOf(name);
    return at < 0 ? FIRST.length : at;
  };
  return names.sort((a, b) => rank(a) - rank(b));
}

/** A value, or a list of values, that stands in one cell. */
function scalarsOf(value: unknown): (Scalar | Base64)[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  return list.every(isSingle) ? list : undefined;
}

function isSingle(value: unknown): value is Scalar | Base64 {
  return value === null || typeof value !== "object" || isBase64(value);
}

function group(name: string, path: string, value: unknown): Section {
  if (isRecord(value) && isMap(value)) {
    const rows = Object.keys(value).map((each) => ({
      name: each,
      path: pathTo(path, each),
      values: scalarsOf(value[each])!,
    }));
    return { kind: "map", name, rows };
  }
  if (Array.isArray(value) && value.every(isFlat)) {
    const columns = [...new Set(value.flatMap((each) => Object.keys(each)))];
    if (columns.length <= MAX_COLUMNS) {
      return {
        kind: "records",
        name,
        path: pathToEach(path),
        columns,
        rows: value,
      };
    }
  }
  return { kind: "tree", name, path, value };
}

function isMap(value: { readonly [name: string]: unknown }): boolean {
  return Object.values(value).every((each) => scalarsOf(each) !== undefined);
}

/** A record whose values stand in one cell each. */
function isFlat(value: unknown): value is { readonly [name: string]: unknown } {
  return isRecord(value) && !isBase64(value) && isMap(value);
}

function bodyOf(half: HalfJson, base: string): Section[] {
  const { body, bodySize, bodyCut, bodyCoding, contentType } = half;
  if (typeof body !== "string" && !isBase64(body)) return [];
  return [{
    kind: "body",
    path: pathTo(base, "body"),
    body,
    size: typeof bodySize === "number" ? bodySize : undefined,
    isCut: bodyCut === true,
    coding: typeof bodyCoding === "string" ? bodyCoding : undefined,
    contentType: typeof contentType === "string" ? contentType : undefined,
  }];
}
