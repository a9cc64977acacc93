/** Waiting in tests, for what comes soon or is a failure. */

/** The longest that most in these tests may take, in ms. */
const PATIENCE_MS = 60_000;

/**
 * Waits until something holds.
 *
 * @throws Error naming it, if it never does
 */
export async function until(
  what: string,
  holds: () => unknown,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`It never came that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
