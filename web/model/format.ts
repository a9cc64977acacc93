/** How values are written where people read them. */
import { toVisibleText } from "./visible_text.ts";

/** Characters of one value that a row shows. */
const MAX_SHOWN = 300;

/** Bytes that hold as many, whatever they are. */
export const MAX_SHOWN_BYTES = 4 * MAX_SHOWN;

/** µs of a day. */
const DAY = 86_400_000_000;

const two = (value: number): string => String(value).padStart(2, "0");

/**
 * A time of day, to the millisecond.
 *
 * @param time µs since 1970
 * @param offset of the zone it is shown in, µs to be added to UTC
 */
export function formatClock(time: number, offset: number): string {
  const ms = Math.floor(((time + offset) % DAY + DAY) % DAY / 1000);
  const seconds = Math.floor(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const clock = `${two(hours)}:${two(minutes)}:${two(seconds % 60)}`;
  return `${clock}.${String(ms % 1000).padStart(3, "0")}`;
}

/** The day of a time, as `2026-11-23`; parameters as of {@link formatClock}. */
export function formatDay(time: number, offset: number): string {
  const date = new Date(Math.floor((time + offset) / 1000));
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 10);
}

/** What the reader's zone adds to UTC at a time, µs. */
export function zoneOffset(time: number): number {
  return -60_000_000 * new Date(time / 1000).getTimezoneOffset();
}

/** A duration with three digits and its unit. @param ms milliseconds */
export function formatLatency(ms: number): string {
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  if (ms < 99_950) return `${threeDigits(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** How long a latency's bar is, of 1: by powers of ten from 10 µs to 10 s. */
export function latencyShare(ms: number): number {
  return Math.min(1, Math.max(0.05, (Math.log10(Math.max(ms, 1e-6)) + 2) / 6));
}

/** A stretch of time in its two largest units: `3 h 12 min`. @param us µs */
export function formatSpan(us: number): string {
  const units = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]] as const;
  const seconds = Math.round(us / 1e6);
  const at = units.findIndex(([, size]) => seconds >= size);
  if (at < 0) return "0 s";
  let rest = seconds;
  return units.slice(at, at + 2).flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? [] : [`${formatCount(count)} ${unit}`];
  }).join(" ");
}

/**
 * Bytes that are written as `--storage-limit` takes them: `2GB`, `500 MiB`.
 *
 * @returns `undefined` if it is no such size, or none at all
 */
export function readSize(text: string): number | undefined {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?)B?|B?)\s*$/i.exec(text);
  if (!parts) return undefined;
  const [, count, unit, binary] = parts;
  const power = unit ? "KMGT".indexOf(unit.toUpperCase()) + 1 : 0;
  const bytes = Math.round(Number(count) * (binary ? 1024 : 1000) ** power);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

const SIZES = ["B", "KB", "MB", "GB", "TB"];

/** Bytes with three digits and their unit, of 1000 (as in KFL's `10KB`). */
export function formatSize(bytes: number): string {
  let unit = 0;
  while (bytes >= 999.5 && unit < SIZES.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${unit === 0 ? bytes : threeDigits(bytes)} ${SIZES[unit]}`;
}

const counts = new Intl.NumberFormat("en");

/** A whole number with separators. */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** How often something is, in the unit that suits. @param span µs */
export function formatRate(count: number, span: number): string {
  const units = [["s", 1], ["min", 60], ["h", 3600]] as const;
  const rates = units.map(([unit, seconds]) =>
    [unit, count / span * 1e6 * seconds] as const
  );
  const [unit, rate] = rates.find(([, each]) => each >= 0.95) ?? rates.at(-1)!;
  return `${
    rate < 9.95 ? rate.toFixed(1) : counts.format(Math.round(rate))
  }/${unit}`;
}

/** A share of all; what is not nothing does not look like it. */
export function formatShare(part: number, all: number): string {
  const share = 100 * part / Math.max(1, all);
  if (part === 0) return "0 %";
  return share < 0.1 ? "< 0.1 %" : `${share.toFixed(share < 9.95 ? 1 : 0)} %`;
}

/** A count and its noun: `1 packet`, `2 packets`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function threeDigits(value: number): string {
  return value < 9.995
    ? value.toFixed(2)
    : value < 99.95
    ? value.toFixed(1)
    : String(Math.round(value));
}

/** Text from the wire as a row shows it: short, and each character to be seen. */
export function toShown(text: string): string {
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return toVisibleText(short);
}
