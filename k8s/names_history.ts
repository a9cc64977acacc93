/**
 * Which names an address had, and when.
 *
 * A *claim* says: from this time to that, whoever had this address (and this
 * port) was called so. Claims of one address and port follow each other in
 * time and never overlap, so a look-up is a search in a sorted list. A claim
 * of a port wins over one of the whole address.
 *
 * Times are µs since 1970. The history is bounded: claims that ended first are
 * forgotten first, and counted.
 */
import {
  type Claim,
  claimAt,
  isNode,
  NAME_FIELDS,
  type Names,
  NODES,
} from "../entry/names.ts";

export type { Claim, Names } from "../entry/names.ts";

/** Claims that are kept unless told otherwise, in about 100 MB. */
const MAX_CLAIMS = 200_000;

/** Claims of one address and port, oldest first. */
type Line = Held[];

interface Held {
  from: number;
  to: number;
  readonly names: Names;
}

/** One address: its claims, and those of single ports. */
interface Place {
  readonly any: Line;
  ports: Map<number, Line> | undefined;
}

/** An ended claim, and where it is kept. */
interface Ended {
  readonly address: string;
  readonly port: number;
  readonly to: number;
}

const ANY = 0;

export class NamesHistory {
  readonly #places = new Map<string, Place>();
  /** In the order of their ends; those before `#next` are forgotten. */
  #ended: Ended[] = [];
  #next = 0;
  #size = 0;
  readonly #most: number;
  /** Claims that were forgotten for want of room. */
  dropped = 0;

  constructor(most = MAX_CLAIMS) {
    this.#most = most;
  }

  /** Claims that are kept. */
  get size(): number {
    return this.#size;
  }

  /** What an end was called at a time. */
  lookup(
    address: string,
    port: number | undefined,
    at: number,
  ): Names | undefined {
    const place = this.#places.get(address);
    if (!place) return undefined;
    if (port !== undefined) {
      const line = place.ports?.get(port);
      const own = line && claimAt(line, at);
      if (own) return own.names;
    }
    const names = claimAt(place.any, at)?.names;
    if (!names || port === undefined || !isNode(names)) return names;
    const opened = this.#places.get(NODES)?.ports?.get(port);
    return (opened && claimAt(opened, at)?.names) ?? names;
  }

  /** Whether somebody has the whole address now. */
  isHeld(address: string): boolean {
    return this.#places.get(address)?.any.at(-1)?.to === Infinity;
  }

  /**
   * Makes the claims of an address what they are from a time on.
   *
   * @param wanted by port, 0 for all; what it lacks ends
   * @param since how far back a claim may reach that follows no other
   * @param until when what is no longer there ended, if that was earlier
   * @returns what began, and what ended as it is now
   */
  set(
    address: string,
    wanted: ReadonlyMap<number, Names>,
    at: number,
    since = at,
    until = at,
  ): Claim[] {
    const changed: Claim[] = [];
    const place = this.#places.get(address);
    if (!place && wanted.size === 0) return changed;
    const mayReachBack = until < at || !this.isHeld(address);
    for (const port of place ? portsOf(place) : []) {
      const line = lineOf(place!, port)!;
      const last = line.at(-1)!;
      const names = wanted.get(port);
      if (last.to !== Infinity || (names && isSame(last.names, names))) {
        continue;
      }
      last.to = Math.max(until, last.from);
      this.#ended.push({ address, port, to: last.to });
      changed.push(toClaim(address, port, last));
    }
    for (const [port, names] of wanted) {
      const line = this.#lineFor(address, port);
      const last = line.at(-1);
      if (last?.to === Infinity) continue;
      const earliest = mayReachBack ? Math.min(since, at) : at;
      const from = Math.max(last?.to ?? 0, earliest);
      const held = { from, to: Infinity, names };
      line.push(held);
      this.#size++;
      changed.push(toClaim(address, port, held));
    }
    this.#trim();
    return changed;
  }

  /** As {@link set}, for a port that is open on every node. */
  setNodePort(port: number, names: Names | undefined, at: number): Claim[] {
    const line = this.#places.get(NODES)?.ports?.get(port);
    const last = line?.at(-1);
    const isHeld = last?.to === Infinity;
    if (isHeld ? names && isSame(last.names, names) : !names) return [];
    if (isHeld) {
      last.to = Math.max(at, last.from);
      this.#ended.push({ address: NODES, port, to: last.to });
    }
    if (names) {
      const from = Math.max(last?.to ?? 0, at);
      this.#lineFor(NODES, port).push({ from, to: Infinity, names });
      this.#size++;
      this.#trim();
    }
    const now = this.#places.get(NODES)?.ports?.get(port) ?? [];
    const changed = now.slice(isHeld && names ? -2 : -1);
    return changed.map((held) => toClaim(NODES, port, held));
  }

  /**
   * Every claim that holds for some of a stretch of time: what a plan's names
   * table is made of. Those of one address come together, those of one port of
   * it in order of time.
   */
  *claims(from: number, to: number): Iterable<Claim> {
    for (const [address, place] of this.#places) {
      for (const port of portsOf(place)) {
        for (const held of lineOf(place, port)!) {
          if (held.to > from && held.from < to) {
            yield toClaim(address, port, held);
          }
        }
      }
    }
  }

