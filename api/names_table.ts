/**
 * The names table of a plan, as the worker has it: who was called what in the
 * time that the plan asks about.
 *
 * It is made of the parts that the hub sent with the plan, and of those that
 * it sends later on, while a query follows. A claim that comes later says how
 * things are from its beginning on: what the table knew of that address and
 * port ends there.
 */
import type { End } from "../entry/entry.ts";
import {
  claimAt,
  knownAddress,
  type Line,
  type NameLookup,
  type Names,
  NODES,
} from "../entry/names.ts";
import { parseAddress } from "../kfl/address.ts";
import { NamesPart, type PartClaim } from "./names.ts";

const ANY = 0;

/** Addresses that are kept at hand, beside those that were told of later. */
const MAX_KNOWN = 65_536;

/** Claims by port, 0 for all ports. */
type Place = ReadonlyMap<number, Line<PartClaim>>;

/** Who was called what, as far as one query has to know. */
export class NamesTable implements NameLookup {
  readonly #parts: NamesPart[] = [];
  /** Whether claims may still come. */
  readonly #grows: boolean;
  readonly #known = new Map<string, Place>();
  /** Addresses that were told of later; these are not in the parts. */
  readonly #changed = new Map<string, Place>();
  #networks: Set<string> | undefined;

  /**
   * @param parts as they were received; borrowed for its life
   * @param grows whether {@link update} will be called
   * @throws BadMessage
   */
  constructor(parts: Iterable<Uint8Array>, grows = false) {
    for (const part of parts) this.#parts.push(new NamesPart(part));
    this.#grows = grows;
  }

  /**
   * Takes what was heard since.
   *
   * @throws BadMessage
   */
  update(message: Uint8Array): void {
    const part = new NamesPart(message);
    for (const address of new Set(part.addresses())) {
      const place = new Map(this.#place(address));
      for (const [port, claims] of part.linesOf(address)) {
        const line = [...place.get(port) ?? []];
        for (const claim of claims) append(line, claim);
        place.set(port, line);
      }
      this.#changed.set(address, place);
      this.#known.delete(address);
      this.#networks?.add(networkOf(address));
    }
  }

  at(end: End, time: number): Names | undefined {
    const { port } = end;
    const place = this.#place(knownAddress(end));
    const any = claimAt(place.get(ANY) ?? NONE, time);
    if (port === undefined) return any?.names;
    const own = claimAt(place.get(port) ?? NONE, time);
    if (own || !any?.isNode) return (own ?? any)?.names;
    const opened = this.#place(NODES).get(port) ?? NONE;
    return (claimAt(opened, time) ?? any).names;
  }

  during(
    end: End,
    first: number,
    last: number,
  ): readonly (Names | undefined)[] | undefined {
    if (this.#grows) return undefined;
    const { port = ANY } = end;
    const place = this.#place(knownAddress(end));
    if (place.size === 0) return NOBODY;
    const opened = this.#place(NODES).get(port);
    const held = claimAt(place.get(ANY) ?? NONE, first);
    // As it mostly is: one holder of all ports, all the time.
    const isAll = port === ANY || !place.has(port) && !opened;
    if (isAll && held && (held.to > last || held.to === Infinity)) {
      return [held.names];
    }
    const lines = [place.get(ANY), place.get(port), opened];
    const found = new Set([this.at(end, first)]);
    for (const line of new Set(lines)) {
      for (const { from, to } of line ?? NONE) {
        for (const change of [from, to]) {
          if (change > first && change <= last && change < Infinity) {
            found.add(this.at(end, change));
          }
        }
      }
    }
    return [...found];
  }

  /**
   * Whether it is worth to wait for the name of an address: only of those near
   * to what the cluster has given out, and not of the rest of the world.
   */
  mayLearn(address: string): boolean {
    if (!this.#grows) return false;
    this.#networks ??= new Set(
      this.#parts.flatMap((part) => Array.from(part.addresses(), networkOf)),
    );
    return this.#networks.has(networkOf(address));
  }

  #place(address: string): Place {
    const known = this.#changed.get(address) ?? this.#known.get(address);
    if (known) return known;
    const place = new Map<number, PartClaim[]>();
    for (const part of this.#parts) {
      // An address may go on in the part that follows.
      for (const [port, claims] of part.linesOf(address)) {
        const line = place.get(port);
        if (line) line.push(...claims);
        else place.set(port, claims);
      }
    }
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(address, place);
    return place;
  }
}

const NONE: Line<PartClaim> = [];
const NOBODY = [undefined];

/** Adds a claim to a line, which ends where that begins. */
function append(line: PartClaim[], claim: PartClaim): void {
  while (line.length > 0 && line.at(-1)!.from >= claim.from) line.pop();
  const last = line.at(-1);
  if (last && last.to > claim.from) {
    line[line.length - 1] = { ...last, to: claim.from };
  }
  line.push(claim);
}

/** The first 16 bits of an IPv4 address, the first 48 of another. */
function networkOf(address: string): string {
  const groups = parseAddress(address) ?? [];
  return groups.slice(0, groups.length === 2 ? 1 : 3).join();
}
