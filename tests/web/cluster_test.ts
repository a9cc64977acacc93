/** The cluster in the page: names, nodes, and which pods are captured. */
import { deepEqual, equal, match } from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import type { WorkerStatus } from "../../api/hub.ts";
import { browserTest, checkAccess, hold, until } from "./browser.ts";
import { coverageOf, MORNING, type ScriptedHub } from "./scripted_hub.ts";
import { NODES } from "./shop_cluster.ts";

const rows = (page: Page) =>
  page.locator("entry-list .row:not(.head):not([hidden])");

const nodes = (page: Page) => page.getByRole("dialog", { name: "Nodes" });

const pods = (page: Page) =>
  page.getByRole("dialog", { name: "Captured pods" });

/** Opens the page, and in it the dialog about pods. */
async function openPods(
  page: Page,
  open: () => Promise<unknown>,
): Promise<Locator> {
  await open();
  await rows(page).first().waitFor();
  await page.keyboard.press("p");
  return pods(page);
}

/** What stands in a table's cells, row by row. */
const cells = (page: Page, dialog: string): Promise<string[][]> =>
  page.locator(`${dialog} tbody tr`).evaluateAll((rows) =>
    rows.map((row) =>
      [...row.querySelectorAll("td")].map((cell) =>
        cell.innerText.replaceAll(/\s+/g, " ").trim()
      )
    )
  );

const podNames = async (page: Page): Promise<string[]> =>
  (await cells(page, "targets-dialog")).map(([, name]) => name!);

/** A worker as it is, with something else of its capture. */
function changed(
  hub: ScriptedHub,
  node: string,
  capture: object,
): readonly WorkerStatus[] {
  return hub.workers.map((worker) =>
    worker.state?.node === node
      ? {
        ...worker,
        state: {
          ...worker.state,
          capture: { ...worker.state.capture!, ...capture },
        },
      }
      : worker
  );
}

browserTest("rows have names, and hovering tells whose they are", {
  stored: 100,
  inCluster: true,
}, async ({ page, open }) => {
  await open("?q=http");
  await rows(page).first().waitFor();
  const source = rows(page).first().locator(".src");
  match(await source.innerText(), /^(web|checkout|worker)\.shop:\d+$/);
  await source.hover();
  match(
    (await source.getAttribute("title"))!,
    /^(\w+)\.shop\npod \1-\d\nservice \1\nworkload \1\nnamespace shop\nnode node-a\n10\.1\.0\.4\d:\d+$/,
  );
  const latency = rows(page).first().locator(".latency");
  await latency.hover();
  equal(await latency.getAttribute("title"), "");
});

browserTest("a click on a pod in the details asks for that pod", {
  stored: 100,
  inCluster: true,
}, async ({ page, open }) => {
  await open("?q=http");
  await page.waitForSelector("filter-bar .cm-content");
  await rows(page).first().click();
  await page.getByRole("tab", { name: "Connection" }).click();
  await page.locator("entry-detail button.value[title^='src.pod']").click();
  await page.waitForURL(/src\.pod/);
  match(
    new URL(page.url()).searchParams.get("q")!,
    /^http and src\.pod == "(web|checkout|worker)-\d"$/,
  );
});

browserTest("the nodes say what they keep, and what they lost", {
  stored: 100,
  nodes: NODES,
}, async ({ page, hub, open }) => {
  hub.workers = changed(hub, "node-b", {
    droppedByKernel: 1200,
    notStored: 7,
  });
  await open();
  await page.getByRole("button", { name: "3 nodes" }).click();
  await nodes(page).getByText("3 nodes, all answer.").waitFor();
  deepEqual((await cells(page, "nodes-dialog")).map(([name]) => name), [
    "node-b",
    "node-a",
    "node-c",
  ]);
  const [lossy, well] = await cells(page, "nodes-dialog");
  match(lossy![1]!, /^Captures since \d\d:00:00 on eth0, lo$/);
  equal(lossy![4], "1,200 packets by the kernel, 7 packets for want of room");
  deepEqual(well!.slice(2), ["1.00 MB of 200 MB", "400", "none"]);
});

browserTest("a node that goes is told at once, and so is that it is back", {
  stored: 100,
  nodes: NODES,
}, async ({ page, hub, open }) => {
  await open();
  await rows(page).first().waitFor();
  await page.keyboard.press("n");
  await nodes(page).getByText("3 nodes, all answer.").waitFor();
  const before = hub.workers;
  const missing = { reason: "connection refused", since: MORNING };
  hub.workers = before.map((worker) =>
    worker.state?.node === "node-c" ? { ...worker, missing } : worker
  );
  await nodes(page).getByText("2 of 3 nodes answer.").waitFor();
  const [first] = await cells(page, "nodes-dialog");
  equal(first![0], "node-c");
  match(first![1]!, /^Does not answer since \d\d:00:00: connection refused$/);
  hub.workers = changed(hub, "node-a", { stopped: "The disk is full" });
  await nodes(page).getByText("The disk is full").waitFor();
  hub.workers = before;
  await nodes(page).getByText("3 nodes, all answer.").waitFor();
});

