/** The dashboard's shell in a browser: address, keys, states, exports. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import {
  browserTest,
  checkAccess,
  hold,
  rest,
  rowsOf,
  until,
  waitForPlace,
} from "./browser.ts";
import { coverageOf, EXPORTED, MORNING, STEP } from "./scripted_hub.ts";

const grid = (page: Page) => page.locator("entry-list [role=grid]");
const status = (page: Page) => page.locator("status-bar .phase");

/** Waits until rows are in view. */
async function waitForRows(page: Page): Promise<void> {
  await page.locator("entry-list .row:not(.head):not([hidden])").first()
    .waitFor();
}

/** What stands in the current row. */
const currentRow = (page: Page) => page.locator("entry-list .row.current");

/** Pastes a filter into the bar and applies it. */
async function filter(page: Page, text: string): Promise<void> {
  await page.keyboard.press("/");
  await page.keyboard.insertText(text);
  await page.keyboard.press("Enter");
}

const search = (page: Page) => new URL(page.url()).searchParams;

browserTest("what is shown is in the address, and comes back from it", {
  stored: 3000,
}, async ({ page, hub, open }) => {
  await open();
  await waitForRows(page);
  await filter(page, "http and response.status >= 500");
  await page.waitForURL(/q=/);
  await waitForRows(page);
  await page.keyboard.press("Escape");
  await page.locator("entry-list .row:not(.head)").nth(3).click();
  await page.locator("entry-detail").waitFor();
  await waitForPlace(page);
  equal(search(page).get("q"), "http and response.status >= 500");
  const entry = search(page).get("entry");
  match(entry!, /^node-a~0~\d+~0$/);
  const before = await rowsOf(page);
  hub.capture(2000);
  await page.reload();
  await page.locator("entry-detail").waitFor();
  await page.locator("entry-list .row.open").waitFor();
  deepEqual(await rowsOf(page), before);
  equal(search(page).get("entry"), entry);
  match(await status(page).innerText(), /Paused/);
  await page.keyboard.press("End");
  await status(page).getByText("Live").waitFor();
  equal(search(page).get("at"), null);
});

browserTest("the browser's way back leads to the query before", {
  stored: 500,
}, async ({ page, hub, open }) => {
  await open("?q=dns");
  await waitForRows(page);
  await filter(page, "redis");
  await page.waitForURL(/q=redis/);
  await page.goBack();
  await page.waitForURL(/q=dns/);
  await waitForRows(page);
  equal(hub.received.queries.at(-1)!.kfl, "dns");
  ok((await page.title()).startsWith("dns"));
});

browserTest("everything can be done by keys alone", {
  stored: 2000,
}, async ({ page, hub, open }) => {
  await open();
  await waitForRows(page);
  await page.keyboard.press("j");
  const newest = await currentRow(page).innerText();
  for (const key of ["k", "ArrowUp", "j", "ArrowUp"]) {
    await page.keyboard.press(key);
  }
  const third = hub.entry(1997);
  match(await currentRow(page).innerText(), new RegExp(clockOf(1997)));
  ok(newest.includes(clockOf(1999)));
  match(
    (await grid(page).getAttribute("aria-activedescendant"))!,
    /^row-\d+$/,
  );
  await page.keyboard.press("Enter");
  await page.locator("entry-detail").getByText(third.summary).first().waitFor();
  await page.keyboard.press("k");
  await page.waitForURL(/1996/);
  await page.keyboard.press("Escape");
  await page.locator("entry-detail").waitFor({ state: "detached" });
  await page.keyboard.press("PageUp");
  await page.keyboard.press("Home");
  ok((await currentRow(page).innerText()).includes(clockOf(1000)));
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await help.waitFor();
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  await page.keyboard.press("End");
  await status(page).getByText("Live").waitFor();
  await page.keyboard.press("Space");
  await status(page).getByText("Paused").waitFor();
  await page.keyboard.press("u");
  equal(search(page).get("tz"), "utc");
});

function clockOf(place: number): string {
  return new Date((MORNING + place * STEP) / 1000).toISOString().slice(11, 23);
}

