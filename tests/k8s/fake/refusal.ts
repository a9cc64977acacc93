/** The answers by which an API server refuses, worded as the real one does. */

/** Thrown by whatever cannot be done; becomes a `Status`. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: Details | undefined;
  /** Of the `metadata` of an expired list: where to go on. */
  readonly continueAt: string | undefined;

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    details?: Details,
    continueAt?: string,
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.continueAt = continueAt;
  }

  /** The body. */
  toStatus() {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: { ...(this.continueAt && { continue: this.continueAt }) },
      status: "Failure",
      message: this.message,
      ...(this.reason && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

interface Details {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly causes?: readonly {
    readonly reason: string;
    readonly message: string;
    readonly field?: string;
  }[];
  readonly retryAfterSeconds?: number;
}

/** What is refused, as details name it. */
export interface Subject {
  readonly name: string;
  readonly plural: string;
  readonly group: string;
  readonly kind: string;
}

const about = ({ name, plural, group }: Subject): Details => ({
  name,
  ...(group && { group }),
  kind: plural,
});

const long = ({ plural, group }: Subject): string =>
  group ? `${plural}.${group}` : plural;

export const badRequest = (message: string) =>
  new Refusal(400, "BadRequest", message);

export const unauthorized = () =>
  new Refusal(401, "Unauthorized", "Unauthorized");

export const notFound = (subject: Subject) =>
  new Refusal(
    404,
    "NotFound",
    `${long(subject)} "${subject.name}" not found`,
    about(subject),
  );

export const alreadyExists = (subject: Subject) =>
  new Refusal(
    409,
    "AlreadyExists",
    `${long(subject)} "${subject.name}" already exists`,
    about(subject),
  );

export const staleVersion = (subject: Subject) =>
  new Refusal(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${
      long(subject)
    } "${subject.name}": the ` +
      "object has been modified; please apply your changes to the latest " +
      "version and try again",
    about(subject),
  );

/** @param path as in `.data.a`, with whom it conflicts */
export function applyConflicts(
  conflicts: readonly { readonly path: string; readonly manager: string }[],
): Refusal {
  const causes = conflicts.map(({ path, manager }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with "${manager}"`,
    field: path,
  }));
  const many = conflicts.length === 1
    ? `1 conflict: ${causes[0]!.message}: ${causes[0]!.field}`
    : `${conflicts.length} conflicts`;
  return new Refusal(409, "Conflict", `Apply failed with ${many}`, { causes });
}

/** @param reason such as `FieldValueInvalid` */
export function invalid(
  { name, kind, group }: Omit<Subject, "plural">,
  field: string,
  message: string,
  reason = "FieldValueInvalid",
): Refusal {
  return new Refusal(
    422,
    "Invalid",
    `${kind}${group && `.${group}`} "${name}" is invalid: ${field}: ${message}`,
    {
      ...(name && { name }),
      ...(group && { group }),
      ...(kind && { kind }),
      causes: [{ reason, message, field }],
    },
  );
}

/** Of the request's own options. */
export const invalidOptions = (
  kind: string,
  field: string,
  message: string,
  reason: string,
) => invalid({ name: "", kind, group: "meta.k8s.io" }, field, message, reason);

export const expired = (message: string, continueAt?: string) =>
  new Refusal(410, "Expired", message, undefined, continueAt);
