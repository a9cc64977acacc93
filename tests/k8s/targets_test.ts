/** Which pods a rule picks, and how that is followed. */
import { deepEqual, equal, throws } from "node:assert/strict";
import type { Pod } from "../../k8s/objects.ts";
import {
  compileRule,
  RuleError,
  type TargetRule,
  Targets,
} from "../../k8s/targets.ts";

const pod = (
  path: string,
  ip?: string,
  labels: Record<string, string> = {},
  phase = "Running",
): Pod => {
  const [namespace, name] = path.split("/") as [string, string];
  return {
    metadata: { name, namespace, labels },
    spec: { nodeName: "node-a" },
    status: { phase, ...(ip && { podIP: ip, podIPs: [{ ip }] }) },
  };
};

const PODS = [
  pod("shop/web-1", "10.1.0.1", { app: "web", tier: "front" }),
  pod("shop/carts-0", "10.1.0.2", { app: "carts" }),
  pod("kube-system/dns-1", "10.1.0.3", { app: "dns" }),
];

const RULES: [TargetRule, string][] = [
  [{}, "web-1 carts-0 dns-1"],
  [{ regex: "web" }, "web-1"],
  [{ regex: "^(web|dns)-\\d$" }, "web-1 dns-1"],
  [{ namespaces: ["shop"] }, "web-1 carts-0"],
  [{ excludedNamespaces: ["shop"] }, "dns-1"],
  [{ labels: "app=web" }, "web-1"],
  [{ labels: "app != web" }, "carts-0 dns-1"],
  [{ labels: "app in (web, carts), !tier" }, "carts-0"],
  [{ labels: "app notin (web)" }, "carts-0 dns-1"],
  [{ labels: "tier" }, "web-1"],
  [{ regex: "s", namespaces: ["shop"], labels: "app" }, "carts-0"],
];

for (const [rule, expected] of RULES) {
  Deno.test(`${JSON.stringify(rule)} picks ${expected}`, () => {
    const names = PODS.filter(compileRule(rule)).map((pod) =>
      pod.metadata!.name
    );
    equal(names.join(" "), expected);
  });
}

Deno.test("a rule that cannot be read says how to write it", () => {
  throws(() => compileRule({ regex: "web(" }), RuleError);
  throws(() => compileRule({ regex: "a".repeat(2000) }), /1000 characters/);
  throws(() => compileRule({ labels: "app in web" }), /write them as app=web/);
});

Deno.test("no expression takes longer than its text is long", () => {
  const picks = compileRule({ regex: "(a+)+$" });
  equal(picks(pod(`shop/${"a".repeat(50_000)}b`)), false);
});

Deno.test("targets are followed as pods come, complete and go", () => {
  let told = 0;
  const targets = new Targets({ regex: "web" }, () => told++);
  targets.take({ kind: "listing" });
  for (const object of PODS) targets.take({ kind: "present", object });
  equal(told, 0);
  targets.take({ kind: "listed" });
  equal(told, 1);
  deepEqual(targets.addresses(), ["10.1.0.1"]);
  const late = (ip?: string, phase = "Running") =>
    pod("shop/web-2", ip, {}, phase);
  targets.take({ kind: "present", object: late() });
  equal(told, 1); // it has no address yet
  targets.take({ kind: "present", object: late("10.1.0.9") });
  targets.take({ kind: "present", object: late("10.1.0.9") });
  equal(told, 2);
  deepEqual(targets.addresses(), ["10.1.0.1", "10.1.0.9"]);
  targets.take({ kind: "present", object: late("10.1.0.9", "Succeeded") });
  deepEqual(targets.addresses(), ["10.1.0.1"]);
  targets.take({ kind: "gone", object: PODS[0]! });
  deepEqual(targets.list(), []);
  equal(told, 4);
});

Deno.test("another rule needs no new list, and a wrong one changes nothing", () => {
  let told = 0;
  const targets = new Targets({ regex: "web" }, () => told++);
  targets.take({ kind: "listing" });
  for (const object of PODS) targets.take({ kind: "present", object });
  targets.take({ kind: "listed" });
  const names = () => targets.list().map(({ pod }) => pod);
  deepEqual(targets.preview({ regex: "s" }).map(({ pod }) => pod), [
    "carts-0",
    "dns-1",
  ]);
  targets.setRule({ namespaces: ["shop"] });
  deepEqual(names(), ["carts-0", "web-1"]);
  throws(() => targets.setRule({ regex: "(" }), RuleError);
  deepEqual(targets.rule, { namespaces: ["shop"] });
  deepEqual(names(), ["carts-0", "web-1"]);
  equal(told, 2);
});

Deno.test("pods that a new list does not name are no targets any more", () => {
  const targets = new Targets({}, () => {});
  for (const pods of [PODS, PODS.slice(1)]) {
    targets.take({ kind: "listing" });
    for (const object of pods) targets.take({ kind: "present", object });
    targets.take({ kind: "listed" });
  }
  deepEqual(targets.addresses(), ["10.1.0.2", "10.1.0.3"]);
});