browserTest("keys are the page's as soon as a dialog is closed", {
  stored: 100,
}, async ({ page, open }) => {
  await open();
  await waitForRows(page);
  const dialogs = [["?", "help-dialog"], ["t", "time-dialog"]] as const;
  for (const [key, name] of dialogs) {
    await page.keyboard.press("Space");
    await status(page).getByText("Paused").waitFor();
    await page.keyboard.press(key);
    // Faster than any frame, as a busy machine has it.
    await page.locator(`${name} dialog[open]`).evaluate((dialog) => {
      const { activeElement } = dialog.getRootNode() as ShadowRoot;
      (dialog as HTMLDialogElement).close();
      activeElement!.dispatchEvent(
        new KeyboardEvent("keydown", {
          key: "End",
          bubbles: true,
          composed: true,
          cancelable: true,
        }),
      );
    });
    await status(page).getByText("Live").waitFor();
  }
});

browserTest("the connection of an entry is one key away", {
  stored: 2000,
}, async ({ page, hub, open }) => {
  await open("?q=redis");
  await waitForRows(page);
  await page.keyboard.press("j");
  await page.keyboard.press("f");
  await page.waitForURL(/port/);
  const wanted = /ip == 10\.1\.0\.\d+ and ip == 10\.1\.0\.30 and port == \d+/;
  await until(() => wanted.test(hub.received.queries.at(-1)!.kfl));
  await waitForRows(page);
});

browserTest("a connection that is found late takes nothing newer away", {
  stored: 500,
}, async ({ page, hub, open }) => {
  await open();
  await waitForRows(page);
  await page.keyboard.press("j");
  // Once, so that everything is loaded that it takes.
  await page.keyboard.press("f");
  await page.waitForURL(/port/);
  await page.goBack();
  await waitForRows(page);
  await page.keyboard.press("j");
  const answer = await hold(page, "**/api/v1/entries/**");
  const entry = page.waitForResponse("**/api/v1/entries/**");
  await page.keyboard.press("f");
  await filter(page, "redis ");
  await page.waitForURL(/q=redis/);
  answer();
  await (await entry).finished();
  await rest(page);
  equal(search(page).get("q"), "redis ");
  equal(hub.received.queries.at(-1)!.kfl, "redis ");
});

browserTest("a stretch of time is asked for, and shown", {
  stored: 5000,
}, async ({ page, hub, open }) => {
  await open("?tz=utc");
  await waitForRows(page);
  await page.keyboard.press("t");
  const dialog = page.getByRole("dialog", { name: "Go to a time" });
  await dialog.getByLabel("From").fill("whenever");
  await page.keyboard.press("Enter");
  await dialog.getByText("That is not a time").waitFor();
  const day = new Date(MORNING / 1000).toISOString().slice(0, 10);
  await dialog.getByLabel("From").fill(`${day} ${clockOf(1000)}`);
  await dialog.getByLabel("To").fill(`${day} ${clockOf(2000)}`);
  await page.keyboard.press("Enter");
  await status(page).getByText("Complete").waitFor();
  const { from, to, order } = hub.received.queries.at(-1)!;
  deepEqual([from, to, order], [
    ...[MORNING + 1000 * STEP, MORNING + 2000 * STEP],
    "desc",
  ]);
  await page.getByText(clockOf(2000)).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Home");
  await until(async () =>
    await grid(page).getAttribute("aria-rowcount") === "1002"
  );
  await page.keyboard.press("Home");
  await page.getByText(clockOf(1000), { exact: true }).waitFor();
});

browserTest("the packets of the query and of an entry are downloaded", {
  stored: 100,
}, async ({ page, hub, open }) => {
  await open("?q=dns");
  await waitForRows(page);
  const byButton = page.waitForEvent("download");
  await page.getByRole("button", { name: "PCAP", exact: true }).click();
  const file = await (await byButton).path();
  deepEqual([...await Deno.readFile(file)], EXPORTED);
  deepEqual(hub.received.exports, [{ kfl: "dns", format: "pcap" }]);
  await page.keyboard.press("j");
  const byKey = page.waitForEvent("download");
  await page.keyboard.press("d");
  deepEqual([...await Deno.readFile(await (await byKey).path())], EXPORTED);
});

