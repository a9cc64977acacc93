/** The details of an entry in a browser. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import type { EntryJson } from "../../web/model/entry_json.ts";
import { browserTest, checkAccess, hold, type Stage } from "./browser.ts";
import {
  entryWith,
  handshake,
  HOSTILE,
  lookup,
  order,
  response,
} from "./detail_entries.ts";
import { Lateness } from "./lateness.ts";

/** Answers for an entry and its body. */
async function give(
  page: Page,
  entry: EntryJson | number,
  body?: string,
): Promise<void> {
  const lateness = new Lateness();
  await page.route("**/api/v1/entries/**", async (route) => {
    await lateness.pass();
    const url = new URL(route.request().url());
    if (url.pathname.includes("/body/")) {
      await route.fulfill({ body });
    } else if (typeof entry === "number") {
      const error = { code: "message", message: "There is no such entry" };
      await route.fulfill({ status: entry, json: { error } });
    } else await route.fulfill({ json: entry });
  });
}

const OPENED = "?entry=node-a~17~204~0";

/** Opens the dashboard with that entry. */
async function show({ page, open }: Stage, entry: EntryJson): Promise<void> {
  await give(page, entry);
  await open(OPENED);
  await page.locator("entry-detail [role=tabpanel]").waitFor();
}

const tab = (page: Page, name: string) => page.getByRole("tab", { name });

/** The button for a value of that path. */
const value = (page: Page, path: string) =>
  page.locator(`entry-detail .panel button.value[title^='${path}\\a ']`)
    .first();

/** Waits until that is the query that runs. */
async function waitForQuery({ page }: Stage, kfl: string): Promise<void> {
  await page.waitForFunction(
    (wanted) => new URLSearchParams(location.search).get("q") === wanted,
    kfl,
  );
}

browserTest("a click adds a value to the filter, another takes it away", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await show(stage, order);
  await page.waitForSelector("filter-bar .cm-content");
  await value(page, "request.method").click();
  await waitForQuery(stage, 'request.method == "POST"');
  await value(page, "request.queryString.user").click({ modifiers: ["Alt"] });
  await waitForQuery(
    stage,
    'request.method == "POST" and request.queryString.user != "17"',
  );
  await value(page, "request.method").click();
  await waitForQuery(stage, 'request.queryString.user != "17"');
});

browserTest("values that are picked before the fields are known are added", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  const tell = await hold(page, "**/api/v1/schema");
  await show(stage, order);
  await value(page, "request.method").click();
  await value(page, "request.queryString.user").click();
  tell();
  await waitForQuery(
    stage,
    'request.method == "POST" and request.queryString.user == "17"',
  );
});

browserTest("a value of a body is a condition on its place", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await show(stage, order);
  await page.waitForSelector("filter-bar .cm-content");
  await value(page, "request.body.json().items[0].count").click();
  await waitForQuery(stage, "request.body.json().items[0].count == 2");
});

browserTest("the menu has or, only and copy, and is used by keyboard", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await show(stage, order);
  await page.waitForSelector("filter-bar .cm-content");
  await value(page, "request.path").focus();
  await page.keyboard.press("m");
  await page.getByRole("menu").waitFor();
  await checkAccess(page);
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await waitForQuery(stage, 'request.path == "/api/cart"');
  await value(page, "request.method").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Or this", exact: true }).click();
  await waitForQuery(
    stage,
    'request.path == "/api/cart" or request.method == "POST"',
  );
});

browserTest("the pane is used by keyboard alone", { stored: 100 }, async (
  stage,
) => {
  const { page } = stage;
  await show(stage, order);
  await page.waitForSelector("filter-bar .cm-content");
  await tab(page, "Request").focus();
  await page.keyboard.press("ArrowRight");
  equal(await tab(page, "Response").getAttribute("aria-selected"), "true");
  await page.keyboard.press("End");
  equal(await tab(page, "Raw").getAttribute("aria-selected"), "true");
  const tree = page.getByRole("tree");
  await tree.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("A");
  await waitForQuery(stage, 'protocol != "http"');
  await tree.focus();
  const rows = () => page.locator("entry-detail [role=treeitem]").count();
  const open = await rows();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  equal(await rows(), 1);
  await page.keyboard.press("ArrowRight");
  ok(await rows() < open && await rows() > 5);
});

