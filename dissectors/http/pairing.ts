/**
 * Which response answers which request.
 *
 * Responses come in the order of their requests, and nothing else tells. So a
 * queue is enough, until something was not captured:
 *
 * - lost requests stand in the queue as a {@link Missed}: how many they were
 *   is not known, and their responses come when it is their turn;
 * - lost bytes of responses, and bytes that are none, make those requests
 *   *doubtful* that were open then: each may have been answered by them.
 *
 * A response is given to a request only if it can answer no other one. Else
 * the requests it may answer are given up, and it stands alone. Where clients
 * do not pipeline, and hardly any does, what is lost costs no other pair: such
 * a client goes on when it has its response, so once it goes on, all that was
 * open before has been answered.
 */
import type { Incomplete } from "../../entry/entry.ts";
import type { Capture, Mark } from "../../stream/reader.ts";
import { Asked, type AskedState } from "./exchange.ts";

/** Requests that may wait for responses; beyond them none is captured. */
const MAX_OPEN = 1024;

/** For how long responses to missed requests may still come, µs. */
const PATIENCE = 30e6;

/** Stands among requests for those, one or more, that were not captured. */
class Missed {
  /** When that was noticed, µs. */
  readonly time: number;
  readonly reason: "gap" | "mid-stream";

  constructor(time: number, reason: "gap" | "mid-stream") {
    this.time = time;
    this.reason = reason;
  }
}

/** Takes a request that gets no response, or none that is certain. */
export type GiveUp = (asked: Asked, reason: Incomplete) => void;

/** The requests of one connection that wait for their responses. */
export class Pairing {
  readonly #giveUp: GiveUp;
  #open: (Asked | Missed)[] = [];
  /** Whether no response has begun since the connection was joined. */
  #isJoined: boolean;
  /** How many of the open requests are doubtful: the first ones. */
  #doubtful = 0;
  /** Whether what is lost may have been the next response's beginning. */
  #lacksStart = false;
  /** Whether a request came while another one waited. */
  #pipelines = false;
  /** Whether requests were lost, or given up for what was. */
  #hasGap = false;
  /** Whether the server said nothing since requests were lost. */
  #isSilent = false;
  /** In which packet the newest response without a request began. */
  #unaskedPlace = -1;

  constructor(
    context: { readonly midStream: boolean; readonly lostStart?: boolean },
    giveUp: GiveUp,
  ) {
    this.#isJoined = context.midStream;
    this.#giveUp = giveUp;
    // When that was is not known, but not long before what comes.
    if (context.lostStart) this.loseRequests(Infinity, true);
  }

  /** Whether no request waits. */
  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  /** The request that is answered next, if that is known. */
  get oldest(): Asked | undefined {
    const [front] = this.#open;
    return front instanceof Asked ? front : undefined;
  }

  /** Whether requests were lost. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Whether it is the newest request, and its response has not begun. */
  isNewest(asked: Asked): boolean {
    return this.#open.at(-1) === asked;
  }

  /** A request begins. */
  ask(asked: Asked): void {
    const open = this.#open;
    // A response that nobody asked for came later: it may be this one's.
    if (this.#hasGap && asked.first.place < this.#unaskedPlace) {
      this.#giveUp(asked, "gap");
      return;
    }
    this.#settle();
    this.#pipelines ||= open.length > 0;
    open.push(asked);
    if (open.length > MAX_OPEN) this.#abandon(open.length, asked.first.time);
  }