  /** Addresses that somebody has now. */
  *heldAddresses(): Iterable<string> {
    for (const [address, place] of this.#places) {
      const isHeld = portsOf(place).some((port) =>
        lineOf(place, port)!.at(-1)?.to === Infinity
      );
      if (isHeld && address !== NODES) yield address;
    }
  }

  /** Ports that are open on every node now. */
  heldNodePorts(): number[] {
    const ports = this.#places.get(NODES)?.ports ?? new Map<number, Line>();
    return [...ports].filter(([, line]) => line.at(-1)?.to === Infinity)
      .map(([port]) => port);
  }

  /** Forgets claims that ended before a time: no packet is that old. */
  forget(before: number): void {
    while (
      this.#next < this.#ended.length && this.#ended[this.#next]!.to < before
    ) this.#dropOldest();
  }

  /**
   * As lines of text, to be kept in a file; {@link restore} reads them. Claims
   * may change while they are read: of each address those of one moment come.
   */
  *save(): Iterable<string> {
    for (const [address, place] of this.#places) {
      yield* portsOf(place).flatMap((port) =>
        lineOf(place, port)!.map(({ from, to, names }) => {
          const until = to === Infinity ? null : to;
          return JSON.stringify([address, port, from, until, names]);
        })
      );
    }
  }

  /**
   * A history as it was saved. Lines that are no claims are passed over: the
   * last may be torn.
   */
  static restore(lines: Iterable<string>, most?: number): NamesHistory {
    const history = new NamesHistory(most);
    const known = new Map<string, unknown>();
    for (const line of lines) {
      const saved = toSaved(line);
      if (!saved) continue;
      const [address, port, from, to, own] = saved;
      const kept = history.#lineFor(address, port);
      const last = kept.at(-1);
      if (last && last.to > from) continue;
      const labels = own.labels && shared(known, own.labels);
      const names = shared(known, labels ? { ...own, labels } : own);
      kept.push({ from, to: to ?? Infinity, names });
      history.#size++;
      if (to !== null) history.#ended.push({ address, port, to });
    }
    history.#ended.sort((a, b) => a.to - b.to);
    history.#trim();
    return history;
  }

  #lineFor(address: string, port: number): Line {
    let place = this.#places.get(address);
    if (!place) {
      place = { any: [], ports: undefined };
      this.#places.set(address, place);
    }
    if (port === ANY) return place.any;
    place.ports ??= new Map();
    let line = place.ports.get(port);
    if (!line) place.ports.set(port, line = []);
    return line;
  }

  #trim(): void {
    while (this.#size > this.#most && this.#next < this.#ended.length) {
      this.#dropOldest();
      this.dropped++;
    }
  }

  /** The claim that ended first is the first of its line. */
  #dropOldest(): void {
    const { address, port } = this.#ended[this.#next++]!;
    const place = this.#places.get(address)!;
    const line = lineOf(place, port)!;
    line.shift();
    this.#size--;
    if (line.length === 0) place.ports?.delete(port);
    if (place.any.length === 0 && !place.ports?.size) {
      this.#places.delete(address);
    }
    if (this.#next > 1024 && this.#next * 2 > this.#ended.length) {
      this.#ended = this.#ended.slice(this.#next);
      this.#next = 0;
    }
  }
}

const portsOf = ({ any, ports }: Place): number[] => [
  ...(any.length > 0 ? [ANY] : []),
  ...(ports?.keys() ?? []),
];

const lineOf = (place: Place, port: number): Line | undefined =>
  port === ANY ? place.any : place.ports?.get(port);

const toClaim = (address: string, port: number, held: Held): Claim => ({
  address,
  port: port === ANY ? undefined : port,
  from: held.from,
  to: held.to,
  names: held.names,
});

/** What is compared as it is. */
const FIELDS = NAME_FIELDS.filter((field) => field !== "labels");

/** Whether two ends are called the same. */
export function isSame(a: Names, b: Names): boolean {
  if (a === b) return true;
  return FIELDS.every((field) => a[field] === b[field]) &&
    isSameLabels(a.labels ?? {}, b.labels ?? {});
}

/** Whether two sets of labels are the same. */
export function isSameLabels(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) => a[name] === b[name]);
}

type Saved = [string, number, number, number | null, Names];

function toSaved(line: string): Saved | undefined {
  try {
    const [address, port, from, to, names] = JSON.parse(line) as Saved;
    const isWhole = typeof address === "string" && Number.isInteger(port) &&
      Number.isFinite(from) && (to === null || Number.isFinite(to)) &&
      typeof names === "object" && names !== null;
    return isWhole ? [address, port, from, to, names] : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) {
      return undefined;
    }
    throw error;
  }
}

/** The same object for the same value, as it was before it was saved. */
function shared<T>(known: Map<string, unknown>, value: T): T {
  const key = JSON.stringify(value);
  const same = known.get(key);
  if (same === undefined) known.set(key, value);
  return (same ?? value) as T; // what has that key was of that type
}