browserTest("what a peer sent is text, and all of it is seen", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await show(stage, order);
  equal(
    await value(page, 'request.headers["x-html"]').innerText(),
    HOSTILE.html,
  );
  equal(
    await value(page, 'request.headers["x-turned"]').innerText(),
    "safe‹202E›gnp.exe",
  );
  equal(
    await value(page, 'request.headers["x-control"]').innerText(),
    "a‹ESC›]0;b‹BEL›c‹NUL›d",
  );
  await page.locator("json-view [role=treeitem]").first().waitFor();
  equal(await page.locator("entry-detail img, entry-detail script").count(), 0);
  equal(await page.evaluate(() => "hacked" in globalThis), false);
  const redacted = page.locator("entry-detail tr", {
    hasText: "authorization",
  });
  equal(await redacted.locator("button").count(), 0);
  match(await redacted.innerText(), /redacted/);
});

browserTest("a line of 10 MB opens, and only what is seen is in the page", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  const line = `${HOSTILE.html}${"z".repeat(10_000_000)}`;
  await show(
    stage,
    entryWith({
      response: response("text/html", line, line.length, {
        headers: { "x-long": "y".repeat(200_000) },
      }),
    }),
  );
  await tab(page, "Response").click();
  await page.locator("text-view .row").first().waitFor();
  ok(await page.locator("text-view .row").count() < 150);
  await page.getByRole("button", { name: "All 200,000 characters" }).click();
  await page.locator("long-text text-view .row").first().waitFor();
  equal(await page.evaluate(() => "hacked" in globalThis), false);
});

browserTest("a body that was cut is loaded whole, as a tree of megabytes", {
  stored: 100,
}, async (stage) => {
  const { page, open } = stage;
  const text = JSON.stringify(
    Array.from(
      { length: 70_000 },
      (_, id) => ({ id, name: `item ${id}`, price: id / 7 }),
    ),
  );
  const cut = response(
    "application/json",
    text.slice(0, 2 ** 20),
    text.length,
    {
      bodyCut: true,
    },
  );
  await give(page, entryWith({ response: cut }), text);
  await open(OPENED);
  await tab(page, "Response").click();
  await page.getByRole("button", { name: "Load all of it" }).click();
  await page.locator("json-view [role=treeitem]").first().waitFor();
  match(
    await page.locator("json-view [role=treeitem]").first().innerText(),
    /\[70000\]/,
  );
  ok(await page.locator("json-view [role=treeitem]").count() < 150);
  await page.getByRole("button", { name: "Open all" }).click();
  await page.getByRole("tree").focus();
  await page.keyboard.press("End");
  await page.locator("json-view", { hasText: "more" }).waitFor();
});

browserTest("what was loaded of a body is not shown with another entry", {
  stored: 100,
}, async (stage) => {
  const { page, open } = stage;
  const cut = response("text/plain", "alike", 10, { bodyCut: true });
  const entry = entryWith({ response: cut });
  await give(page, entry, "alike, one");
  await open(OPENED);
  await tab(page, "Response").click();
  await page.getByRole("button", { name: "Load all of it" }).click();
  await page.locator("text-view", { hasText: "alike, one" }).waitFor();
  await give(page, { ...entry, id: "node-a~17~205~0" });
  await page.locator("entry-list .row:not(.head):not([hidden])").first()
    .click();
  await page.locator("text-view", { hasText: "alike, one" })
    .waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Load all of it" }).waitFor();
});

browserTest("a body that is no text is shown as bytes, a picture not at all", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  const base64 = new Uint8Array(300).map((_, i) => i).toBase64();
  await show(
    stage,
    entryWith({
      response: response("image/png", { base64 }, 300),
    }),
  );
  await tab(page, "Response").click();
  match(
    await page.locator("hex-view .row").nth(4).innerText(),
    /00000040\s+40 41 42 43/,
  );
  equal(await page.locator("entry-detail img").count(), 0);
  const link = page.getByRole("link", { name: "Download" });
  match(
    await link.getAttribute("href") ?? "",
    /^\/api\/v1\/entries\/node-a~17~204~0\/body\/response\?kfl=/,
  );
});

browserTest("an encrypted connection says so, with what stood in clear", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await show(stage, handshake);
  const note = page.locator("entry-detail .encrypted");
  match(await note.innerText(), /Encrypted\..*cannot be read.*carts\.shop/s);
  await checkAccess(page);
});

