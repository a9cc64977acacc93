/** The queries of a hub: who asks, and how many at once. */
import { BadMessage } from "../api/batch.ts";
import { type Channel, type Message, PortChannel } from "../api/channel.ts";
import { type Failure, readQueryRequest } from "../api/messages.ts";
import { isFailure, planQuery } from "./planned_query.ts";
import { Query, type Surroundings } from "./query.ts";

/** Queries that run at once. */
export const MAX_QUERIES = 64;

/** How long the token and the question may take to come, ms. */
const PATIENCE = 10_000;

/** Bytes of a message that shows the token. */
const MAX_TOKEN_MESSAGE = 1024;

/** Whether a text is the token. */
export type TokenCheck = (token: string) => boolean;

/** Answers every client, on a channel of its own. */
export class Queries {
  readonly #surroundings: Surroundings;
  readonly #running = new Set<Query>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether one more may be asked. */
  get hasRoom(): boolean {
    return this.#running.size < MAX_QUERIES;
  }

  /**
   * Serves a client.
   *
   * @param isToken given if the client's first message has to show the token
   */
  serve(channel: Channel, isToken?: TokenCheck): void {
    const client = new Client(
      channel,
      isToken,
      (request) => this.#begin(request, channel),
    );
    client.listen();
  }

  /** A channel on which somebody in this process may ask. */
  open(): Channel {
    const { port1, port2 } = new MessageChannel();
    this.serve(new PortChannel(port1));
    return new PortChannel(port2);
  }

  /** What is said with every answer is another than before. */
  tell(): void {
    for (const query of this.#running) query.tell();
  }

  /** Ends all of them. */
  close(): void {
    for (const query of this.#running) query.stop("The hub ends");
  }

  /** @throws BadMessage */
  #begin(message: string, channel: Channel): Query | Failure {
    const planned = planQuery(readQueryRequest(message));
    if (isFailure(planned)) return planned;
    if (!this.hasRoom) {
      this.#surroundings.metrics.refused++;
      return {
        code: "busy",
        message: `${MAX_QUERIES} queries run already; try again later`,
      };
    }
    const query = new Query(
      planned,
      channel,
      this.#surroundings,
      () => this.#running.delete(query),
    );
    this.#running.add(query);
    return query;
  }
}

/** One client: shows the token if it must, asks, then grants credit. */
class Client {
  readonly #channel: Channel;
  readonly #begin: (message: string) => Query | Failure;
  #isToken: TokenCheck | undefined;
  #query: Query | undefined;
  readonly #patience: ReturnType<typeof setTimeout>;

  constructor(
    channel: Channel,
    isToken: TokenCheck | undefined,
    begin: (message: string) => Query | Failure,
  ) {
    this.#channel = channel;
    this.#isToken = isToken;
    this.#begin = begin;
    this.#patience = setTimeout(() => this.#isLate(), PATIENCE);
  }

  listen(): void {
    this.#channel.listen({
      onMessage: (message) => this.#hear(message),
      onClose: (reason) => {
        clearTimeout(this.#patience);
        this.#query?.stop(reason);
      },
    });
  }

  #hear(message: Message): void {
    if (this.#query) return this.#query.hear(message);
    try {
      if (typeof message !== "string") throw new BadMessage("Bytes came");
      if (this.#isToken) return this.#checkToken(message);
      clearTimeout(this.#patience);
      const begun = this.#begin(message);
      if (begun instanceof Query) this.#query = begun;
      else this.#refuse(begun);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#refuse({ code: "message", message: error.message });
    }
  }

  #checkToken(message: string): void {
    const token = tokenIn(message);
    if (token !== undefined && this.#isToken!(token)) {
      this.#isToken = undefined;
      return;
    }
    this.#refuse({
      code: "denied",
      message: 'Show the token first: {"token": "…"}',
    });
  }

  #isLate(): void {
    this.#refuse(
      this.#isToken
        ? { code: "denied", message: "No token was shown" }
        : { code: "message", message: "No question came" },
    );
  }

  #refuse(error: Failure): void {
    clearTimeout(this.#patience);
    this.#channel.send(JSON.stringify({ error }));
    this.#channel.close(error.code);
  }
}

/** The token that a message shows. */
function tokenIn(message: string): string | undefined {
  if (message.length > MAX_TOKEN_MESSAGE) return undefined;
  try {
    const { token } = JSON.parse(message) ?? {};
    return typeof token === "string" ? token : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
