/** How commands end (DESIGN §8). */

/** Exit codes, the same for every command. */
export const EXIT = {
  /** Done, also with no rows. */
  DONE: 0,
  FAILED: 1,
  /** Arguments or KFL are wrong. */
  MISUSED: 2,
  NO_RIGHT: 3,
  NOT_READY: 4,
  /** `--expect` was not met, or `--strict` and the answer is partial. */
  UNEXPECTED: 5,
  INTERRUPTED: 130,
} as const;

export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** Ends a command with a line for its user: what failed, and what to do. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Why the operating system refused a call, in words; `undefined` for an error
 * that comes from elsewhere.
 *
 * @param place adds the call and the path, where they are known
 */
export function reasonOf(
  error: unknown,
  place?: "with its place",
): string | undefined {
  if (error instanceof Deno.errors.NotCapable) return "permission denied";
  if (!(error instanceof Error)) return undefined;
  const [, reason, where] = FROM_SYSTEM.exec(error.message) ?? [];
  if (reason === undefined) return undefined;
  const text = reason.charAt(0).toLowerCase() + reason.slice(1);
  return place ? text + where : text;
}

/** A message of Deno's: the reason, its number, and the call with its path. */
const FROM_SYSTEM = /^(.*?) \(os error \d+\)(.*)$/s;

/** The exit code for a call that the operating system refused. */
export function exitCodeFor(error: unknown): ExitCode {
  const isDenied = error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
  return isDenied ? EXIT.NO_RIGHT : EXIT.FAILED;
}
