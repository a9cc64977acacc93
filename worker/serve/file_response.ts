/** A file that a scan thread sends, as an answer over HTTP. */
import type { Channel } from "../../api/channel.ts";
import type { Failure } from "../../api/messages.ts";
import { FILE_END, type FileHead } from "./thread_messages.ts";
import { Refused } from "../../net/failure.ts";

/** Pieces that may be on their way. */
const AHEAD = 4;

/**
 * Takes a file from a channel; its bytes are asked for as they are read.
 *
 * @throws Refused if the thread is lost before it has begun
 */
export function toResponse(channel: Channel): Promise<Response> {
  const head = Promise.withResolvers<Response>();
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let isOver = false;
  const grant = (credit: number) => channel.send(JSON.stringify({ credit }));
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (own) => void (controller = own),
    pull: () => grant(1),
    cancel() {
      isOver = true;
      channel.close("nobody reads it any more");
    },
  }, { highWaterMark: AHEAD });
  const fail = (reason: string) => {
    if (isOver) return;
    isOver = true;
    head.reject(new Refused("internal", reason));
    controller.error(new Error(`The file ends too early: ${reason}`));
  };
  channel.listen({
    onMessage(message) {
      if (isOver) return;
      if (typeof message !== "string") return controller.enqueue(message);
      if (message === FILE_END) {
        isOver = true;
        return controller.close();
      }
      const said: FileHead | { error: Failure } = JSON.parse(message);
      if ("error" in said) return fail(said.error.message);
      const { status, headers } = said;
      head.resolve(new Response(body, { status, headers }));
    },
    onClose: fail,
  });
  return head.promise;
}
