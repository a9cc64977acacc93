/**
 * What it costs to watch, a part of `deno task nightly`:
 *
 * ```sh
 * deno run -A tests/bench/watching.ts
 * ```
 *
 * How long rows take from the packet to the screen, with a hub and three
 * workers as processes on hosts of their own; what the hub keeps for a tab that
 * stands still, and for one that reads nothing at all; and how a page fares
 * beside an idle one while a hub reads 10,000 entries a second from shards.
 *
 * Needs root, what `tests/e2e` needs, and wrk.
 */
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "playwright-core";
import { Cluster, NODES } from "../e2e/cluster.ts";
import { measureRows, quantile } from "../e2e/rows.ts";
import { keepAsking } from "../e2e/services.ts";
import { Watcher } from "../e2e/watcher.ts";
import { pidsIn, sleep } from "../record/network.ts";
import { setUp } from "../setup.ts";
import { median, type Row } from "./measure.ts";

/** Rows of which it is measured how long they take. */
const ROWS = 2000;

/** How long a tab stands still, ms; and follows before. */
const PAUSE = 60_000;
const BEFORE = 30_000;

/** Entries a second, of the hub that reads them from shards. */
const RATE = 10_000;

/** How long frames are counted at once, ms, and how often. */
const WINDOW = 5000;
const WINDOWS = 5;

/** All of it. */
export async function watched(): Promise<Row[]> {
  await setUp([
    ...["chromium", "curl", "dnsperf", "ip", "nginx", "openssl"] as const,
    ...["redis-cli", "redis-server", "unbound", "unshare", "wrk"] as const,
  ]);
  return [...await inCluster(), await ofShards()];
}

async function inCluster(): Promise<Row[]> {
  await using cluster = await Cluster.start();
  await using watcher = await Watcher.start(cluster.lab, "hub");
  const { page } = watcher;
  await page.goto(cluster.url);
  await watcher.isTold("Live");
  const latencies = await rowLatencies(cluster, page);
  const still = await costOf(cluster, () => page.keyboard.press("Space"));
  await page.keyboard.press("Space");
  const frozen = await costOf(cluster, () => freeze(cluster, "SIGSTOP"));
  await freeze(cluster, "SIGCONT");
  return [
    {
      what: `from packet to row, three workers, p99 of ${ROWS}`,
      ours: `p50 ${quantile(latencies, 0.5).toFixed(0)} ms`,
      theirs: "",
      reached: quantile(latencies, 0.99),
      goal: 500,
      unit: "ms",
    },
    memory("a tab that stands still for a minute", still),
    memory("a tab that reads nothing for a minute", frozen),
  ];
}

async function rowLatencies(cluster: Cluster, page: Page): Promise<number[]> {
  using load = keepAsking(cluster.lab, "client", NODES);
  await sleep(2000);
  const measured = await (await measureRows(page))(ROWS);
  await load.end();
  return measured;
}

/**
 * Bytes by which a hub's memory under load exceeds, while something is so, what
 * it was at most before: collecting garbage makes it go up and down.
 */
async function costOf(
  cluster: Cluster,
  begin: () => Promise<unknown>,
): Promise<number> {
  const { lab } = cluster;
  const url = `http://${lab.address("node-a")}:8080/carts/wrk`;
  const seconds = (BEFORE + PAUSE) / 1000 + 20;
  const load = lab.start("client", `wrk -t 1 -c 2 -d ${seconds} ${url}`);
  await sleep(5000);
  const before = Math.max(...await memoryOf(cluster, BEFORE));
  await begin();
  const during = await memoryOf(cluster, PAUSE);
  await load.stop();
  return Math.max(...during) - before;
}

/** Bytes that a hub has resident, looked at for some time. */
async function memoryOf(cluster: Cluster, ms: number): Promise<number[]> {
  // The process that was started becomes the hub itself.
  const path = `/proc/${cluster.hub.pid}/status`;
  const sizes: number[] = [];
  for (const end = performance.now() + ms; performance.now() < end;) {
    const [, kib] = /VmRSS:\s+(\d+) kB/.exec(await Deno.readTextFile(path))!;
    sizes.push(Number(kib) * 1024);
    await sleep(250);
  }
  return sizes;
}

/** Stops the processes of the browser, or has them go on. */
async function freeze(cluster: Cluster, signal: Deno.Signal): Promise<void> {
  for (const pid of await pidsIn(cluster.lab.namespace("hub"))) {
    const name = await Deno.readTextFile(`/proc/${pid}/comm`);
    if (name.startsWith("chrom")) Deno.kill(pid, signal);
  }
}

const memory = (what: string, bytes: number): Row => ({
  what: `hub with ${what}, memory that it takes`,
  ours: "",
  theirs: "",
  reached: bytes / 1e6,
  goal: 20,
  unit: "MB",
});

/** Frames a second of a page that follows, to those of an idle one. */
async function ofShards(): Promise<Row> {
  const script = fileURLToPath(new URL("replayed_hub.ts", import.meta.url));
  const hub = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, `${RATE}`],
    stdout: "piped",
  }).spawn();
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const reader = hub.stdout.getReader();
    const url = new TextDecoder().decode((await reader.read()).value).trim();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    const idle = await context.newPage();
    await idle.goto(new URL("/icon.svg", url).href);
    await sleep(3000);
    const shares: number[] = [];
    const rates: string[] = [];
    let heard = 0;
    for (let i = 0; i < WINDOWS; i++) {
      await idle.bringToFront();
      const still = await frameRate(idle);
      await page.bringToFront();
      const before = await endOf(page);
      const follows = await frameRate(page);
      heard += await endOf(page) - before;
      shares.push(still / follows);
      rates.push(`${follows.toFixed(0)}/${still.toFixed(0)}`);
    }
    const perSecond = Math.round(heard / WINDOWS / WINDOW * 1000);
    return {
      what: `frames a second of an idle page to one with ${perSecond} rows/s`,
      ours: rates.join(" "),
      theirs: "",
      reached: median(shares),
      goal: 1 / 0.9,
      unit: "times",
    };
  } finally {
    await browser.close();
    hub.kill("SIGTERM");
    await hub.status;
  }
}

/** Number after the newest row of the feed. */
function endOf(page: Page): Promise<number> {
  return page.locator("entry-list").evaluate((list) =>
    (list as HTMLElement & { store: { end: number } }).store.end
  );
}

function frameRate(page: Page): Promise<number> {
  return page.evaluate(async (ms) => {
    const begun = performance.now();
    let frames = 0;
    while (performance.now() - begun < ms) {
      await new Promise(requestAnimationFrame);
      frames++;
    }
    return 1000 * frames / (performance.now() - begun);
  }, WINDOW);
}

if (import.meta.main) {
  for (const { what, ours, reached, goal, unit } of await watched()) {
    console.log(`${what}: ${reached.toFixed(2)} ${unit} (≤ ${goal}) ${ours}`);
  }
}
