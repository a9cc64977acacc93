import { deepEqual, equal } from "node:assert/strict";
import type { TargetSelection } from "../../../api/hub.ts";
import {
  isSameSelection,
  toForm,
  toggleName,
  toSelection,
} from "../../../web/model/selection.ts";

const SELECTIONS: readonly TargetSelection[] = [
  {},
  { pod: "^web-" },
  { namespaces: ["shop", "payments"] },
  { excludeNamespaces: ["kube-system"], labels: "tier in (a, b),!canary" },
];

Deno.test("a form asks for the selection that it was made of", () => {
  for (const selection of SELECTIONS) {
    deepEqual(toSelection(toForm(selection)), selection);
  }
});

Deno.test("lists are read however they are written", () => {
  const form = toForm({});
  deepEqual(
    toSelection({ ...form, namespaces: " b, a  b,,\n", labels: " " }),
    { namespaces: ["b", "a"] },
  );
});

Deno.test("selections are the same whatever the order of their namespaces", () => {
  const same = isSameSelection;
  equal(same({ namespaces: ["a", "b"] }, { namespaces: ["b", "a"] }), true);
  equal(same({ namespaces: [] }, {}), true);
  equal(same({ namespaces: ["a"] }, { excludeNamespaces: ["a"] }), false);
  equal(same({ pod: "a" }, { labels: "a" }), false);
});

Deno.test("a name is put into a list, and taken out again", () => {
  equal(toggleName("", "shop"), "shop");
  equal(toggleName("shop payments", "web"), "shop, payments, web");
  equal(toggleName("shop,web", "shop"), "web");
});
