/**
 * Legs: which flows are one conversation whose addresses are translated on the
 * way (see `translation.ts`).
 *
 * The first packet of a flow is looked up among the packets that other flows
 * began with within {@link PASSING}. If it is one of them, seen again with
 * other ends, the flow *carries* the conversation from then on, and the flow
 * that was there before is a *copy*, of which nothing is given any more. So the
 * ends of a flow are known from its first packet: a filter never has to wait
 * for what may come.
 *
 * That the answers are the same, too, shows with the first of them, which comes
 * to the carrier first and then to the copy. If they are not, both go their own
 * ways. A datagram's copy is watched on: after a pause its address may lead to
 * another end than before.
 *
 *     client ──► 10.96.0.10:53    copy      (first packet, then the answer)
 *     client ──► 10.1.0.9:53      carrier
 */
import type { Packet } from "../packet/packet.ts";
import { type Flow, Leg } from "./flow.ts";
import type { FlowEnd } from "./flow_end.ts";
import { markOf, type SavedSeen, type Seen, SeenPackets } from "./marks.ts";
import type { State } from "./state.ts";
import type { Face, OtherLeg, Translation } from "./translation.ts";

/** What is known of a flow that goes on elsewhere: plain data. */
interface SavedLeg {
  /** The flow's position among those that are saved. */
  readonly flow: number;
  readonly translation?: State;
  readonly leg?: {
    readonly fromLow: boolean;
    readonly looks: number;
    readonly answer?: number | undefined;
    readonly isCopy: boolean;
    readonly carrier?: {
      /** As above; absent if it gives nothing any more. */
      readonly flow?: number | undefined;
      readonly answer?: number | undefined;
    } | undefined;
  } | undefined;
}

/** Legs as plain data. */
export interface SavedLegs {
  readonly legs: readonly SavedLeg[];
  readonly seen: SavedSeen;
}

/** What {@link Legs.begin} found. */
export type Beginning =
  /** The packet was on no other leg. */
  | "alone"
  /** It was given there already. */
  | "carrier of what was given"
  /** The other leg was a copy before, and gave nothing. */
  | "carrier";

/** Finds the legs of the flows of one table. */
export class Legs<T> {
  readonly #seen = new SeenPackets<T>();

  /** Looks at a flow's first packet. */
  begin(flow: Flow<T>, packet: Packet, fromLow: boolean): Beginning {
    // What a pod says to itself goes no further as it is.
    if (flow.network !== 0) return "alone";
    const mark = markOf(packet);
    if (mark === undefined) return "alone";
    const leg = flow.leg = new Leg(fromLow);
    const other = this.#findOther(mark, packet, flow, fromLow);
    this.#seen.add(mark, packet, flow, fromLow);
    if (!other) return "alone";
    const copy = other.flow.leg ??= new Leg(other.fromLow);
    const wasCopy = copy.carrier !== undefined;
    copy.carrier = { flow, leg };
    flow.translation = translate(flow, fromLow, other, packet.time);
    return wasCopy ? "carrier" : "carrier of what was given";
  }

  /**
   * Looks at a further packet of a flow that has a leg.
   *
   * @returns whether it is certain now that the flow is a copy
   */
  look(flow: Flow<T>, packet: Packet, fromLow: boolean): boolean {
    const leg = flow.leg!;
    const isAnswer = fromLow !== leg.fromLow;
    if (leg.isCopy && (isAnswer || flow.transport === "tcp")) return false;
    const mark = markOf(packet);
    if (mark === undefined) return false;
    this.#seen.add(mark, packet, flow, fromLow);
    if (leg.isCopy) return false;
    if (isAnswer) leg.answer = mark;
    else if (--leg.looks > 0) return false;
    return this.#conclude(flow, leg);
  }

  /** Flows whose packets may still tell something. */
  watched(): Set<Flow<T>> {
    return this.#seen.flows();
  }

  /** @param flows all that have a leg, or are {@link watched} */
  save(flows: readonly Flow<T>[]): SavedLegs {
    const positions = new Map<Flow<unknown>, number>(
      flows.map((flow, i) => [flow, i]),
    );
    const legs: SavedLeg[] = [];
    for (const [i, { leg, translation }] of flows.entries()) {
      if (!leg && !translation) continue;
      legs.push({
        flow: i,
        translation: translation && toPlain(translation),
        leg: leg && {
          fromLow: leg.fromLow,
          looks: leg.looks,
          answer: leg.answer,
          isCopy: leg.isCopy,
          carrier: leg.carrier && {
            flow: leg.carrier.flow && positions.get(leg.carrier.flow),
            answer: leg.carrier.leg.answer,
          },
        },
      });
    }
    return {
      legs,
      seen: this.#seen.save(flows),
    };
  }

