/**
 * A thread that answers: any number of queries, by turns, of any number of data
 * folders. It has no right but to read and write those.
 */
import { BadMessage } from "../../api/batch.ts";
import { PortChannel } from "../../api/channel.ts";
import { DiskFolder } from "../shards/folder.ts";
import { Store } from "../shards/store.ts";
import { FileSender } from "./file_sender.ts";
import { isOfStore, sendFile } from "./files.ts";
import { answer, type Answers, Cancelled, MISTAKE } from "./query.ts";
import { Refused, STATUS } from "../../net/failure.ts";
import { StoredNews } from "./stored_news.ts";
import type {
  DataSource,
  ThreadNews,
  ThreadOrder,
  WantedFile,
} from "./thread_messages.ts";

/** The scope of a thread's module, of which the types here know nothing. */
const thread = globalThis as unknown as {
  onmessage: ((event: MessageEvent<ThreadOrder>) => void) | null;
  postMessage(news: ThreadNews): void;
};

/** Whoever follows a folder that grows hears of it. */
const news = new StoredNews((listens) =>
  thread.postMessage({ kind: "listens", listens })
);

thread.onmessage = ({ data: order }) => {
  switch (order.kind) {
    case "query":
      return void obey(order.port, (channel) => {
        return answer(channel, toAnswers(order.source));
      });
    case "file":
      return void obey(order.port, (channel) => {
        return send(channel, toStore(order.source), order.wanted);
      });
    case "stored":
      return news.tell();
    case "ping":
      return thread.postMessage({ kind: "alive" });
  }
};

/**
 * Does what is asked, and says when it is over: at once without a port, for
 * then nobody waits. What was not told on the channel ends nothing else.
 */
async function obey(
  port: MessagePort | undefined,
  work: (channel: PortChannel) => Promise<void>,
): Promise<void> {
  const channel = port && new PortChannel(port);
  try {
    if (channel) await work(channel);
  } catch (error) {
    tellFault(error);
    channel?.close(MISTAKE);
  }
  thread.postMessage({ kind: "over" });
}

/** Sends a file that is wanted, or why it cannot be had. */
async function send(
  channel: PortChannel,
  store: Store,
  wanted: WantedFile,
): Promise<void> {
  const sender = new FileSender(channel);
  try {
    await sendFile(store, wanted, sender);
  } catch (error) {
    const refused = toRefused(error);
    if (refused) await refuse(sender, refused);
  } finally {
    sender.close();
  }
}

/** What is told of an error; nothing if nobody is there to be told. */
function toRefused(error: unknown): Refused | undefined {
  if (error instanceof Refused) return error;
  if (error instanceof Cancelled || error instanceof BadMessage) {
    return undefined;
  }
  if (isOfStore(error)) return new Refused("unsuitable", error.message);
  tellFault(error);
  return new Refused("internal", MISTAKE);
}

/** Says it in place of the file, unless some of that has been sent. */
async function refuse(sender: FileSender, refused: Refused): Promise<void> {
  if (sender.hasBegun) return;
  const { code, message } = refused;
  sender.head({
    status: STATUS[code],
    headers: { "content-type": "application/json" },
  });
  const json = JSON.stringify({ error: { code, message } });
  sender.write(new TextEncoder().encode(json));
  try {
    await sender.finish();
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
  }
}

function toAnswers(source: DataSource): Answers {
  return {
    store: toStore(source),
    grows: source.grows,
    news,
    clock: () => Date.now() * 1000,
    onFault: tellFault,
  };
}

function toStore({ folder, node }: DataSource): Store {
  return new Store(DiskFolder.at(folder), node);
}

function tellFault(error: unknown): void {
  thread.postMessage({ kind: "fault", text: toText(error) });
}

function toText(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
