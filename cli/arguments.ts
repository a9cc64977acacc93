/** Values of options, read strictly: what is misspelt is refused. */
import { InvalidArgumentError } from "commander";

/** A count, such as `--limit` takes. */
export function toCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError("It must be a whole number, such as 100.");
  }
  return count;
}

/** What `--expect` takes: a number of rows, or `none`. */
export function toExpectation(text: string): number {
  if (text === "none") return 0;
  const count = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError('It must be a whole number or "none".');
  }
  return count;
}

const UNITS: { readonly [unit: string]: number } = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3600e6,
  d: 86400e6,
};

/** Date, time of day with parts of a second, and zone; all but the date may lack. */
const MOMENT =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/i;

/**
 * A moment: RFC 3339, also with less (the time of day, its seconds, or its
 * zone, which is UTC then), `now`, or how long ago, such as `10m`.
 *
 * @param now µs since 1970
 * @returns µs since 1970
 */
export function toMoment(text: string, now: number): number {
  if (text === "now") return now;
  const ago = /^-?(\d{1,9})(us|ms|s|m|h|d)$/.exec(text);
  if (ago) return now - Number(ago[1]) * UNITS[ago[2]!]!;
  const [, date, minutes = "00:00", seconds = "00", part = "", zone = "Z"] =
    MOMENT.exec(text) ?? [];
  const time = date === undefined
    ? NaN
    : Date.parse(`${date}T${minutes}:${seconds}${zone.toUpperCase()}`);
  if (Number.isNaN(time) || !isDay(date!)) {
    throw new InvalidArgumentError(
      'It must be a time such as "2026-11-23T10:13:00Z", or how long ago, such as "10m".',
    );
  }
  return time * 1000 + Number(part.padEnd(6, "0").slice(0, 6));
}

/** Whether the month has that day: a date of its own accord goes on to the next. */
function isDay(date: string): boolean {
  const time = Date.parse(date);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

const SIZES: { readonly [unit: string]: number } = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** A size such as `200MB` or `2GiB`, in bytes. */
export function toSize(text: string): number {
  const parts = /^(\d{1,15}(?:\.\d{1,3})?)\s*([a-z]*)$/i.exec(text);
  const unit = parts && SIZES[parts[2]!.toUpperCase()];
  const size = unit ? Math.floor(Number(parts[1]) * unit) : NaN;
  if (!Number.isSafeInteger(size)) {
    throw new InvalidArgumentError('It must be a size such as "200MB".');
  }
  return size;
}

/** Names with commas between, given once or more. */
export function toNames(
  text: string,
  before: readonly string[] = [],
): string[] {
  const names = text.split(",").map((name) => name.trim()).filter(Boolean);
  if (names.length > 0) return [...before, ...names];
  throw new InvalidArgumentError("It must be names, such as shop,web.");
}
