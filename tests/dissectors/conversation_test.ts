import { deepEqual, equal } from "node:assert/strict";
import { toSummary } from "../../dissectors/dissected.ts";
import type {
  AnyDissector,
  Dissector,
  Ending,
  Exchange,
  Guess,
  Parser,
  Readers,
  Side,
} from "../../dissectors/dissector.ts";
import { type Fields, text } from "../../entry/field.ts";
import { Malformed } from "../../stream/malformed.ts";
import type { Capture, Mark, StreamReader } from "../../stream/reader.ts";
import { decodeState, encodeState } from "../../stream/state.ts";
import { bytewise, type Chunk, dissect, START } from "./dissect.ts";

const fields = {
  request: { word: text("What was asked") },
  response: { word: text("What was answered") },
} satisfies Fields;

type Question = { word: string; first: Mark; last: Capture; size: number };

/**
 * A protocol made for these tests: `NAME?word;` is answered by `NAME!word;`.
 * `?switch:OTHER;` changes the protocol, `#` is forbidden.
 */
function protocol(
  name: string,
  ports: number[] = [],
): Dissector<typeof fields> {
  return {
    name,
    doc: "A protocol of the tests",
    spec: "tests/dissectors/conversation_test.ts",
    transports: ["tcp", "udp"],
    ports,
    fields,
    probe: (head, side) => probe(name, head, side),
    open: () => new TestParser(name),
    summarize: ({ request, response }) =>
      request?.values.word ?? response?.values.word ?? "",
    status: ({ response }) => response && "OK",
    failed: () => false,
  };
}

function probe(name: string, head: Uint8Array, side: Side): Guess {
  const begin = name + (side === "client" ? "?" : "!");
  const start = new TextDecoder().decode(head.subarray(0, begin.length));
  if (start === begin) return "match";
  return begin.startsWith(start) ? "unsure" : "reject";
}

class TestParser implements Parser<typeof fields> {
  #open: Question[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  *read(side: Side, reader: StreamReader): Iterable<Exchange<typeof fields>> {
    while (reader.available > 0) {
      const first = reader.mark();
      const end = reader.indexOf(0x3b);
      if (end < 0) return;
      const line = new TextDecoder().decode(reader.bytes(end + 1));
      if (line.includes("#")) throw new Malformed("A # is forbidden");
      const word = line.slice(this.#name.length + 1, -1);
      const message = { first, last: reader.lastMark(), size: line.length };
      if (side === "client") {
        this.#open.push({ word, ...message });
        continue;
      }
      const question = this.#open.shift();
      const next = /^switch:(.*)/.exec(question?.word ?? "");
      yield {
        asker: "client",
        request: question && { values: { word: question.word }, ...question },
        response: { values: { word }, ...message },
        ...question ? {} : { incomplete: ["mid-stream"] as const },
        ...next && { next: { protocol: next[1] || undefined } },
      };
      if (next) return;
    }
  }

  *gap(): Iterable<Exchange<typeof fields>> {}

  *end(
    side: Side | undefined,
    ending: Ending,
    _: Readers,
  ): Iterable<Exchange<typeof fields>> {
    if (side !== undefined) return;
    for (const question of this.#open.splice(0)) {
      yield {
        asker: "client",
        request: { values: { word: question.word }, ...question },
        incomplete: [ending === "closed" ? "no response" : ending],
      };
    }
  }

  *expire(time: number): Iterable<Exchange<typeof fields>> {
    while (this.#open[0] && this.#open[0].first.time < time) {
      const question = this.#open.shift()!;
      yield {
        asker: "client",
        request: { values: { word: question.word }, ...question },
        incomplete: ["no response"],
      };
    }
  }

