/** Files that a scan thread makes: entries, their bodies, and packets. */
import { BadMessage } from "../../api/batch.ts";
import type { PacketsAsk } from "../../api/messages.ts";
import { LOST_HEADER } from "../../api/paths.ts";
import { isAnsweredPart, MAX_PARTS, readAnswered } from "../../api/names.ts";
import { NamesTable } from "../../api/names_table.ts";
import type { DissectedEntry } from "../../dissectors/dissected.ts";
import { PROTOCOLS, SCHEMA } from "../../dissectors/registry.ts";
import {
  AnsweredNames,
  ClaimedOrAnswered,
} from "../../entry/answered_names.ts";
import { parseId } from "../../entry/entry.ts";
import { type Bytes, fromBytes } from "../../entry/field.ts";
import { toPlain } from "../../entry/json.ts";
import { NO_NAMES } from "../../entry/names.ts";
import { type Plan, PLAN_VERSION } from "../../kfl/plan.ts";
import { redact, type RedactPath } from "../../kfl/redaction.ts";
import { answeredIn } from "../scan/answered.ts";
import { exportPackets } from "../scan/export.ts";
import {
  copyLegs,
  findEntry,
  type Origin,
  type Stretch,
} from "../scan/find_entry.ts";
import { readsName } from "../scan/source_scan.ts";
import { lostFor } from "../scan/node_coverage.ts";
import { MixedLinkTypes, PacketOutput } from "../scan/packet_output.ts";
import { linesOf, ShardGone } from "../scan/shard_line.ts";
import type { Store } from "../shards/store.ts";
import type { FileSender } from "./file_sender.ts";
import { checkPlan, isPath } from "./plan_check.ts";
import { Refused } from "../../net/failure.ts";
import type { WantedFile } from "./thread_messages.ts";

/** What browsers must not take for a page. */
const AS_FILE = {
  "content-disposition": "attachment",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
} as const;

const FORMATS = {
  pcap: "application/vnd.tcpdump.pcap",
  pcapng: "application/x-pcapng",
} as const;

/**
 * Sends what is wanted.
 *
 * @throws Refused before anything was sent
 * @throws what the sender's signal was aborted with
 */
export async function sendFile(
  store: Store,
  wanted: WantedFile,
  sender: FileSender,
): Promise<void> {
  switch (wanted.what) {
    case "entry":
      return await sendEntry(store, wanted, sender);
    case "body":
      return await sendBody(store, wanted, sender);
    case "entry packets":
      return await sendEntryPackets(store, wanted, sender);
    case "names":
      return await sendNames(store, wanted.since, sender);
    case "packets":
      return await sendPackets(store, wanted.ask, sender);
  }
}

async function sendEntry(
  store: Store,
  { id, redact: hidden }: Extract<WantedFile, { what: "entry" }>,
  sender: FileSender,
): Promise<void> {
  const paths = readPaths(hidden);
  const answered = await answersIn(store, sender);
  const names = new ClaimedOrAnswered(NO_NAMES, answered, false);
  let json = "";
  await find(store, id, sender, (entry) => {
    entry.nameEnds(names);
    json = JSON.stringify(redact(toPlain(entry, SCHEMA), paths));
  });
  sender.head({
    status: 200,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
    },
  });
  sender.write(new TextEncoder().encode(json));
  await sender.finish();
}

async function sendBody(
  store: Store,
  { id, half, redact: hidden }: Extract<WantedFile, { what: "body" }>,
  sender: FileSender,
): Promise<void> {
  if (readPaths(hidden).length > 0) {
    throw new Refused(
      "hidden",
      "The query hides values, and its bodies are not given out: what is " +
        "hidden may stand in them",
    );
  }
  let body: Bytes | undefined;
  await find(store, id, sender, (entry) => {
    body = (entry[half] as { body?: Bytes } | undefined)?.body;
  });
  if (body === undefined) {
    throw new Refused("missing", `The ${half} of ${id} has no body`);
  }
  const isText = typeof body === "string";
  sender.head({
    status: 200,
    headers: {
      ...AS_FILE,
      "content-type": isText
        ? "text/plain; charset=utf-8"
        : "application/octet-stream",
      "content-disposition": `attachment; filename="${half}-body"`,
    },
  });
  sender.write(fromBytes(body));
  await sender.finish();
}

async function sendEntryPackets(
  store: Store,
  { id, conversation }: Extract<WantedFile, { what: "entry packets" }>,
  sender: FileSender,
): Promise<void> {
  let stretches: Stretch[] = [];
  const onEntry = (entry: DissectedEntry) => {
    stretches = entry.messages.map(({ first, last }) => ({
      first: first.place,
      last: last.place,
    }));
  };
  const origin = await find(store, id, sender, onEntry, conversation);
  // The leg that the entry is shown by, or all that its conversation has.
  const legs = conversation ? origin.legs : origin.legs.slice(0, 1);
  if (conversation) stretches = [origin.whole];
  sendHead(sender, "pcap", id);
  const output = new PacketOutput(sender, "pcap");
  const { line } = origin;
  await copyLegs(store, line, legs, stretches, output, waysOf(sender));
  output.finish();
  await sender.finish();
}

