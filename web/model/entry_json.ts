/** An entry as the hub gives it: DESIGN §5, written by `entry/json.ts`. */
import type { Base64 } from "../../entry/field.ts";

/** One of the two ends. */
export interface EndJson {
  readonly ip: string;
  readonly port?: number;
  readonly name?: string;
  readonly [field: string]: unknown;
}

/** A half of an exchange, by field name. */
export interface HalfJson {
  readonly [field: string]: unknown;
}

/** One entry with all its fields. */
export interface EntryJson {
  readonly id: string;
  readonly protocol: string;
  readonly version?: string;
  readonly decrypted: boolean;
  /** RFC 3339, to the microsecond. */
  readonly timestamp: string;
  /** Milliseconds. */
  readonly elapsedTime?: number;
  readonly node: { readonly name: string; readonly ip?: string };
  readonly src: EndJson;
  readonly dst: EndJson;
  readonly summary: string;
  readonly status?: string | number;
  readonly failed: boolean;
  readonly requestSize?: number;
  readonly responseSize?: number;
  readonly incomplete?: readonly string[];
  readonly request?: HalfJson;
  readonly response?: HalfJson;
}

/** Whether a value is bytes that are no text. */
export function isBase64(value: unknown): value is Base64 {
  return typeof value === "object" && value !== null && "base64" in value &&
    typeof value.base64 === "string" && Object.keys(value).length === 1;
}

/** Whether a value is names with values: an object, or a map. */
export function isRecord(
  value: unknown,
): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
