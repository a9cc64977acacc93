/** Selections of pods, as strangers may send them. */
import { deepEqual, equal, throws } from "node:assert/strict";
import {
  BadSelection,
  isEverything,
  readSelection,
} from "../../api/selection.ts";

Deno.test("a selection keeps what it is given, and nothing empty", () => {
  deepEqual(
    readSelection({ pod: "web", namespaces: ["shop"], labels: "app=web" }),
    { pod: "web", namespaces: ["shop"], labels: "app=web" },
  );
  deepEqual(
    readSelection({
      pod: "",
      namespaces: [],
      excludeNamespaces: null,
      labels: "",
    }),
    {},
  );
});

for (
  const [why, value] of Object.entries({
    "a number for a regex": { pod: 7 },
    "a text for a list": { namespaces: "shop" },
    "a list of numbers": { excludeNamespaces: [1] },
    "a name that is too long": { namespaces: ["x".repeat(64)] },
    "too many names": { namespaces: Array(1001).fill("x") },
    "a regex that is too long": { pod: "x".repeat(1001) },
    "a member that is misspelt": { namespace: "shop" },
  })
) {
  Deno.test(`a selection with ${why} is refused`, () => {
    throws(() => readSelection(value), BadSelection);
  });
}

Deno.test("a selection that narrows nothing is everything", () => {
  equal(isEverything({}), true);
  equal(isEverything({ labels: " ", namespaces: [] }), true);
  equal(isEverything({ excludeNamespaces: ["kube-system"] }), false);
  equal(isEverything({ pod: "." }), false);
});
