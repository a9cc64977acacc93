/** The line for queries in a browser: typed, completed, corrected, applied. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest, checkAccess, hold, rest, until } from "./browser.ts";
import type { ScriptedHub } from "./scripted_hub.ts";

/** Puts the cursor into the line, once the editor is there. */
async function write(page: Page, text: string): Promise<void> {
  await page.waitForSelector("filter-bar .cm-content");
  await page.locator("filter-bar .cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.type(text);
}

const line = (page: Page) => page.locator("filter-bar .cm-content");

const textOf = (page: Page): Promise<string> =>
  line(page).evaluate((content) =>
    [...content.querySelectorAll(".cm-line")].map((each) => each.textContent)
      .join("\n")
  );

/** Waits until the line says that it is so. */
const waitForState = (page: Page, state: string) =>
  page.locator("filter-bar .state", { hasText: state }).waitFor();

const options = (page: Page) =>
  page.locator("filter-bar .cm-tooltip-autocomplete li");

const labels = (page: Page): Promise<string[]> =>
  page.locator("filter-bar .cm-completionLabel").allInnerTexts();

/** Waits until the hub is asked that. */
const waitForQuery = (hub: ScriptedHub, kfl: string): Promise<void> =>
  until(() => hub.received.queries.at(-1)?.kfl === kfl);

browserTest("a query is typed, completed and applied by keyboard", {
  stored: 500,
}, async ({ page, hub, open }) => {
  await open();
  await page.waitForSelector("filter-bar .cm-content");
  await page.keyboard.press("/");
  await page.keyboard.type("http and response.sta");
  await page.locator("filter-bar li", { hasText: "statusText" }).waitFor();
  deepEqual((await labels(page)).slice(0, 2), ["status", "statusText"]);
  await page.keyboard.press("Enter");
  equal(await textOf(page), "http and response.status");
  await page.keyboard.type(" >= 500");
  await waitForState(page, "edited");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "http and response.status >= 500");
  await waitForState(page, "applied");
});

browserTest("Enter on a word that is whole applies, though a list is open", {
  stored: 50,
}, async ({ page, hub, open }) => {
  await open();
  await write(page, "http");
  await options(page).first().waitFor();
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "http");
});

browserTest("after an operator come the values that the path can have", {
  stored: 50,
}, async ({ page, open }) => {
  await open();
  await write(page, "protocol == ");
  await page.locator("filter-bar li", { hasText: '"redis"' }).waitFor();
  await page.keyboard.type('"dn');
  // Faster than the list.
  await page.keyboard.press("Tab");
  equal(await textOf(page), 'protocol == "dns"');
});

browserTest("a mistake is told while typing, and mended with a click", {
  stored: 50,
}, async ({ page, hub, open }) => {
  await open();
  await write(page, 'http and request.methd = "GET"');
  const problems = page.locator("filter-bar .problem");
  await problems.filter({ hasText: "There is no request.methd" }).waitFor();
  await waitForState(page, "invalid");
  ok(await page.locator("filter-bar .kfl-mistake").count() > 0);
  equal(await line(page).getAttribute("aria-invalid"), "true");

  await page.keyboard.press("Enter");
  await page.locator("filter-bar .problems.urgent").waitFor();
  await page.getByRole("button", { name: /request\.method instead/ }).click();
  await page.getByRole("button", { name: "Write == instead of =" }).click();
  equal(await textOf(page), 'http and request.method == "GET"');
  ok(!hub.received.queries.some(({ kfl }) => kfl.includes("methd")));
  await page.keyboard.press("Enter");
  await waitForQuery(hub, 'http and request.method == "GET"');
});

browserTest("Escape goes back to the query that runs, Shift+Enter on", {
  stored: 50,
}, async ({ page, hub, open }) => {
  await open("?q=dns");
  await write(page, "http and failed");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  equal(await textOf(page), "dns");
  await write(page, "dns ");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("and failed ");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "dns \nand failed ");
});

browserTest("Up in an empty line shows what was asked before, and samples", {
  stored: 50,
}, async ({ page, hub, open }) => {
  await open();
  await write(page, "redis and failed ");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "redis and failed ");
  await write(page, "");
  await page.keyboard.press("ArrowUp");
  const items = page.locator("query-menu button");
  await items.first().waitFor();
  equal(await items.first().innerText(), "redis and failed");
  await checkAccess(page);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "http and response.status >= 500");
});

browserTest("what is typed before the editor has come is kept", {
  stored: 50,
}, async ({ page, hub, open }) => {
  const release = await hold(page, /editor-.*\.js/);
  await open();
  await page.locator("filter-bar textarea").click();
  await page.keyboard.type("http and fa");
  release();
  await page.waitForSelector("filter-bar .cm-content");
  await page.keyboard.type("iled ");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "http and failed ");
});

browserTest("what is written before the fields are known is completed then", {
  stored: 50,
}, async ({ page, hub, open }) => {
  const tell = await hold(page, "**/api/v1/schema");
  await open();
  await write(page, "http and response.sta");
  tell();
  await options(page).filter({ hasText: "statusText" }).waitFor();
  await page.keyboard.press("Enter");
  equal(await textOf(page), "http and response.status");
  // What follows is completed as ever, and applied where it ends.
  await page.keyboard.type(" == 200 and ");
  await page.keyboard.press("Control+Space");
  await options(page).filter({ hasText: "failed" }).first().waitFor();
  await page.keyboard.type("failed ");
  await options(page).first().waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "http and response.status == 200 and failed ");
});

