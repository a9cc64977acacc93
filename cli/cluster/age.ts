/** How long ago something was, for people. */

/** Units from the longest, s. */
const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
];

/**
 * As in `3 h ago`, rounded down.
 *
 * @param time RFC 3339
 * @param now ms since 1970
 */
export function toAge(time: string, now: number = Date.now()): string {
  // The cluster's clock may be ahead of this machine's.
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  const [name, size] = UNITS.find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${name} ago`;
}
