/** What a hub says when it refuses. */

/** Characters that are shown of an answer that is none of a hub's. */
const MAX_SHOWN = 200;

/** The message in `{"error": {"message": …}}`, or the text's beginning. */
export function messageOf(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const { error } = (value ?? {}) as { error?: { message?: unknown } };
  return typeof error?.message === "string"
    ? error.message
    : text.slice(0, MAX_SHOWN);
}
