/** Workers that come, go and move, as those of a cluster's pods do. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Channel, PortChannel } from "../../api/channel.ts";
import type { Answer, NodeCoverage } from "../../api/messages.ts";
import { ask, isBatch } from "../../hub/ask.ts";
import {
  type FoundLink,
  type FoundWorker,
  FoundWorkers,
} from "../../hub/found_workers.ts";
import { Metrics } from "../../hub/metrics.ts";
import { Queries } from "../../hub/queries.ts";
import { Workers } from "../../hub/workers.ts";
import { until } from "../k8s/until.ts";
import { type Made, madeOf } from "./batches.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

/** A scripted worker at an address. */
class Machine extends ScriptedWorker implements FoundLink {
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }
}

/** A hub whose workers are found, and machines that can be dialled. */
class Lab implements Disposable {
  readonly workers = new Workers([]);
  readonly machines = new Map<string, Machine>();
  readonly queries = new Queries({
    workers: this.workers,
    metrics: new Metrics(),
  });
  readonly found = new FoundWorkers(
    this.workers,
    (address) => this.machines.get(address)!,
  );

  machine(address: string, node: string): Machine {
    const machine = new Machine(node, []);
    this.machines.set(address, machine);
    return machine;
  }

  get names(): string[] {
    return this.workers.all.map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    this.queries.close();
    this.workers.stop();
  }
}

/** A live query of everything, read as it comes. */
class Live {
  readonly rows: Made[] = [];
  readonly said: Answer[] = [];
  readonly #channel: Channel;
  readonly #reading: Promise<void>;

  constructor(lab: Lab) {
    const { port1, port2 } = new MessageChannel();
    lab.queries.serve(new PortChannel(port1));
    this.#channel = new PortChannel(port2);
    this.#reading = this.#read();
  }

  get coverage(): readonly NodeCoverage[] {
    const last = this.said.findLast((each) => "coverage" in each);
    return last && "coverage" in last ? last.coverage : [];
  }

  get isLive(): boolean {
    return this.said.some((each) => "live" in each);
  }

  async #read(): Promise<void> {
    const request = { kfl: "", follow: true, output: "row" } as const;
    try {
      for await (const part of ask(this.#channel, request)) {
        if (!isBatch(part)) this.said.push(part);
        else {
          for (let i = 0; i < part.count; i++) this.rows.push(madeOf(part, i));
        }
      }
    } catch { /* it is closed by the test */ }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    await this.#reading;
  }
}

const pod = (
  uid: string,
  node: string,
  address?: string,
  more: Partial<FoundWorker> = {},
): FoundWorker => ({ uid, node, address, started: "1", ...more });

let place = 0;

/** An entry from after any query began. */
function entry(node: string): Made {
  place++;
  const time = 2e15 + place * 1000;
  return { node, place, n: 0, timestamp: time, completed: time };
}

Deno.test("a live query takes in workers that come, and goes on without those that left", async () => {
  using lab = new Lab();
  const a = lab.machine("10.0.0.1", "node-a");
  const b = lab.machine("10.0.0.2", "node-b");
  lab.found.take([pod("1", "node-a", "10.0.0.1")]);
  await using live = new Live(lab);
  await until("it is live", () => live.isLive);
  lab.found.take([
    pod("1", "node-a", "10.0.0.1"),
    pod("2", "node-b", "10.0.0.2"),
  ]);
  const first = [entry("node-a"), entry("node-b")];
  a.capture([first[0]!], first[1]!.completed + 1);
  b.capture([first[1]!], first[1]!.completed + 1);
  await until("both are heard", () => live.rows.length === 2);
  deepEqual(lab.names, ["node-a", "node-b"]);

  // The pod is being taken away: what it still says is heard.
  lab.found.take([pod("2", "node-b", "10.0.0.2")]);
  deepEqual(lab.names, ["node-b"]);
  const second = [entry("node-a"), entry("node-b")];
  a.capture([second[0]!], second[1]!.completed + 1);
  b.capture([second[1]!], second[1]!.completed + 1);
  await until("both are heard again", () => live.rows.length === 4);

  a.kill();
  await until(
    "its loss is said",
    () => live.coverage.some(({ missing }) => missing),
  );
  const asked = a.asked.length;
  const gone = live.coverage.find(({ node }) => node === "node-a");
  match(gone?.missing?.reason ?? "", /its worker is gone/i);
  const third = entry("node-b");
  b.capture([third], third.completed + 1);
  await until("the other goes on", () => live.rows.length === 5);
  equal(a.asked.length, asked, "nobody dials it any more");
  ok(a.isClosed);
});

