/** View: what the page shows, all of which is in its address. */
import { MAP_LEVELS, type MapLevel } from "../../api/hub.ts";
import { formatTime, parseTime } from "../../kfl/time.ts";

/** Times are µs since 1970. Absent is unbounded, or nothing. */
export interface View {
  /** The filter; `""` shows everything. */
  readonly kfl: string;
  /** Bounds of the time that is shown, both in it. Without `to` it follows. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** The feed stands still, and this is the time of its last row in view. */
  readonly at?: number | undefined;
  /** Id of the entry that is open. */
  readonly entry?: string | undefined;
  /** Whether it is shown what the answer amounts to. */
  readonly counts: boolean;
  /** What the ends of the service map are, if that is shown. */
  readonly map?: MapLevel | undefined;
  /** Whether times are shown in UTC and not in the reader's zone. */
  readonly utc: boolean;
}

/** Whether the view goes on with what is captured from now on. */
export function isFollowing({ to, at }: View): boolean {
  return to === undefined && at === undefined;
}

/**
 * Reads the part of an address after its `?`. What makes no sense is as if it
 * were not there.
 */
export function readView(search: string): View {
  const query = new URLSearchParams(search);
  const time = (name: string) => parseTime(query.get(name) ?? "");
  return {
    kfl: query.get("q") ?? "",
    from: time("from"),
    to: time("to"),
    at: time("at"),
    entry: query.get("entry") || undefined,
    counts: query.get("counts") === "yes",
    map: MAP_LEVELS.find((level) => level === query.get("map")),
    utc: query.get("tz") === "utc",
  };
}

/** The address of a view: empty, or from its `?`. */
export function writeView(view: View): string {
  const query = new URLSearchParams();
  const time = (us: number | undefined) => us && formatTime(us);
  const parts = [
    ["q", view.kfl],
    ["from", time(view.from)],
    ["to", time(view.to)],
    ["at", time(view.at)],
    ["entry", view.entry],
    ["counts", view.counts && "yes"],
    ["map", view.map],
    ["tz", view.utc && "utc"],
  ] as const;
  for (const [name, value] of parts) if (value) query.set(name, value);
  // `:` and `~` need no escape there, and times and ids are read by people.
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%7E", "~");
  return text && `?${text}`;
}
