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

/**
 * Claims that are kept unless told otherwise, in about 30 MB: nine minutes of
 * 5,000 pods that come and go 50 times a second, and days of most clusters.
 */
export const MAX_CLAIMS = 75_000;

/** Claims of one address and port, oldest first. */
type Line = Held[];

interface Held {
  readonly address: string;
  readonly port: number;
  from: number;
  to: number;
  readonly names: Names;
}

/** One address: its claims, and those of single ports. */
interface Place {
  readonly any: Line;
  ports: Map<number, Line> | undefined;
}

const ANY = 0;

export class NamesHistory {
  readonly #places = new Map<string, Place>();
  /** In the order of their ends; those before `#next` are forgotten. */
  #ended: Held[] = [];
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
      this.#ended.push(last);
      changed.push(toClaim(last));
    }
    for (const [port, names] of wanted) {
      const line = this.#lineFor(address, port);
      const last = line.at(-1);
      if (last?.to === Infinity) continue;
      const earliest = mayReachBack ? Math.min(since, at) : at;
      const from = Math.max(last?.to ?? 0, earliest);
      const held = { address, port, from, to: Infinity, names };
      line.push(held);
      this.#size++;
      changed.push(toClaim(held));
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
      this.#ended.push(last);
    }
    if (names) {
      const from = Math.max(last?.to ?? 0, at);
      const held = { address: NODES, port, from, to: Infinity, names };
      this.#lineFor(NODES, port).push(held);
      this.#size++;
      this.#trim();
    }
    const now = this.#places.get(NODES)?.ports?.get(port) ?? [];
    const changed = now.slice(isHeld && names ? -2 : -1);
    return changed.map(toClaim);
  }

  /**
   * Every claim that holds for some of a stretch of time: what a plan's names
   * table is made of. Those of one address come together, those of one port of
   * it in order of time.
   */
  *claims(from: number, to: number): Iterable<Claim> {
    for (const place of this.#places.values()) {
      for (const port of portsOf(place)) {
        for (const held of lineOf(place, port)!) {
          if (held.to > from && held.from < to) {
            yield toClaim(held);
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
   * As lines of text, to be kept in a file; {@link restore} reads them. Names
   * and labels that claims share are written once, before the first of them.
   * Claims may change while lines are taken: of each address those of one
   * moment come.
   */
  *save(): Iterable<string> {
    const texts = new SharedTexts();
    for (const place of this.#places.values()) {
      const lines = portsOf(place).flatMap((port) =>
        lineOf(place, port)!.map((held) => texts.toLine(held))
      );
      yield* texts.takeNew();
      yield* lines;
    }
  }

  /**
   * A history as it was saved. Lines that cannot be read are passed over, and
   * what refers to them: the last may be torn.
   */
  static restore(lines: Iterable<string>, most?: number): NamesHistory {
    const history = new NamesHistory(most);
    const labels: (Names["labels"] | undefined)[] = [];
    const names: (Names | undefined)[] = [];
    for (const line of lines) {
      const saved = toSaved(line);
      if (!saved) continue;
      if ("labels" in saved) labels[saved.number] = saved.labels;
      else if ("names" in saved) {
        const own = saved.of === null ? {} : { labels: labels[saved.of] };
        names[saved.number] = { ...saved.names, ...own };
      } else {
        const { of, ...claim } = saved;
        const known = names[of];
        if (known) history.#restore({ ...claim, names: known });
      }
    }
    history.#ended.sort((a, b) => a.to - b.to);
    history.#trim();
    return history;
  }

  #restore(held: Held): void {
    const line = this.#lineFor(held.address, held.port);
    const last = line.at(-1);
    if (last && last.to > held.from) return;
    line.push(held);
    this.#size++;
    if (held.to !== Infinity) this.#ended.push(held);
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

const toClaim = ({ address, port, from, to, names }: Held): Claim => ({
  address,
  port: port === ANY ? undefined : port,
  from,
  to,
  names,
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

/** Claims as lines, in which names and labels are numbers. */
class SharedTexts {
  readonly #names = new Map<Names, number>();
  readonly #labels = new Map<object, number>();
  #new: string[] = [];

  toLine({ address, port, from, to, names }: Held): string {
    const until = to === Infinity ? null : to;
    return JSON.stringify([address, port, from, until, this.#numberOf(names)]);
  }

  /** What lines refer to that were made since it was asked last. */
  takeNew(): string[] {
    const lines = this.#new;
    this.#new = [];
    return lines;
  }

  #numberOf(names: Names): number {
    const known = this.#names.get(names);
    if (known !== undefined) return known;
    const { labels, ...own } = names;
    const of = labels ? this.#numberOfLabels(labels) : null;
    const number = this.#names.size;
    this.#new.push(JSON.stringify({ names: own, of, number }));
    this.#names.set(names, number);
    return number;
  }

  #numberOfLabels(labels: object): number {
    const known = this.#labels.get(labels);
    if (known !== undefined) return known;
    const number = this.#labels.size;
    this.#new.push(JSON.stringify({ labels, number }));
    this.#labels.set(labels, number);
    return number;
  }
}

/** What a line says. Others refer to it by its number, `of` them. */
type Saved =
  | { readonly labels: NonNullable<Names["labels"]>; readonly number: number }
  | {
    readonly names: Names;
    readonly of: number | null;
    readonly number: number;
  }
  | {
    readonly address: string;
    readonly port: number;
    readonly from: number;
    readonly to: number;
    readonly of: number;
  };

/** Numbers that a file may have: as many as claims. */
const MAX_NUMBER = 10_000_000;

function toSaved(line: string): Saved | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!Array.isArray(value)) return isShared(value) ? value : undefined;
  const [address, port, from, to, of] = value as unknown[];
  const isWhole = typeof address === "string" && isNumber(port) &&
    isNumber(from) && (to === null || isNumber(to)) && isNumber(of);
  if (!isWhole) return undefined;
  return { address, port, from, to: to ?? Infinity, of };
}

function isShared(
  value: unknown,
): value is Exclude<Saved, { readonly address: string }> {
  if (typeof value !== "object" || value === null) return false;
  const { labels, names, of, number } = value as Record<string, unknown>;
  return isNumber(number) && number >= 0 && number < MAX_NUMBER &&
    (isObject(labels) || isObject(names) && (of === null || isNumber(of)));
}

const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null;

const isNumber = (value: unknown): value is number =>
  Number.isSafeInteger(value);
