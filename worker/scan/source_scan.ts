/**
 * One source under a query: its frames become packets, its packets entries,
 * and those that match are given on. What was missed is counted.
 */
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import { answeredBy, mayAsk } from "../../dissectors/dns/answered.ts";
import type {
  AnyDissector,
  AnyFlowDissector,
} from "../../dissectors/dissector.ts";
import {
  AnsweredNames,
  ClaimedOrAnswered,
} from "../../entry/answered_names.ts";
import { type NameLookup, NO_NAMES } from "../../entry/names.ts";
import { compileFlow, compileMessage } from "../../kfl/evaluator.ts";
import type { StageCounts } from "../../kfl/explain.ts";
import type { Plan } from "../../kfl/plan.ts";
import { namesReadBy } from "../../kfl/tree.ts";
import { Decoder } from "../../packet/decode.ts";
import type { FrameBatch } from "../../packet/frame.ts";
import { OUTCOME, Packet } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import { NO_PODS } from "../../stream/mesh.ts";
import { resumeCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { cannotMatch } from "./flow_view.ts";
import { Replay, type ReplayCounters } from "./replay.ts";

/** Packets after the end of a window that may complete what began in it, µs. */
export const COMPLETION = 30e6;

/** Time after which no packet can add to an entry of the plan's window, µs. */
export function horizonOf(plan: Plan): number {
  return (plan.window.to ?? Infinity) + COMPLETION;
}

/** All protocols, as the registry lists them. */
export interface Protocols {
  readonly dissectors: readonly AnyDissector[];
  readonly flowDissectors: readonly AnyFlowDissector[];
}

/** What is looked for, and who takes it. */
export interface ScanOptions {
  readonly plan: Plan;
  readonly protocols: Protocols;
  /** What the ends were called; by default nobody has a name. */
  readonly names?: NameLookup | undefined;
  /**
   * What answers called those whom `names` does not know. What the source's
   * own answers say is added, before the entries that follow them are named:
   * so flows on which addresses are asked for are never ruled out. Absent
   * where nobody asks for the name of an end.
   */
  readonly answered?: AnsweredNames | undefined;
  /** Whether `answered` has all that this source's answers say already. */
  readonly isAnswered?: boolean | undefined;
  /**
   * An entry that was named, before it is known whether it matches: whoever
   * says that it is to wait takes it over. What it borrows holds until this
   * returns.
   */
  readonly mustWait?: ((entry: DissectedEntry) => boolean) | undefined;
  /** An entry that matches. What it borrows holds until this returns. */
  readonly onMatch: (entry: DissectedEntry, flow: Flow<unknown>) => void;
  /** Whether entries are marked, so that other nodes' are known by them. */
  readonly marks?: boolean | undefined;
  /** Whether every flow is dissected in full, whatever the plan asks for. */
  readonly isWhole?: boolean;
  /** Ids of flows that an earlier reading found unable to match. */
  readonly ruledOut?: ReadonlySet<number>;
}

/** What a query saw of one source. */
export interface Coverage {
  readonly node: string;
  packets: number;
  /** Least and greatest of their times, µs; infinite without packets. */
  first: number;
  last: number;
  /** Frames that are no packets of a flow, such as ARP. */
  others: number;
  /** Frames whose headers contradict themselves. */
  malformed: number;
  /** Frames of which the capture kept only the beginning. */
  cut: number;
  /** Packets that the capturing machine lost, as far as it said. */
  lost: number;
  /** What is damaged, and where; one line each. */
  readonly damage: string[];
  /** Shards, and those of them that were passed over. */
  shards: number;
  shardsRuledOut: number;
  entries: number;
  matches: number;
  readonly replay: ReplayCounters;
}

/** A source that is being searched. */
export class SourceScan {
  readonly coverage: Coverage;
  readonly replay: Replay;
  /** Protocols of the entries so far, whether they match or not. */
  readonly protocols = new Set<string>();
  /** What answers among them called whom, if the scan is whole. */
  readonly answered = new AnsweredNames();
  /**
   * Whether this node captured the packets itself. Where it kept the beginning
   * of one it did so on purpose (`--store`), and nothing that can be asked for
   * is missing.
   */
  isOwnCapture = false;
  /** Who it was in whose network the frames that come were captured. */
  podIpsOf = NO_PODS;
  readonly #decoder = new Decoder();
  readonly #packet = new Packet();
  readonly #horizon: number;
  readonly #isWhole: boolean;
  readonly #listeners: readonly AnsweredNames[];

  constructor(node: string, options: ScanOptions) {
    const { plan, isWhole = false, answered, ruledOut } = options;
    const names = lookupOf(options);
    const matches = compileMessage(plan);
    this.#horizon = horizonOf(plan);
    this.#isWhole = isWhole;
    const judge = compileFlow(plan, flowNamesOf(options));
    const mustRead = answered && !options.isAnswered ? isOfNames : () => false;
    this.#listeners = [isWhole ? this.answered : undefined, answered]
      .filter((each) => each !== undefined);
    this.replay = new Replay({
      node: { name: node },
      ...options.protocols,
      wantsBodies: plan.wantsBodies || isWhole,
      podIpsOf: (network) => this.podIpsOf(network),
      marks: options.marks,
      mayMatch: isWhole
        ? undefined
        : (flow, protocols) =>
          mustRead(flow, protocols) || !cannotMatch(judge, flow, protocols),
      isRuledOut: ruledOut &&
        ((flow) => ruledOut.has(flow.id) && !mustRead(flow)),
      onEntry: (entry, flow) => {
        this.coverage.entries++;
        this.protocols.add(entry.protocol);
        if (this.#listeners.length > 0) this.#learn(entry);
        if (names !== NO_NAMES) entry.nameEnds(names);
        if (options.mustWait?.(entry) || !matches(entry)) return;
        this.coverage.matches++;
        options.onMatch(entry, flow);
      },
    });
    this.coverage = {
      node,
      packets: 0,
      first: Infinity,
      last: -Infinity,
      others: 0,
      malformed: 0,
      cut: 0,
      lost: 0,
      damage: [],
      shards: 0,
      shardsRuledOut: 0,
      entries: 0,
      matches: 0,
      replay: this.replay.counters,
    };
  }

  /**
   * Adds row i of a batch, whose frame is kept at `place`.
   *
   * @returns its flow, if further packets of it may be left out
   */
  frame(
    batch: FrameBatch,
    i: number,
    linkType: number,
    place: number,
  ): Flow<unknown> | undefined {
    const time = batch.time[i]!;
    const captured = batch.captured[i]!;
    const original = batch.original[i]!;
    const { coverage } = this;
    this.#count(time);
    if (captured < original && !this.isOwnCapture) coverage.cut++;
    // Capture order is not always the order of times, so later ones count.
    if (time > this.#horizon) return undefined;
    this.#packet.interface = batch.interface[i]!;
    const outcome = this.#decoder.decode(
      batch.bytes,
      batch.start[i]!,
      captured,
      original,
      linkType,
      time,
      place,
      this.#packet,
    );
    if (outcome === OUTCOME.PACKET) {
      const settled = this.replay.packet(this.#packet);
      return this.#isWhole ? undefined : settled;
    }
    if (outcome === OUTCOME.OTHER) coverage.others++;
    else if (outcome === OUTCOME.MALFORMED) coverage.malformed++;
    return undefined;
  }

  /** What {@link resume} needs to go on; only of a scan that is whole. */
  save(): Uint8Array {
    return saveCheckpoint(this.replay, this.#decoder.defragmenter);
  }

  /**
   * Goes on from {@link save}; to be called before any packet comes.
   *
   * @throws StaleState; the scan is then of no more use
   */
  resume(saved: Uint8Array): void {
    resumeCheckpoint(saved, this.replay, this.#decoder.defragmenter);
  }

  /**
   * A packet that is left out.
   *
   * @param flow that it belongs to, which {@link frame} gave; `undefined` if it
   *   is of none
   */
  passed(flow: Flow<unknown> | undefined, time: number, place: number): void {
    this.#count(time);
    if (flow && time <= this.#horizon) this.replay.passed(flow, time, place);
  }

  /** No more frames come. */
  end(): void {
    this.replay.end();
  }

  #learn(entry: DissectedEntry): void {
    const answer = answeredBy(entry);
    for (const address of answer?.addresses ?? []) {
      for (const names of this.#listeners) {
        names.learn(address, answer!.name, entry.completed);
      }
    }
  }

  #count(time: number): void {
    const { coverage } = this;
    coverage.packets++;
    if (time < coverage.first) coverage.first = time;
    if (time > coverage.last) coverage.last = time;
  }
}

/** What ends of entries are called. */
export function lookupOf(
  { names = NO_NAMES, answered }: Pick<ScanOptions, "names" | "answered">,
): NameLookup {
  return answered ? new ClaimedOrAnswered(names, answered, true) : names;
}

/** What flows are judged by: answers tell nothing but the name of an end. */
export function flowNamesOf(options: ScanOptions): NameLookup {
  const { plan, names = NO_NAMES } = options;
  return readsName(plan) ? lookupOf(options) : names;
}

/** Where answers are collected, if anybody asks for the name of an end. */
export function answeredFor(plan: Plan): AnsweredNames | undefined {
  return plan.names.includes("name") ? new AnsweredNames() : undefined;
}

/** Whether the filter asks for the name of an end. */
export function readsName({ filter }: Plan): boolean {
  return namesReadBy(filter).includes("name");
}

/** Whether addresses of names may be asked for on a flow. */
function isOfNames(
  { client, server }: Flow<unknown>,
  protocols?: readonly string[],
): boolean {
  return mayAsk(client, server) && (!protocols || protocols.includes("dns"));
}

/** What the stages of a query counted, over all its sources. */
export function countStages(coverages: readonly Coverage[]): StageCounts {
  const sum = (of: (coverage: Coverage) => number) =>
    coverages.reduce((total, coverage) => total + of(coverage), 0);
  const flows = sum(({ replay }) => replay.flows);
  const judged = flows - sum(({ replay }) => replay.flowsRuledOut);
  const searched = judged - sum(({ replay }) => replay.bytesRuledOut);
  const shards = sum((coverage) => coverage.shards);
  return {
    ...shards > 0 && {
      shard: {
        in: shards,
        out: shards - sum((coverage) => coverage.shardsRuledOut),
      },
    },
    flow: { in: flows, out: judged },
    ...searched < judged && { bytes: { in: judged, out: searched } },
    message: {
      in: sum((coverage) => coverage.entries),
      out: sum((coverage) => coverage.matches),
    },
  };
}
