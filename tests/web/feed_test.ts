/** The feed in a browser: it follows, stands still, and loses nothing. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest, rowsOf, until } from "./browser.ts";
import { formatClock } from "../../web/model/format.ts";
import { MORNING, STEP } from "./scripted_hub.ts";
import { EXCHANGES } from "./traffic.ts";

const lastRow = async (page: Page): Promise<string> =>
  (await rowsOf(page)).at(-1)!;

/** Waits until the last row in view is the newest of so many. */
async function waitForNewest(page: Page, count: number): Promise<void> {
  const newest = formatClock(MORNING + (count - 1) * STEP, 0);
  await until(async () => await lastRow(page) === newest);
}

/** Scrolls to the top, again and again, until there are so many rows. */
async function goBack(page: Page, rows: number): Promise<void> {
  await until(() =>
    scroller(page).evaluate((grid, rows) => {
      grid.scrollTop = 0;
      // The header is one.
      return Number(grid.getAttribute("aria-rowcount")) > rows;
    }, rows)
  );
}

const status = (page: Page) => page.locator("status-bar .phase");

const scroller = (page: Page) => page.locator("entry-list [role=grid]");

browserTest(
  "new entries come in view as they come",
  { stored: 3000 },
  async ({ page, hub, open }) => {
    await open();
    await waitForNewest(page, 3000);
    match(await status(page).innerText(), /Live/);
    hub.capture(1234);
    await waitForNewest(page, 4234);
  },
);

browserTest("a feed that stands still keeps its rows and counts the new ones", {
  stored: 1000,
}, async ({ page, hub, open }) => {
  await open();
  await waitForNewest(page, 1000);
  await page.keyboard.press("Space");
  match(await status(page).innerText(), /Paused/);
  const before = await rowsOf(page);
  hub.capture(5000);
  await page.getByRole("button", { name: "5,000 new" }).waitFor();
  deepEqual(await rowsOf(page), before);
  await page.getByRole("button", { name: "5,000 new" }).click();
  await waitForNewest(page, 6000);
  match(await status(page).innerText(), /Live/);
});

browserTest(
  "turning the wheel up stops it, and End goes on",
  { stored: 2000 },
  async ({ page, hub, open }) => {
    await open();
    await waitForNewest(page, 2000);
    await page.mouse.move(600, 400);
    await page.mouse.wheel(0, -300);
    await page.getByRole("button", { name: "Follow" }).waitFor();
    hub.capture(100);
    await page.getByRole("button", { name: "100 new" }).waitFor();
    await page.keyboard.press("End");
    await waitForNewest(page, 2100);
  },
);

browserTest(
  "nothing is lost between rows: every entry stands there once, in order",
  { stored: 2500 },
  async ({ page, hub, open }) => {
    await open();
    await waitForNewest(page, 2500);
    for (let i = 0; i < 20; i++) {
      hub.capture(137);
      await page.waitForTimeout(20); // so that they come apart
    }
    await waitForNewest(page, 5240);
    const numbers = await page.locator("entry-list").evaluate((element) => {
      const { store } = element as unknown as {
        store: {
          first: number;
          end: number;
          locate(n: number): { batch: { place: Float64Array }; row: number };
        };
      };
      const places = [];
      for (let n = store.first; n < store.end; n++) {
        const { batch, row } = store.locate(n);
        places.push(batch.place[row]!);
      }
      return places;
    });
    deepEqual(numbers, Array.from({ length: 3740 }, (_, i) => 1500 + i));
  },
);

browserTest("scrolling to the top brings older entries, without a jump", {
  stored: 5000,
}, async ({ page, hub, open }) => {
  await open();
  await waitForNewest(page, 5000);
  await scroller(page).evaluate((grid) => grid.scrollTop = 40);
  await page.waitForFunction(() =>
    document.querySelector("thresher-app")!.shadowRoot!
      .querySelector("entry-list")!.shadowRoot!
      .querySelector("[role=grid]")!.scrollTop > 1000 * 24
  );
  const rows = await rowsOf(page);
  match(rows[0]!, /:04\.001$/, "40 px are the second row of the thousand");
  hub.capture(10);
  await page.getByRole("button", { name: "10 new" }).waitFor();
  deepEqual(await rowsOf(page), rows);
  // Up to the very first one.
  await goBack(page, 5010);
  await scroller(page).evaluate((grid) => grid.scrollTop = 0);
  await until(async () => (await rowsOf(page))[0]!.endsWith(":00.000"));
  equal(await scroller(page).getAttribute("aria-rowcount"), "5011");
});

browserTest("a page that reads nothing gets no more than there is room for", {
  stored: 0,
}, async ({ page, hub, open }) => {
  await open();
  await status(page).getByText("Live").waitFor();
  await page.keyboard.press("Space");
  hub.capture(700_000);
  const look = () =>
    page.locator("entry-list").evaluate((element) => {
      const { store } = element as unknown as {
        store: { count: number; bytes: number; hasRoom: boolean };
      };
      const { count, bytes, hasRoom } = store;
      return { count, bytes, hasRoom };
    });
  await until(async () => hub.credit === 0 && !(await look()).hasRoom);
  const kept = await look();
  ok(kept.count < 500_000, `${kept.count} rows`);
  ok(kept.bytes < 64 * 2 ** 20, `${kept.bytes} bytes`);
  await page.keyboard.press("End");
  await waitForNewest(page, 700_000);
});

