/**
 * Names for plans: what the hub's cluster calls whoever has an address, cut to
 * what a query asks for.
 */
import { setTimeout } from "node:timers/promises";
import {
  MAX_CLAIMS,
  MAX_PARTS,
  toAnsweredParts,
  toParts,
} from "../api/names.ts";
import { NamesTable } from "../api/names_table.ts";
import type { Answered } from "../entry/answered_names.ts";
import type { End } from "../entry/entry.ts";
import {
  type Claim,
  knownAddress,
  NAME_FIELDS,
  type Names,
  NODES,
} from "../entry/names.ts";
import { toRfc3339 } from "../entry/json.ts";
import type { Plan } from "../kfl/plan.ts";
import type { NodeAnswers } from "./node_answers.ts";

/** Who knows what addresses are called. Times are µs since 1970. */
export interface NameSource {
  /**
   * Every claim that holds for some of a stretch of time, its end not
   * included. Those of one address come together, those of one port of it in
   * order of time.
   */
  claims(from: number, to: number): Iterable<Claim>;
  /**
   * Tells of claims that begin or end from now on, those that ended first,
   * until it is disposed of.
   */
  listen(heard: (claims: readonly Claim[]) => void): Disposable;
}

/** Names that are heard of gather for so long before they are sent, ms. */
const GATHERING = 50;

/** Parts of a names table, as workers get them. Each is copied to be sent. */
export type NameParts = readonly Uint8Array[];

/** What a hub knows names by. */
export interface KnownNames {
  /** Absent where nobody claims any. */
  readonly names?: NameSource | undefined;
  /** Absent where nobody collects what answers said. */
  readonly answers?: NodeAnswers | undefined;
}

/** The names that one query asks for. */
export class PlanNames implements Disposable {
  readonly #source: NameSource | undefined;
  /** Absent where no names are wanted that answers give. */
  readonly #answers: NodeAnswers | undefined;
  readonly #plan: Plan;
  readonly #listening = new DisposableStack();
  #parts: Promise<NameParts> | undefined;
  #warnings: readonly string[] = [];
  #heard: Claim[] = [];
  #answered: Answered[] = [];
  #telling: ReturnType<typeof globalThis.setTimeout> | undefined;

  /**
   * @param tell given what was heard since the {@link parts} that it follows,
   *   while the query follows
   * @returns nothing where the plan asks for no names
   */
  static of(
    { names, answers }: KnownNames,
    plan: Plan,
    tell?: (parts: NameParts) => void,
  ): PlanNames | undefined {
    const wanted = plan.names.includes("name") && answers?.isNeeded
      ? answers
      : undefined;
    if (!wanted && (!names || plan.names.length === 0)) return undefined;
    return new PlanNames(names, wanted, plan, tell);
  }

  private constructor(
    source: NameSource | undefined,
    answers: NodeAnswers | undefined,
    plan: Plan,
    tell: ((parts: NameParts) => void) | undefined,
  ) {
    this.#source = source;
    this.#answers = answers;
    this.#plan = plan;
    if (!tell) return;
    const gather = <T>(gathered: () => T[]) => (heard: readonly T[]) => {
      this.#parts = undefined;
      for (const each of heard) gathered().push(each);
      this.#telling ??= globalThis.setTimeout(
        () => tell(this.#take()),
        GATHERING,
      );
    };
    const sources = [
      source?.listen(gather(() => this.#heard)),
      answers?.listen(gather(() => this.#answered)),
    ];
    for (const each of sources) this.#listening.use(each);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#telling);
    this.#listening.dispose();
  }

  /**
   * As they are known now. What is heard while they are made may not be among
   * them, and is told all the same.
   */
  get parts(): Promise<NameParts> {
    return this.#parts ??= this.#encode();
  }

  /** What whoever reads the answer has to know; nothing if all is well. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  #take(): NameParts {
    this.#telling = undefined;
    const heard = this.#heard;
    const answered = this.#answered;
    this.#heard = [];
    this.#answered = [];
    return [
      ...toParts(grouped(heard), this.#plan.names),
      ...toAnsweredParts(byAddress(answered)),
    ];
  }

  /**
   * All of them; or the newest, as many as fit. Many take a while, in which
   * others have their turn.
   */
  async #encode(): Promise<NameParts> {
    const { window: { from = -Infinity, to = Infinity }, names } = this.#plan;
    const answered = await this.#answers?.parts() ?? [];
    const room = MAX_PARTS - answered.length;
    const claims = [...this.#source?.claims(from, to + 1) ?? []];
    for (let most = MAX_CLAIMS;; most = Math.floor(most / 2)) {
      const { kept, until } = newest(claims, most);
      const parts: Uint8Array[] = [];
      for (const part of toParts(kept, names)) {
        parts.push(part);
        if (parts.length > room) break;
        await setTimeout(0);
      }
      if (parts.length > room) continue;
      this.#warnings = until === undefined ? [] : [
        "More names are known than can be sent: what ended before " +
        `${until === Infinity ? "now" : toRfc3339(until)} has none`,
      ];
      return [...parts, ...answered];
    }
  }
}

/** Those of one address together, which otherwise stay in their order. */
function grouped(claims: readonly Claim[]): Claim[] {
  return byAddress(
    claims,
    (each) => [...Map.groupBy(each, ({ port }) => port).values()].flat(),
  );
}

function byAddress<T extends { readonly address: string }>(
  all: readonly T[],
  order: (each: T[]) => T[] = (each) => each,
): T[] {
  return [...Map.groupBy(all, ({ address }) => address).values()]
    .flatMap(order);
}

/**
 * The claims that ended last, or have not, in their order.
 *
 * @returns until when claims ended that are left out, µs; if any is
 */
function newest(
  claims: readonly Claim[],
  most: number,
): { kept: readonly Claim[]; until: number | undefined } {
  if (claims.length <= most) return { kept: claims, until: undefined };
  const ends = Float64Array.from(claims, ({ to }) => to).sort();
  const until = ends[claims.length - most - 1]!;
  let room = most - ends.filter((to) => to > until).length;
  const kept = claims.filter(({ to }) =>
    to > until || to === until && room-- > 0
  );
  return { kept, until };
}

/**
 * Names the ends of one entry.
 *
 * @param at when it began, µs
 */
export function namesAt(
  source: NameSource,
  ends: readonly End[],
  at: number,
): (Names | undefined)[] {
  const wanted = new Set([NODES, ...ends.map(knownAddress)]);
  const claims = source.claims(at, at + 1);
  const some = Iterator.from(claims).filter(({ address }) =>
    wanted.has(address)
  );
  const table = new NamesTable(toParts(some, NAME_FIELDS));
  return ends.map((end) => table.at(end, at));
}
