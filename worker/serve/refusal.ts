/** What a route refuses: JSON with a status, as the hub says it. */

/** Stable names of why, and their statuses. */
export const REFUSALS = {
  message: 400,
  denied: 401,
  hidden: 403,
  missing: 404,
  method: 405,
  unsuitable: 409,
  large: 413,
  internal: 500,
  unable: 501,
  busy: 503,
} as const;

/** One of them. */
export type RefusalCode = keyof typeof REFUSALS;

/** Ends a request; thrown where it is found out. */
export class Refused extends Error {
  override name = "Refused";
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return REFUSALS[this.code];
  }

  /** As it is sent. */
  get json(): string {
    const { code, message } = this;
    return JSON.stringify({ error: { code, message } });
  }

  toResponse(): Response {
    return new Response(this.json, {
      status: this.status,
      headers: { "content-type": "application/json" },
    });
  }
}