browserTest("the storage limit is shown with what it means, and changed", {
  stored: 100,
  nodes: NODES,
  mayComplain: /status of 502/,
}, async ({ page, hub, open }) => {
  const reaching = { last: MORNING + 2 * 3_600_000_000 };
  hub.workers = hub.workers.map((worker) => ({
    ...worker,
    state: {
      ...worker.state!,
      storage: { ...worker.state!.storage, ...reaching },
    },
  }));
  await open();
  await rows(page).first().waitFor();
  await page.keyboard.press("n");
  const dialog = nodes(page);
  await dialog.getByText("It reaches back 2 h now.").waitFor();
  const field = dialog.getByLabel("Each node keeps");
  equal(await field.inputValue(), "200 MB");
  const set = dialog.getByRole("button", { name: "Set" });
  equal(await set.isEnabled(), false);
  await field.fill("plenty");
  await dialog.getByText("Such as 500 MB or 2 GB.").waitFor();
  equal(await set.isEnabled(), false);
  await field.fill("10 KB");
  await dialog.getByText("Deletes the oldest 2.97 MB at once.").waitFor();
  await field.fill("2 MB");
  await dialog.getByText("Would reach back about 4 h").waitFor();
  await field.press("Enter");
  await dialog.getByText("1.00 MB of 2.00 MB").first().waitFor();
  await dialog.getByText("It reaches back 2 h now.").waitFor();
  equal(await field.inputValue(), "2.00 MB");
  const missing = { reason: "connection refused", since: MORNING };
  hub.workers = hub.workers.map((worker, i) =>
    i === 2 ? { ...worker, missing } : worker
  );
  await field.fill("3 MB");
  await set.click();
  await dialog.getByText("Not set on all nodes").waitFor();
  equal(await field.getAttribute("aria-invalid"), "true");
  deepEqual(hub.received.limits, [2e6, 3e6]);
});

browserTest("what answers say of nodes has the workers looked at", {
  stored: 0,
  nodes: NODES,
}, async ({ page, hub, open }) => {
  await open();
  await page.getByText("No traffic yet").waitFor();
  await page.getByText(/node-c listens on/).waitFor();
  const asked = page.waitForRequest(/\/workers$/);
  hub.tellCoverage([
    ...hub.coverage,
    coverageOf("node-d"),
  ]);
  await asked;
});

browserTest("pods are looked at before they are captured, and then are", {
  stored: 100,
  inCluster: true,
}, async ({ page, hub, open }) => {
  await open();
  await rows(page).first().waitFor();
  await page.getByRole("button", { name: "Pods" }).click();
  const dialog = pods(page);
  await dialog.getByText("In force on 3 nodes").waitFor();
  match(
    await dialog.locator(".found").innerText(),
    /Everything is captured: the nodes whole, 14 pods among it/,
  );
  const apply = dialog.getByRole("button", { name: "Capture these" });
  equal(await apply.isEnabled(), false);

  await dialog.getByLabel("Name of the pod").fill("^(web|carts)-[01]$");
  await dialog.getByText("4 of 14 pods in 1 namespace would be captured")
    .waitFor();
  deepEqual(await podNames(page), ["carts-0", "carts-1", "web-0", "web-1"]);
  await dialog.getByLabel("Labels").fill("app=web");
  await dialog.getByText("2 of 14 pods").waitFor();
  deepEqual(hub.cluster!.selections, []);

  hub.cluster!.lacking.set("node-b", { state: "pending" });
  await apply.click();
  await dialog.getByText("2 of 14 pods in 1 namespace are captured").waitFor();
  await dialog.getByText("In force on 2 of 3 nodes").waitFor();
  await dialog.getByText("node-b: not yet").waitFor();
  deepEqual(hub.cluster!.selections, [
    { pod: "^(web|carts)-[01]$", labels: "app=web" },
  ]);
  hub.cluster!.lacking.clear();
  await dialog.getByText("In force on 3 nodes").waitFor();
});

browserTest("pods that come and go are followed, and nothing typed is lost", {
  stored: 100,
  inCluster: true,
}, async ({ page, hub, open }) => {
  const dialog = await openPods(page, open);
  await dialog.getByLabel("Name of the pod").fill("ledger");
  await dialog.getByText("2 of 14 pods").waitFor();
  hub.cluster!.begin("payments", "ledger", 7);
  await dialog.getByText("3 of 15 pods").waitFor();
  equal(await dialog.getByLabel("Name of the pod").inputValue(), "ledger");
  await dialog.getByRole("button", { name: "Undo" }).click();
  equal(await dialog.getByLabel("Name of the pod").inputValue(), "");
  await dialog.getByText("Everything").waitFor();
});

