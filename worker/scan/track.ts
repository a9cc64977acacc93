/**
 * One flow under replay: its two directions' reassembly, and the conversation
 * they lead to.
 *
 * Directions are called by their senders, the low and the high end, because
 * which of them is the client may be found out late.
 */
import {
  Conversation,
  type ConversationOptions,
} from "../../dissectors/conversation.ts";
import type { Side } from "../../dissectors/dissector.ts";
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import type { Packet } from "../../packet/packet.ts";
import type { Flow } from "../../stream/flow.ts";
import { joinedTag, tagOf, tagOfText } from "../../stream/marks.ts";
import type { Mark } from "../../stream/reader.ts";
import {
  Reassembler,
  type ReassemblerState,
  type Sink,
  type WaitingRoom,
} from "../../stream/reassembly.ts";

/** What the tracks of a replay share. */
export interface TrackOptions {
  readonly conversation: ConversationOptions;
  readonly room: WaitingRoom;
  /** Whether exchanges are to be known on other nodes. */
  readonly marks?: boolean | undefined;
}

/** A track's saved state. */
export interface SavedTrack {
  readonly tag?: number | undefined;
  readonly conversation: Uint8Array;
  /** The protocol whose parser is at work; `undefined` if none is. */
  readonly parsed: string | undefined;
  /** Entries that it gave. */
  readonly entries: number;
  readonly low: ReassemblerState;
  readonly high: ReassemblerState;
}

/** One flow under replay. */
export class Track {
  readonly flow: Flow<unknown>;
  readonly conversation: Conversation;
  readonly #low: Reassembler;
  readonly #high: Reassembler;
  readonly #lowSink: Sink;
  readonly #highSink: Sink;
  readonly #marks: boolean;
  /** Of datagrams: what the first is known by elsewhere. */
  #tag: number | undefined;

  /** @param saved of a track of the same flow, on which this one goes on */
  constructor(flow: Flow<unknown>, options: TrackOptions, saved?: SavedTrack) {
    const { room, marks = false } = options;
    this.flow = flow;
    this.conversation = saved
      ? Conversation.restored(saved.conversation, flow, options.conversation)
      : new Conversation(flow, options.conversation);
    this.#low = saved
      ? Reassembler.restored(saved.low, room)
      : new Reassembler(room);
    this.#high = saved
      ? Reassembler.restored(saved.high, room)
      : new Reassembler(room);
    this.#marks = marks;
    this.#tag = saved?.tag;
    this.#lowSink = this.#sinkOf(true);
    this.#highSink = this.#sinkOf(false);
  }

  /** Adds a packet of the flow. */
  add(packet: Packet, fromLow: boolean): void {
    if (this.flow.transport === "tcp") return this.#addSegment(packet, fromLow);
    this.#tag ??= tagOf(packet);
    if (this.flow.transport === "sctp") return;
    const side = this.#sideOf(fromLow);
    const tag = this.#marks ? tagOf(packet) : 0;
    const { bytes, start, end, time, place, missing } = packet;
    this.conversation.data(side, bytes, start, end, time, place, missing, tag);
  }

  /** Notes what an exchange of this flow is known by on other nodes. */
  mark(entry: DissectedEntry): void {
    entry.markBy((side, first) =>
      this.flow.transport === "tcp"
        ? this.#sequenceOf(side, first)
        : this.#toMark(first.tag)
    );
  }

  /** The same of the flow, if that is the entry. */
  markFlow(entry: DissectedEntry): void {
    const { analysis, clientIsLow } = this.flow;
    if (analysis?.transport !== "tcp") {
      return entry.markAs({ asked: this.#toMark(this.#tag) });
    }
    const { low, high } = analysis;
    const [client, server] = clientIsLow ? [low, high] : [high, low];
    entry.markAs({
      asked: client.hasSyn ? joinedTag(client.synSeq, 0) : undefined,
      // Who joined it later still knows where it ended.
      answered: client.isNextKnown && server.isNextKnown
        ? joinedTag(client.next, server.next)
        : undefined,
    });
  }

  #sequenceOf(side: Side, { offset }: Mark): number | undefined {
    const isLow = (side === "client") === this.flow.clientIsLow;
    const sequence = (isLow ? this.#low : this.#high).sequenceAt(offset);
    return sequence === undefined ? undefined : joinedTag(sequence, 1);
  }

  /**
   * Several clients send the same datagram: what is asked again and again, by
   * few numbers. So their own ends belong to it.
   */
  #toMark(tag: number | undefined): number | undefined {
    if (tag === undefined) return undefined;
    const { ip, port = 0 } = this.flow.shownClient;
    return joinedTag(tag, tagOfText(`${ip} ${port}`));
  }

  /**
   * Whether no packet can change what it gives: then it is of no more use,
   * after {@link drain}.
   */
  get isSettled(): boolean {
    return this.conversation.isOpaque &&
      (this.flow.analysis === undefined || this.conversation.entries > 0);
  }

  /** Gives up, at `now` (µs), what was waited for too long. */
  expire(now: number): void {
    this.#low.expire(now, this.#lowSink);
    this.#high.expire(now, this.#highSink);
    this.conversation.expire(now);
  }

  /** No more segments come: delivers those that wait. */
  drain(): void {
    this.#low.end(this.#lowSink);
    this.#high.end(this.#highSink);
  }

  save(): SavedTrack {
    return {
      tag: this.#tag,
      conversation: this.conversation.save(),
      parsed: this.conversation.parsed,
      entries: this.conversation.entries,
      low: this.#low.save(),
      high: this.#high.save(),
    };
  }

  #addSegment(packet: Packet, fromLow: boolean): void {
    if (fromLow) {
      this.#high.acknowledge(packet, this.#highSink);
      this.#low.add(packet, this.#lowSink);
    } else {
      this.#low.acknowledge(packet, this.#lowSink);
      this.#high.add(packet, this.#highSink);
    }
    if (this.#low.isEnded && this.#high.isEnded) this.conversation.rest();
  }

  #sideOf(isLow: boolean): Side {
    return isLow === this.flow.clientIsLow ? "client" : "server";
  }

  #sinkOf(isLow: boolean): Sink {
    const { conversation } = this;
    return {
      data: (bytes, start, end, time, place) =>
        conversation.data(
          this.#sideOf(isLow),
          bytes,
          start,
          end,
          time,
          place,
        ),
      gap: (size) => conversation.gap(this.#sideOf(isLow), size),
      fin: () => conversation.finished(this.#sideOf(isLow)),
    };
  }
}
