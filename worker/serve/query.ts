/** One query: its question, read from a channel, and what answers it. */
import { BadMessage } from "../../api/batch.ts";
import type { Channel } from "../../api/channel.ts";
import {
  type Ask,
  type Failure,
  OtherVersion,
  readAsk,
  readGrant,
} from "../../api/messages.ts";
import { CannotKeepRuns } from "../scan/runs.ts";
import { UnusableFolder } from "../shards/meta.ts";
import type { Store } from "../shards/store.ts";
import { send } from "./answering.ts";
import { Bell } from "./bell.ts";
import { answerClosed } from "./closed_query.ts";
import { Credit } from "./credit.ts";
import { answerFollowing } from "./follow_query.ts";
import { NamesInbox } from "./names_inbox.ts";
import { checkPlan } from "./plan_check.ts";
import type { StoredNews } from "./stored_news.ts";

/** How long the question may be in coming, ms. */
const PATIENCE = 30_000;

/** What is told of a fault of ours. */
export const MISTAKE = "The worker made a mistake; its log says more";

/** Nobody waits for the answer any more. */
export class Cancelled extends Error {
  override name = "Cancelled";
}

/** What queries are answered from. */
export interface Answers {
  readonly store: Store;
  /** Whether packets may be added to it. */
  readonly grows: boolean;
  readonly news: StoredNews;
  /** µs since 1970. */
  readonly clock: () => number;
  /** Told what nobody who asks is to blame for. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Answers what is asked on a channel, and closes it.
 *
 * @returns when all is over
 */
export async function answer(
  channel: Channel,
  answers: Answers,
): Promise<void> {
  const over = new AbortController();
  const bell = new Bell();
  const credit = new Credit(bell, over.signal);
  const inbox = new NamesInbox();
  const question = Promise.withResolvers<Ask>();
  const fail = (error: unknown) => {
    over.abort(error);
    question.reject(error);
    inbox.fail(error);
    bell.ring();
  };
  let isAsked = false;
  channel.listen({
    onMessage(message) {
      try {
        if (typeof message !== "string") {
          inbox.add(message);
          return bell.ring();
        }
        if (isAsked) return credit.grant(readGrant(message).credit);
        isAsked = true;
        const ask = readAsk(message);
        inbox.expect(ask.names);
        credit.grant(ask.credit);
        question.resolve(ask);
      } catch (error) {
        // Also a mistake of ours ends this query alone.
        fail(error);
      }
    },
    onClose: (reason) => fail(new Cancelled(reason)),
  });
  const late = () => fail(new BadMessage("No question came"));
  const patience = setTimeout(late, PATIENCE);
  try {
    const ask = await question.promise;
    const names = await inbox.whole;
    clearTimeout(patience);
    checkPlan(ask.plan);
    const { store, grows, clock } = answers;
    const answered = ask.plan.names.includes("name")
      ? inbox.answered
      : undefined;
    const known = { store, names, answered };
    const { signal } = over;
    if (ask.plan.follow) {
      using _news = answers.news.listen(bell);
      const way = { channel, credit, signal, bell };
      await answerFollowing(ask, { ...known, grows, clock, ...way });
    } else await answerClosed(ask, { ...known, channel, credit, signal });
  } catch (error) {
    clearTimeout(patience);
    const failure = toFailure(error, answers.onFault);
    if (failure) send(channel, { error: failure });
  } finally {
    channel.close();
  }
}

/** What is told of an error; nothing if nobody is there to be told. */
function toFailure(
  error: unknown,
  onFault: Answers["onFault"],
): Failure | undefined {
  if (error instanceof Cancelled) return undefined;
  if (error instanceof OtherVersion) {
    return { code: "version", message: error.message };
  }
  if (error instanceof BadMessage) {
    return { code: "message", message: error.message };
  }
  if (error instanceof CannotKeepRuns || error instanceof UnusableFolder) {
    return { code: "internal", message: error.message };
  }
  onFault(error);
  return { code: "internal", message: MISTAKE };
}