browserTest("records are a table, and a value of any of them is asked for", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await show(stage, lookup);
  await page.waitForSelector("filter-bar .cm-content");
  await tab(page, "Response").click();
  deepEqual(
    await page.locator("entry-detail table.records th").allInnerTexts(),
    ["name", "type", "class", "ttl", "data"],
  );
  await value(page, "response.answers[*].data").click();
  await waitForQuery(stage, 'response.answers[*].data == "10.1.0.9"');
});

browserTest("the connection is followed, and what is redacted stays so", {
  stored: 100,
}, async (stage) => {
  const { page, open } = stage;
  await give(page, order);
  const redact = 'redact("request.headers.authorization")';
  await open(`${OPENED}&q=${encodeURIComponent(`http and ${redact}`)}`);
  await page.getByRole("button", { name: "Follow connection" }).click();
  await waitForQuery(
    stage,
    "ip == 10.1.0.7 and ip == 10.1.0.9 and port == 51234 and port == 80 and " +
      redact,
  );
});

browserTest("there are no packets where the query hides values", {
  stored: 100,
}, async ({ page, open }) => {
  const packets = page.getByRole("link", { name: "PCAP" });
  await give(page, order);
  await open(OPENED);
  await packets.first().waitFor();
  match(
    await packets.nth(1).getAttribute("href") ?? "",
    /\/node-a~17~204~0\/packets\?kfl=&conversation=true$/,
  );
  await open(`${OPENED}&q=${encodeURIComponent('redact("src.pod")')}`);
  await page.getByText("No PCAP: the query hides values").waitFor();
  equal(await packets.count(), 0);
});

browserTest("the hub is asked with the query, for what it hides", {
  stored: 100,
}, async ({ page, open }) => {
  const asked = page.waitForRequest("**/api/v1/entries/**");
  await open(`${OPENED}&q=http`);
  match((await asked).url(), /\/node-a~17~204~0\?kfl=http$/);
});

browserTest("a request is copied as a command, without its secrets", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await show(stage, order);
  await page.getByRole("button", { name: "Copy as cURL" }).click();
  await page.locator("entry-detail .told", { hasText: "Copied" }).waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  match(text, /^curl 'http:\/\/carts\/api\/cart\?user=17/);
  match(text, /authorization: <authorization>/);
});

browserTest("an entry whose packets were deleted says so", {
  stored: 100,
  mayComplain: /status of 404/,
}, async (
  { page, open },
) => {
  await give(page, 404);
  await open(OPENED);
  await page.getByText("This entry is gone").waitFor();
  await checkAccess(page);
});

browserTest("an entry that cannot be read can be tried again", {
  stored: 100,
  mayComplain: /status of 503/,
}, async ({ page, open }) => {
  await give(page, 503);
  await open(OPENED);
  await page.getByText("could not be read").waitFor();
  await page.unroute("**/api/v1/entries/**");
  await give(page, order);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator("entry-detail [role=tabpanel]").waitFor();
});

for (const theme of ["light", "dark"] as const) {
  browserTest(`axe finds nothing wrong with the details, ${theme}`, {
    stored: 100,
    theme,
  }, async (stage) => {
    const { page } = stage;
    await show(stage, order);
    for (const name of ["Request", "Response", "Timing", "Connection", "Raw"]) {
      await tab(page, name).click();
      await checkAccess(page);
    }
  });
}

browserTest("ends without ports stay in one line, and rows are equally high", {
  stored: 100,
}, async (stage) => {
  const { page } = stage;
  const date = "Mon, 23 Nov 2026 13:42:41 GMT";
  await show(
    stage,
    entryWith({
      src: { ip: "10.20.0.1" },
      dst: { ip: "fe80::ff:fe00:1" },
      response: {
        status: 200,
        headers: { server: "nginx", date, age: "1", "last-modified": date },
      },
    }),
  );
  const heightsOf = (part: string) =>
    page.locator(`entry-detail ${part}`).evaluateAll((parts) =>
      parts.map((each) => each.getBoundingClientRect().height)
    );
  const [line] = await heightsOf(".facts .to");
  deepEqual(await heightsOf(".facts .end"), [line, line]);
  await tab(page, "Response").click();
  const rows = await heightsOf("table tr:not(:last-child)");
  ok(rows.length >= 3);
  deepEqual(new Set(rows).size, 1, String(rows));
});
