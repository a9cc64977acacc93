/** What the answers to all queries need. */
import type { Channel } from "../../api/channel.ts";
import type { Answer } from "../../api/messages.ts";
import type { AnsweredNames } from "../../entry/answered_names.ts";
import type { Store } from "../shards/store.ts";
import type { Credit } from "./credit.ts";
import type { QueryNames } from "./names_inbox.ts";

/** What answers a query. */
export interface Answering {
  readonly store: Store;
  /** Absent where nobody has a name. */
  readonly names?: QueryNames | undefined;
  /** What answers called the others; absent where nobody asks for it. */
  readonly answered?: AnsweredNames | undefined;
  readonly channel: Channel;
  readonly credit: Credit;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Sends a message of text. */
export function send(channel: Channel, answer: Answer): void {
  channel.send(JSON.stringify(answer));
}
