/** `POST /api/v1/savefiles`: a savefile is asked, too. */
import { HUB } from "../../api/paths.ts";
import { Refused } from "../../net/failure.ts";
import type { Call, Route } from "../route.ts";

/** Characters of a file's name. */
const MAX_NAME = 255;

/** Bytes of a file. */
export const MAX_SAVEFILE = 16 * 1024 ** 3;

export const savefilesRoute: Route = {
  method: "POST",
  path: HUB.savefiles,
  summary: "Adds a savefile to what is asked",
  description: "The body is the file itself, PCAP or pcapng.",
  parameters: [{
    name: "name",
    doc: "The file's name, which becomes that of its node",
    schema: { type: "string", maxLength: MAX_NAME },
    isRequired: true,
  }],
  takes: { type: "application/octet-stream" },
  gives: {
    type: "application/json",
    schema: {
      type: "object",
      required: ["node", "packets"],
      properties: {
        node: { type: "string" },
        packets: { type: "integer" },
        first: { type: "integer", description: "µs since 1970" },
        last: { type: "integer" },
        damage: { type: "string", description: "Why its end is missing" },
      },
    },
    doc: "What was in it",
  },
  handle: addSavefile,
};

async function addSavefile({ hub, request, query }: Call): Promise<Response> {
  const { takeSavefile } = hub;
  if (!takeSavefile) {
    throw new Refused(
      "unable",
      "This hub asks workers and has no place for savefiles: open them with " +
        "`thresher tap --pcap FILE`",
    );
  }
  // A form of another site's page cannot send this type.
  if (request.headers["content-type"] !== "application/octet-stream") {
    throw new Refused("message", "The body must be application/octet-stream");
  }
  const name = baseName(query.get("name") ?? "");
  const bytes = bounded(request.body());
  return Response.json(await takeSavefile(name, bytes, request.signal));
}

/** The last part of a path, without anything that is not for names. */
function baseName(path: string): string {
  const name = path.split(/[/\\]/).at(-1)!
    // deno-lint-ignore no-control-regex
    .replaceAll(/[\x00-\x1f\x7f~]/g, "").slice(0, MAX_NAME).trim();
  if (name !== "" && !/^\.+$/.test(name)) return name;
  throw new Refused("message", '"name" must be that of a file');
}

/** @throws Refused of what is too long */
async function* bounded(
  bytes: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > MAX_SAVEFILE) {
      throw new Refused("large", `Files of up to ${MAX_SAVEFILE} bytes`);
    }
    yield chunk;
  }
}