browserTest("a savefile that is dropped on the page is shown", {
  stored: 100,
}, async ({ page, hub, open }) => {
  await open();
  await waitForRows(page);
  await page.evaluate(() => {
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(5000)], "morning.pcap"));
    for (const name of ["dragover", "drop"]) {
      const init = { dataTransfer: files, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent(name, init));
    }
  });
  await page.waitForURL(/node\.name/);
  deepEqual(hub.received.savefiles, [{ name: "morning.pcap", size: 5000 }]);
  await until(() =>
    hub.received.queries.at(-1)!.kfl === 'node.name == "node-a"'
  );
  await waitForRows(page);
});

browserTest("without a session it asks for the token, and goes on with it", {
  stored: 100,
  token: "open sesame",
  mayComplain: /401|Authentication failed/,
}, async ({ page, open }) => {
  await open("?q=dns");
  const field = page.getByLabel("Token");
  await field.fill("knock knock");
  await page.keyboard.press("Enter");
  await page.getByText("That is not the token").waitFor();
  await field.fill("open sesame");
  await page.keyboard.press("Enter");
  await waitForRows(page);
  equal(search(page).get("q"), "dns");
});

browserTest("what was refused before the token was given is no refusal", {
  stored: 100,
  token: "open sesame",
  mayComplain: /401|Authentication failed/,
}, async ({ page, open }) => {
  const refusal = page.waitForResponse((response) =>
    response.url().endsWith("/cluster") && response.status() === 401
  );
  let isRefused = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route("**/api/v1/cluster", async (route) => {
    if (isRefused) return await route.fallback();
    isRefused = true;
    const response = await route.fetch();
    await promise;
    await route.fulfill({ response });
  });
  await open();
  await page.getByLabel("Token").fill("open sesame");
  await page.keyboard.press("Enter");
  await waitForRows(page);
  resolve();
  await (await refusal).finished();
  await rest(page);
  await waitForRows(page);
});

browserTest("an answer that may be incomplete says so, and why", {
  stored: 100,
  nodes: ["node-a", "node-b"],
}, async ({ page, hub, open }) => {
  await open();
  await page.getByText("2 nodes", { exact: true }).waitFor();
  const missing = { reason: "connection refused", since: MORNING };
  hub.tellCoverage([
    coverageOf("node-a", { lost: 1234 }),
    coverageOf("node-b", { missing }),
  ]);
  await page.getByRole("button", { name: "1 of 2 nodes, partial" }).click();
  await page.getByText("node-a: 1,234 packets lost while capturing").waitFor();
  await page.getByText(/node-b: does not answer since .* refused/).waitFor();
});

browserTest(
  "without traffic it says what is listened on, and how to see some",
  {
    stored: 0,
  },
  async ({ page, hub, open }) => {
    await open();
    await page.getByText("No traffic yet").waitFor();
    await page.getByText(/node-a listens on eth0, lo/).waitFor();
    hub.capture(3);
    await waitForRows(page);
    await page.getByText("No traffic yet").waitFor({ state: "hidden" });
  },
);

browserTest("where nothing matches one step leads to everything", {
  stored: 100,
}, async ({ page, open }) => {
  await open("?q=dst.port == 9");
  await page.getByText("Nothing matches so far").waitFor();
  await page.getByRole("button", { name: "Show everything" }).click();
  await waitForRows(page);
  equal(search(page).get("q"), null);
});

browserTest("a time that is no longer kept is said to be so", {
  stored: 100,
}, async ({ page, open }) => {
  await open("?to=2001-01-01T00:00:00.000000Z");
  await page.getByText("That time is not kept").waitFor();
  await page.getByRole("button", { name: "Show all that is kept" }).click();
  await waitForRows(page);
});

browserTest("a filter that is wrong is refused with the reason", {
  stored: 100,
}, async ({ page, open }) => {
  await open("?q=request.pth ==");
  await page.getByRole("heading", { name: "The filter is wrong" }).waitFor();
  const notice = page.locator("feed-notice");
  equal(await notice.getByText("request.path", { exact: true }).count(), 1);
  await page.getByRole("button", { name: "Show everything" }).click();
  await waitForRows(page);
});

