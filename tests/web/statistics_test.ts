/** What an answer amounts to, in a browser. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest, checkAccess, until } from "./browser.ts";
import { MORNING, STEP } from "./scripted_hub.ts";

const panel = (page: Page) => page.locator("overview-panel");

const bars = (page: Page) => page.locator("time-histogram rect.bar");

const table = (page: Page, title: string) =>
  page.getByRole("region", { name: title }).locator("tbody tr");

const search = (page: Page) => new URL(page.url()).searchParams;

browserTest("statistics are a key away, and are of all that matches", {
  stored: 5000,
}, async ({ page, hub, open }) => {
  await open("?q=http or redis");
  await page.getByRole("button", { name: "Statistics" }).waitFor();
  await page.keyboard.press("s");
  await panel(page).locator(".all").waitFor();
  equal(search(page).get("counts"), "yes");
  // More than the page has loaded.
  const all = await panel(page).locator(".all").innerText();
  const [, count] = /^([\d,]+) entries/.exec(all)!;
  const shown = Number(count!.replace(",", ""));
  ok(shown > 3000 && shown < 4500, all);
  match(all, /\d% failed|\d % failed/);
  const protocols = await table(page, "Protocols").evaluateAll((rows) =>
    rows.map((row) =>
      [...row.querySelectorAll("td")].map((cell) => cell.innerText.trim())
    )
  );
  deepEqual(protocols.map(([name]) => name), ["http", "redis"]);
  const counts = protocols.map((row) => Number(row[1]!.replace(",", "")));
  equal(counts[0]! + counts[1]!, shown);
  ok(await bars(page).count() > 50);
  deepEqual(hub.received.counted[0], { kfl: "http or redis" });
  await page.reload();
  await panel(page).locator(".all").waitFor();
  await page.keyboard.press("s");
  await panel(page).waitFor({ state: "detached" });
});

browserTest("dragging over the histogram shows that time", {
  stored: 5000,
}, async ({ page, hub, open }) => {
  await open("?counts=yes");
  await bars(page).first().waitFor();
  const box = (await page.locator("time-histogram svg").boundingBox())!;
  const at = (share: number) =>
    [box.x + share * box.width, box.y + box.height / 2] as const;
  await page.mouse.move(...at(0.25));
  await page.mouse.down();
  await page.mouse.move(...at(0.4));
  await page.mouse.move(...at(0.5));
  match(await page.locator("time-histogram .tip").innerText(), /entries/);
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
  await until(() => hub.received.queries.at(-1)!.to !== undefined);
  const { from, to } = hub.received.queries.at(-1)!;
  const near = (time: number | undefined, share: number) =>
    Math.abs(time! - (MORNING + share * 5000 * STEP)) < 100 * STEP;
  ok(near(from, 0.25) && near(to, 0.5), `${from} to ${to}`);
  // It is counted again for what is shown now.
  await until(() => {
    const last = hub.received.counted.at(-1) as { from?: string };
    return last.from === String(from);
  });
  await panel(page).getByText(/^1,2\d\d entries$/).waitFor();
  await page.goBack();
  await panel(page).getByText("5,000 entries").waitFor();
});

browserTest("a click on a bar shows its time, one on an end asks for it", {
  stored: 5000,
}, async ({ page, hub, open }) => {
  await open("?counts=yes");
  await page.waitForSelector("filter-bar .cm-content");
  await table(page, "Who speaks with whom").getByRole("button", {
    name: "cache.shop",
  }).first().click();
  await until(() =>
    hub.received.queries.at(-1)!.kfl === 'dst.name == "cache.shop"'
  );
  await until(() =>
    (hub.received.counted.at(-1) as { kfl: string }).kfl ===
      'dst.name == "cache.shop"'
  );
  await table(page, "Protocols").first().waitFor();
  await bars(page).nth(10).click();
  await until(() => hub.received.queries.at(-1)!.to !== undefined);
  const { from, to } = hub.received.queries.at(-1)!;
  ok(to! - from! < 200 * STEP, `${to! - from!} µs`);
});

browserTest("what comes is counted while it is followed", {
  stored: 1000,
}, async ({ page, hub, open }) => {
  await open("?counts=yes");
  await panel(page).getByText("1,000 entries").waitFor();
  hub.capture(500);
  await panel(page).getByText("1,500 entries").waitFor();
});

browserTest("where nothing matches there is nothing to count", {
  stored: 100,
}, async ({ page, open }) => {
  await open("?counts=yes&q=dst.port == 9");
  await panel(page).getByText("Nothing to count").waitFor();
  await page.getByText("Nothing matches so far").waitFor();
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [1280, 800]) {
    browserTest(
      `axe finds nothing wrong with statistics, ${theme}, ${width} px`,
      {
        stored: 3000,
        theme,
        width,
      },
      async ({ page, open }) => {
        await open("?counts=yes");
        await table(page, "Who speaks with whom").first().waitFor();
        await checkAccess(page);
      },
    );
  }
}
