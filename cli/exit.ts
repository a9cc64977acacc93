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