browserTest("a page of another version than the hub can be loaded anew", {
  stored: 100,
}, async ({ page, hub, open }) => {
  await open("?q=dns");
  await waitForRows(page);
  const before = await rowsOf(page);
  hub.update();
  await page.getByText("this page is of another version").waitFor();
  deepEqual(await rowsOf(page), before);
  await checkAccess(page);
  const asked = hub.received.queries.length;
  hub.capture(100);
  await page.getByRole("button", { name: "Reload" }).click();
  await status(page).getByText("Live").waitFor();
  await waitForRows(page);
  ok(hub.received.queries.length > asked);
  ok((await rowsOf(page)).length > before.length);
  equal(search(page).get("q"), "dns");
});

browserTest("without rows too it says that it is of another version", {
  stored: 0,
}, async ({ page, hub, open }) => {
  await open();
  await page.getByText("No traffic yet").waitFor();
  hub.update();
  await page.getByRole("heading", { name: "Thresher was updated" }).waitFor();
  hub.capture(5);
  await page.getByRole("button", { name: "Reload the page" }).click();
  await waitForRows(page);
});

browserTest("narrow, the details are a sheet over the feed", {
  stored: 100,
  width: 420,
}, async ({ page, open }) => {
  await open();
  await waitForRows(page);
  await page.locator("entry-list .row:not(.head):not([hidden])").nth(2).click();
  const sheet = (await page.locator("aside").boundingBox())!;
  equal(sheet.width, 420);
  ok(sheet.y > 100, "the feed is seen above it");
  const wide = await page.evaluate(() => document.body.scrollWidth);
  equal(wide, 420);
});

for (const theme of ["light", "dark"] as const) {
  browserTest(`axe finds nothing in the ${theme} theme, whatever is shown`, {
    stored: 500,
    nodes: ["node-a", "node-b"],
    theme,
  }, async ({ page, hub, open }) => {
    await open();
    await waitForRows(page);
    await checkAccess(page);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.locator("entry-detail").getByRole("tab").first().waitFor();
    await checkAccess(page);
    const missing = { reason: "connection refused", since: MORNING };
    hub.tellCoverage([coverageOf("node-a", { missing })]);
    await page.getByRole("button", { name: /partial/ }).click();
    await checkAccess(page);
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await checkAccess(page);
    await page.keyboard.press("Escape");
    await page.keyboard.press("t");
    await checkAccess(page);
    await open("?q=dst.port == 9");
    await page.getByText("Nothing matches so far").waitFor();
    await checkAccess(page);
  });

  browserTest(
    `axe finds nothing in the ${theme} theme where there is no session`,
    {
      token: "open sesame",
      mayComplain: /401|Authentication failed/,
      theme,
    },
    async ({ page, open }) => {
      await open();
      await page.getByLabel("Token").waitFor();
      await checkAccess(page);
    },
  );
}

browserTest("single letters can be turned off, and stay so", {
  stored: 100,
}, async ({ page, open }) => {
  await open();
  await waitForRows(page);
  await page.keyboard.press("?");
  await page.getByLabel("Single letters act").uncheck();
  await page.keyboard.press("Escape");
  await page.reload();
  await waitForRows(page);
  await page.keyboard.press("j");
  equal(await currentRow(page).count(), 0);
  await page.keyboard.press("ArrowUp");
  equal(await currentRow(page).count(), 1);
  await page.getByRole("button", { name: "Keys" }).click();
  equal(await page.getByLabel("Single letters act").isChecked(), false);
});

browserTest("a failed row is told by colour, shape and word", {
  stored: 300,
}, async ({ page, open }) => {
  await open("?q=failed");
  await waitForRows(page);
  const outcomes = await page.locator("entry-list .row:not(.head) .status")
    .evaluateAll((cells) =>
      cells.map((cell) => cell.querySelector(".unseen")!.textContent)
    );
  const words = new Set(outcomes.filter((word) => word !== ""));
  deepEqual([...words].sort(), ["Failed", "No answer", "Refused"]);
});
