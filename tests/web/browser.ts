/**
 * Tests in headless Chromium: each gets a page of its own and a hub to talk to,
 * and fails on any error of the page and on whatever its CSP had to refuse.
 */
import { deepEqual, fail } from "node:assert/strict";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { lacks } from "../setup.ts";
import { LATE } from "./lateness.ts";
import { type Script, ScriptedHub } from "./scripted_hub.ts";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** What a test gets. */
export interface Stage {
  readonly page: Page;
  readonly hub: ScriptedHub;
  /** Opens the dashboard at an address: empty, or from its `?`. */
  readonly open: (search?: string) => Promise<void>;
}

/** How a test's page and hub are set up. */
export interface Setting extends Script {
  readonly theme?: "light" | "dark";
  readonly width?: number;
  readonly height?: number;
  /** What the page may complain about, for it is the test's point. */
  readonly mayComplain?: RegExp;
}

const isMissing = lacks("chromium");

/**
 * How many times slower than this machine the pages run: `SLOWER=8` shows which
 * tests hold on a quick machine only; as `LATE` does of a quick hub.
 */
const SLOWER = Number(Deno.env.get("SLOWER") ?? 1);

/** How much more time everything gets than on a quick machine. */
const PATIENCE = SLOWER * (1 + LATE / 500);

/** One browser for all tests of a file; started when it is needed first. */
let browser: Promise<Browser> | undefined;

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
  });
}

Deno.test.afterAll(async () => {
  await (await browser)?.close();
});

/** A test in a page. Skipped where there is no Chromium. */
export function browserTest(
  name: string,
  setting: Setting,
  run: (stage: Stage) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: isMissing,
    // The browser outlives the test that started it.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      browser ??= launch();
      await using hub = new ScriptedHub(setting);
      const { width = 1360, height = 800, theme = "dark" } = setting;
      const context = await (await browser).newContext({
        viewport: { width, height },
        colorScheme: theme,
        reducedMotion: "reduce",
        timezoneId: "UTC",
        acceptDownloads: true,
      });
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(30_000 * PATIENCE);
        await slowDown(page);
        const complaints = complaintsOf(page, setting.mayComplain);
        const open = async (search = "") => {
          await page.goto(hub.url + search);
        };
        await run({ page, hub, open });
        deepEqual(complaints, []);
      } finally {
        await context.close();
      }
    },
  });
}

/** Makes a page as slow as {@link SLOWER} says. */
async function slowDown(page: Page): Promise<void> {
  if (SLOWER === 1) return;
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
}

/** The times of the rows in view, from the top. */
export function rowsOf(page: Page): Promise<string[]> {
  return page.locator("entry-list").evaluate((list) => {
    const { bottom } = list.getBoundingClientRect();
    return [
      ...list.shadowRoot!.querySelectorAll<HTMLElement>(".row:not(.head)"),
    ].map((row) => ({ y: row.getBoundingClientRect().y, row }))
      .filter(({ y, row }) => !row.hidden && y < bottom - 1)
      .sort((a, b) => a.y - b.y)
      .map(({ row }) => row.querySelector(".time")!.textContent!);
  });
}

/** Waits until something holds; gives up after half a minute, or more. */
export async function until(
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < 600 * PATIENCE; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  fail(`It never came to be: ${holds}`);
}

/**
 * Keeps back what the page asks for at an address.
 *
 * @returns what lets it go
 */
export async function hold(
  page: Page,
  address: RegExp | string,
): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(address, async (route) => {
    await promise;
    await route.fallback();
  });
  return resolve;
}

/** Waits until the address says where the feed stands still. */
export async function waitForPlace(page: Page): Promise<void> {
  await until(async () => {
    const at = new URL(page.url()).searchParams.get("at");
    const last = (await rowsOf(page)).at(-1);
    return at !== null && last?.slice(-CLOCK) === at.slice(11, 11 + CLOCK);
  });
}

/** Waits until the page has done what it had to do, twice over. */
export async function rest(page: Page): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await page.evaluate(() =>
      new Promise((resolve) => requestIdleCallback(resolve))
    );
  }
}

/** Characters of a time of day as rows show it: `10:13:00.123`. */
const CLOCK = 12;

/** Errors of the page, and what the CSP refused; filled as they come. */
export function complaintsOf(page: Page, expected?: RegExp): string[] {
  const complaints: string[] = [];
  const note = (text: string) => {
    if (!expected?.test(text)) complaints.push(text);
  };
  page.on("pageerror", (error) => note(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") note(message.text());
  });
  return complaints;
}

/** Fails on what axe finds at the levels A and AA. */
export async function checkAccess(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    // deno-lint-ignore no-explicit-any -- put there by the line above
    (globalThis as any).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    })
  ) as axe.AxeResults;
  deepEqual(
    violations.map(({ id, nodes }) => ({
      id,
      where: nodes.slice(0, 3).map(({ target, failureSummary }) =>
        `${target.flat().join(" ")}: ${failureSummary}`
      ),
    })),
    [],
  );
}
