/** Times as people type them. */
import { parseDuration, parseTime } from "../../kfl/time.ts";

const DAY = 86_400_000_000;

/**
 * Reads `10:13`, `10:13:05.25`, `2026-11-23 10:13`, RFC 3339, and `-15m`.
 *
 * @param now µs since 1970; a time without a day is the last one before it
 * @param offset what the zone of the text adds to UTC, µs
 * @returns µs since 1970; `undefined` if the text is none
 */
export function readTime(
  text: string,
  now: number,
  offset: number,
): number | undefined {
  if (/^-\s*(\d+(\.\d+)?(us|ms|s|m|h|d))+$/.test(text)) {
    return now - Math.round(parseDuration(text.slice(1).trim()));
  }
  const [, day, clock, zone] =
    /^(\d{4}-\d\d-\d\d)?[T ]?(\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/i
      .exec(text) ?? [];
  if (day === undefined && clock === undefined) return undefined;
  const today = new Date((now + offset) / 1000).toISOString().slice(0, 10);
  const time = parseTime(`${day ?? today}T${fullClock(clock)}${zone ?? "Z"}`);
  if (time === undefined || zone) return time;
  const local = time - offset;
  return day === undefined && local > now ? local - DAY : local;
}

/** `9:05` as `09:05:00`. */
function fullClock(clock = "00:00"): string {
  const padded = clock.indexOf(":") === 1 ? `0${clock}` : clock;
  return padded.length === 5 ? `${padded}:00` : padded;
}

/** A time as {@link readTime} reads it; `""` for none. */
export function writeTime(time: number | undefined, offset: number): string {
  if (time === undefined) return "";
  const date = new Date(Math.floor((time + offset) / 1000)).toISOString();
  return date.slice(0, 23).replace("T", " ");
}