  /**
   * A response begins there, the first informational one before it included.
   *
   * @returns the request that it certainly answers
   */
  claim(first: Mark): Asked | undefined {
    if (this.#doubtful > 0 || this.#isJoined) this.#resolve(first);
    const asked = this.#take(first);
    if (!asked) this.#unaskedPlace = first.place;
    return asked;
  }

  /** Whether the response now claimed may lack its beginning; asked once. */
  lacksStart(): boolean {
    const lacksStart = this.#lacksStart;
    this.#lacksStart = false;
    return lacksStart;
  }

  /**
   * Bytes of requests were lost.
   *
   * @param isCertain whether a request began, or was begun, in them
   */
  loseRequests(time: number, isCertain: boolean): void {
    this.#hasGap = true;
    if (!isCertain && !this.#pipelines) return;
    this.#isSilent = true;
    if (this.#open.at(-1) instanceof Missed) return;
    this.#open.push(new Missed(time, "gap"));
  }

  /** Bytes of responses were lost. */
  loseResponses(): void {
    this.#doubtful = this.#open.length;
    this.#lacksStart = this.#doubtful > 0;
  }

  /** Bytes up to there are no response, or what is left of one. */
  strayTo(last: Capture): void {
    this.#doubtful = this.#countBefore(last);
  }

  /** The server says something, or what it said was lost. */
  hear(): void {
    this.#isSilent = false;
  }

  /**
   * Gives up requests that were asked before `time`, µs. They keep their
   * places, so that the next ones do not get their responses.
   */
  expire(time: number): void {
    for (const asked of this.#open) {
      if (asked instanceof Missed) continue;
      if (!asked.isEnded || asked.last.time >= time) break;
      this.#giveUp(asked, "no response");
    }
  }

  /** Gives up all that wait, for that reason unless there is a better one. */
  end(reason: Incomplete): void {
    let missed: Incomplete | undefined;
    for (const [i, asked] of this.#open.splice(0).entries()) {
      // What came after lost requests may have been answered for them.
      if (asked instanceof Missed) missed = asked.reason;
      else {
        const doubt = i < this.#doubtful ? "gap" : undefined;
        this.#giveUp(asked, missed ?? doubt ?? asked.reason ?? reason);
      }
    }
  }

  /** Plain data for {@link restore}. */
  save(): PairingState {
    return {
      open: this.#open.map((asked) =>
        asked instanceof Missed
          ? { time: asked.time, missed: asked.reason }
          : asked.save()
      ),
      isJoined: this.#isJoined,
      doubtful: this.#doubtful,
      lacksStart: this.#lacksStart,
      pipelines: this.#pipelines,
      hasGap: this.#hasGap,
      isSilent: this.#isSilent,
      unaskedPlace: this.#unaskedPlace,
    };
  }

  restore(state: PairingState): void {
    this.#open = state.open.map((asked) =>
      "missed" in asked
        ? new Missed(asked.time, asked.missed)
        : Asked.restored(asked)
    );
    this.#isJoined = state.isJoined;
    this.#doubtful = state.doubtful;
    this.#lacksStart = state.lacksStart;
    this.#pipelines = state.pipelines;
    this.#hasGap = state.hasGap;
    this.#isSilent = state.isSilent;
    this.#unaskedPlace = state.unaskedPlace;
  }

  /** Where in the queue a request is, which is what is saved of it; or -1. */
  indexOf(asked: Asked): number {
    return this.#open.indexOf(asked);
  }

  /** The request at a place in the queue. */
  at(index: number): Asked | undefined {
    const asked = this.#open[index];
    return asked instanceof Asked ? asked : undefined;
  }

  /**
   * Draws the conclusion from a request after a loss: its client goes on, so
   * all before was answered. But if the server said nothing since requests
   * were lost, it was not, and the client pipelines.
   */
  #settle(): void {
    const open = this.#open;
    if (this.#pipelines || open.length === 0) return;
    const areMissed = open.at(-1) instanceof Missed;
    if (areMissed && this.#isSilent) return;
    const isAlone = areMissed && open.length === 1;
    if (!isAlone && this.#doubtful < open.length) return;
    for (const asked of open.splice(0)) {
      if (asked instanceof Asked) this.#giveUp(asked, "gap");
    }
    this.#doubtful = 0;
    this.#lacksStart = false;
  }

  /** Gives up what a response begun there may or may not answer. */
  #resolve(first: Mark): void {
    const sent = this.#countBefore(first);
    if (sent > 1) {
      // Any of them; or, of a connection joined while it was pipelined, one
      // before them.
      if (this.#doubtful > 0) this.#abandon(sent, first.time);
      else if (this.oldest) {
        this.#open.unshift(new Missed(first.time, "mid-stream"));
      }
    }
    this.#doubtful = 0;
    this.#isJoined = false;
  }

  #take(first: Mark): Asked | undefined {
    const open = this.#open;
    const [front, next] = open;
    if (front instanceof Missed) {
      const waits = next instanceof Asked && isBefore(next, first);
      if (!waits) {
        open.shift();
        return undefined;
      }
      if (next.first.time - front.time <= PATIENCE) {
        // It answers a missed one or, if that was answered, the next one.
        open.splice(1, 1);
        this.#giveUp(next, front.reason);
        return undefined;
      }
      open.shift();
    }
    const asked = this.oldest;
    if (!asked || !isBefore(asked, first)) return undefined;
    open.shift();
    return asked;
  }

  /** How many of the open requests were sent before those bytes came. */
  #countBefore(mark: Capture): number {
    return this.#open.findLastIndex((asked) => isBefore(asked, mark)) + 1;
  }

  /** Gives up the first `count` requests, whose responses may still come. */
  #abandon(count: number, time: number): void {
    this.#hasGap = true;
    const missed = new Missed(time, "gap");
    for (const asked of this.#open.splice(0, count, missed)) {
      if (asked instanceof Asked) this.#giveUp(asked, "gap");
    }
  }
}

/** Whether a request was sent before those bytes came. */
function isBefore(asked: Asked | Missed, mark: Capture): boolean {
  return asked instanceof Missed || asked.first.place < mark.place;
}

/** A {@link Missed} as saved. */
interface MissedState {
  readonly time: number;
  readonly missed: Missed["reason"];
}

/** A pairing as saved. */
export interface PairingState {
  readonly open: readonly (AskedState | MissedState)[];
  readonly isJoined: boolean;
  readonly doubtful: number;
  readonly lacksStart: boolean;
  readonly pipelines: boolean;
  readonly hasGap: boolean;
  readonly isSilent: boolean;
  readonly unaskedPlace: number;
}
