/** Queries that were asked lately, the latest first. */

/** Most that are kept. */
export const MAX_RECENT = 50;

/** Longest that is kept, in UTF-16 units. */
const MAX_LENGTH = 2000;

/** The list after another query was asked. */
export function remember(
  recent: readonly string[],
  query: string,
): readonly string[] {
  const text = query.trim();
  if (text === "" || text.length > MAX_LENGTH) return recent;
  return [text, ...recent.filter((each) => each !== text)].slice(0, MAX_RECENT);
}

/** Reads what was stored; what makes no sense is as if it were not there. */
export function readRecent(stored: string | null): readonly string[] {
  if (stored === null) return [];
  try {
    const list: unknown = JSON.parse(stored);
    return Array.isArray(list)
      ? list.filter((each) =>
        typeof each === "string" && each.length <= MAX_LENGTH
      ).slice(0, MAX_RECENT)
      : [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [];
  }
}