browserTest("what is typed before the hub has answered stays", {
  stored: 100,
  inCluster: true,
}, async ({ page, open }) => {
  await open();
  await rows(page).first().waitFor();
  const answer = await hold(page, "**/api/v1/targets");
  await page.keyboard.press("p");
  const dialog = pods(page);
  const preview = page.waitForResponse(/\/targets\/preview$/);
  await dialog.getByLabel("Name of the pod").fill("ledger");
  await preview;
  answer();
  await dialog.getByText("2 of 14 pods").waitFor();
  equal(await dialog.getByLabel("Name of the pod").inputValue(), "ledger");
  await dialog.getByRole("button", { name: "Undo" }).click();
  await dialog.getByText("Everything").waitFor();
});

browserTest("what is typed while a selection is being set stays", {
  stored: 100,
  inCluster: true,
}, async ({ page, hub, open }) => {
  const dialog = await openPods(page, open);
  await dialog.getByText("In force on 3 nodes").waitFor();
  await dialog.getByLabel("Name of the pod").fill("web");
  await dialog.getByText("4 of 14 pods in 1 namespace would be").waitFor();
  const answer = await hold(page, "**/api/v1/targets");
  const isSet = page.waitForResponse((response) =>
    response.request().method() === "PUT"
  );
  await dialog.getByRole("button", { name: "Capture these" }).click();
  await dialog.getByLabel("Name of the pod").fill("web-0");
  await dialog.getByText("1 of 14 pods in 1 namespace would be").waitFor();
  answer();
  await isSet;
  await dialog.getByRole("button", { name: "Capture these" }).click();
  await dialog.getByText("1 of 14 pods in 1 namespace are captured").waitFor();
  deepEqual(hub.cluster!.selections, [{ pod: "web" }, { pod: "web-0" }]);
});

browserTest("keys that come before their dialog open it once", {
  stored: 100,
  inCluster: true,
}, async ({ page, open }) => {
  await open();
  await rows(page).first().waitFor();
  const answer = await hold(page, /_dialog-.*\.js/);
  for (const key of ["p", "p", "n"]) await page.keyboard.press(key);
  answer();
  await pods(page).or(nodes(page)).waitFor();
  await page.keyboard.press("Escape");
  await pods(page).or(nodes(page)).waitFor({ state: "hidden" });
  equal(await page.locator("dialog[open]").count(), 0);
});

browserTest("a namespace is one press away, and what cannot be is said", {
  stored: 100,
  inCluster: true,
  mayComplain: /status of 400/,
}, async ({ page, hub, open }) => {
  const dialog = await openPods(page, open);
  await dialog.getByRole("button", { name: "kube-system" }).click();
  await dialog.getByText("3 of 14 pods").waitFor();
  equal(
    await dialog.getByLabel("Namespaces", { exact: true }).inputValue(),
    "kube-system",
  );
  const proxy = (await cells(page, "targets-dialog")).find(([, name]) =>
    name!.startsWith("kube-proxy")
  );
  equal(proxy![3], "10.0.0.5 ports 10256");
  await dialog.getByLabel("Name of the pod").fill("nobody");
  await dialog.getByText("No pod that runs now is like that").waitFor();
  await dialog.getByLabel("Name of the pod").fill("web(");
  await dialog.getByText("Cannot read the regex").waitFor();
  const apply = dialog.getByRole("button", { name: "Capture these" });
  equal(await apply.isEnabled(), false);
  await dialog.getByRole("button", { name: "All pods" }).click();
  await dialog.getByText("Everything").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  deepEqual(hub.cluster!.selections, []);
});

browserTest("without a cluster there are no pods to pick", {
  stored: 100,
}, async ({ page, open }) => {
  await open();
  await rows(page).first().waitFor();
  equal(await page.getByRole("button", { name: "Pods" }).count(), 0);
  await page.keyboard.press("p");
  await page.getByText("This hub watches no cluster").waitFor();
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [1280, 800]) {
    browserTest(
      `axe finds nothing wrong with a cluster, ${theme}, ${width} px`,
      {
        stored: 100,
        inCluster: true,
        nodes: NODES,
        theme,
        width,
      },
      async ({ page, hub, open }) => {
        const missing = { reason: "connection refused", since: MORNING };
        hub.workers = changed(hub, "node-b", { droppedByKernel: 1200 })
          .map((worker, i) => i === 2 ? { ...worker, missing } : worker);
        await open();
        await rows(page).first().waitFor();
        await page.keyboard.press("n");
        await nodes(page).getByText("2 of 3 nodes answer.").waitFor();
        await checkAccess(page);
        await page.keyboard.press("Escape");
        await page.keyboard.press("p");
        const dialog = pods(page);
        await dialog.getByRole("button", { name: "shop" }).click();
        await dialog.getByText("9 of 14 pods").waitFor();
        hub.cluster!.lacking.set("node-b", { state: "failed", reason: "busy" });
        await dialog.getByText("node-b: not set, busy").waitFor();
        await checkAccess(page);
        const wide = await page.evaluate(() => document.body.scrollWidth);
        await until(() => wide <= width);
      },
    );
  }
}
