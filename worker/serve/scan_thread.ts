/**
 * A thread that answers: any number of queries, by turns. It has no right but
 * to read and write the data folder.
 */
import { PortChannel } from "../../api/channel.ts";
import { DiskFolder } from "../shards/folder.ts";
import { Store } from "../shards/store.ts";
import { answer, type Answers } from "./query.ts";
import { StoredNews } from "./stored_news.ts";
import type {
  ThreadNews,
  ThreadOrder,
  ThreadStart,
} from "./thread_messages.ts";

/** The scope of a thread's module, of which the types here know nothing. */
const thread = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ThreadOrder>) => void) | null;
  postMessage(news: ThreadNews): void;
};

let answers: Answers | undefined;

thread.onmessage = ({ data: order }) => {
  switch (order.kind) {
    case "start":
      answers = toAnswers(order);
      return thread.postMessage({ kind: "ready" });
    case "query":
      return void over(answer(new PortChannel(order.port), answers!));
    case "stored":
      return answers!.news.tell();
  }
};

/** Says when it is over. */
async function over(work: Promise<void>): Promise<void> {
  await work;
  thread.postMessage({ kind: "over" });
}

function toAnswers({ folder, node, grows }: ThreadStart): Answers {
  return {
    store: new Store(DiskFolder.at(folder), node),
    grows,
    news: new StoredNews((listens) =>
      thread.postMessage({ kind: "listens", listens })
    ),
    clock: () => Date.now() * 1000,
    onFault: (error) =>
      thread.postMessage({ kind: "fault", text: toText(error) }),
  };
}

function toText(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
