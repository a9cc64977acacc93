/** Pods of a service mesh in the page: which are heard inside. */
import { deepEqual, match } from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest, checkAccess } from "./browser.ts";

/** The cells about pods whose name begins so. */
const named = (page: Page, name: string): Promise<string[]> =>
  page.locator("targets-dialog tbody tr").evaluateAll(
    (rows, name) =>
      rows.map((row) => row.querySelectorAll("td")[1]?.innerText ?? "")
        .filter((text) => text.startsWith(name)),
    name,
  );

browserTest("pods of a mesh are marked, and it is said what is not captured", {
  stored: 10,
  inCluster: true,
}, async ({ page, hub, open }) => {
  hub.cluster!.begin("shop", "pay", 0, "istio-proxy");
  hub.cluster!.begin("shop", "pay", 1, "linkerd-proxy");
  await open();
  await page.getByRole("button", { name: "Pods" }).click();
  const note = page.getByText("with a service mesh's proxy");
  await note.waitFor();
  match((await note.innerText())!, /^2 pods with .*thresher tap --mesh/s);
  deepEqual(await named(page, "pay"), ["pay-0 Istio", "pay-1 Linkerd"]);
  deepEqual(await named(page, "web-0"), ["web-0"]);
  await checkAccess(page);
});

browserTest("with --mesh only those are told that cannot be heard inside", {
  stored: 10,
  inCluster: true,
}, async ({ page, hub, open }) => {
  hub.cluster!.begin("shop", "pay", 0, "istio-proxy");
  hub.cluster!.begin("shop", "pay", 1, "istio-proxy");
  const reason = "No process of it runs here";
  hub.cluster!.mesh = {
    ...{ isEntered: true, pods: 2, unheard: 1 },
    first: [{ namespace: "shop", pod: "pay-1", reason }],
  };
  await open();
  await page.getByRole("button", { name: "Pods" }).click();
  await page.getByText("1 pod of a service mesh cannot be heard inside.")
    .waitFor();
  deepEqual(await named(page, "pay"), [
    "pay-0 Istio",
    `pay-1 Istio, not heard inside: ${reason}`,
  ]);
});
