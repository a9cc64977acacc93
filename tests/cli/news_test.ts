/** What is told of an installation: what is new, and each thing once. */
import { deepEqual, equal, match } from "node:assert/strict";
import type { WorkerStatus } from "../../api/hub.ts";
import type { CaptureState } from "../../api/worker.ts";
import type { Problem } from "../../k8s/readiness.ts";
import { News } from "../../cli/cluster/news.ts";
import { asCalled, nameOf } from "../../cli/program_name.ts";

const worker = (node: string, capture: Partial<CaptureState> = {}) =>
  ({
    name: `wss://${node}:48999`,
    state: {
      node,
      version: "0.1.0",
      storage: { limit: 2e8, used: 0, packets: 0 },
      capture: {
        ...{ since: 0, interfaces: ["any"], packets: 0, bytes: 0 },
        ...{ droppedByKernel: 0, notStored: 0, copies: 0, ownTraffic: 0 },
        ...capture,
      },
    },
  }) satisfies WorkerStatus;

const missing = (status: WorkerStatus, reason: string): WorkerStatus => ({
  ...status,
  missing: { reason, since: 1 },
});

Deno.test("workers that are lost and come back are told of once", () => {
  const news = new News();
  const [a, b] = [worker("node-a"), worker("node-b")];
  deepEqual(news.ofWorkers([a, b]), []);
  const lost = missing(b, "nobody listens there");
  deepEqual(news.ofWorkers([a, lost]), [
    "node-b: its worker does not answer: nobody listens there",
  ]);
  deepEqual(news.ofWorkers([a, lost]), []);
  deepEqual(news.ofWorkers([a, b]), ["node-b: back"]);
  deepEqual(news.ofWorkers([a]), ["node-b: its worker is gone"]);
  deepEqual(news.ofWorkers([a]), []);
});

Deno.test("drops are told of when they begin, and when they have doubled", () => {
  const news = new News();
  const told = (droppedByKernel: number, notStored = 0) =>
    news.ofWorkers([worker("node-a", { droppedByKernel, notStored })]).length;
  deepEqual([told(0), told(3), told(3), told(5)], [0, 1, 0, 0]);
  deepEqual([told(5, 1), told(11), told(12)], [1, 0, 1]);
  // Its container was started anew, and counts from nothing.
  deepEqual([told(0), told(1)], [0, 1]);
});

Deno.test("a capture that stops is told of, and that it goes on", () => {
  const news = new News();
  const full = worker("node-a", { stopped: "the disk is full" });
  deepEqual(news.ofWorkers([full]), [
    "node-a: packets are not kept at the moment: the disk is full",
  ]);
  deepEqual(news.ofWorkers([full]), []);
  deepEqual(news.ofWorkers([worker("node-a")]), [
    "node-a: packets are kept again",
  ]);
});

Deno.test("a problem with two names is one", () => {
  const news = new News();
  const about = "pod hub on node-a";
  const told = (...problems: Problem[]) =>
    news.ofReadiness({
      hub: false,
      workers: { ready: 0, wanted: 1 },
      missing: [],
      problems,
    });
  deepEqual(told({ about, reason: "ErrImagePull", message: "no such" }), [
    "pod hub on node-a: ErrImagePull: no such",
  ]);
  deepEqual(told({ about, reason: "ImagePullBackOff", message: "" }), []);
  equal(told({ about, reason: "OOMKilled", message: "" }).length, 1);
});

Deno.test("that somebody is silent is told of, and that it is over", () => {
  const news = new News();
  deepEqual(news.ofHub(undefined), []);
  deepEqual(news.ofHub("no answer"), ["no answer; trying again"]);
  deepEqual(news.ofHub("no answer"), []);
  deepEqual(news.ofHub(undefined), ["the hub answers again"]);
  deepEqual(news.ofRefusal("Unauthorized"), ["Unauthorized"]);
  deepEqual(news.ofRefusal("Unauthorized"), []);
  deepEqual(news.ofRefusal(undefined), ["the cluster can be asked again"]);
});

Deno.test("command lines are as they are to be typed", () => {
  equal(nameOf("/usr/local/bin/kubectl-thresher"), "kubectl thresher");
  equal(nameOf("kubectl-thresher.exe"), "kubectl thresher");
  equal(nameOf("/usr/bin/thresher"), "thresher");
  const text =
    "thresher: namespace thresher stays: `thresher clean` removes\n" +
    "  thresher tap -A\n  source <(thresher completion bash)";
  equal(
    asCalled(text, "kubectl thresher"),
    "thresher: namespace thresher stays: `kubectl thresher clean` removes\n" +
      "  kubectl thresher tap -A\n  source <(kubectl thresher completion bash)",
  );
  equal(asCalled(text, "thresher"), text);
});

Deno.test("pods that are not heard inside are told of once, and again with another reason", () => {
  const news = new News();
  const told = (...pods: [pod: string, reason: string][]) =>
    news.ofMesh({
      isEntered: true,
      pods: 9,
      unheard: pods.length,
      first: pods.map(([pod, reason]) => ({ namespace: "shop", pod, reason })),
    });
  deepEqual(told(["a", "gone"]), ["shop/a: not heard inside: gone"]);
  deepEqual(told(["a", "gone"]), []);
  deepEqual(told(["a", "full"]), ["shop/a: not heard inside: full"]);
  deepEqual(told(), []);
  deepEqual(told(["a", "full"]), ["shop/a: not heard inside: full"]);
  const many = "bcdefghi".split("").map((pod): [string, string] => [pod, "x"]);
  equal(told(...many).length, 6);
  match(told(...many, ["j", "x"])[0]!, /^shop\/j/);
});

Deno.test("what is not heard without --mesh is for those who begin to say", () => {
  const mesh = { isEntered: false, pods: 2, unheard: 2, first: [] };
  deepEqual(new News().ofMesh(mesh), []);
});
