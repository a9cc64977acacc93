/**
 * Clients of every habit, packets of which some are not captured: a reply is
 * not given to another's command. Each command says its number, which its reply
 * repeats.
 */
import { ok } from "node:assert/strict";
import { redis } from "../../../dissectors/redis/redis.ts";
import { Random } from "../../fuzz/random.ts";
import { type Chunk, START } from "../dissect.ts";
import { parse } from "../parse.ts";
import { command } from "./resp.ts";

const COMMANDS = 300;

/** What was sent in one packet. */
interface Packet {
  readonly side: "client" | "server";
  readonly bytes: string;
  readonly time: number;
}

/** How many commands a client has open, and how it sends and pauses. */
interface Habit {
  readonly name: string;
  /** Commands that are open at most. */
  readonly window: number;
  /** Whether it waits until all are answered before it asks again. */
  readonly inBatches: boolean;
  /** Whether it pauses now and then until nothing is open. */
  readonly pauses: boolean;
  /**
   * Wrong pairs of a thousand right ones. Who is always one command ahead looks
   * as who is never ahead; but only until two replies come at once.
   */
  readonly wrong: number;
  /** Pairs of a hundred commands that are given at least. */
  readonly right: number;
}

const HABITS: readonly Habit[] = [
  {
    name: "asks one by one",
    ...{ window: 1, inBatches: true, pauses: false, wrong: 0, right: 90 },
  },
  {
    name: "asks in batches",
    ...{ window: 16, inBatches: true, pauses: false, wrong: 0, right: 85 },
  },
  {
    name: "asks in large batches",
    ...{ window: 120, inBatches: true, pauses: true, wrong: 0, right: 60 },
  },
  {
    name: "asks ahead by two",
    ...{ window: 2, inBatches: false, pauses: true, wrong: 2, right: 60 },
  },
  {
    name: "asks ahead",
    ...{ window: 20, inBatches: false, pauses: true, wrong: 0, right: 30 },
  },
];

/** A conversation in the order in which it is captured. */
function talk(habit: Habit, random: Random): Packet[] {
  const packets: Packet[] = [];
  let time = START;
  let [asked, answered] = [0, 0];
  const cut = (side: Packet["side"], text: string) => {
    // Segments end anywhere, not where messages do.
    while (text.length > 0) {
      const size = Math.min(text.length, random.pick([40, 200, 1448]));
      packets.push({ side, bytes: text.slice(0, size), time: time += 10 });
      text = text.slice(size);
    }
  };
  let pausing = false;
  while (answered < COMMANDS) {
    const open = asked - answered;
    pausing ||= habit.pauses && random.chance(0.04);
    if (pausing && open === 0) {
      time += random.pick([8_000, 20_000, 500_000]);
      pausing = false;
    }
    const mayAsk = habit.inBatches ? open === 0 : open < habit.window;
    if (mayAsk && asked < COMMANDS && !pausing) {
      const most = Math.min(habit.window - open, COMMANDS - asked);
      const count = habit.window === 1 ? 1 : random.int(1, most);
      const texts = Array.from(
        { length: count },
        () => command("ECHO", String(asked++)),
      );
      cut("client", texts.join(""));
    } else {
      const count = random.int(1, asked - answered);
      const texts = Array.from({ length: count }, () => `+${answered++}\r\n`);
      cut("server", texts.join(""));
    }
    time += random.int(10, 400);
  }
  return packets;
}

/** What reassembly gives of the packets that were captured. */
function* captured(packets: readonly Packet[], isLost: () => boolean) {
  const lost = { client: 0, server: 0 };
  for (const packet of packets) {
    const { side, bytes } = packet;
    if (isLost()) {
      lost[side] += bytes.length;
      continue;
    }
    // What is answered was there: both gaps are known before more is read.
    for (const end of ["client", "server"] as const) {
      if (lost[end] > 0) yield { side: end, gap: lost[end] } satisfies Chunk;
      lost[end] = 0;
    }
    yield packet satisfies Chunk;
  }
}

for (const habit of HABITS) {
  Deno.test(`a client that ${habit.name} is not given another's reply`, () => {
    let [asked, right, wrong] = [0, 0, 0];
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Random(seed);
      const packets = talk(habit, random);
      const losses = random.pick([0.005, 0.02]);
      const from = random.chance(0.5) ? 0 : random.int(1, packets.length - 1);
      const exchanges = parse(
        redis,
        captured(packets.slice(from), () => random.chance(losses)),
        { midStream: from > 0 },
      );
      for (const { request, response, incomplete } of exchanges) {
        const [number] = (request?.["args"] ?? []) as string[];
        if (request) asked++;
        if (!request || !response || incomplete) continue;
        if (response["value"] === number) right++;
        else wrong++;
      }
    }
    ok(wrong * 1000 <= right * habit.wrong, `${wrong} wrong, ${right} right`);
    ok(right * 100 >= asked * habit.right, `${right} right of ${asked}`);
  });
}
