/**
 * Times and durations as filters write them: texts on one side, integer
 * microseconds on the other (STYLE §6).
 */

const MS = 1000;
const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

/** Units of duration literals in µs, the longest last. */
export const UNITS = {
  us: 1,
  ms: MS,
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
  d: DAY,
  w: 7 * DAY,
} as const;

/** Functions that count from now, by what one of them is, in µs. */
export const COUNTED = {
  seconds: SECOND,
  minutes: 60 * SECOND,
  hours: 3600 * SECOND,
  days: DAY,
  weeks: 7 * DAY,
  // Kubeshark's: 30 and 365 days, whatever the calendar says.
  months: 30 * DAY,
  years: 365 * DAY,
} as const;

const PART = /(\d+(?:\.\d+)?)(us|µs|μs|ms|s|m|h|d|w)/g;

/** A duration literal, such as `20ms` or `1h30m`, in µs. */
export function parseDuration(text: string): number {
  let us = 0;
  for (const [, count, unit] of text.matchAll(PART)) {
    const known = unit!.endsWith("s") && unit!.length === 2 && unit !== "ms"
      ? "us"
      : unit as keyof typeof UNITS;
    us += Number(count) * UNITS[known];
  }
  return us;
}

/** A duration in its longest unit that needs no fraction, such as `90m`. */
export function formatDuration(us: number): string {
  const units = Object.entries(UNITS).reverse();
  const [name, size] = units.find(([, size]) => us % size === 0) ?? ["us", 1];
  return us === 0 ? "0s" : `${us / size}${name}`;
}

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?$/;

/** `10/28/2021, 9:13:02.905 PM`, as Kubeshark's `datetime` takes it (UTC). */
const AMERICAN =
  /^(\d{1,2})\/(\d{1,2})\/(\d{4}), (\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))? ([AP]M)$/;

/**
 * An RFC 3339 time, or a date alone (its midnight, UTC), in µs since 1970.
 * Finer digits are dropped. `undefined` where the text is none.
 */
export function parseTime(text: string): number | undefined {
  const parts = RFC3339.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const at = toMicroseconds(
    [year, month, day, hour ?? 0, minute ?? 0, second ?? 0].map(Number),
    fraction,
  );
  if (at === undefined || zone === undefined || /z/i.test(zone)) return at;
  const [hours, minutes] = zone.slice(1).split(":").map(Number);
  const offset = (hours! * 60 + minutes!) * 60 * SECOND;
  return zone.startsWith("+") ? at - offset : at + offset;
}

/** What `datetime` takes: {@link parseTime}, and Kubeshark's spelling. */
export function parseDatetime(text: string): number | undefined {
  const parts = AMERICAN.exec(text);
  if (!parts) return parseTime(text);
  const [, month, day, year, hour, minute, second, fraction, half] = parts;
  if (Number(hour) < 1 || Number(hour) > 12) return undefined;
  const hours = Number(hour) % 12 + (half === "PM" ? 12 : 0);
  return toMicroseconds(
    [Number(year), Number(month), Number(day), hours, +minute!, +second!],
    fraction,
  );
}

function toMicroseconds(
  parts: readonly number[],
  fraction = "",
): number | undefined {
  const [year, month, day, hour, minute, second] = parts as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const days = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const last = month === 2 && !leap ? 28 : days;
  if (month < 1 || month > 12 || day < 1 || day > last) return undefined;
  // 60: a leap second, which counts as the second after it.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date.getTime() * MS + Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** A time as entries show it: RFC 3339, UTC, to the microsecond. */
export function formatTime(us: number): string {
  const ms = Math.floor(us / MS);
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return `${us}us`;
  const rest = String(Math.floor(us) - ms * MS).padStart(3, "0");
  return date.toISOString().replace(/Z$/, `${rest}Z`);
}
