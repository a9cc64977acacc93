/** WebSockets that this process opens: to workers, and from programs to hubs. */
import { type Channel, SocketChannel } from "../api/channel.ts";

/** How long the other end may take to accept, ms. */
const PATIENCE = 10_000;

/** What a connection is opened with. */
export interface DialOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly client?: Deno.HttpClient | undefined;
}

/** Deno's own takes options, of which the page's types know nothing. */
const DialledSocket = WebSocket as unknown as new (
  url: URL,
  options: DialOptions,
) => WebSocket;

/**
 * Opens a channel.
 *
 * @param name of whom, for people
 * @throws Error that says why nobody can be reached
 */
export function dial(
  url: URL,
  name: string,
  { headers, client }: DialOptions,
): Promise<Channel> {
  const socket = new DialledSocket(url, { headers, ...client && { client } });
  return new Promise((resolve, reject) => {
    const listeners = new AbortController();
    const { signal } = listeners;
    const fail = (why: string) => {
      listeners.abort();
      clearTimeout(timer);
      socket.close();
      reject(new Error(`Cannot reach ${name}: ${why}`));
    };
    const timer = setTimeout(() => fail("it does not answer"), PATIENCE);
    socket.addEventListener("open", () => {
      listeners.abort();
      clearTimeout(timer);
      resolve(new SocketChannel(socket));
    }, { signal });
    socket.addEventListener("error", (event) => {
      event.preventDefault();
      fail(event instanceof ErrorEvent ? briefly(event) : "refused");
    }, { signal });
  });
}

/** What is said in too few words. */
const WORDS: { readonly [reason: string]: string | undefined } = {
  "tcp connect error": "nobody listens there",
  "Connection refused": "nobody listens there",
  "dns error": "nobody knows that name",
  "Name or service not known": "nobody knows that name",
  401: "it wants another secret",
};

/** What Deno says of a connection that failed, without the words around it. */
export function briefly(
  { message, cause }: { message: string; cause?: unknown },
): string {
  const text = cause instanceof Error ? cause.message : message;
  const reason = text.replace(/ \(os error \d+\)$/, "")
    .replace(/^.*: (?=\S)/s, "");
  return WORDS[reason] ?? (reason || "connection lost");
}
