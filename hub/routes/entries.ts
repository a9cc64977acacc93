/** One entry: its detail, its bodies and its packets, from its worker. */
import { HUB, WORKER } from "../../api/paths.ts";
import { type End, parseId } from "../../entry/entry.ts";
import { withNames } from "../../entry/names.ts";
import { redact, type RedactPath } from "../../kfl/redaction.ts";
import { parseTime } from "../../kfl/time.ts";
import { Refused } from "../../net/failure.ts";
import type { Call, Parameter, Route } from "../route.ts";
import { namesAt } from "../names.ts";
import { reasonOf } from "../workers.ts";
import { planOrRefuse } from "../planned_query.ts";

const KFL: Parameter = {
  name: "kfl",
  doc: "The filter that found it: what that redacts is hidden here too",
  schema: { type: "string" },
};

const CONVERSATION: Parameter = {
  name: "conversation",
  doc: "Those of its whole conversation, and not of the exchange alone",
  schema: { type: "boolean", default: false },
};

/** Statuses of a worker that are ours too. */
const PASSED = [404, 410];

/** Types of a worker that are ours too; all else is bytes. */
const TYPES = [
  "application/json",
  "application/vnd.tcpdump.pcap",
  "application/x-pcapng",
];

export const entryRoutes: readonly Route[] = [
  {
    method: "GET",
    path: `${HUB.entries}/{id}`,
    summary: "One entry, with all that is known of it",
    parameters: [KFL],
    gives: {
      type: "application/json",
      schema: { type: "object" },
      doc: "The entry",
    },
    handle: (call) => {
      const hidden = redactionOf(call);
      const { names, answers } = call.hub;
      // With a name for an address that is hidden it would be known.
      return names || answers.isNeeded
        ? named(call, hidden)
        : fromWorker(call, "", hidden);
    },
  },
  {
    method: "GET",
    path: `${HUB.entries}/{id}/packets`,
    summary: "The packets of one entry",
    parameters: [KFL, CONVERSATION],
    gives: {
      type: "application/vnd.tcpdump.pcap",
      doc: "A savefile, PCAP or pcapng",
    },
    handle: (call) => {
      if (redactionOf(call).length > 0) throw cannotRedact();
      const isWide = call.query.get("conversation") === "true";
      return fromWorker(call, `/packets${isWide ? "?conversation" : ""}`, []);
    },
  },
  {
    method: "GET",
    path: `${HUB.entries}/{id}/body/{half}`,
    summary: "The body of the request or of the response of one entry",
    parameters: [KFL],
    gives: { type: "application/octet-stream", doc: "The body, decoded" },
    handle: (call) => {
      const { half } = call.parts;
      if (half !== "request" && half !== "response") {
        throw new Refused("missing", "There are request and response");
      }
      return fromWorker(call, `/body/${half}`, redactionOf(call));
    },
  },
];

/** A savefile holds packets as they were: nothing in it can be hidden. */
export function cannotRedact(): Refused {
  return new Refused(
    "unsuitable",
    "Packets are as they were captured: what `redact` hides is in them. " +
      "Leave it out of the filter, or take another format",
  );
}

/** What the filter of a request hides. */
function redactionOf({ query }: Call): readonly RedactPath[] {
  const kfl = query.get("kfl") ?? "";
  return kfl === "" ? [] : planOrRefuse({ kfl }).plan.redact;
}

/** An entry with the names of its time, and then without what is hidden. */
async function named(
  call: Call,
  hidden: readonly RedactPath[],
): Promise<Response> {
  const { names, answers } = call.hub;
  const response = await fromWorker(call, "", []);
  const entry = await response.json();
  const { timestamp, src, dst } = entry;
  const at = parseTime(timestamp);
  if (at === undefined) throw new Refused("worker", "The entry has no time");
  // Its worker knows what answers said where it was captured.
  const answered = ({ ip, name }: End) =>
    name === undefined ? answers.at(ip, at) : undefined;
  const claimed = names ? namesAt(names, [src, dst], at) : [];
  const [ofSrc = answered(src), ofDst = answered(dst)] = claimed;
  const ends = { src: withNames(src, ofSrc), dst: withNames(dst, ofDst) };
  return Response.json(redact({ ...entry, ...ends }, hidden));
}

async function fromWorker(
  { hub, request, parts }: Call,
  part: string,
  redact: readonly RedactPath[],
): Promise<Response> {
  const id = parts["id"]!;
  if (!parseId(id)) throw new Refused("missing", `"${id}" is no id`);
  const worker = hub.workers.ofEntry(id);
  if (!worker) {
    throw new Refused("missing", `No worker has the node of "${id}"`);
  }
  const hidden = redact.length > 0
    ? `?redact=${encodeURIComponent(JSON.stringify(redact))}`
    : "";
  const path = `${WORKER.entries}/${encodeURIComponent(id)}${part}${hidden}`;
  try {
    const answer = await worker.link.fetch(path, { signal: request.signal });
    return await relay(answer, id);
  } catch (error) {
    if (error instanceof Refused || request.signal.aborted) throw error;
    throw new Refused("worker", reasonOf(error));
  }
}

/** A worker's answer, with headers of ours. */
async function relay(answer: Response, id: string): Promise<Response> {
  if (PASSED.includes(answer.status)) {
    await answer.body?.cancel();
    throw new Refused("missing", `"${id}" is not kept, or not any more`);
  }
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new Refused("worker", `The worker answers ${answer.status}`);
  }
  const type = answer.headers.get("content-type") ?? "";
  const known = TYPES.find((each) => type.startsWith(each));
  return new Response(answer.body, {
    headers: {
      "content-type": known ?? "application/octet-stream",
      // Bodies are whatever somebody sent: they are saved and never shown.
      ...known !== TYPES[0] && { "content-disposition": "attachment" },
    },
  });
}