async function sendPackets(
  store: Store,
  text: string,
  sender: FileSender,
): Promise<void> {
  const { plan, exact, given } = readPacketsAsk(text);
  if (plan.redact.length > 0) {
    throw new Refused(
      "hidden",
      "The query hides values, and packets cannot be given out without them",
    );
  }
  const answered = readsName(plan)
    ? await answersIn(store, sender, given)
    : undefined;
  const lines = linesOf(store);
  const linkTypes = new Set(lines.map(({ linkType }) => linkType));
  const format = linkTypes.size > 1 ? "pcapng" : "pcap";
  sendHead(sender, format, "packets", {
    [LOST_HEADER]: `${lostFor(store, plan)}`,
  });
  const output = new PacketOutput(sender, format);
  for (const line of lines) {
    await exportPackets(line, output, {
      ...{ plan, exact, names: given?.claimed, answered },
      ...{ protocols: PROTOCOLS, ...waysOf(sender) },
    });
  }
  output.finish();
  await sender.finish();
}

function sendHead(
  sender: FileSender,
  format: keyof typeof FORMATS,
  name: string,
  headers: { readonly [name: string]: string } = {},
): void {
  // A name of characters that mean nothing in a header.
  const file = `${name.replaceAll(/[^\w.~-]/g, "_")}.${format}`;
  sender.head({
    status: 200,
    headers: {
      ...AS_FILE,
      "content-type": FORMATS[format],
      "content-disposition": `attachment; filename="${file}"`,
      ...headers,
    },
  });
}

function waysOf(sender: FileSender) {
  return { signal: sender.signal, ready: () => sender.ready() };
}

/** What answers in the folder called whom, and those that were given. */
async function answersIn(
  store: Store,
  { signal }: FileSender,
  given?: GivenNames,
): Promise<AnsweredNames> {
  const own = await answeredIn(store, { protocols: PROTOCOLS, signal });
  own.learnAll(given?.answered ?? []);
  return own;
}

/** Sends what answers called whom, for other workers to know. */
async function sendNames(
  store: Store,
  since: number,
  sender: FileSender,
): Promise<void> {
  const answered = await answersIn(store, sender);
  const rows = [...answered].filter(({ seen }) => seen >= since);
  sender.head({
    status: 200,
    headers: { "content-type": "application/json" },
  });
  sender.write(new TextEncoder().encode(JSON.stringify(rows)));
  await sender.finish();
}

/** @throws Refused if there is no such entry */
async function find(
  store: Store,
  id: string,
  { signal }: FileSender,
  onEntry: (entry: DissectedEntry) => void,
  readsOn = false,
): Promise<Origin> {
  const parsed = parseId(id);
  if (!parsed) throw new Refused("missing", `"${id}" is no id of an entry`);
  const options = { protocols: PROTOCOLS, signal, readsOn, onEntry };
  const found = await findEntry(store, parsed, options);
  if (typeof found === "object") return found;
  throw new Refused(
    "missing",
    found === "deleted"
      ? `The packets of ${id} were deleted to stay below the storage limit`
      : `There never was an entry ${id} on this worker`,
  );
}

/** @throws Refused */
function readPaths(text: string | undefined): readonly RedactPath[] {
  if (text === undefined || text === "") return [];
  const paths = parseJson(text);
  if (Array.isArray(paths) && paths.every(isPath)) return paths;
  throw new Refused("message", '"redact" is no list of paths');
}

/** What is asked of packets, once it was read. */
interface PacketsJob extends Omit<PacketsAsk, "names"> {
  readonly given: GivenNames | undefined;
}

/** What the hub knows of names. */
interface GivenNames {
  readonly claimed: NamesTable;
  readonly answered: AnsweredNames;
}

/** @throws Refused */
function readPacketsAsk(text: string): PacketsJob {
  const { plan, exact, names } = (parseJson(text) ?? {}) as Partial<PacketsAsk>;
  if (plan?.version !== PLAN_VERSION) {
    throw new Refused("message", "The plan is of another version, or missing");
  }
  try {
    checkPlan(plan as Plan);
    return { plan, exact: exact === true, given: names && toNames(names) };
  } catch (error) {
    if (!(error instanceof BadMessage)) throw error;
    throw new Refused("message", error.message);
  }
}

/** @throws BadMessage */
function toNames(list: unknown): GivenNames {
  const isList = Array.isArray(list) && list.length <= MAX_PARTS;
  if (!isList) throw new BadMessage('"names" is no list of parts');
  try {
    const parts = list.map((part) => Uint8Array.fromBase64(part));
    const answered = new AnsweredNames();
    for (const part of parts.filter(isAnsweredPart)) {
      answered.learnAll(readAnswered(part));
    }
    const claims = parts.filter((part) => !isAnsweredPart(part));
    return { claimed: new NamesTable(claims), answered };
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) {
      throw cause;
    }
    throw new BadMessage("A part of the names is no base64", { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Whether an error is nobody's fault, and its message says what happened. */
export function isOfStore(error: unknown): error is Error {
  return error instanceof ShardGone || error instanceof MixedLinkTypes;
}