  save(): Uint8Array {
    return encodeState(this.#open);
  }

  restore(saved: Uint8Array): void {
    this.#open = decodeState(saved) as Question[];
  }
}

const a = protocol("a", [1000]);
const b = protocol("b", [2000]);

/** What an entry says, on one line. */
function brief(entries: readonly Record<string, unknown>[]): string[] {
  return entries.map((entry) => {
    const word = (half: string) =>
      (entry[half] as { word: string } | undefined)?.word ?? "-";
    const end = (name: string) => (entry[name] as { port: number }).port;
    const incomplete = entry["incomplete"] ? ` ${entry["incomplete"]}` : "";
    return `${entry["protocol"]} ${end("src")}>${end("dst")} ` +
      `${word("request")} ${word("response")}${incomplete}`;
  });
}

const cases: {
  name: string;
  chunks: Chunk[];
  dissectors?: AnyDissector[];
  options?: Parameters<typeof dissect>[2];
  expected: string[];
}[] = [
  {
    name: "a flow is identified by its first bytes and answered in order",
    chunks: [
      { side: "client", bytes: "a?x;a?y;" },
      { side: "server", bytes: "a!1;a!2;" },
    ],
    expected: ["a 50000>1000 x 1", "a 50000>1000 y 2"],
  },
  {
    name: "a port is no proof of a protocol",
    chunks: [
      { side: "client", bytes: "b?x;" },
      { side: "server", bytes: "b!1;" },
    ],
    expected: ["b 50000>1000 x 1"],
  },
  {
    name: "bytes that nobody speaks give nothing",
    chunks: [
      { side: "client", bytes: "hello" },
      { side: "client", bytes: "a?x;" },
    ],
    expected: [],
  },
  {
    name: "a flow that was joined is identified at a later packet",
    chunks: [
      { side: "client", bytes: "middle of something;" },
      { side: "client", bytes: "a?x;" },
      { side: "server", bytes: "a!1;" },
    ],
    options: { midStream: true },
    expected: ["a 50000>1000 x 1"],
  },
  {
    name: "the sides of a joined flow are swapped when probes say so",
    chunks: [
      { side: "client", bytes: "a!1;" },
      { side: "server", bytes: "a?x;" },
      { side: "client", bytes: "a!2;" },
    ],
    options: { midStream: true },
    expected: ["a 1000>50000 - 1 mid-stream", "a 1000>50000 x 2"],
  },
  {
    name: "an announced protocol goes on where the last one ended",
    chunks: [
      { side: "client", bytes: "a?switch:b;" },
      { side: "server", bytes: "a!ok;" },
      { side: "client", bytes: "b?x;" },
      { side: "server", bytes: "b!1;" },
    ],
    expected: ["a 50000>1000 switch:b ok", "b 50000>1000 x 1"],
  },
  {
    name: "an unnamed one is identified anew",
    chunks: [
      { side: "client", bytes: "a?switch:;" },
      { side: "server", bytes: "a!ok;b!0;" },
      { side: "client", bytes: "b?x;" },
    ],
    expected: [
      "a 50000>1000 switch: ok",
      "b 50000>1000 - 0 mid-stream",
      "b 50000>1000 x - no response",
    ],
  },
  {
    name: "what follows an unknown protocol is not read",
    chunks: [
      { side: "client", bytes: "a?switch:z;" },
      { side: "server", bytes: "a!ok;" },
      { side: "client", bytes: "a?x;" },
    ],
    expected: ["a 50000>1000 switch:z ok"],
  },
  {
    name: "broken bytes end their message and not the flow",
    chunks: [
      { side: "client", bytes: "a?x;" },
      { side: "server", bytes: "a!#;" },
      { side: "client", bytes: "a?y;" },
      { side: "server", bytes: "a!2;" },
    ],
    expected: ["a 50000>1000 x - cut", "a 50000>1000 y 2"],
  },
  {
    name: "a request that waited too long is given up, and no later one",
    chunks: [
      { side: "client", bytes: "a?x;", time: START },
      { side: "client", bytes: "a?y;", time: START + 20e6 },
      { side: "server", bytes: "a!2;", time: START + 31e6 },
    ],
    expected: ["a 50000>1000 x - no response", "a 50000>1000 y 2"],
  },
  {
    name: "a flow that nobody speaks may go on in what is known anywhere",
    chunks: [
      { side: "server", bytes: "welcome" },
      { side: "client", bytes: "b?lost;" },
      { side: "client", bytes: "a?x;" },
      { side: "server", bytes: "a!1;" },
    ],
    dissectors: [{ ...a, startsAnywhere: true }, b],
    expected: ["a 50000>1000 x 1"],
  },
  {
    name: "each datagram stands alone",
    chunks: [
      { side: "client", bytes: "a?x;a?left" },
      { side: "client", bytes: "over;" },
      { side: "server", bytes: "a!1;" },
    ],
    options: { transport: "udp" },
    expected: ["a 50000>1000 x 1", "a 50000>1000 er - no response"],
  },
];

for (const { name, chunks, dissectors, options, expected } of cases) {
  const settings = { dissectors: dissectors ?? [a, b], ...options };

  Deno.test(`Conversation: ${name}`, () => {
    deepEqual(brief(dissect(a, chunks, settings)), expected);
  });

  Deno.test(`Conversation, saved and restored at each chunk: ${name}`, () => {
    deepEqual(
      brief(dissect(a, chunks, { ...settings, resumed: true })),
      expected,
    );
  });

  if (options?.transport === "udp" || options?.midStream) continue;
  Deno.test(`Conversation, one byte at a time: ${name}`, () => {
    deepEqual(brief(dissect(a, bytewise(chunks), settings)), expected);
  });
}

Deno.test("A summary is one line without control characters", () => {
  equal(toSummary("GET /\r\n\u0000x\u2028y"), "GET / x y");
  equal(toSummary("x".repeat(300)).length, 200);
});
