import { deepEqual, equal, ok } from "node:assert/strict";
import { KEY, kindOf } from "../../../worker/shards/flow_key.ts";
import {
  FlowSlots,
  SLOT,
  SLOT_WORDS,
} from "../../../worker/shards/flow_slots.ts";
import { Random } from "../../fuzz/random.ts";

const SLOTS = 256;

function open(seed = 1): FlowSlots {
  return new FlowSlots(new Uint32Array(SLOTS * SLOT_WORDS), seed);
}

/** Looks for a flow's slot, whichever end sent the packet. */
function find(
  slots: FlowSlots,
  flow: number,
  now: number,
  fromLow = true,
): number {
  const { words } = slots.key;
  words.fill(0);
  words[fromLow ? KEY.FIRST : KEY.SECOND] = 0x0a00_0001;
  words[fromLow ? KEY.SECOND : KEY.FIRST] = 0x0a01_0000 + flow;
  words[KEY.PORTS] = fromLow ? 1000 << 16 | 80 : 80 << 16 | 1000;
  words[KEY.KIND] = kindOf(4, 6, false);
  return slots.find(now);
}

Deno.test("flows get slots that lie together, and keep them", () => {
  const slots = open();
  const flows = Array.from({ length: 32 }, (_, flow) => flow);
  const places = flows.map((flow) => find(slots, flow, flow));
  deepEqual(places, flows.map((flow) => flow * SLOT_WORDS));
  deepEqual(flows.map((flow) => find(slots, flow, 100, false)), places);
  const stamps = places.map((at) => slots.words[at + SLOT.STAMP]);
  equal(new Set(stamps).size, flows.length);
});

Deno.test("law: of more flows than slots those heard last are known", () => {
  const random = new Random(7);
  const slots = open(random.int(0, 1e9));
  const begun = new Map<number, number>();
  const stampOf = (flow: number, now: number) =>
    slots.words[find(slots, flow, now, random.chance(0.5)) + SLOT.STAMP]!;
  for (let now = 1; now < 20_000; now++) {
    const flow = random.int(0, 4 * SLOTS);
    const stamp = stampOf(flow, now);
    // Eight others would have to meet in its set before it is forgotten.
    equal(stampOf(flow, now), stamp);
    if (begun.get(flow) !== stamp) {
      ok(![...begun.values()].includes(stamp), "another flow has that number");
      begun.set(flow, stamp);
    }
  }
});

Deno.test("the flow that was silent for longest makes room", () => {
  const slots = open();
  let flow = 0;
  // Until one gets the slot of another: that was the oldest of its set.
  const places = new Map<number, number>();
  while (true) {
    const at = find(slots, flow, flow);
    const before = places.get(at);
    if (before !== undefined) {
      const others = [...places.values()].filter((other) => other < before);
      for (const other of others) {
        const stamp = slots.words[find(slots, other, flow) + SLOT.STAMP]! / 4;
        equal(stamp, other + 1, "an older one of another set is still known");
      }
      break;
    }
    places.set(at, flow++);
  }
  ok(flow > SLOTS / 8);
});
