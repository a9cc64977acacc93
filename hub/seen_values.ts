/**
 * Seen values: what a path has been lately, for completion.
 *
 * The newest entries that have the path are asked for, as anybody would ask,
 * and their values counted. That costs workers a search, so it is bounded in
 * entries, bytes, time and number, and kept for a moment: whoever types asks for
 * the same again with each letter.
 */
import type { Batch } from "../api/batch.ts";
import type { SeenAnswer } from "../api/hub.ts";
import type { QueryRequest } from "../api/messages.ts";
import { SCHEMA } from "../dissectors/registry.ts";
import type { Entry } from "../entry/entry.ts";
import { openChecking } from "../kfl/checker.ts";
import { parse } from "../kfl/grammar.ts";
import { readsOnly } from "../kfl/tree.ts";
import { evaluate } from "../kfl/interpreter.ts";
import { REDACTED } from "../kfl/redaction.ts";
import type { Typed } from "../kfl/typed.ts";
import { MAX_VALUE_DEPTH, type Value } from "../kfl/value.ts";
import { Refused } from "../net/failure.ts";
import { ask, isBatch } from "./ask.ts";
import { nowMicros } from "./clock.ts";
import type { NameSource } from "./names.ts";
import type { Queries } from "./queries.ts";
import { planOrRefuse } from "./planned_query.ts";

/** Entries that are looked at, and bytes of their JSON. */
const MAX_ENTRIES = 500;
const MAX_BYTES = 4 * 1024 * 1024;

/** Values that are given. */
const MAX_VALUES = 50;

/** Longer texts are nothing to choose from a list, in UTF-16 units. */
const MAX_LENGTH = 200;

/** Questions that run at once. */
const MAX_ASKED = 4;

/** Answers that are kept, and for how long, ms. */
const MAX_KEPT = 64;
const FRESH = 5000;

/** What was found by then is the answer, ms. */
const PATIENCE = 5000;

/** Whose values are asked for; the window is that of the entries. */
export interface SeenRequest extends Pick<QueryRequest, "kfl" | "from" | "to"> {
  readonly path: string;
}

interface Kept {
  readonly answer: Promise<SeenAnswer>;
  /** When it is asked for again, ms; never before it has come. */
  until: number;
}

/** Tells what paths have been lately. */
export class SeenValues {
  readonly #queries: Queries;
  readonly #names: NameSource | undefined;
  readonly #kept = new Map<string, Kept>();
  #asked = 0;

  constructor(queries: Queries, names: NameSource | undefined) {
    this.#queries = queries;
    this.#names = names;
  }

  /**
   * The commonest values of a path.
   *
   * @throws Refused where path or filter are wrong, or too much is asked
   */
  async of(request: SeenRequest): Promise<SeenAnswer> {
    const { path, kfl, from, to } = request;
    const key = JSON.stringify([path, kfl, from, to]);
    const known = this.#kept.get(key);
    if (known && known.until > performance.now()) return await known.answer;
    const value = readPath(path);
    const question = questionOf(request);
    if (this.#names && kfl === "" && readsOnly(value, "names")) {
      return countNames(this.#names, value, request);
    }
    if (this.#asked >= MAX_ASKED || !this.#queries.hasRoom) {
      throw new Refused("busy", "Too many ask for values; try again later");
    }
    const kept: Kept = {
      answer: this.#count(question, value),
      until: Infinity,
    };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    try {
      const answer = await kept.answer;
      kept.until = performance.now() + FRESH;
      return answer;
    } catch (error) {
      this.#kept.delete(key);
      throw error;
    }
  }

  async #count(question: QueryRequest, value: Typed): Promise<SeenAnswer> {
    const counts = new Counts(value);
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE);
    this.#asked++;
    try {
      const answers = ask(this.#queries.open(), question, patience.signal);
      for await (const part of answers) {
        if (isBatch(part)) counts.add(part);
        else if ("error" in part) throw new Refused("busy", part.error.message);
        if (counts.isFull) break;
      }
    } catch (error) {
      if (!patience.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      this.#asked--;
    }
    return counts.answer;
  }
}

/**
 * What is called so, whether it has said anything or not: of names the cluster
 * knows all that there are. Of a filter's entries only these tell.
 */
function countNames(
  names: NameSource,
  value: Typed,
  { from, to }: SeenRequest,
): SeenAnswer {
  const now = nowMicros();
  const counts = new Counts(value);
  // A pod has as many claims as addresses and ports.
  const claims = names.claims(from ?? now, (to ?? now) + 1);
  for (const end of new Set(Iterator.from(claims).map(({ names }) => names))) {
    const src = { ip: "", ...end };
    counts.addEntry({ src, dst: src } as Partial<Entry> as Entry);
  }
  return counts.answer;
}

/** The newest entries that have the path. */
function questionOf({ path, kfl, from, to }: SeenRequest): QueryRequest {
  // By itself first: it could close the bracket that is put around it.
  if (kfl !== "") planOrRefuse({ kfl });
  const has = `exists(${path})`;
  const question: QueryRequest = {
    kfl: kfl === "" ? has : `(${kfl}) and ${has}`,
    ...{ from, to, order: "desc", limit: MAX_ENTRIES, credit: 2 },
  };
  planOrRefuse(question);
  return question;
}

/** @throws Refused if it is no path, or nothing has it */
function readPath(path: string): Typed {
  const { expression, diagnostics } = parse(path);
  const check = openChecking(SCHEMA);
  const context = {
    protocols: check.vocabulary.protocols,
    variables: new Map(),
  };
  const read = () => check.value(expression!, context);
  const mistakes = expression && diagnostics.length === 0
    ? check.mistakesOf(read)
    : diagnostics;
  if (!expression || mistakes.length > 0) {
    const [first] = mistakes;
    const problem = first?.message ?? "It is empty";
    throw new Refused("kfl", `"path": ${problem}`, mistakes);
  }
  return check.silently(read).node;
}

/** How many entries have which values. */
class Counts {
  readonly #value: Typed;
  readonly #counts = new Map<string, number>();
  #entries = 0;
  #bytes = 0;

  constructor(value: Typed) {
    this.#value = value;
  }

  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES;
  }

  add(batch: Batch): void {
    for (let row = 0; row < batch.count && !this.isFull; row++) {
      const text = batch.text(row);
      this.#bytes += text.length;
      // An entry's JSON has all fields as an `Entry` has them but for its two
      // times, and these are nothing to choose from.
      this.addEntry(JSON.parse(text) as Entry);
    }
  }

  addEntry(entry: Entry): void {
    this.#entries++;
    for (const each of new Set(textsOf(evaluate(this.#value, entry)))) {
      this.#counts.set(each, (this.#counts.get(each) ?? 0) + 1);
    }
  }

  get answer(): SeenAnswer {
    const values = [...this.#counts]
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .slice(0, MAX_VALUES)
      .map(([value, count]) => ({ value, count }));
    return { values, entries: this.#entries };
  }
}

/** Texts and numbers that can be offered; of a list, those of its elements. */
function* textsOf(value: Value, depth = 0): Iterable<string> {
  if (Array.isArray(value)) {
    if (depth > MAX_VALUE_DEPTH) return;
    for (const each of value) yield* textsOf(each, depth + 1);
  } else if (typeof value === "number" || typeof value === "bigint") {
    yield String(value);
  } else if (typeof value === "string" && isShown(value)) yield value;
}

/** Whether a text is short and readable, and nothing in it was hidden. */
function isShown(text: string): boolean {
  return text.length <= MAX_LENGTH && !/[\p{Cc}\ufffd]/u.test(text) &&
    !text.includes(REDACTED);
}