browserTest("without the editor the line still asks", { stored: 50 }, async (
  { page, hub, open },
) => {
  await page.route(/editor-.*\.js/, () => {});
  await open();
  await page.locator("filter-bar textarea").fill("dns");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "dns");
});

for (const theme of ["light", "dark"] as const) {
  browserTest(`axe finds nothing wrong with the line, ${theme}`, {
    stored: 50,
    theme,
  }, async ({ page, open }) => {
    await open("?q=http");
    await page.waitForSelector("filter-bar .cm-content");
    await checkAccess(page);
    await write(page, "http and request.");
    await options(page).first().waitFor();
    await checkAccess(page);
    await write(page, "http = dns ");
    await page.locator("filter-bar .problem").first().waitFor();
    await checkAccess(page);
  });
}

browserTest("a line whose editor cannot be loaded still asks", {
  stored: 50,
  mayComplain: /ERR_FAILED/,
}, async ({ page, hub, open }) => {
  await page.route(/editor-.*\.js/, (route) => route.abort());
  await open();
  await page.locator("filter-bar textarea").fill("dns");
  await page.keyboard.press("Enter");
  await waitForQuery(hub, "dns");
});

browserTest("values that were seen lately come into the list that is open", {
  stored: 50,
  values: {
    protocol: [{ value: "http", count: 30 }, { value: "new one", count: 7 }],
  },
}, async ({ page, hub, open }) => {
  const tell = hub.holdValues();
  await open();
  await write(page, "not failed and protocol == ");
  await options(page).filter({ hasText: '"dns"' }).waitFor();
  const known = await labels(page);
  ok(!known.includes('"new one"'));
  await page.keyboard.press("ArrowDown");
  tell();
  await page.locator("filter-bar li", { hasText: '"new one"' }).waitFor();
  // What was there, and what is picked in it, stays where it was.
  const place = known.findIndex((label) => !label.startsWith('"'));
  deepEqual(
    (await labels(page)).slice(0, place + 1),
    [...known.slice(0, place), '"new one"'],
  );
  equal(
    await page.locator("filter-bar li[aria-selected] .cm-completionLabel")
      .innerText(),
    known[1],
  );
  deepEqual(hub.received.values[0], { path: "protocol", kfl: "(not failed)" });
  await checkAccess(page);
  await page.keyboard.type('"new');
  await page.locator("filter-bar li", { hasText: '"http"' })
    .waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  equal(await textOf(page), 'not failed and protocol == "new one"');
});

browserTest("values open the list where there was nothing to offer", {
  stored: 50,
  values: { "src.name": [{ value: "web.shop", count: 1 }] },
}, async ({ page, open }) => {
  await open();
  for (const started of ["src.name == ", 'src.name == "']) {
    await write(page, started);
    await page.locator("filter-bar li", { hasText: "web.shop" }).waitFor();
    await page.keyboard.press("Tab");
    equal(await textOf(page), 'src.name == "web.shop"');
  }
});

browserTest("a list that was put away does not come back with its values", {
  stored: 50,
  values: { protocol: [{ value: "late", count: 1 }] },
}, async ({ page, hub, open }) => {
  const tell = hub.holdValues();
  await open();
  await write(page, "protocol == ");
  await options(page).filter({ hasText: '"dns"' }).waitFor();
  await page.keyboard.press("Escape");
  await options(page).first().waitFor({ state: "detached" });
  const told = page.waitForResponse(/kfl\/values/);
  tell();
  await (await told).finished();
  await rest(page);
  equal(await options(page).count(), 0);
  equal(await textOf(page), "protocol == ");
});

browserTest("an unfinished word is not called wrong while it is completed", {
  stored: 50,
}, async ({ page, open }) => {
  await open();
  await write(page, "http and response.sta");
  await options(page).filter({ hasText: "statusText" }).waitFor();
  // It has been checked, and nobody is told.
  await page.locator("filter-bar .problem").waitFor({ state: "attached" });
  await page.locator("filter-bar .problems").waitFor({ state: "hidden" });
  await waitForState(page, "edited");
  equal(await page.locator("filter-bar .bar.invalid").count(), 0);
  equal(await page.locator("filter-bar .kfl-mistake").count(), 0);
  await page.keyboard.press("Escape");
  await waitForState(page, "invalid");
  ok(await page.locator("filter-bar .kfl-mistake").count() > 0);
});

for (const width of [340, 420, 800]) {
  browserTest(`the hint in the empty line is one line, ${width} px wide`, {
    stored: 50,
    width,
  }, async ({ page, open }) => {
    const release = await hold(page, /editor-.*\.js/);
    await open();
    const heightOf = async (part: string) =>
      (await page.locator(`filter-bar ${part}`).boundingBox())!.height;
    await page.locator("filter-bar textarea").click();
    equal(await heightOf(".bar"), 34);
    release();
    await page.locator("filter-bar .cm-placeholder").waitFor();
    await page.locator("filter-bar .cm-content").click();
    equal(await heightOf(".bar"), 34);
    const { width: hint } =
      (await page.locator("filter-bar .cm-placeholder").boundingBox())!;
    const { width: line } =
      (await page.locator("filter-bar .line").boundingBox())!;
    ok(hint <= line, `${hint} px in ${line}`);
  });
}
