/**
 * How the feed keeps up: 10,000 entries a second beside an idle page, a fling,
 * and half a million rows; a part of `deno task nightly`. The hub is scripted,
 * so that this is the page alone; `watching.ts` has the whole.
 *
 * Idle and loaded windows alternate in one browser under the same hub, for
 * frames per second alone say more about the machine than about the page.
 */
import type { Page } from "playwright-core";
import { launch } from "../web/browser.ts";
import { ScriptedHub } from "../web/scripted_hub.ts";
import type { Row } from "./measure.ts";

const RATE = 10_000;

/** Of one window, s. */
const WINDOW = 6;

const ROUNDS = 5;

interface Window {
  readonly fps: number;
  /** Tasks of more than 50 ms. */
  readonly longTasks: number;
  readonly worst: number;
}

/** What a page does for some seconds. */
function watch(page: Page): Promise<Window> {
  return page.evaluate(async (seconds) => {
    const tasks: number[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration);
    });
    observer.observe({ entryTypes: ["longtask"] });
    let frames = 0;
    const start = performance.now();
    while (performance.now() - start < seconds * 1000) {
      await new Promise(requestAnimationFrame);
      frames++;
    }
    const elapsed = (performance.now() - start) / 1000;
    observer.disconnect();
    return {
      fps: frames / elapsed,
      longTasks: tasks.length,
      worst: Math.max(0, ...tasks),
    };
  }, WINDOW);
}

/** The share of main thread time that a page was busy, of 1. */
async function busyShare(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const read = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name: string) =>
      metrics.find((metric) => metric.name === name)!.value;
    return { busy: of("TaskDuration"), at: of("Timestamp") };
  };
  const before = await read();
  await new Promise((resolve) => setTimeout(resolve, WINDOW * 1000));
  const after = await read();
  await session.detach();
  return (after.busy - before.busy) / (after.at - before.at);
}

interface Kept {
  readonly count: number;
  readonly bytes: number;
  readonly heap: number;
}

/** What the feed keeps, and what the page's scripts take. */
function kept(page: Page): Promise<Kept> {
  return page.locator("entry-list").evaluate((element) => {
    const { store } = element as unknown as {
      store: { count: number; bytes: number };
    };
    const { memory } = performance as unknown as {
      memory: { usedJSHeapSize: number };
    };
    const { count, bytes } = store;
    return { count, bytes, heap: memory.usedJSHeapSize };
  });
}

/** Jumps of 900 px a frame: the least share of rows that a frame showed. */
function fling(page: Page): Promise<{ least: number; fps: number }> {
  return page.locator("entry-list [role=grid]").evaluate(async (grid) => {
    const { top, bottom } = grid.getBoundingClientRect();
    const height = bottom - top - 28;
    let [least, frames] = [1, 0];
    const start = performance.now();
    const end = grid.scrollHeight - height;
    for (let at = end; at > end - 300 * 900 && at > 4000; at -= 900) {
      grid.scrollTop = at;
      await new Promise(requestAnimationFrame);
      let shown = 0;
      for (const row of grid.querySelectorAll<HTMLElement>(".row:not(.head)")) {
        const box = row.getBoundingClientRect();
        const seen = Math.min(box.bottom, bottom) -
          Math.max(box.top, top + 28);
        if (row.querySelector(".time")!.textContent && seen > 0) shown += seen;
      }
      least = Math.min(least, shown / height);
      frames++;
    }
    return { least, fps: 1000 * frames / (performance.now() - start) };
  });
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const megabytes = (bytes: number): string =>
  `${(bytes / 2 ** 20).toFixed(1)} MB`;

/** All of it. */
export async function fed(): Promise<Row[]> {
  await using hub = new ScriptedHub({
    stored: 1000,
    nodes: ["node-a", "node-b", "node-c"],
  });
  const browser = await launch();
  const context = await browser.newContext({
    viewport: { width: 1280, height: 700 },
  });
  const page = await context.newPage();
  await page.goto(hub.url);
  await page.locator("entry-list .row:not(.head):not([hidden])").first()
    .waitFor();

  // An idle page beside it: the hub plays as much, but to nobody in front.
  const idle = await context.newPage();
  await idle.goto(`${hub.url}/icon.svg`);
  const windows: { idle: Window[]; loaded: Window[] } = {
    idle: [],
    loaded: [],
  };
  hub.play(RATE);
  for (let round = 0; round < ROUNDS; round++) {
    await idle.bringToFront();
    windows.idle.push(await watch(idle));
    await page.bringToFront();
    windows.loaded.push(await watch(page));
  }
  const [rest, work] = [windows.idle, windows.loaded].map((all) =>
    mean(all.map(({ fps }) => fps))
  ) as [number, number];
  const longest = Math.max(...windows.loaded.map(({ worst }) => worst));
  const busy = await busyShare(page);

  while ((await kept(page)).count < 490_000) {
    hub.capture(20_000);
    await page.waitForTimeout(200);
  }
  const { count, bytes, heap } = await kept(page);
  hub.play(0);
  await page.keyboard.press("Space");
  const { least, fps } = await fling(page);
  await browser.close();
  const row = (what: string, ours: string) => ({ what, ours, theirs: "" });
  return [
    {
      ...row(
        `feed at ${RATE}/s, time of a frame, to an idle page's`,
        fpsOf(work),
      ),
      theirs: fpsOf(rest),
      reached: rest / work,
      goal: 1.11,
      unit: "times",
    },
    {
      ...row(
        `feed at ${RATE}/s, its longest task`,
        `${(100 * busy).toFixed(0)} % busy`,
      ),
      reached: longest,
      goal: 200,
      unit: "ms",
    },
    {
      ...row(`${count} rows in the page`, `heap ${megabytes(heap)}`),
      reached: bytes / 2 ** 20,
      goal: 64,
      unit: "MB",
    },
    {
      ...row("rows missing in a frame of a fling", fpsOf(fps)),
      reached: 100 * (1 - least),
      goal: 0,
      unit: "%",
    },
  ];
}

const fpsOf = (fps: number): string => `${fps.toFixed(0)} fps`;