Deno.test("another pod on a node takes the place of the one before, which the answer says", async () => {
  using lab = new Lab();
  const old = lab.machine("10.0.0.1", "node-a");
  lab.found.take([pod("1", "node-a", "10.0.0.1")]);
  await using live = new Live(lab);
  await until("it is live", () => live.isLive);
  const before = entry("node-a");
  old.capture([before], before.completed + 1);
  await until("it is heard", () => live.rows.length === 1);

  old.kill();
  const fresh = lab.machine("10.0.0.9", "node-a");
  lab.found.take([pod("2", "node-a", "10.0.0.9")]);
  // Places begin anew: it is another entry all the same.
  const after = { ...entry("node-a"), place: before.place };
  fresh.capture([after], after.completed + 1);
  await until("the new one is heard", () => live.rows.length === 2);
  deepEqual(lab.names, ["node-a"]);
  await until(
    "the answer says what went",
    () => live.coverage.length === 1 && live.coverage[0]!.damage.length === 1,
  );
  equal(live.coverage[0]!.missing, undefined);
  match(live.coverage[0]!.damage[0]!, /worker before it kept is gone/);
});

Deno.test("a worker whose pod does not run says why, and is asked as soon as it does", async () => {
  using lab = new Lab();
  const waiting = "Its pod does not run: ImagePullBackOff";
  lab.found.take([pod("1", "node-a", undefined, { waiting })]);
  lab.workers.watch();
  await using live = new Live(lab);
  await until("it is missing", () => lab.workers.all[0]?.missing);
  equal(lab.workers.all[0]!.missing!.reason, waiting);
  deepEqual(lab.names, ["node-a"]);

  const machine = lab.machine("10.0.0.1", "node-a");
  lab.found.take([pod("1", "node-a", "10.0.0.1")]);
  await until("it is found", () => !lab.workers.all[0]!.missing);
  const news = entry("node-a");
  machine.capture([news], news.completed + 1);
  await until("the query hears it", () => live.rows.length === 1);
});

Deno.test("a container that is started anew is the same worker, and asked at once", async () => {
  using lab = new Lab();
  const machine = lab.machine("10.0.0.1", "node-a");
  lab.found.take([pod("1", "node-a", "10.0.0.1")]);
  const [worker] = lab.workers.all;
  await until("it is known", () => worker!.state);
  machine.kill("nobody listens there");
  await worker!.refresh();
  ok(worker!.missing);
  machine.restart();
  lab.found.take([pod("1", "node-a", "10.0.0.1", { started: "2" })]);
  await until("it is found", () => !worker!.missing);
  equal(lab.workers.all[0], worker);
});

Deno.test("a node that loses its power is missing soon, in a live query as well, and nothing is lost", async () => {
  using lab = new Lab();
  const machine = lab.machine("10.0.0.1", "node-a");
  lab.found.take([pod("1", "node-a", "10.0.0.1")]);
  const [worker] = lab.workers.all;
  await until("it is known", () => worker!.state);
  lab.workers.watch();
  await using live = new Live(lab);
  await until("it is asked", () => machine.asked.length === 1);
  const first = entry("node-a");
  machine.capture([first], first.completed + 1);
  await until("the query hears it", () => live.rows.length === 1);
  await until("it is live", () => live.isLive);

  // No connection is closed.
  machine.hangs = true;
  await until("it is missing", () => worker!.missing);
  equal(worker!.missing!.reason, "It does not answer");
  const second = entry("node-a");
  machine.capture([second], second.completed + 1);
  machine.hangs = false;
  await until("it is found", () => !worker!.missing);
  await until("the query goes on", () => live.rows.length === 2);
  equal(machine.asked.length, 2, "the query had given it up");
});