browserTest("rows that left the view are one step away", {
  stored: 0,
}, async ({ page, hub, open }) => {
  await open("?tz=utc");
  await status(page).getByText("Live").waitFor();
  hub.capture(700_000);
  await waitForNewest(page, 700_000);
  await scroller(page).evaluate((grid) => grid.scrollTop = 0);
  await page.getByText("Older entries are not kept in this view").waitFor();
  const [oldest] = await rowsOf(page);
  ok(oldest! > formatClock(MORNING, 0), "there are older ones");
  await page.getByRole("button", { name: "Show what came before" }).click();
  await status(page).getByText("Complete").waitFor();
  const { to, order } = hub.received.queries.at(-1)!;
  equal(formatClock(to!, 0), oldest);
  equal(order, "desc");
  equal(await lastRow(page), oldest);
});

browserTest("after the hub was lost the feed goes on where it was", {
  stored: 3000,
  mayComplain: /503|WebSocket/,
}, async ({ page, hub, open }) => {
  await open();
  await waitForNewest(page, 3000);
  hub.isDown = true;
  hub.drop();
  await page.getByText(/The hub cannot be reached/).first().waitFor();
  match(await lastRow(page), /:02\.999$/, "the rows stay");
  hub.capture(500);
  hub.isDown = false;
  await waitForNewest(page, 3500);
  equal(await scroller(page).getAttribute("aria-rowcount"), "1501");
  await page.getByText(/The hub cannot be reached/).waitFor({
    state: "hidden",
  });
});

browserTest("after an answer that broke off there still are older entries", {
  stored: 3000,
  mayComplain: /WebSocket/,
}, async ({ page, hub, open }) => {
  hub.breaksOff = true;
  await open();
  await page.getByText(/The hub cannot be reached/).first().waitFor();
  await waitForNewest(page, 3000);
  hub.breaksOff = false;
  await status(page).getByText("Live").waitFor();
  await goBack(page, 2999);
  await scroller(page).evaluate((grid) => grid.scrollTop = 0);
  await until(async () => (await rowsOf(page))[0]!.endsWith(":00.000"));
  equal(await scroller(page).getAttribute("aria-rowcount"), "3001");
});

browserTest("whoever tries again gets each entry once", {
  stored: 0,
}, async ({ page, hub, open }) => {
  hub.workers = hub.workers.map((worker) => ({
    ...worker,
    state: {
      ...worker.state!,
      capture: { ...worker.state!.capture!, stopped: "The disk is full" },
    },
  }));
  await open();
  await page.getByText("node-a: The disk is full").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await until(() => hub.received.queries.length === 2);
  await status(page).getByText("Live").waitFor();
  hub.capture(5);
  await waitForNewest(page, 5);
  equal(await scroller(page).getAttribute("aria-rowcount"), "6");
});

browserTest("what the peer wrote is shown as text, whatever it is", {
  stored: 6,
  exchanges: [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "javascript:alert(3)//\u0000\u0007\u001b[31m",
    "txt.\u202egnp.exe \u2066hidden\u2069",
    `${"A".repeat(10_000_000)}`,
    "${alert(4)} {{alert(5)}} <!--",
    '"><svg/onload=alert(6)>',
  ].map((summary) => ({
    ...EXCHANGES[0]!,
    summary,
    status: summary.slice(0, 200),
    src: { ip: "10.0.0.1", name: summary.slice(0, 200) },
  })),
}, async ({ page, open }) => {
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await open();
  await waitForNewest(page, 6);
  const texts = await page.locator("entry-list .row:not(.head) .summary")
    .allInnerTexts();
  ok(texts.includes("<img src=x onerror=alert(1)><script>alert(2)</script>"));
  ok(texts.includes("javascript:alert(3)//‹NUL›‹BEL›‹ESC›[31m"));
  ok(texts.some((text) => text.startsWith("txt.‹202E›gnp.exe")));
  ok(texts.every((text) => text.length < 400));
  equal(await page.locator("entry-list img, entry-list script").count(), 0);
  deepEqual(dialogs, []);
});

browserTest(
  "rows are there in every frame of a fling",
  { stored: 20_000 },
  async ({ page, open }) => {
    await open("?from=2000-01-01T00:00:00.000000Z");
    await waitForNewest(page, 20_000);
    await goBack(page, 6000);
    const frames = await scroller(page).evaluate(async (grid) => {
      const frame = () => new Promise(requestAnimationFrame);
      const body = grid.getBoundingClientRect();
      const shown: number[] = [];
      for (let top = 0; top < 100_000; top += 900) {
        grid.scrollTop = top;
        await frame();
        const rows = [...grid.querySelectorAll<HTMLElement>(".row:not(.head)")];
        const inView = rows.filter((row) =>
          !row.hidden && row.getBoundingClientRect().bottom > body.top + 28 &&
          row.getBoundingClientRect().top < body.bottom &&
          row.querySelector(".summary")!.textContent !== ""
        );
        shown.push(inView.length * 24 / (body.height - 28));
      }
      return shown;
    });
    deepEqual(frames.filter((share) => share < 0.99), []);
  },
);
