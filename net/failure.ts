/** What a route refuses, as every one of them says it: JSON with a status. */
import type { Diagnostic } from "../kfl/diagnostic.ts";

/** Why a request is refused, and the status that says so. */
export const STATUS = {
  kfl: 400,
  message: 400,
  denied: 401,
  origin: 403,
  hidden: 403,
  missing: 404,
  method: 405,
  late: 408,
  unsuitable: 409,
  large: 413,
  host: 421,
  many: 429,
  internal: 500,
  unable: 501,
  worker: 502,
  busy: 503,
} as const;

/** Stable names of them, for programs. */
export type RefusalCode = keyof typeof STATUS;

/** Ends a request; thrown where it is found out. */
export class Refused extends Error {
  override name = "Refused";
  readonly code: RefusalCode;
  readonly diagnostics: readonly Diagnostic[] | undefined;

  constructor(
    code: RefusalCode,
    message: string,
    diagnostics?: readonly Diagnostic[],
  ) {
    super(message);
    this.code = code;
    this.diagnostics = diagnostics;
  }

  /** As it is sent. */
  toResponse(headers?: HeadersInit): Response {
    const { code, message, diagnostics } = this;
    return Response.json(
      { error: { code, message, ...diagnostics && { diagnostics } } },
      { status: STATUS[code], ...headers && { headers } },
    );
  }
}
