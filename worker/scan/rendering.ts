/** How an entry leaves a worker: its row of a batch, without what is hidden. */
import {
  type Form,
  type Head,
  type Position,
  ROW_NAMES,
} from "../../api/batch.ts";
import { SCHEMA } from "../../dissectors/registry.ts";
import type { End, Entry } from "../../entry/entry.ts";
import { type Plain, toPlain } from "../../entry/json.ts";
import { redact, type RedactPath } from "../../kfl/redaction.ts";

/** One entry of a batch. */
export interface Rendered {
  readonly head: Head;
  readonly position: Position;
  readonly text: string;
}

/** An entry of which it is known where it stands in its node's order. */
export type PlacedEntry = Entry & Position;

/** Makes a row of an entry. What it gives may borrow what the entry borrows. */
export type Render = (entry: PlacedEntry) => Rendered;

/**
 * How entries are rendered.
 *
 * Times and ids stay what they are: an answer is ordered by them.
 *
 * @param hidden paths whose values nobody may see
 */
export function rendererOf(
  form: Form,
  hidden: readonly RedactPath[],
): Render {
  if (hidden.length > 0) {
    const { hiddenTextOf } = TEXTS[form];
    return (entry) => {
      const plain = redact(toPlain(entry, SCHEMA), hidden);
      return {
        head: toShownHead(entry, plain),
        position: entry,
        text: hiddenTextOf(plain),
      };
    };
  }
  const { textOf } = TEXTS[form];
  return (entry) => ({ head: entry, position: entry, text: textOf(entry) });
}

/** What is said of an entry; and of one of which something is hidden. */
const TEXTS: {
  readonly [form in Form]: {
    textOf(entry: Entry): string;
    hiddenTextOf(plain: Plain): string;
  };
} = {
  row: {
    textOf: (entry) => entry.summary,
    hiddenTextOf: (plain) => String(plain["summary"]),
  },
  entry: {
    textOf: (entry) => JSON.stringify(toPlain(entry, SCHEMA)),
    hiddenTextOf: (plain) => JSON.stringify(plain),
  },
  mark: { textOf: () => "", hiddenTextOf: () => "" },
};

/** A head with nothing in it that is hidden in the entry's JSON. */
function toShownHead(entry: Entry, plain: Plain): Head {
  const isShown = (name: string) => typeof plain[name] === "number";
  return {
    timestamp: entry.timestamp,
    completed: entry.completed,
    elapsed: isShown("elapsedTime") ? entry.elapsed : undefined,
    requestSize: isShown("requestSize") ? entry.requestSize : undefined,
    responseSize: isShown("responseSize") ? entry.responseSize : undefined,
    protocol: String(plain["protocol"]),
    status: plain["status"] as string | number | undefined,
    failed: plain["failed"] === true,
    decrypted: plain["decrypted"] === true,
    incomplete: Array.isArray(plain["incomplete"])
      ? entry.incomplete
      : undefined,
    node: entry.node,
    leg: entry.leg,
    marks: entry.marks,
    src: toShownEnd(plain["src"]),
    dst: toShownEnd(plain["dst"]),
  };
}

function toShownEnd(end: unknown): End {
  if (typeof end !== "object" || end === null) return { ip: String(end) };
  const { ip, port, ...rest } = end as Plain;
  const names = ROW_NAMES.flatMap((field) =>
    typeof rest[field] === "string" ? [[field, rest[field]]] : []
  );
  return {
    ip: String(ip),
    port: typeof port === "number" ? port : undefined,
    ...Object.fromEntries(names),
  };
}
