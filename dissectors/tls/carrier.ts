/**
 * What reads handshakes from TCP and what reads them from datagrams have in
 * common: two senders, the handshakes they are in, and how both are saved.
 */
import type { StreamReader } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import type { Ending, Parser, Side } from "../dissector.ts";
import type {
  HandshakeExchange,
  HandshakeFields,
  Handshakes,
  HandshakesState,
} from "./handshake.ts";

/** What is known of the records of one end. */
export interface RecordSender<S> {
  save(): S;
  restore(saved: S): void;
}

/** Reads the handshakes of one flow, whatever carries its records. */
export abstract class Carrier<S, T extends RecordSender<S>>
  implements Parser<HandshakeFields> {
  protected readonly senders: { readonly [End in Side]: T };
  protected readonly handshakes: Handshakes;

  constructor(
    senders: { readonly [End in Side]: T },
    handshakes: Handshakes,
  ) {
    this.senders = senders;
    this.handshakes = handshakes;
  }

  abstract read(
    side: Side,
    reader: StreamReader,
  ): Iterable<HandshakeExchange>;

  abstract gap(
    side: Side,
    size: number,
    reader: StreamReader,
  ): Iterable<HandshakeExchange>;

  *end(side: Side | undefined, ending: Ending): Generator<HandshakeExchange> {
    const exchange = side === undefined
      ? this.handshakes.end(ending)
      : this.handshakes.leave(side);
    if (exchange) yield exchange;
  }

  *expire(time: number): Generator<HandshakeExchange> {
    const exchange = this.handshakes.expire(time);
    if (exchange) yield exchange;
  }

  save(): Uint8Array {
    return encodeState({
      client: this.senders.client.save(),
      server: this.senders.server.save(),
      handshakes: this.handshakes.save(),
    });
  }

  restore(saved: Uint8Array): void {
    const { client, server, handshakes } = decodeState(saved) as {
      client: S;
      server: S;
      handshakes: HandshakesState;
    };
    this.senders.client.restore(client);
    this.senders.server.restore(server);
    this.handshakes.restore(handshakes);
  }
}
