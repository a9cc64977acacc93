/** Bodies: what a body is, so that it is shown as that. */
import { type Bytes, fromBytes } from "../../entry/field.ts";
import { ExactNumber, parseJson } from "./json_tree.ts";

/** Bytes of a body that the page takes; larger ones are only downloaded. */
export const MAX_SHOWN_BODY = 16 * 1024 * 1024;

/** A body, read as far as a view needs it. */
export type BodyContent =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "form"; readonly fields: readonly [string, string][] }
  /** Shown as nothing but a download: pictures come from hostile peers too. */
  | { readonly kind: "image"; readonly type: string }
  | { readonly kind: "text" }
  | { readonly kind: "binary" };

/** Fields of a form that are listed. */
const MAX_FIELDS = 1000;

/** @param contentType as the header says it; what stands in the body wins */
export function contentOf(
  body: Bytes,
  contentType: string | undefined,
): BodyContent {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type.startsWith("image/") && type !== "image/svg+xml") {
    return { kind: "image", type };
  }
  if (typeof body !== "string") return { kind: "binary" };
  if (type === "application/x-www-form-urlencoded") {
    const fields = [...new URLSearchParams(body)].slice(0, MAX_FIELDS);
    return { kind: "form", fields };
  }
  if (/^\s*[[{]/.test(body) || /[/+]json$/.test(type)) {
    const parsed = parseJson(body);
    if (parsed && isTree(parsed.value)) {
      return { kind: "json", value: parsed.value };
    }
  }
  return { kind: "text" };
}

function isTree(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    !(value instanceof ExactNumber);
}

/** The bytes of a body, for a view of them. */
export function bytesOf(body: Bytes): Uint8Array {
  return fromBytes(body);
}

/** A body that was loaded whole: text if it is valid UTF-8. */
export function toBody(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return bytes;
  }
}