  /** Goes on from {@link save}. */
  resume(saved: SavedLegs, flows: readonly Flow<T>[]): void {
    for (const { flow: at, leg: row, translation } of saved.legs) {
      const flow = flows[at]!;
      flow.translation = translation as Translation | undefined;
      if (!row) continue;
      const leg = flow.leg = new Leg(row.fromLow);
      leg.looks = row.looks;
      leg.answer = row.answer;
      leg.isCopy = row.isCopy;
    }
    for (const { flow: at, leg: row } of saved.legs) {
      if (!row?.carrier) continue;
      const { flow: carrier, answer } = row.carrier;
      const flow = carrier === undefined ? undefined : flows[carrier];
      const leg = flow?.leg ?? new Leg(row.fromLow);
      leg.answer = answer;
      flows[at]!.leg!.carrier = { flow, leg };
    }
    this.#seen.resume(saved.seen, flows);
  }

  /** The flow of which the packet is known, if it is the same conversation. */
  #findOther(
    mark: number,
    packet: Packet,
    flow: Flow<T>,
    fromLow: boolean,
  ): Seen<T> | undefined {
    let best: Seen<T> | undefined;
    let most = -1;
    for (const seen of this.#seen.alike(mark, packet)) {
      const likeness = likenessOf(flow, fromLow, seen);
      // Of those that are as likely, the one that came first.
      if (likeness < most || likeness < 0) continue;
      best = seen;
      most = likeness;
    }
    return best;
  }

  /** Whether the flow is a copy, now that it was answered or never will be. */
  #conclude(flow: Flow<T>, leg: Leg): boolean {
    if (leg.carrier) {
      if (isConfirmed(leg, flow.transport === "tcp")) return leg.isCopy = true;
      if (leg.carrier.flow) leg.carrier.flow.translation = undefined;
    }
    flow.leg = undefined;
    return false;
  }
}

/**
 * Whether the answers of a flow and its carrier are one, too. A connection's
 * numbers are proof enough where the carrier's answer was missed.
 */
function isConfirmed({ answer, carrier }: Leg, isTcp: boolean): boolean {
  if (answer === undefined) return true;
  const same = carrier!.leg.answer;
  return same === undefined ? isTcp : same === answer;
}

/**
 * How likely it is that the packet which was seen on another flow, and the one
 * that begins this flow, are one packet; below 0 if they are not.
 */
function likenessOf<T>(
  flow: Flow<T>,
  fromLow: boolean,
  other: Seen<T>,
): number {
  const isCopy = other.flow.leg?.carrier !== undefined;
  const sharesSender = isSame(
    endOf(flow, fromLow),
    endOf(other.flow, other.fromLow),
  );
  const sharesReceiver = isSame(
    endOf(flow, !fromLow),
    endOf(other.flow, !other.fromLow),
  );
  if (flow.transport === "tcp") {
    if (isCopy) return -1;
  } else if (!sharesSender && !sharesReceiver) {
    // A program that hands a datagram on does so from where it received it.
    const isRelayed = isSame(
      endOf(flow, fromLow),
      endOf(other.flow, !other.fromLow),
    );
    if (isRelayed) return -1;
  }
  return (sharesSender || sharesReceiver ? 2 : 0) + (isCopy ? 0 : 1);
}

function endOf({ low, high }: Flow<unknown>, isLow: boolean): FlowEnd {
  return isLow ? low : high;
}

function isSame(a: FlowEnd, b: FlowEnd): boolean {
  return a.ip === b.ip && a.port === b.port;
}

/** What the new leg knows of the one that was there, and through it. */
function translate<T>(
  flow: Flow<T>,
  fromLow: boolean,
  other: Seen<T>,
  time: number,
): Translation {
  const here = { flow, fromLow };
  const [before, after] = other.time <= time ? [other, here] : [here, other];
  const sender: Face = {
    own: before.flow.faceOf(before.fromLow).own,
    alias: after.flow.faceOf(after.fromLow).alias,
  };
  const receiver: Face = {
    own: after.flow.faceOf(!after.fromLow).own,
    alias: before.flow.faceOf(!before.fromLow).alias,
  };
  return {
    low: fromLow ? sender : receiver,
    high: fromLow ? receiver : sender,
    others: [toOther(other.flow), ...other.flow.translation?.others ?? []],
  };
}

function toOther(
  { id, protocol, firstPlace, low, high }: Flow<unknown>,
): OtherLeg {
  return { id, protocol, firstPlace, low, high };
}

/** Without the numbers of a table that nobody knows elsewhere. */
function toPlain({ low, high, others }: Translation): State {
  const plain = { low, high, others: others.map(({ id: _, ...leg }) => leg) };
  // Plain data, of which the types only lack an index.
  return plain as unknown as State;
}
